//! A wish for messages that were sent before.

use std::sync::Arc;

use super::Stream;

/// Messages of one stream and epoch that a receiver wants once more, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The store they are of.
    pub store: Arc<str>,
    /// The stream.
    pub stream: Stream,
    /// The epoch.
    pub epoch: u64,
    /// The first number.
    pub from: u64,
    /// The last number.
    pub to: u64,
}
