//! Modbus/TCP frames out of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::modbus::frame::mbap;

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    while let Ok(Some((frame, used))) = mbap::decode(rest) {
        assert!((8..=260).contains(&used) && used <= rest.len());
        let mut again = Vec::new();
        mbap::encode(&mut again, frame.transaction, frame.unit, |out| out.extend_from_slice(frame.pdu));
        assert_eq!(again, rest[..used]);
        rest = &rest[used..];
    }
});
