//! Frames of the specification and of every mode, explained.

use proptest::prelude::*;

use super::*;

/// Read three holding registers of unit 17 from 107 on, and the answer (MODBUS Application Protocol 1.1b3, 6.3).
const ASKED: [u8; 5] = [3, 0, 0x6b, 0, 3];
const ANSWERED: [u8; 8] = [3, 6, 2, 0x2b, 0, 0, 0, 0x64];

/// A frame of unit 17.
fn frame(travel: Travel, pdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let write = |out: &mut Vec<u8>| out.extend_from_slice(pdu);
    match travel {
        Travel::Tcp => mbap::encode(&mut out, 7, 17, write),
        Travel::Rtu => rtu::encode(&mut out, 17, write),
        Travel::Ascii => ascii::encode(&mut out, 17, write),
    }
    out
}

fn explained(travel: Travel, pdu: &[u8], request: Option<&[u8]>) -> Explained {
    let request = request.map(|request| open(travel, &frame(travel, request)).unwrap());
    open(travel, &frame(travel, pdu)).unwrap().explain(travel, request.as_ref())
}

#[test]
fn a_read_and_its_answer_are_told_apart_in_every_mode() {
    for travel in [Travel::Tcp, Travel::Rtu, Travel::Ascii] {
        let asked = explained(travel, &ASKED, None);
        assert_eq!((asked.kind, asked.unit, asked.function), (Kind::Request, 17, 3));
        assert_eq!((asked.table, asked.address, asked.count), (Some(Table::Holding), Some(107), Some(3)));
        assert_eq!(asked.crc_ok, (travel != Travel::Tcp).then_some(true));
        assert_eq!(asked.transaction, (travel == Travel::Tcp).then_some(7));

        let answered = explained(travel, &ANSWERED, None);
        assert_eq!((answered.kind, answered.registers), (Kind::Answer, Some(vec![0x022b, 0, 100])));

        let pair = explained(travel, &ANSWERED, Some(&ASKED));
        assert_eq!((pair.kind, pair.address, pair.why), (Kind::Answer, Some(107), None));
        assert_eq!(guess(&frame(travel, &ASKED)), Some(travel));
    }
}

#[test]
fn an_answer_is_checked_against_its_request() {
    let short = explained(Travel::Rtu, &[3, 2, 0, 1], Some(&ASKED));
    assert_eq!(short.why.as_deref(), Some("answer says 2 bytes, 6 were asked"));
    let refused = explained(Travel::Tcp, &[0x83, 2], Some(&ASKED));
    assert_eq!(
        (refused.kind, refused.exception, refused.reason),
        (Kind::Exception, Some(2), Some("illegal-address"))
    );
    let bits = explained(Travel::Rtu, &[1, 1, 0b101], Some(&[1, 0, 0, 0, 3]));
    assert_eq!(bits.bits, Some(vec![true, false, true]));

    let mut request = Vec::new();
    mbap::encode(&mut request, 8, 17, |out| out.extend_from_slice(&ASKED));
    let request = open(Travel::Tcp, &request).unwrap();
    let other = open(Travel::Tcp, &frame(Travel::Tcp, &ANSWERED)).unwrap().explain(Travel::Tcp, Some(&request));
    assert_eq!(other.why.as_deref(), Some("the transaction is another one than the request's"));
}

#[test]
fn what_looks_the_same_from_both_sides_is_said_to() {
    let write = explained(Travel::Rtu, &[6, 0, 1, 0, 3], None);
    assert_eq!((write.kind, write.address, write.registers), (Kind::RequestOrAnswer, Some(1), Some(vec![3])));
    let unknown = explained(Travel::Rtu, &[100, 1], None);
    assert_eq!((unknown.kind, unknown.why.as_deref()), (Kind::Unknown, Some("function 100 is not known")));
    let objects = explained(Travel::Rtu, &[0x2b, 14, 1, 1, 0, 0, 1, 0, 2, b'A', b'B'], None);
    assert_eq!(objects.kind, Kind::Answer);
}

#[test]
fn what_is_broken_says_how() {
    let mut broken = frame(Travel::Rtu, &ASKED);
    broken[3] ^= 1;
    let shown = open(Travel::Rtu, &broken).unwrap().explain(Travel::Rtu, None);
    assert_eq!(shown.crc_ok, Some(false));
    assert!(shown.why.unwrap().starts_with("checksum is 0x"));
    assert_eq!(guess(&broken), None);

    let refused = |travel, bytes: &[u8]| open(travel, bytes).unwrap_err();
    assert_eq!(refused(Travel::Rtu, &[1, 3, 0]), "frame has 3 bytes, RTU has 4 to 256");
    assert_eq!(refused(Travel::Ascii, b":1103ZZ\r\n"), "frame is no row of hexadecimal digits");
    assert_eq!(refused(Travel::Ascii, b":11EF\r\n"), "frame has 1 bytes, unit and function code are two");
    assert_eq!(refused(Travel::Tcp, b"HTTP/1.1"), "protocol id is 0x5450, Modbus has 0x0000");
    assert_eq!(
        refused(Travel::Tcp, &frame(Travel::Tcp, &ASKED)[..9]),
        "frame ends after 9 bytes, its header says more"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), other in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let _ = guess(&bytes);
        for travel in [Travel::Tcp, Travel::Rtu, Travel::Ascii] {
            let request = open(travel, &other).ok();
            if let Ok(content) = open(travel, &bytes) {
                let _ = (content.explain(travel, request.as_ref()), content.explain(travel, None));
            }
        }
    }

    #[test]
    fn no_pdu_makes_it_panic(pdu in proptest::collection::vec(any::<u8>(), 1..253), request in any::<[u8; 5]>()) {
        for travel in [Travel::Tcp, Travel::Rtu] {
            let _ = (explained(travel, &pdu, None), explained(travel, &pdu, Some(&request)));
        }
    }
}
