//! What is measured, case by case.

mod backlog;
mod bridge;
mod ceiling;
mod daemon;
mod drain;
mod fleet;
mod modbus;
mod paced;
mod parts;
mod reaction;
mod throughput;

use std::future::Future;

use tokio::runtime::Builder;

use crate::report::Row;

/// Measures something and gives its rows.
type Run = fn(&[&str]) -> Vec<Row>;

/// Every case, in the order of the table.
pub(crate) const CASES: [(&str, Run); 16] = [
    ("strict", throughput::strict),
    ("express", throughput::express),
    ("paced-up", paced::up),
    ("paced-up-bare", paced::up_bare),
    ("paced-down", paced::down),
    ("paced-down-strict", paced::down_strict),
    ("ceiling", ceiling::run),
    ("drain", drain::frames),
    ("drain-plant", drain::plant),
    ("rules", parts::rules),
    ("json", parts::json),
    ("modbus", modbus::run),
    ("fleet", fleet::run),
    ("fleet-wide", fleet::wide),
    ("reaction", reaction::run),
    ("daemon", daemon::run),
];

/// Processes that a case needs beside it.
const HELPERS: [(&str, Run); 2] = [("modbus-units", modbus::units), ("backlog-fill", backlog::fill)];

/// Cases and helpers.
pub(crate) fn all() -> impl Iterator<Item = &'static (&'static str, Run)> {
    CASES.iter().chain(&HELPERS)
}

/// Runs on a runtime like the daemon's.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// Whether there is time for what takes long: `BENCH_LONG=1`.
fn is_long() -> bool {
    std::env::var_os("BENCH_LONG").is_some_and(|value| value == "1")
}

/// How many of something to do; `TIDEGATE_BENCH_READINGS` makes a run small enough for a profiler.
fn readings(usual: u64) -> u64 {
    let given = std::env::var("TIDEGATE_BENCH_READINGS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(usual)
}
