//! What every decoder keeps to, tried on bytes nobody chose.

use proptest::{collection::vec, prelude::*};

use super::{
    table::{Sign, TABLE},
    *,
};

/// Data of a format's usual length, begun with what some formats begin with.
fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..48),
        (
            prop_oneof![Just(0x40), Just(0x41), Just(0xA1), Just(0x05), Just(0x10), Just(0x30)],
            vec(any::<u8>(), 0..31)
        )
            .prop_map(|(first, rest)| [Vec::from([first]), rest].concat()),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        data in data(),
        row in 0..TABLE.len(),
        address in any::<[u8; 6]>(),
        name in proptest::option::of("(GVH|Govee_H)?[0-9]{4}_[0-9A-F]{4}|sps|tps|iBBQ|HT.w|s|.{0,8}"),
        key in proptest::option::of(prop_oneof![vec(any::<u8>(), 16), vec(any::<u8>(), 12), vec(any::<u8>(), 0..20)]),
        other in prop_oneof![any::<u16>(), Just(0xEC88), Just(1), Just(0x8801), Just(0x59), Just(0x10), Just(0x1B36)],
    ) {
        let (manufacturer, service) = match TABLE[row].0 {
            Sign::Company(company) => (Vec::from([(company, data.as_slice())]), Vec::new()),
            Sign::Service(short) => (Vec::from([(0x0969, &data[data.len() / 2..])]), Vec::from([(Uuid::short(short), data.as_slice())])),
            Sign::Shape(_) => (Vec::from([(other, data.as_slice())]), Vec::from([(Uuid::short(0x2A6E), data.as_slice())])),

        };
        let services = [Uuid::short(0xFFF0), Uuid::short(0xFEE5)];
        let advert = Advertisement {
            address: Address(address),
            name: name.as_deref(),
            manufacturer: &manufacturer,
            service: &service,
            services: &services,
        };

        let decoded = decode(&advert, key.as_deref());

        prop_assert!(!decoded.readings.is_empty() || decoded.why.is_some());
        for reading in &decoded.readings {
            if let Value::Float(value) = reading.value {
                prop_assert!(value.is_finite());
            }
        }
    }
}

#[test]
fn an_advertisement_of_nobody_known_says_so() {
    let decoded = fixtures::manufacturer(0xFFFF, "0102").decode();

    assert_eq!((decoded.format, decoded.why), (None, Some(Why::UnknownFormat)));
}

#[test]
fn a_sensor_that_also_sends_a_beacon_is_the_sensor() {
    let both = fixtures::manufacturer(0x004C, "0215E2C56DB5DFFB48D2B060D0F5A71096E000010102C5");

    both.with_service(0xFCD2, "4002CA09").gives("bthome_v2", "temperature 25.06 Cel");
}

#[test]
fn what_was_tried_is_told_in_its_order() {
    let decoded = fixtures::manufacturer(0x004C, "1005").with_service(0xFCD2, "41").decode();

    let tried: Vec<_> = decoded.tried.iter().map(|(format, _)| *format).collect();
    assert_eq!(tried, [Some(Format::BthomeV2), None]);
    assert_eq!(decoded.format, Some(Format::BthomeV2));
}

#[test]
fn every_format_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<_> = Format::ALL.iter().map(|format| format.as_str()).collect();

    assert_eq!(words.len(), Format::ALL.len());
}
