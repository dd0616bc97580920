//! The composition root: it alone knows every part, opens them, connects them, and ends them in order.
//!
//! ```text
//! adapters ──> rules ──> pipeline ──> buffer ──> uplinks
//!     ^                     │                       │
//!     └── routes <── desk <─┴─── inbox <────────────┴── API, rules
//! ```
//!
//! - Start: buffer first (it must open whatever happened to it), then uplinks, rules, the desk, adapters, API. Nothing
//!   outside this machine has to be there.
//! - Stop, in the order readings flow: adapters and desk, rules and pipeline, a last commit, uplinks (which say
//!   `offline`), the buffer's writer, the API. Each stage has a limit; whoever is late is named.
//! - Reload: an invalid configuration changes nothing; a valid one restarts only what differs.

mod adapters;
mod assembly;
mod backlog;
mod core;
mod history;
mod letters;
mod network;
#[cfg(test)]
mod pressure_test;
mod reload;
#[cfg(feature = "modbus")]
mod republish;
#[cfg(not(feature = "modbus"))]
#[path = "no_republish.rs"]
mod republish;
mod serve;
mod surface;
#[cfg(test)]
mod tests;
mod uplinks;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::{
    assembly::{Daemon, StartError},
    reload::NEEDS_RESTART,
    serve::{RunError, run},
};

/// Locks a table of ours; each change to one is whole, so one that a panic left locked is taken as it is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
