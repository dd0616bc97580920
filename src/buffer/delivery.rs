//! Who is owed what: per uplink the ids that are settled, and the readings that are not.
//!
//! An id is settled for an uplink when it was acknowledged, when the block never leaves the gateway, or when it is
//! gone. Ids have no holes, so what is owed is arithmetic on ranges and nothing is ever counted in the database.

use std::{collections::BTreeMap, sync::Arc};

use super::{Owed, ranges::Ranges};

/// Progress of one uplink.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Progress {
    /// Ids that are not owed.
    pub(super) settled: Ranges,
    /// Readings in the blocks that are.
    pub(super) readings: u64,
}

/// Progress as the database holds it.
pub(super) struct Row {
    /// The uplink, empty for the base.
    pub(super) uplink: Arc<str>,
    /// The settled ids, encoded.
    pub(super) ranges: Vec<u8>,
    /// Readings that are owed.
    pub(super) readings: u64,
}

/// Progress of all uplinks.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// An uplink that acknowledges nothing: what a new one starts from.
    base: Progress,
    uplinks: BTreeMap<Arc<str>, Progress>,
}

impl Delivery {
    /// From the rows of the database, the base being the one without a name.
    pub(super) fn new(mut rows: BTreeMap<Arc<str>, Progress>) -> Self {
        let base = rows.remove("").unwrap_or_default();
        Self { base, uplinks: rows }
    }

    /// Exactly these uplinks from now on: a new one is owed everything the store holds, one that left is forgotten.
    pub(super) fn set_uplinks(&mut self, names: &[Arc<str>]) {
        self.uplinks.retain(|name, _| names.contains(name));
        for name in names {
            self.uplinks.entry(Arc::clone(name)).or_insert_with(|| self.base.clone());
        }
    }

    /// A block was cut.
    pub(super) fn add(&mut self, id: u64, is_upstream: bool, readings: usize) {
        for progress in self.all() {
            if is_upstream {
                progress.readings += readings as u64;
            } else {
                progress.settled.insert(id);
            }
        }
    }

    /// An uplink acknowledged a block.
    pub(super) fn settle(&mut self, uplink: &str, id: u64, readings: u64) {
        if let Some(progress) = self.uplinks.get_mut(uplink) {
            progress.settle(id, readings);
        }
    }

    /// A block is gone from the store; true when an uplink was still owed it.
    pub(super) fn forget(&mut self, id: u64, readings: u64) -> bool {
        self.base.settle(id, readings);
        let mut was_owed = false;
        for progress in self.uplinks.values_mut() {
            was_owed |= progress.settle(id, readings);
        }
        was_owed
    }

    /// Whether no uplink is owed a block.
    pub(super) fn is_settled(&self, id: u64) -> bool {
        self.uplinks.values().all(|progress| progress.settled.contains(id))
    }

    /// The names of the uplinks.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.uplinks.keys().cloned().collect()
    }

    /// The progress of one uplink.
    pub(super) fn of(&self, uplink: &str) -> Option<&Progress> {
        self.uplinks.get(uplink)
    }

    /// Ids up to `last` that no uplink is owed.
    pub(super) fn settled_by_all(&self, last: u64) -> Ranges {
        let mut all = Ranges::default();
        all.insert_range(1, last);
        self.uplinks.values().fold(all, |all, progress| all.intersect(&progress.settled))
    }

    /// What each uplink is owed, in name order.
    pub(super) fn owed(&self, last: u64) -> Vec<Owed> {
        let owed = |(name, progress): (&Arc<str>, &Progress)| Owed {
            uplink: Arc::clone(name),
            blocks: last.saturating_sub(progress.settled.len()),
            readings: progress.readings,
        };
        self.uplinks.iter().map(owed).collect()
    }

    /// The rows for the database as they are true for its content: `pending` blocks (id, readings) above `committed`
    /// are left out, because a power cut may give their ids to other blocks.
    pub(super) fn rows(&self, committed: u64, pending: &[(u64, u64)]) -> Vec<Row> {
        let base = [(Arc::from(""), &self.base)];
        let uplinks = self.uplinks.iter().map(|(name, progress)| (Arc::clone(name), progress));
        let row = |(uplink, progress): (Arc<str>, &Progress)| {
            let owed = pending.iter().filter(|(id, _)| !progress.settled.contains(*id));
            let later: u64 = owed.map(|(_, readings)| readings).sum();
            let ranges = progress.settled.up_to(committed).encode();
            Row { uplink, ranges, readings: progress.readings.saturating_sub(later) }
        };
        base.into_iter().chain(uplinks).map(row).collect()
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Progress> {
        [&mut self.base].into_iter().chain(self.uplinks.values_mut())
    }
}

impl Progress {
    /// True when it was owed until now.
    fn settle(&mut self, id: u64, readings: u64) -> bool {
        let is_new = self.settled.insert(id);
        if is_new {
            self.readings = self.readings.saturating_sub(readings);
        }
        is_new
    }
}
