//! Claims about the block format: exact round trips, and no panic on any bytes.

use proptest::prelude::*;

use super::*;
use crate::model::{BlockId, ClockQuality, DeviceId, Point, PointName, PointType, Quality, Reading, Stream, Value};

fn value() -> impl Strategy<Value = Value> {
    let json = prop_oneof![
        any::<f64>().prop_filter_map("finite", |v| serde_json::Number::from_f64(v).map(serde_json::Value::Number)),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(|text| serde_json::json!({ "k": [text, null, true] })),
    ];
    prop_oneof![
        (any::<i32>(), 0_i32..6).prop_map(|(v, e)| Value::Float(f64::from(v) / 10_f64.powi(e))),
        prop::num::f64::NORMAL.prop_map(Value::Float),
        prop::num::f64::SUBNORMAL.prop_map(Value::Float),
        prop_oneof![Just(-0.0), Just(0.0), Just(f64::MIN_POSITIVE), Just(f64::MAX)].prop_map(Value::Float),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::from_u64),
        any::<bool>().prop_map(Value::Bool),
        any::<String>().prop_map(|text| Value::Text(text.into())),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
        json.prop_map(|json| Value::Json(Arc::new(json))),
    ]
}

fn quality() -> impl Strategy<Value = Quality> {
    prop_oneof![4 => Just(Quality::GOOD), 1 => "[a-z]{1,9}".prop_map(|why| Quality::uncertain(&why))]
}

fn reading() -> impl Strategy<Value = Reading> {
    let unit = prop_oneof![Just(None), Just(Some("Cel")), Just(Some("°\"C"))];
    let content = prop_oneof![
        5 => (value(), quality()).prop_map(|(value, quality)| (Some(value), quality)),
        1 => "[a-z-]{1,9}".prop_map(|why| (None, Quality::bad(&why))),
    ];
    let ts = prop_oneof![9 => 1_790_000_000_000_i64..1_790_000_100_000, 1 => any::<i64>()];
    (0_u8..4, 0_u8..3, unit, content, ts).prop_map(|(device, point, unit, (value, quality), ts)| {
        let device = DeviceId::new(&format!("d-{device}")).unwrap();
        let point = Point::new(device, PointName::new(&format!("p{point}")).unwrap(), PointType::Float, unit);
        Reading { point: Arc::new(point), value, ts: Timestamp::from_millis(ts), quality }
    })
}

fn stamp() -> Stamp {
    Stamp { gateway: "plant-7".into(), boot: BootId::new("b-1"), uptime: Duration::from_millis(8_123_456) }
}

fn block(readings: Vec<Reading>, id: u64) -> Block {
    Block {
        id: BlockId(id),
        gateway: stamp().gateway,
        store: "s".into(),
        epoch: 1,
        stream: Stream::Data,
        seq: id,
        clock: ClockQuality::Ntp,
        boot: stamp().boot,
        uptime: Duration::from_millis(50 * id),
        body: BlockBody::Readings(readings.into()),
    }
}

/// Debug text tells -0.0 from 0.0, which `==` does not.
fn assert_exact(body: &BlockBody) {
    let bytes = Encoder::new().unwrap().encode(&stamp(), body);
    let (stamp_back, back) = decode(&bytes).unwrap();
    assert_eq!((stamp_back, format!("{back:?}")), (stamp(), format!("{body:?}")));
}

/// 50 series of 0.01-quantised walks.
fn walks(count: usize) -> BlockBody {
    let point = |index| {
        let name = PointName::new("temperature").unwrap();
        let device = DeviceId::new(&format!("sensor-{index}")).unwrap();
        Arc::new(Point::new(device, name, PointType::Float, Some("Cel")))
    };
    let points: Vec<_> = (0..50).map(point).collect();
    let (mut random, mut levels) = (fastrand::Rng::with_seed(7), vec![2_000_i32; 50]);
    let readings = (0..count).map(|index| {
        let series = index % 50;
        levels[series] += random.i32(-8..=8);
        let ts = Timestamp::from_millis(1_790_000_000_000 + i64::try_from(index / 50).unwrap() * 1_000);
        Reading::good(Arc::clone(&points[series]), Value::Float(f64::from(levels[series]) / 100.0), ts)
    });
    BlockBody::Readings(readings.collect())
}

proptest! {
    #[test]
    fn readings_come_back_bit_for_bit(readings in prop::collection::vec(reading(), 1..60)) {
        assert_exact(&BlockBody::Readings(readings.into()));
    }

    #[test]
    fn blocks_that_are_stored_together_come_back_apart(
        bodies in prop::collection::vec(prop::collection::vec(reading(), 1..9), 1..9),
    ) {
        let blocks: Vec<_> = bodies.into_iter().zip(1..).map(|(readings, id)| Arc::new(block(readings, id))).collect();

        let bytes = Encoder::new().unwrap().encode_blocks(&blocks);

        let back = decode_blocks(&bytes).unwrap();
        let wanted: Vec<_> = blocks.iter().map(|block| (Stamp::of(block), block.body.clone())).collect();
        prop_assert_eq!(format!("{back:?}"), format!("{wanted:?}"));
    }

    #[test]
    fn messages_come_back_bit_for_bit(ts: i64, fields: String, topic: String, correlation: Option<Vec<u8>>) {
        let correlation = correlation.map(Arc::from);
        let response = Some(ResponseTo { uplink: "cloud".into(), topic: topic.into(), correlation });
        assert_exact(&BlockBody::Message { ts: Timestamp::from_millis(ts), fields: fields.into(), response });
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, compressed in 0_u8..2) {
        for version in [SINGLE, SEVERAL] {
            let _ = decode_blocks(&[&[version, compressed], &bytes[..]].concat());
        }
        let _ = decode_blocks(&bytes);
    }

    #[test]
    fn damaged_bodies_never_panic(
        readings in prop::collection::vec(reading(), 1..20), at: prop::sample::Index, flip in 1_u8..,
    ) {
        let mut raw = Vec::new();
        put_payload(&mut raw, &stamp(), &BlockBody::Readings(readings.into()));
        let at = at.index(raw.len());
        raw[at] ^= flip;
        let _ = payload(&mut Reader::new(&raw));
        let _ = payload(&mut Reader::new(&raw[..at]));
    }
}

#[test]
fn an_encoder_that_rested_keeps_nothing_and_encodes_as_before() {
    let (mut encoder, body) = (Encoder::new().unwrap(), walks(1_000));
    let before = encoder.encode(&stamp(), &body);

    encoder.rest();
    assert!(encoder.zstd.is_none() && encoder.raw.capacity() == 0);

    assert_eq!(encoder.encode(&stamp(), &body), before);
}

#[test]
fn fifty_series_take_few_bytes() {
    for (count, most) in [(1_000, 5_000), (100, 1_200)] {
        let bytes = Encoder::new().unwrap().encode(&stamp(), &walks(count)).len();
        println!("{count} readings: {bytes} bytes");
        assert!(bytes < most, "{bytes}");
        assert_exact(&walks(count));
    }
}

#[test]
fn an_unknown_version_is_refused() {
    assert_eq!(decode(&[9, 0]), Err(WireError::Format(9)));
}
