//! Requests as a server reads them, and answers as a client does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::modbus::{pdu::Request, response};

fuzz_target!(|bytes: &[u8]| {
    let (request, answer) = bytes.split_at(bytes.len().min(usize::from(bytes.first().copied().unwrap_or(0)) + 1));
    let Ok(request) = Request::decode(request.get(1..).unwrap_or_default()) else { return };
    let mut again = Vec::new();
    request.encode(&mut again);
    assert!(again.len() <= 253);
    assert_eq!(Request::decode(&again), Ok(request.clone()));
    let _ = response::parse(&request, answer);
});
