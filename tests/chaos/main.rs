//! The promise as a receiver sees it: the reference consumer (`docs/examples/completeness.py`) on made-up messages, and
//! on a gateway that is cut off and killed.

#![cfg(feature = "modbus")]

mod consumer;
mod databases;
#[path = "../gateway/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the harness serves two binaries, and this one does not need it all")]
mod harness;
mod judging;
mod link;
mod postgres;


use std::{
    io::Write,
    thread,
    time::{Duration, Instant},
};

/// Lets a fault last for so long; only faults and the windows they are measured by take a given time.
pub(crate) fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

/// Says something that must be seen, also of a test that passes.
#[expect(clippy::explicit_write, reason = "the test runner keeps back what print and eprint say")]
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap();
}
