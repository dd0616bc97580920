//! ASCII frames: the form of the specification, and finding ours among others.

use proptest::prelude::*;

use super::*;
use crate::adapter::modbus::{config::Table, pdu::Request};

/// Two holding registers of unit 1.
fn expected() -> Expected {
    Expected::of(1, &Request::Read { table: Table::Holding, start: 0, count: 2 })
}

/// A frame with a right LRC.
fn frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out, unit, |out| out.extend_from_slice(pdu));
    out
}

/// The answer that is waited for.
fn answer() -> Vec<u8> {
    frame(1, &[3, 4, 0, 1, 0xAB, 2])
}

/// Unit and PDU of the first frame found among `bytes`, and how many bytes were dropped before it.
fn found(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut dropped, mut content) = (0, Vec::new());
    loop {
        match find_answer(&bytes[dropped..], expected(), &mut content) {
            Step::More => return None,
            Step::Skip(0, _) => panic!("nothing is dropped for ever"),
            Step::Skip(more, _) => dropped += more,
            Step::Frame(_) => return Some((content, dropped)),
        }
    }
}

#[test]
fn a_frame_has_the_form_of_the_specification() {
    // Unit 0x11 reads three holding registers from 0x6b (MODBUS Application Protocol 1.1b3, 6.3).
    assert_eq!(frame(0x11, &[3, 0, 0x6B, 0, 3]), b":1103006B00037E\r\n");
    assert_eq!(answer(), b":01030400 01AB024A\r\n".iter().copied().filter(|&b| b != b' ').collect::<Vec<_>>());
}

#[test]
fn a_frame_is_complete_only_with_its_last_byte() {
    let (answer, mut content) = (answer(), Vec::new());
    for got in 0..answer.len() {
        assert_eq!(find_answer(&answer[..got], expected(), &mut content), Step::More, "{got} bytes");
    }
    assert_eq!(find_answer(&answer, expected(), &mut content), Step::Frame(answer.len()));
    assert_eq!(content, [1, 3, 4, 0, 1, 0xAB, 2]);
}

#[test]
fn resynchronising_finds_the_answer_behind_anything() {
    let before: [(&str, Vec<u8>); 7] = [
        ("a frame of another unit", frame(2, &[3, 4, 0, 9, 0, 9])),
        ("another length of our unit", frame(1, &[3, 2, 0, 9])),
        ("a wrong LRC", b":010304000100024F\r\n".to_vec()),
        ("the beginning of an answer", answer()[..7].to_vec()),
        ("an odd number of digits", b":01030\r\n".to_vec()),
        ("letters that are no digits", b":01XY\r\n".to_vec()),
        ("noise", b"\r\n\xFF::\n:".to_vec()),
    ];
    for (what, mut bytes) in before {
        let dropped = bytes.len();
        bytes.extend(answer());
        assert_eq!(found(&bytes), Some((vec![1, 3, 4, 0, 1, 0xAB, 2], dropped)), "{what}");
    }
}

#[test]
fn a_frame_of_our_unit_that_does_not_count_says_why() {
    let fault = |bytes: &[u8]| match find_answer(bytes, expected(), &mut Vec::new()) {
        Step::Skip(_, fault) => fault,
        step => panic!("{step:?}"),
    };
    assert_eq!(fault(&frame(1, &[3, 2, 0, 9])), Some(Mismatch::ByteCount { wanted: 4, said: 2 }));
    assert_eq!(fault(b":01030\r\n"), Some(Mismatch::Digits));
    assert!(matches!(fault(b":0103040001000200\r\n"), Some(Mismatch::Checksum { .. })));
    assert_eq!(fault(&frame(2, &[3, 2, 0, 9])), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_stand_still_or_keep_more_than_a_frame(text in "[:0-9A-Fa-f\r\n\\PC]{0,700}") {
        let (mut rest, mut content) = (text.as_bytes(), Vec::new());
        loop {
            match find_answer(rest, expected(), &mut content) {
                Step::More => break,
                Step::Skip(dropped, _) => {
                    prop_assert!((1..=rest.len()).contains(&dropped));
                    rest = &rest[dropped..];
                }
                Step::Frame(length) => rest = &rest[length..],
            }
        }
        prop_assert!(rest.len() < LONGEST);
    }

    #[test]
    fn frames_come_back_as_they_went(unit: u8, pdu in proptest::collection::vec(any::<u8>(), 1..=253)) {
        let (bytes, mut content) = (frame(unit, &pdu), Vec::new());
        prop_assert_eq!(find_request(&bytes, &mut content), Step::Frame(bytes.len()));
        prop_assert_eq!((content[0], &content[1..]), (unit, &pdu[..]));
    }
}
