//! The trail of a clock that nobody vouched for: which blocks of this boot it stamped, how far it was from uptime
//! then, and which of these blocks may have left the gateway.
//!
//! What never left is set right before it leaves; of what left, or may have, an event tells how far it is off. The
//! trail is kept in the store as one small text, written when it changes: when the clock jumps or changes its quality,
//! and before the first such block of an epoch leaves. A boot with a trusted clock has an empty one. With the next
//! boot it ends, since uptime begins anew and nobody can know any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::ranges::Ranges;
use crate::model::{Block, BootId, ClockSpan, Stream};

/// Stamps that are this far off are left alone.
pub(super) const TOLERANCE_MS: u64 = 500;
/// Offsets that differ less are one: looks at wall time and uptime are not made at the same instant.
const GRAIN_MS: u64 = 100;
/// Most stretches. A clock that jumps more often loses its oldest: those blocks are not corrected, which is counted.
const MAX_STRETCHES: usize = 1_024;

/// A stream of an epoch.
pub(super) type Key = (u64, Arc<str>);

/// The key of a block.
pub(super) fn key(block: &Block) -> Key {
    (block.epoch, block.stream.as_str().into())
}

/// Whether two offsets are of one setting of the clock.
pub(super) fn is_one_setting(one_ms: i64, other_ms: i64) -> bool {
    one_ms.abs_diff(other_ms) <= GRAIN_MS
}

/// Blocks of a stream from a number on, up to the next stretch of that stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    epoch: u64,
    stream: Arc<str>,
    from: u64,
    /// Wall time less uptime when they were cut; `None` for blocks with right times.
    offset_ms: Option<i64>,
}

/// What is known of this boot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trail {
    boot: Arc<str>,
    /// Blocks below this id are of other boots, or were dealt with.
    first: u64,
    stretches: Vec<Stretch>,
    /// Epochs of which an untrusted block may have left.
    left: BTreeSet<u64>,
    /// As the store knows it.
    #[serde(skip)]
    stored: Option<String>,
    /// Epochs that had lost blocks before this run: which of them is not known.
    #[serde(skip)]
    earlier: BTreeSet<u64>,
    /// What left in this run.
    #[serde(skip)]
    seen: BTreeMap<Key, Ranges>,
}

impl Trail {
    /// Goes on with the text of the store if it is of this boot, or begins anew behind the last block.
    pub(super) fn resume(text: Option<String>, boot: &BootId, last_id: u64) -> Self {
        let known = text.as_deref().and_then(|text| serde_json::from_str::<Self>(text).ok());
        match known.filter(|trail| *trail.boot == *boot.as_str()) {
            Some(trail) => Self { earlier: trail.left.clone(), stored: text, ..trail },
            // A damaged text is as none: blocks from before are not set right.
            None => Self { boot: boot.as_str().into(), first: last_id + 1, ..Self::default() },
        }
    }

    /// The first id that may have to be set right.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Whether blocks with untrusted times wait to be dealt with.
    pub(super) fn has_untrusted(&self) -> bool {
        self.stretches.iter().any(|stretch| stretch.offset_ms.is_some())
    }

    /// A block was cut; gives how many old stretches had to be forgotten.
    pub(super) fn cut(&mut self, block: &Block, offset_ms: Option<i64>) -> usize {
        let offset_ms = offset_ms.filter(|_| !block.clock.is_trusted());
        self.turn(block.epoch, block.stream.as_str(), block.seq, offset_ms)
    }

    fn turn(&mut self, epoch: u64, stream: &str, from: u64, offset_ms: Option<i64>) -> usize {
        let last = self.stretches.iter().rev().find(|s| s.epoch == epoch && *s.stream == *stream);
        let is_same = match (last.and_then(|last| last.offset_ms), offset_ms) {
            (None, None) => true,
            (Some(before), Some(now)) => is_one_setting(before, now),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if is_same {
            return 0;
        }
        self.stretches.push(Stretch { epoch, stream: stream.into(), from, offset_ms });
        let excess = self.stretches.len().saturating_sub(MAX_STRETCHES);
        self.stretches.drain(..excess).count()
    }

    /// Ends what a stream had until now behind the number it gave last.
    pub(super) fn close(&mut self, epoch: u64, stream: &str, last: u64) {
        self.turn(epoch, stream, last + 1, None);
    }

    /// The streams it speaks of.
    pub(super) fn keys(&self) -> BTreeSet<Key> {
        self.stretches.iter().map(|stretch| (stretch.epoch, Arc::clone(&stretch.stream))).collect()
    }

    /// The largest error of a stamp, for a clock that is right now.
    pub(super) fn worst(&self, right_ms: i64) -> i64 {
        let errors = self.stretches.iter().filter_map(|stretch| stretch.offset_ms);
        errors.map(|was_ms| right_ms.saturating_sub(was_ms)).max_by_key(|off_ms| off_ms.unsigned_abs()).unwrap_or(0)
    }

    /// Whether a block may have left already.
    pub(super) fn has_left(&self, epoch: u64, stream: &Stream, seq: u64) -> bool {
        let seen = self.seen.get(&(epoch, stream.as_str().into()));
        self.earlier.contains(&epoch) || seen.is_some_and(|seen| seen.contains(seq))
    }

    /// Whether the block's times are not trusted, and it is of this boot.
    pub(super) fn is_concerned(&self, block: &Block) -> bool {
        !block.clock.is_trusted() && *block.boot.as_str() == *self.boot && block.id.0 >= self.first
    }

    /// A block of these epochs is about to leave.
    pub(super) fn mark(&mut self, epochs: &BTreeSet<u64>) {
        self.left.extend(epochs);
    }

    /// A block leaves.
    pub(super) fn leave(&mut self, block: &Block) {
        self.seen.entry(key(block)).or_default().insert(block.seq);
    }

    /// The text the store should hold, if it is another than it does.
    pub(super) fn news(&self) -> Option<String> {
        let is_empty = self.stretches.is_empty() && self.left.is_empty();
        if is_empty && self.stored.is_none() {
            return None;
        }
        let text = serde_json::to_string(self).ok()?;
        (self.stored.as_ref() != Some(&text)).then_some(text)
    }

    /// The store holds this text.
    pub(super) fn stored(&mut self, text: String) {
        self.stored = Some(text);
    }

    /// What left, or may have, with these that stay as they are: by how much each is off, for a clock that is right
    /// now.
    pub(super) fn spans(&self, kept: &BTreeMap<Key, Ranges>, right_ms: i64) -> Vec<ClockSpan> {
        let mut spans = Vec::new();
        for (place, stretch) in self.stretches.iter().enumerate() {
            let Some(offset_ms) = stretch.offset_ms.map(|was_ms| right_ms.saturating_sub(was_ms)) else { continue };
            let is_next = |s: &&Stretch| s.epoch == stretch.epoch && s.stream == stretch.stream;
            let next = self.stretches[place + 1..].iter().find(is_next);
            let to = next.map_or(u64::MAX, |next| next.from - 1);
            if offset_ms.unsigned_abs() <= TOLERANCE_MS || *stretch.stream == *Stream::Local.as_str() {
                continue;
            }
            for (from, to) in self.told(stretch, to, kept).iter() {
                spans.push(ClockSpan {
                    stream: Arc::clone(&stretch.stream),
                    epoch: stretch.epoch,
                    from,
                    to,
                    offset_ms,
                });
            }
        }
        spans
    }

    /// What of a stretch must be told.
    fn told(&self, stretch: &Stretch, to: u64, kept: &BTreeMap<Key, Ranges>) -> Ranges {
        let mut all = Ranges::default();
        all.insert_range(stretch.from, to);
        if self.earlier.contains(&stretch.epoch) {
            return all;
        }
        let key = (stretch.epoch, Arc::clone(&stretch.stream));
        let mut told = Ranges::default();
        for ranges in [self.seen.get(&key), kept.get(&key)].into_iter().flatten() {
            told.extend(ranges);
        }
        told.intersect(&all)
    }

    /// Everything up to an id is dealt with; of the present epoch that is up to `last` of each stream.
    pub(super) fn done(&mut self, up_to: u64, epoch: u64, last: impl Fn(&str) -> u64) {
        self.first = up_to + 1;
        self.stretches.retain(|s| s.epoch == epoch && s.from > last(&s.stream));
        self.earlier.clear();
        self.seen.retain(|(of, stream), seen| *of == epoch && seen.iter().any(|(_, to)| to > last(stream)));
        let has_left = !self.seen.is_empty();
        self.left.retain(|of| *of == epoch && has_left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail() -> Trail {
        Trail::resume(None, &BootId::new("b"), 9)
    }

    fn ranges(from: u64, to: u64) -> Ranges {
        let mut ranges = Ranges::default();
        ranges.insert_range(from, to);
        ranges
    }

    #[test]
    fn it_goes_on_in_the_same_boot_alone() {
        let mut trail = trail();
        assert_eq!((trail.news(), trail.has_untrusted()), (None, false));
        trail.turn(4, "data", 1, Some(-7));
        trail.mark(&[4].into());
        let text = trail.news().unwrap();

        let again = Trail::resume(Some(text.clone()), &BootId::new("b"), 50);
        assert_eq!((again.first(), again.has_untrusted(), again.news()), (10, true, None));
        assert!(again.has_left(4, &Stream::Data, 3), "nobody knows which");
        let other = Trail::resume(Some(text), &BootId::new("c"), 50);
        assert_eq!((other.first(), other.has_untrusted()), (51, false));
        assert_eq!(Trail::resume(Some("{".into()), &BootId::new("b"), 50).first(), 51);
    }

    #[test]
    fn spans_are_what_left_by_the_offset_it_was_cut_with() {
        let mut trail = trail();
        trail.turn(4, "data", 1, Some(0));
        trail.turn(4, "data", 2, Some(60));
        trail.turn(4, "data", 11, Some(5_000));
        trail.turn(4, "data", 21, Some(9_700));
        trail.close(4, "data", 30);
        trail.seen.insert((4, "data".into()), ranges(5, 12));

        let spans = trail.spans(&[((4, "data".into()), ranges(29, 29))].into(), 10_000);

        let found: Vec<_> = spans.iter().map(|span| (span.from, span.to, span.offset_ms)).collect();
        assert_eq!(found, [(5, 10, 10_000), (11, 12, 5_000)]);
        trail.done(99, 4, |_| 30);
        assert_eq!((trail.first(), trail.has_untrusted(), trail.left.len()), (100, false, 0));
    }

    #[test]
    fn a_clock_that_never_rests_costs_a_bounded_memory() {
        let mut trail = trail();
        let lost: usize = (1..=2_000).map(|seq| trail.turn(4, "data", seq, Some(seq.cast_signed() * 1_000))).sum();
        assert_eq!((trail.stretches.len(), lost), (MAX_STRETCHES, 2_000 - MAX_STRETCHES));
    }
}
