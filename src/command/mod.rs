//! The way back: what uplinks, rules and local users ask of devices.
//!
//! ```text
//! envelope ─> inbox ─> policy ─> ledger ─> router ─> adapter ─> device
//!    (read)    │ (allowed?) │ (first time?)  │ (one at a time per device)
//!              └────────────┴────────────────┴──────> outcome, audit event
//! ```
//!
//! - Every envelope gets exactly one final outcome. One for a device that sleeps is told `queued` before it, and then
//!   keeps no other command waiting.
//! - Nothing reaches a device unless a grant covers it and its id was written to the ledger first, on the disk. An id
//!   is acted on once for each sender, also across restarts; a repeat is told the first outcome.
//! - A command that a crash interrupted is never carried out again: it is reported as `failed` at the next start.
//! - The ledger is the truth: an outcome is recorded before it is told.

mod case;
mod clerk;
mod desk;
mod inbox;
mod lanes;
mod ledger;
mod policy;
mod router;
mod routes;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

pub use self::{
    desk::{Context, Desk},
    ledger::{DamagedLedger, LedgerError, copy as copy_ledger, damaged_ledgers},
    routes::{Route, Routes},
};
use crate::model::OutcomeStatus;

/// What the desk counts.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Final outcomes by status.
    outcomes: Family<Vec<(String, String)>, Counter>,
    /// Commands under way or waiting for their device.
    open: Gauge,
    /// Damaged ledgers that were deleted because there were too many.
    ledgers_deleted: Counter,
}

impl Metrics {
    /// Metrics that `registry` knows.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("commands", "Commands by their outcome", metrics.outcomes.clone());
        registry.register("commands_open", "Commands without an outcome yet", metrics.open.clone());
        let text = "Damaged command ledgers that were deleted because there were too many";
        registry.register("command_ledgers_deleted", text, metrics.ledgers_deleted.clone());
        metrics
    }

    /// Counts one final outcome.
    fn count(&self, status: OutcomeStatus) {
        self.outcomes.get_or_create(&vec![("status".to_owned(), status.as_str().to_owned())]).inc();
    }
}

/// At most 120 characters of a sender's text, for an error or audit message.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
