//! What the buffer says about itself.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;

use super::damage::Aside;
use crate::model::Timestamp;

/// Which store this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Made with the database file.
    pub store: Arc<str>,
    /// Raised durably at each open.
    pub epoch: u64,
}

/// A look at the buffer, renewed about ten times a second while it works.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Status {
    /// The database file.
    pub path: PathBuf,
    /// The store's id.
    pub store: Arc<str>,
    /// The epoch.
    pub epoch: u64,
    /// Pages in use and the write-ahead log.
    pub size_bytes: u64,
    /// Most bytes it may take.
    pub max_size: u64,
    /// `strict`, `balanced` or `wear`.
    pub durability: &'static str,
    /// What a power cut may take at most.
    pub loss_window_ms: u64,
    /// Readings that are safe since the start: in the database, or with every uplink that wants them.
    pub committed: u64,
    /// Newest block in the database.
    pub committed_block: u64,
    /// Blocks that were lost to the bounds since the start.
    pub evicted_blocks: u64,
    /// Readings in them.
    pub evicted_readings: u64,
    /// When the oldest block that is still owed was cut.
    pub oldest_undelivered: Option<Timestamp>,
    /// Per uplink, in name order.
    pub uplinks: Vec<Owed>,
    /// Whether the disk is nearly full, so that the store does not grow.
    pub disk_low: bool,
    /// The file that is being salvaged at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvage: Option<Salvaging>,
    /// Damaged files that lie beside the store, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<Aside>,
    /// Why commits fail at present.
    pub failing: Option<String>,
}

/// How far a file that was set aside is salvaged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Salvaging {
    /// Its name.
    pub file: Arc<str>,
    /// Whether it is its history that comes, behind everything that was owed.
    pub is_history: bool,
    /// How much of it was read.
    pub percent: u8,
    /// Blocks that were carried over since the start.
    pub blocks: u64,
    /// Readings in them.
    pub readings: u64,
}

/// What one uplink still has to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Owed {
    /// The uplink.
    pub uplink: Arc<str>,
    /// Blocks.
    pub blocks: u64,
    /// Readings in them.
    pub readings: u64,
    /// Bytes of their messages before compression, nearly.
    pub bytes: u64,
    /// When the oldest of them was cut.
    pub oldest: Option<Timestamp>,
}
