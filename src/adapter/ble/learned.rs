//! What is kept over a restart: the counters of senders that encrypt, and names, which come seldom.
//!
//! A counter that was lost with the last minute before a power cut lets that minute's frames be replayed once; a name is
//! heard again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// By address, as it is written. As many as there are devices, which are bounded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Learned {
    /// Highest replay counter of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) counters: BTreeMap<String, u32>,
    /// Name of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) names: BTreeMap<String, String>,
}
