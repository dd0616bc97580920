//! Who is owed what: per uplink the ids that are settled, and the readings that are not.
//!
//! An id is settled for an uplink when it was acknowledged, when the uplink does not want the block, or when it is
//! gone. Ids have no holes, so what is owed is arithmetic on ranges and nothing is ever counted in the database.
//!
//! How many bytes that is, is known when a block is cut, and kept for all that is owed together: a block that is settled
//! takes the share of its readings along. So the figure is as exact as readings are alike, and right at both ends.

use std::{collections::BTreeMap, sync::Arc};

use super::{Feed, Owed, ranges::Ranges};
use crate::model::Stream;

/// Progress of one uplink.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Progress {
    /// Ids that are not owed.
    pub(super) settled: Ranges,
    /// Readings in the blocks that are.
    pub(super) readings: u64,
    /// Bytes of their messages, nearly.
    bytes: u64,
    /// The stream of its own, if it has a filter.
    own: Option<Stream>,
}

/// Progress as the database holds it.
pub(super) struct Row {
    /// The uplink, empty for the base.
    pub(super) uplink: Arc<str>,
    /// The settled ids, encoded.
    pub(super) ranges: Vec<u8>,
    /// Readings that are owed.
    pub(super) readings: u64,
    /// Bytes of their messages.
    pub(super) bytes: u64,
}

/// What the database does not hold of the blocks that have an id.
#[derive(Debug, Default)]
pub(super) struct Unstored {
    /// Blocks that every uplink has and the history will hold later: nobody who comes later is owed them until then.
    pub(super) safe: Ranges,
    /// Id and readings of those above the last commit.
    pub(super) pending: Vec<(u64, u64)>,
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

    /// Exactly these uplinks from now on. A new one is owed everything the store holds up to `last`, or nothing of it
    /// if it has a filter; one that left is forgotten.
    pub(super) fn set_uplinks(&mut self, feeds: &[Feed], last: u64) {
        self.uplinks.retain(|name, _| feeds.iter().any(|feed| feed.name == *name));
        for feed in feeds {
            let own = feed.stream();
            let progress = self.uplinks.entry(Arc::clone(&feed.name)).or_insert_with(|| match &own {
                Some(_) => Progress::with_all(last),
                None => self.base.clone(),
            });
            progress.own = own;
        }
    }

    /// A block was cut, whose message has so many bytes.
    pub(super) fn add(&mut self, id: u64, stream: &Stream, readings: usize, bytes: usize) {
        self.all().for_each(|progress| progress.add(id, stream, (readings as u64, bytes as u64)));
    }

    /// An uplink acknowledged a block.
    pub(super) fn settle(&mut self, uplink: &str, id: u64, readings: u64) {
        if let Some(progress) = self.uplinks.get_mut(uplink) {
            progress.settle(id, readings);
        }
    }

    /// An uplink is owed a block again.
    pub(super) fn owe_again(&mut self, uplink: &str, id: u64, readings: u64) {
        if let Some(progress) = self.uplinks.get_mut(uplink).filter(|progress| progress.settled.contains(id)) {
            progress.settled.remove(id);
            progress.bytes += progress.share(readings);
            progress.readings += readings;
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

    /// The uplinks that are not owed a block any more.
    pub(super) fn had(&self, id: u64) -> Vec<Arc<str>> {
        let had = self.uplinks.iter().filter(|(_, progress)| progress.settled.contains(id));
        had.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Whether a block is safe without the store: uplinks wanted it, and all of them have it.
    pub(super) fn is_safe(&self, id: u64, stream: &Stream) -> bool {
        stream.is_upstream() && self.uplinks.values().any(|progress| progress.wants(stream)) && self.is_settled(id)
    }

    /// The first id each uplink is owed up to `last`, in name order.
    pub(super) fn first_owed(&self, last: u64) -> Vec<Option<u64>> {
        let first = |progress: &Progress| progress.settled.missing(1, last).next().map(|(from, _)| from);
        self.uplinks.values().map(first).collect()
    }

    /// Whether an uplink wants blocks of a stream.
    pub(super) fn wants(&self, uplink: &str, stream: &Stream) -> bool {
        self.uplinks.get(uplink).is_some_and(|progress| progress.wants(stream))
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
        let owed = |(name, progress): (&Arc<str>, &Progress)| {
            let blocks = last.saturating_sub(progress.settled.len());
            // Of a new uplink the readings are only nearly known until it has caught up.
            let (readings, bytes) = if blocks == 0 { (0, 0) } else { (progress.readings, progress.bytes) };
            Owed { uplink: Arc::clone(name), blocks, readings, bytes, oldest: None }
        };
        self.uplinks.iter().map(owed).collect()
    }

    /// The rows for the database as they are true for its content up to `committed`: what is above is left out,
    /// because a power cut may give its ids to other blocks.
    pub(super) fn rows(&self, committed: u64, unstored: &Unstored) -> Vec<Row> {
        let row = |uplink: Arc<str>, progress: &Progress| {
            let owed = unstored.pending.iter().filter(|(id, _)| !progress.settled.contains(*id));
            let later: u64 = owed.map(|(_, readings)| readings).sum();
            let ranges = progress.settled.up_to(committed).encode();
            let readings = progress.readings.saturating_sub(later);
            Row { uplink, ranges, readings, bytes: progress.bytes - progress.share(later) }
        };
        let mut base = self.base.clone();
        base.settled.extend(&unstored.safe);
        let rows = self.uplinks.iter().map(|(name, progress)| row(Arc::clone(name), progress));
        [row("".into(), &base)].into_iter().chain(rows).collect()
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Progress> {
        [&mut self.base].into_iter().chain(self.uplinks.values_mut())
    }
}

impl Progress {
    /// As the database holds it.
    pub(super) fn stored(settled: Ranges, readings: u64, bytes: u64) -> Self {
        Self { settled, readings, bytes, own: None }
    }

    /// One that is owed nothing up to an id.
    fn with_all(last: u64) -> Self {
        let mut settled = Ranges::default();
        settled.insert_range(1, last);
        Self::stored(settled, 0, 0)
    }

    /// The stream of its own, if it has a filter.
    pub(super) fn own(&self) -> Option<&Stream> {
        self.own.as_ref()
    }

    /// Whether the uplink wants blocks of a stream.
    fn wants(&self, stream: &Stream) -> bool {
        match stream {
            Stream::Data => self.own.is_none(),
            Stream::Event | Stream::Outcome => true,
            Stream::Local => false,
            Stream::Filtered(_) => self.own.as_ref() == Some(stream),
        }
    }

    /// A new block.
    fn add(&mut self, id: u64, stream: &Stream, (readings, bytes): (u64, u64)) {
        if self.wants(stream) {
            self.readings += readings;
            // Messages are few and small; without readings they have no share.
            self.bytes += if readings > 0 { bytes } else { 0 };
        } else {
            self.settled.insert(id);
        }
    }

    /// True when it was owed until now.
    fn settle(&mut self, id: u64, readings: u64) -> bool {
        let is_new = self.settled.insert(id);
        if is_new {
            self.bytes -= self.share(readings);
            self.readings = self.readings.saturating_sub(readings);
        }
        is_new
    }

    /// What so many of the owed readings are of the owed bytes; all of them when they are the last.
    fn share(&self, readings: u64) -> u64 {
        if readings >= self.readings {
            return self.bytes;
        }
        let share = u128::from(self.bytes) * u128::from(readings) / u128::from(self.readings);
        u64::try_from(share).unwrap_or(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One uplink without a filter.
    fn delivery() -> Delivery {
        let mut delivery = Delivery::default();
        delivery.set_uplinks(&[Feed { name: "cloud".into(), filter: None }], 0);
        delivery
    }

    /// What is owed of blocks up to `last`, as readings and bytes.
    fn owed(delivery: &Delivery, last: u64) -> (u64, u64) {
        let owed = &delivery.owed(last)[0];
        (owed.readings, owed.bytes)
    }

    #[test]
    fn owed_bytes_follow_the_readings_and_end_at_none() {
        let mut delivery = delivery();
        delivery.add(1, &Stream::Data, 10, 1_000);
        delivery.add(2, &Stream::Event, 0, 300);
        delivery.add(3, &Stream::Data, 30, 2_000);
        delivery.add(4, &Stream::Local, 9, 900);
        assert_eq!(owed(&delivery, 4), (40, 3_000));

        delivery.settle("cloud", 2, 0);
        assert_eq!(owed(&delivery, 4), (40, 3_000));
        delivery.settle("cloud", 1, 10);
        assert_eq!(owed(&delivery, 4), (30, 2_250), "a quarter of the readings, so a quarter of the bytes");
        delivery.owe_again("cloud", 1, 10);
        assert_eq!(owed(&delivery, 4), (40, 3_000));
        delivery.settle("cloud", 3, 30);
        delivery.settle("cloud", 1, 10);

        assert_eq!(owed(&delivery, 4), (0, 0));
    }

    #[test]
    fn what_is_stored_of_owed_bytes_leaves_out_what_is_not_committed() {
        let mut delivery = delivery();
        delivery.add(1, &Stream::Data, 10, 1_000);
        delivery.add(2, &Stream::Data, 10, 1_000);

        let unstored = Unstored { safe: Ranges::default(), pending: vec![(2, 10)] };

        let rows = delivery.rows(1, &unstored);
        assert!(rows.iter().all(|row| (row.readings, row.bytes) == (10, 1_000)));
    }
}
