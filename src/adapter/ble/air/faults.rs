//! What was last told of the radios in the log, so that a fault is told once.

use tracing::{info, warn};

/// The fault that was told last.
#[derive(Debug, Default)]
pub(super) struct Faults(Option<String>);

impl Faults {
    /// Tells a fault, unless it is the one that was told last.
    pub(super) fn fault(&mut self, adapter: &str, fault: String) {
        if self.0.as_ref() != Some(&fault) {
            warn!(adapter, fault, "Bluetooth is down, trying again");
            self.0 = Some(fault);
        }
    }

    /// Tells that a fault is over.
    pub(super) fn fine(&mut self, adapter: &str, radios: &[String]) {
        if self.0.take().is_some() {
            info!(adapter, ?radios, "Bluetooth is back");
        }
    }
}
