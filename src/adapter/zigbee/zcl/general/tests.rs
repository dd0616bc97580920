use proptest::{collection::vec, prelude::*};

use super::*;
use crate::adapter::zigbee::{
    wire::{hex, unhex},
    zcl::{Direction, Kind, Status, Value},
};

/// The command in a frame of hex text.
fn decode(text: &str) -> Result<General, WireError> {
    let bytes = unhex(text).unwrap();
    let frame = Frame::decode(&bytes).unwrap();
    General::of(&frame).unwrap()
}

fn value(kind: Kind, bits: u64) -> Value {
    Value::bits(kind, bits).unwrap()
}

#[test]
fn a_report_holds_a_value_of_its_type() {
    let report = decode("18 05 0a 0000 29 00fe").unwrap();
    let temperature = Assignment::new(Attribute(0), Value::signed(Kind::Int16, -512).unwrap());
    assert_eq!(report, General::Report(vec![temperature]));
}

#[test]
fn reading_gives_values_and_reasons() {
    let response = decode("18 01 01 0400 00 42 03 414243 0500 86").unwrap();
    let General::ReadResponse(records) = &response else { panic!("{response:?}") };
    assert_eq!(records[0].found, ReadOutcome::Value(Value::text("ABC").unwrap()));
    assert_eq!(records[1].found, ReadOutcome::Status(Status::UNSUPPORTED_ATTRIBUTE));
    assert_eq!(hex(&response.payload()), "04000042034142430500".to_owned() + "86");
}

#[test]
fn reporting_is_configured_with_a_change_for_analog_types_only() {
    let temperature = Reporting::Send {
        attribute: Attribute(0),
        kind: Kind::Int16,
        least_s: 10,
        most_s: 3600,
        change: Value::signed(Kind::Int16, 50),
    };
    let on = Reporting::Send { attribute: Attribute(0), kind: Kind::Bool, least_s: 0, most_s: 300, change: None };
    let configure = General::ConfigureReporting(vec![temperature, on]);

    let bytes = configure.encode(Header::request(7, 0));

    assert_eq!(hex(&bytes), "100706".to_owned() + "000000290a00100e3200" + "0000001000002c01");
    assert_eq!(decode(&hex(&bytes)), Ok(configure));
}

#[test]
fn success_of_all_is_one_record_without_an_attribute() {
    let all = WriteRecord { status: Status::SUCCESS, attribute: None };
    assert_eq!(decode("18 02 04 00"), Ok(General::WriteResponse(vec![all])));

    let refused = WriteRecord { status: Status::READ_ONLY, attribute: Some(Attribute(0x0100)) };
    assert_eq!(decode("18 02 04 88 0001"), Ok(General::WriteResponse(vec![refused])));
}

#[test]
fn the_reporting_of_a_device_is_read_back() {
    let response = decode("18 03 09 00 00 0000 21 0100 3c00 0500 8c 00 0100").unwrap();
    let General::ReadReportingResponse(found) = response else { panic!("{response:?}") };
    let change = Some(value(Kind::Uint16, 5));
    let sent = Reporting::Send { attribute: Attribute(0), kind: Kind::Uint16, least_s: 1, most_s: 60, change };
    assert_eq!(found[0].reporting, Some(sent));
    assert_eq!((found[1].status, &found[1].reporting), (Status::UNREPORTABLE, &None));
}

#[test]
fn a_makers_command_names_the_maker() {
    let header = Header {
        manufacturer: Some(crate::adapter::zigbee::address::Manufacturer(0x115f)),
        direction: Direction::ToClient,
        ..Header::request(9, 0)
    };
    let read = General::Read(vec![Attribute(0x00f7)]);
    assert_eq!(hex(&read.encode(header)), "1c5f110900f700");
}

#[test]
fn an_answer_goes_the_other_way_with_the_same_sequence() {
    let header = Header::request(42, 0).answer(1);
    assert_eq!((header.direction, header.sequence, header.command), (Direction::ToClient, 42, 1));
}

#[test]
fn what_does_not_end_where_it_should_is_refused() {
    assert!(decode("18 05 0a 0000 29 00").is_err());
    assert!(decode("18 05 0a 0000").is_err());
    assert_eq!(decode("18 05 0a 0000 fe 00").unwrap_err().to_string(), "data type 0xfe is unknown");
    assert_eq!(decode("18 05 7f").unwrap_err().to_string(), "general command 0x7f is unknown");
    assert!(Frame::decode(&[0x02, 0, 0]).is_err());
    assert!(Frame::decode(&[0x04, 0x5f]).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_a_frame_panic_and_those_read_come_back(bytes in vec(any::<u8>(), 0..200), command in 0u8..0x17) {
        if let Ok(general) = General::decode(command, &bytes) {
            prop_assert_eq!(General::decode(command, &general.payload()), Ok(general));
        }
        if let Ok(frame) = Frame::decode(&bytes) {
            let again = frame.encode();
            prop_assert_eq!(Frame::decode(&again), Ok(frame));
        }
    }
}
