use proptest::{collection::vec, prelude::*};

use super::*;
use crate::adapter::zigbee::wire::{hex, unhex};

fn decode(payload: &str) -> Result<Data, WireError> {
    Data::decode(&unhex(payload).unwrap())
}

#[test]
fn one_message_holds_several_data_points() {
    let data = decode("0102 01 02 0004 fffffe00 02 01 0001 01 03 04 0001 02 04 03 0002 6869").unwrap();

    assert_eq!(data.sequence, 0x0102);
    let numbers: Vec<_> = data.records.iter().map(|record| (record.dp, record.number())).collect();
    assert_eq!(numbers, [(1, Some(-512)), (2, Some(1)), (3, Some(2)), (4, None)]);
    assert_eq!(data.records[3].data, b"hi");
}

#[test]
fn what_does_not_end_where_it_should_gives_nothing() {
    for wrong in ["", "01", "0102 01", "0102 01 02 0004 000000", "0102 01 02 ffff 00", "0102 01 09 0001 00"] {
        assert!(decode(wrong).is_err(), "{wrong}");
    }
    assert_eq!(decode("0102").unwrap().records, []);
}

#[test]
fn only_reports_of_the_device_hold_data_points() {
    let of = |cluster, frame: &str| Data::of(Cluster(cluster), &Frame::decode(&unhex(frame).unwrap()).unwrap());
    for command in ["01", "02", "05", "06"] {
        assert!(of(0xef00, &format!("0901{command} 0001")).is_some_and(|data| data.is_ok()));
    }
    for (cluster, frame) in [(0xef00, "090124 0008"), (0xef00, "010102 0001"), (0xef01, "090102 0001")] {
        assert_eq!(of(cluster, frame), None);
    }
}

#[test]
fn numbers_have_the_bytes_of_their_type() {
    let bytes = |kind, number| Record::of_number(1, kind, number).map(|record| hex(&record.data));
    assert_eq!(bytes(Type::Value, -2).as_deref(), Some("fffffffe"));
    assert_eq!(bytes(Type::Bool, 1).as_deref(), Some("01"));
    assert_eq!(bytes(Type::Enum, 255).as_deref(), Some("ff"));
    assert_eq!(bytes(Type::Bitmap, 256).as_deref(), Some("0100"));
    for (kind, number) in [(Type::Bool, 2), (Type::Enum, 256), (Type::Value, 1 << 31), (Type::Bitmap, -1)] {
        assert_eq!(bytes(kind, number), None);
    }
}

#[test]
fn questions_of_the_device_have_answers() {
    assert_eq!(hex(&time_answer(7, 0x0102_0304, 0x0506_0708)), "11072408000102030405060708");
    assert_eq!(hex(&connection_answer(7)), "110725010001");
    assert_eq!((hex(&query(7)), hex(&version_query(7))), ("110703".to_owned(), "1107100007".to_owned()));
    assert_eq!((Clock::Unix.count(946_684_801), Clock::Zigbee.count(946_684_801)), (946_684_801, 1));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_is_read_is_written_the_same(bytes in vec(any::<u8>(), 0..80)) {
        if let Ok(data) = Data::decode(&bytes) {
            prop_assert_eq!(data.encode(), bytes);
        }
    }

    #[test]
    fn what_is_set_is_what_is_read(sequence: u8, dp: u8, number: i32, kind in 0..6u8) {
        let kind = Type::of(kind).unwrap();
        let Some(record) = Record::of_number(dp, kind, number.into()) else { return Ok(()) };
        prop_assert_eq!(record.number(), Some(number.into()));
        let bytes = request(sequence, vec![record.clone()]);
        let data = Data::decode(Frame::decode(&bytes).unwrap().payload).unwrap();
        prop_assert_eq!(data.records, vec![record]);
    }
}
