//! What flows between adapters, rules and buffer: readings in batches, and the receipt a patient sender waits for.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Reading;

/// Readings that belong together: one poll answer, one advert, one message of a plugin.
#[derive(Debug, Default)]
pub struct Batch {
    /// In the order they were measured.
    pub readings: Vec<Reading>,
    /// For a sender that can wait until the readings are accepted.
    pub receipt: Option<Receipt>,
}

impl Batch {
    /// Most readings in one batch; an adapter splits what is larger.
    pub const MAX_READINGS: usize = 1_000;
}

impl From<Vec<Reading>> for Batch {
    fn from(readings: Vec<Reading>) -> Self {
        Self { readings, receipt: None }
    }
}

/// A promise to say when readings are accepted. Dropped unspoken, the sender learns that they were not.
#[derive(Debug)]
pub struct Receipt(oneshot::Sender<()>);

impl Receipt {
    /// A receipt and the end that waits for it.
    pub fn pair() -> (Self, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// The readings are committed, or every uplink has acknowledged them.
    pub fn accept(self) {
        // A sender that stopped waiting does not need to know.
        let _ = self.0.send(());
    }
}

/// A rule's persisted variable was set or removed. It is committed together with the readings of the same run.
#[derive(Debug, Clone, PartialEq)]
pub struct StateChange {
    /// The rule file's name, without `.rhai`.
    pub rule: Arc<str>,
    /// The variable.
    pub key: Arc<str>,
    /// The new value, `None` when it was removed.
    pub value: Option<serde_json::Value>,
}
