//! The promise under faults: the real daemon, real brokers and a real Modbus server, and a dice that kills, cuts,
//! silences, fills and damages. The reference consumer (`docs/examples/completeness.py`) is the judge of numbers; the
//! units give no value twice, so values are judged too.
//!
//! `make test` runs a few rounds; `make chaos ROUNDS=200 SEED=7` as many as are wanted, and repeats a run by its seed.

#![cfg(feature = "modbus")]

mod account;
mod clock;
mod cloud;
mod consumer;
mod damage;
mod databases;
mod device;
mod disk;
mod faults;
mod form;
#[path = "../gateway/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the harness serves two binaries, and this one does not need it all")]
mod harness;
mod judging;
mod link;
mod outages;
mod postgres;
mod remount;

mod rounds;
mod table;
mod world;

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
