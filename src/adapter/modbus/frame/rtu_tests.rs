//! RTU frames: those of the specification, and finding ours among others.

use proptest::prelude::*;

use super::*;
use crate::adapter::modbus::{config::Table, pdu::Request};

/// Read one holding register of unit 2 at 7 (MODBUS over serial line 1.02, appendix B has its CRC).
const SPECIFIED: [u8; 4] = [0x02, 0x07, 0x41, 0x12];

/// Three input registers of unit 17.
fn expected() -> Expected {
    Expected::of(17, &Request::Read { table: Table::Input, start: 8, count: 3 })
}

/// A frame with a right CRC.
fn frame(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out, unit, |out| out.extend_from_slice(pdu));
    out
}

/// The answer that is waited for.
fn answer() -> Vec<u8> {
    frame(17, &[4, 6, 0, 1, 0, 2, 0, 3])
}

/// What is found among `bytes`: unit and PDU of the first frame, and how many bytes were dropped before it.
fn found(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut dropped = 0;
    loop {
        match find_answer(&bytes[dropped..], expected()) {
            Step::More => return None,
            Step::Skip(0, _) => panic!("nothing is dropped for ever"),
            Step::Skip(more, _) => dropped += more,
            Step::Frame(length) => {
                return Some((unit_and_pdu(&bytes[dropped..dropped + length]).to_vec(), dropped));
            }
        }
    }
}

#[test]
fn the_crc_is_that_of_the_specification() {
    assert_eq!(frame(SPECIFIED[0], &SPECIFIED[1..2]), SPECIFIED);
    assert_eq!(crc(b"123456789"), 0x4B37);
}

#[test]
fn a_frame_is_complete_only_with_its_last_byte() {
    let answer = answer();
    for got in 0..answer.len() {
        assert_eq!(find_answer(&answer[..got], expected()), Step::More, "{got} bytes");
    }
    assert_eq!(find_answer(&answer, expected()), Step::Frame(answer.len()));
}

#[test]
fn an_exception_and_an_echo_are_answers_too() {
    assert_eq!(find_answer(&frame(17, &[0x84, 2]), expected()), Step::Frame(5));
    let write = Expected::of(17, &Request::WriteRegister { address: 5, value: 6 });
    assert_eq!(find_answer(&frame(17, &[6, 0, 5, 0, 6]), write), Step::Frame(8));
    assert_eq!(find_answer(&frame(17, &[6, 0, 5, 0, 7]), write), Step::Skip(8, Some(Mismatch::Echo)));
}

#[test]
fn resynchronising_finds_the_answer_behind_anything() {
    let before: [(&str, Vec<u8>); 8] = [
        ("a frame of another unit", frame(18, &[4, 6, 0, 9, 0, 9, 0, 9])),
        ("another master's request", frame(17, &[4, 0, 8, 0, 3])),
        ("another function of our unit", frame(17, &[3, 6, 0, 9, 0, 9, 0, 9])),
        ("another length of our unit", frame(17, &[4, 4, 0, 9, 0, 9])),
        ("a broken answer", {
            let mut broken = answer();
            broken[4] ^= 0x10;
            broken
        }),
        ("the beginning of an answer", answer()[..6].to_vec()),
        ("a broadcast", frame(0, &[16, 0, 0, 0, 1, 2, 0, 5])),
        ("noise", vec![0xFF, 0x00, 17, 17, 4, 0x00, 17, 4]),
    ];
    for (what, mut bytes) in before {
        let dropped = bytes.len();
        bytes.extend(answer());
        bytes.extend_from_slice(&[1, 2, 3]);
        assert_eq!(found(&bytes), Some((vec![17, 4, 6, 0, 1, 0, 2, 0, 3], dropped)), "{what}");
    }
}

#[test]
fn a_frame_of_our_unit_that_does_not_count_says_why() {
    let fault = |bytes: &[u8]| match find_answer(bytes, expected()) {
        Step::Skip(_, fault) => fault,
        step => panic!("{step:?}"),
    };
    let mut broken = answer();
    *broken.last_mut().unwrap() ^= 1;
    assert!(matches!(fault(&broken), Some(Mismatch::Checksum { .. })));
    assert_eq!(fault(&frame(17, &[4, 4, 0, 9, 0, 9])), Some(Mismatch::ByteCount { wanted: 6, said: 4 }));
    assert_eq!(fault(&frame(17, &[3, 2, 0, 9])), Some(Mismatch::Function { asked: 4, found: 3 }));
    assert_eq!(fault(&frame(18, &[4, 2, 0, 9])), None);
}

#[test]
fn a_unit_finds_requests_of_every_length() {
    for pdu in [
        &[3, 0, 8, 0, 3][..],
        &[5, 0, 8, 0xFF, 0],
        &[15, 0, 0, 0, 10, 2, 1, 2],
        &[16, 0, 0, 0, 1, 2, 7, 7],
        &[22, 0, 4, 0, 0xF2, 0, 0x25],
        &[23, 0, 3, 0, 6, 0, 14, 0, 1, 2, 0, 255],
    ] {
        let frame = frame(9, pdu);
        for got in 0..frame.len() {
            assert_eq!(find_request(&frame[..got]), Step::More, "{pdu:?}, {got} bytes");
        }
        assert_eq!(find_request(&frame), Step::Frame(frame.len()), "{pdu:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_stand_still_or_keep_more_than_a_frame(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(17), Just(4), Just(6)], 0..600),
    ) {
        let mut rest = &bytes[..];
        loop {
            match find_answer(rest, expected()) {
                Step::More => break,
                Step::Skip(dropped, _) => {
                    prop_assert!((1..=rest.len()).contains(&dropped));
                    rest = &rest[dropped..];
                }
                Step::Frame(length) => {
                    prop_assert!(expected().fits(unit_and_pdu(&rest[..length])));
                    rest = &rest[length..];
                }
            }
        }
        prop_assert!(rest.len() < LONGEST);
        let _ = find_request(&bytes);
    }

    #[test]
    fn garbage_before_an_answer_never_costs_the_answer(
        mut bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(17), Just(4), Just(6)], 0..40),
    ) {
        bytes.extend(answer());
        prop_assert_eq!(found(&bytes).map(|(answer, _)| answer), Some(vec![17, 4, 6, 0, 1, 0, 2, 0, 3]));
    }
}
