//! RTU frames out of any bytes, at both ends of a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::modbus::frame::Mode;

fuzz_target!(|bytes: &[u8]| tidegate_fuzz::find_frames(Mode::Rtu, bytes));
