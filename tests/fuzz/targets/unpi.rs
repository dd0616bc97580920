//! What comes from a TI coordinator: frames out of any bytes, in pieces of any length.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::zigbee::{
    describe,
    znp::unpi::{Decoder, MAX_DATA},
};
use tidegate_fuzz::Bytes;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let step = 1 + usize::from(bytes.byte());
    let mut decoder = Decoder::default();
    for piece in bytes.0.chunks(step) {
        decoder.push(piece);
        while let Some(frame) = decoder.next_frame() {
            assert!(frame.data.len() <= MAX_DATA);
            let mut again = Vec::new();
            frame.encode(&mut again).unwrap();
            let mut other = Decoder::default();
            other.push(&again);
            assert_eq!(other.next_frame().as_ref(), Some(&frame));
            let _ = describe::znp(&frame);
        }
    }
    if decoder.is_waiting() {
        decoder.give_up();
    }
});
