use proptest::{collection::vec, prelude::*};

use super::*;

/// SYS.Ping as every tool prints it.
const PING: [u8; 5] = [0xfe, 0x00, 0x21, 0x01, 0x20];

/// The answer of a CC2652.
const PONG: [u8; 7] = [0xfe, 0x02, 0x61, 0x01, 0x59, 0x06, 0x3d];

/// Everything a decoder makes of `bytes`, given in pieces of `size`.
fn frames(bytes: &[u8], size: usize) -> Vec<Frame> {
    let mut decoder = Decoder::default();
    let mut found = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.push(piece);
        found.extend(std::iter::from_fn(|| decoder.next_frame()));
    }
    while decoder.is_waiting() {
        decoder.give_up();
        found.extend(std::iter::from_fn(|| decoder.next_frame()));
    }
    found
}

fn pong() -> Frame {
    Frame { kind: Kind::Srsp, subsystem: Subsystem::SYS, id: 1, data: vec![0x59, 0x06] }
}

#[test]
fn a_ping_has_the_bytes_every_tool_shows() {
    let mut out = Vec::new();
    let ping = Frame { kind: Kind::Sreq, subsystem: Subsystem::SYS, id: 1, data: vec![] };

    ping.encode(&mut out).unwrap();

    assert_eq!(out, PING);
    assert_eq!(decode(&PING), Ok(Some((ping, 5))));
}

#[test]
fn a_frame_is_complete_only_with_its_last_byte() {
    for got in 0..PONG.len() {
        assert_eq!(decode(&PONG[..got]), Ok(None), "{got} bytes");
    }
    assert_eq!(decode(&PONG), Ok(Some((pong(), PONG.len()))));
}

#[test]
fn what_cannot_become_a_frame_is_refused_as_early_as_possible() {
    assert_eq!(decode(&[0xef]), Err(FrameError::Start(0xef)));
    assert_eq!(decode(&[0xfe, 251]), Err(FrameError::Length(251)));
    assert_eq!(decode(&[0xfe, 3, 0x80]), Err(FrameError::Kind(0x80)));
    let wrong = decode(&[0xfe, 0, 0x21, 1, 0x21]).unwrap_err();
    assert_eq!(wrong.to_string(), "checksum is 0x21, bytes give 0x20");
}

#[test]
fn data_that_does_not_fit_is_not_sent() {
    let long = Frame { data: vec![0; MAX_DATA + 1], ..pong() };
    let mut out = Vec::new();
    assert_eq!(long.encode(&mut out), Err(FrameError::Length(251)));
    assert!(out.is_empty());
}

#[test]
fn resync_stops_at_the_next_start_byte() {
    assert_eq!(resync(&[0xfe, 1, 2, 0xfe, 3]), 3);
    assert_eq!(resync(&[0xfe, 0xfe]), 1);
    assert_eq!(resync(&[0xfe, 1]), 2);
    assert_eq!(resync(&[0]), 1);
}

#[test]
fn a_frame_within_what_garbage_announced_is_found() {
    // A start byte and a length of 10 in noise: the frame lies within those ten bytes, a second one behind them.
    let bytes = [&[0x00, 0xfe, 0x0a, 0x41][..], &PONG, &PONG].concat();
    assert_eq!(frames(&bytes, bytes.len()), [pong(), pong()]);
}

#[test]
fn a_cut_frame_costs_only_itself() {
    let bytes = [&PONG[..4], &PONG, &PONG].concat();
    assert_eq!(frames(&bytes, 1), [pong(), pong()]);
}

#[test]
fn giving_up_on_a_quiet_line_frees_the_frames_behind_a_false_start() {
    let mut decoder = Decoder::default();
    decoder.push(&[0xfe, 0xc8, 0x41]);
    decoder.push(&PONG);
    assert_eq!(decoder.next_frame(), None);

    decoder.give_up();

    assert_eq!(decoder.next_frame(), Some(pong()));
    assert_eq!(decoder.skipped(), (3, None));
    assert!(!decoder.is_waiting());
}

/// Any frame, of every length.
fn any_frame() -> impl Strategy<Value = Frame> {
    (0u8..4, 0u8..32, any::<u8>(), vec(any::<u8>(), 0..=MAX_DATA)).prop_map(|(kind, subsystem, id, data)| Frame {
        kind: Kind::of(kind << 5).unwrap(),
        subsystem: Subsystem::new(subsystem).unwrap(),
        id,
        data,
    })
}

/// Noise that likes the bytes that matter.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![any::<u8>(), Just(SOF), 0u8..8, Just(0x61)], 0..60)
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic_or_keep_more_than_a_frame(bytes in vec(any::<u8>(), 0..2000), size in 1usize..300) {
        let mut decoder = Decoder::default();
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while decoder.next_frame().is_some() {}
            prop_assert!(decoder.buffer.len() < MAX_FRAME);
        }
    }

    #[test]
    fn frames_come_back_as_they_went(frame in any_frame()) {
        let mut out = Vec::new();
        frame.encode(&mut out).unwrap();
        prop_assert_eq!(decode(&out), Ok(Some((frame, out.len()))));
    }

    #[test]
    fn no_good_frame_behind_garbage_is_lost(
        garbage in garbage(), good in vec(any_frame(), 1..4), size in 1usize..100,
    ) {
        let mut bytes = garbage.clone();
        for frame in &good {
            frame.encode(&mut bytes).unwrap();
        }
        // One check byte in 256 is right by chance. Where that makes a frame of noise, nothing can tell it from a good one.
        let is_frame_by_chance = |at: usize| matches!(decode(&bytes[at..]), Ok(Some(_)));
        prop_assume!(!(0..garbage.len()).any(is_frame_by_chance));

        prop_assert_eq!(frames(&bytes, size), good);
    }
}
