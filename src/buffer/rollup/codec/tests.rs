use proptest::prelude::*;

use super::*;

const T: Timestamp = Timestamp::from_millis(1_700_000_040_000);

fn sum_of(values: &[f64]) -> Summary {
    let mut sum = Summary::default();
    for (second, value) in values.iter().enumerate() {
        let ts = Timestamp::from_millis(T.as_millis() + i64::try_from(second).unwrap() * 1_000 + 17);
        sum.note(Some(*value), ts);
    }
    sum
}

fn there_and_back(group: u32, sums: &[(SeriesId, Summary)]) -> Vec<(SeriesId, Summary)> {
    let body = Encoder::new(Seal::default()).unwrap().encode(T, sums).unwrap();
    Decoder::new(Seal::default()).unwrap().decode(group, T, &body, |_| true).unwrap()
}

/// Equal, but for a mean that was rounded.
fn is_alike(a: &Summary, b: &Summary, tolerance: f64) -> bool {
    let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
    let (x, y) = (a.values, b.values);
    let values = same(x.min, y.min) && same(x.max, y.max) && same(x.last, y.last) && x.last_ts == y.last_ts;
    a.n == b.n && a.bad == b.bad && (a.n == 0 || (values && (x.mean - y.mean).abs() <= tolerance))
}

#[test]
fn a_minute_of_a_thousand_points_takes_a_fraction_of_a_byte_per_reading() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut encoder = Encoder::new(Seal::default()).unwrap();
    let (mut bytes, mut bodies) = (0, 0);
    for minute in 0..10 {
        for group in 0..4 {
            let sums: Vec<_> = (group * GROUP..(group + 1) * GROUP)
                .map(|id| {
                    let mut value = f64::from(id) * 3.7 + f64::from(minute);
                    let walk = [0; 60].map(|_| {
                        value += f64::from(random.i32(-20..=20)) / 100.0;
                        (value * 100.0).round() / 100.0
                    });
                    (id, sum_of(&walk))
                })
                .collect();
            bytes += encoder.encode(T, &sums).unwrap().len();
            bodies += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = bytes as f64 / (f64::from(bodies * 256));
    println!("{each:.2} bytes per point and minute, {:.3} per reading", each / 60.0);
    assert!(each < 15.0, "{each}");
}

#[test]
fn floats_of_any_kind_come_back_bit_for_bit() {
    let values = [0.1 + 0.2, f64::MIN_POSITIVE, -1e300, 9_007_199_254_740_993.0, -0.0, 1e-9];
    let sums: Vec<_> = (0..).zip(values).map(|(id, value)| (id, sum_of(&[value, value]))).collect();

    for ((_, before), (_, after)) in sums.iter().zip(there_and_back(0, &sums)) {
        assert!(is_alike(before, &after, 0.0), "{before:?} {after:?}");
    }
}

#[test]
fn another_byte_is_noticed() {
    let mut body = Encoder::new(Seal::default()).unwrap().encode(T, &[(5, sum_of(&[1.0, 2.0]))]).unwrap();
    let last = body.len() - 1;
    body[last] ^= 1;
    assert_eq!(Decoder::new(Seal::default()).unwrap().decode(0, T, &body, |_| true), Err(WireError::Compression));
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    let decimal = (-1_000_000_i32..1_000_000, 0_u8..4).prop_map(|(n, e)| f64::from(n) / 10_f64.powi(e.into()));
    prop_oneof![
        proptest::collection::vec(decimal, 0..20),
        proptest::collection::vec(-1e12_f64..1e12, 0..20),
        proptest::collection::vec((0_u8..2).prop_map(f64::from), 0..20),
    ]
}

#[test]
fn only_what_is_wanted_comes_back() {
    let sums: Vec<_> = (10..20).map(|id| (id, sum_of(&[f64::from(id)]))).collect();
    let body = Encoder::new(Seal::default()).unwrap().encode(T, &sums).unwrap();
    let found = Decoder::new(Seal::default()).unwrap().decode(0, T, &body, |id| id == 17).unwrap();
    assert_eq!(found, sums[7..8]);
}

proptest! {
    #[test]
    fn sums_come_back(group in 0_u32..400, columns in proptest::collection::btree_map(0..GROUP, (values(), 0_u64..9), 0..50)) {
        let sums: Vec<_> = columns
            .into_iter()
            .map(|(place, (values, bad))| (group * GROUP + place, Summary { bad, ..sum_of(&values) }))
            .collect();

        let back = there_and_back(group, &sums);

        prop_assert_eq!(back.len(), sums.len());
        for ((id, before), (back_id, after)) in sums.iter().zip(&back) {
            prop_assert_eq!(id, back_id);
            prop_assert!(is_alike(before, after, 0.000_51), "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(group in any::<u32>(), t in any::<i64>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Decoder::new(Seal::default()).unwrap().decode(group, Timestamp::from_millis(t), &body, |_| true);
        // Behind a sound frame as well.
        let packed = zstd::bulk::compress(&body, 1).unwrap();
        let len = u16::try_from(body.len()).unwrap().to_le_bytes();
        let framed = [&[VERSION, len[0], len[1]], &*packed].concat();
        if let Ok(sums) = Decoder::new(Seal::default()).unwrap().decode(group, Timestamp::from_millis(t), &framed, |_| true) {
            let mut all = Summary::default();
            for (_, sum) in &sums {
                all.merge(sum);
            }
        }
    }
}

#[test]
fn with_a_key_a_body_is_sealed_for_its_group_and_time() {
    let body = Encoder::new(Seal::keyed("1")).unwrap().encode(T, &[(5, sum_of(&[1.0, 2.0]))]).unwrap();
    let decode = |seal: Seal, group, t| Decoder::new(seal).unwrap().decode(group, t, &body, |_| true);

    assert_eq!(body[0], 0x80);
    assert_eq!(decode(Seal::keyed("1"), 0, T).unwrap().len(), 1);
    for (seal, group, t) in [
        (Seal::default(), 0, T),
        (Seal::keyed("2"), 0, T),
        (Seal::keyed("1"), 1, T),
        (Seal::keyed("1"), 0, T.plus(std::time::Duration::from_secs(60))),
    ] {
        assert_eq!(decode(seal, group, t), Err(WireError::Checksum));
    }
}
