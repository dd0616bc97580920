//! What the numbers of the rows that were read say of those that were not.
//!
//! In each stream and epoch numbers rise with ids and have no holes. A hole between two blocks that were read is told
//! when an id between theirs is neither settled nor found; so it is after the last of them, up to where the table of
//! epochs says the stream had come.

use std::collections::BTreeMap;

use crate::{
    buffer::{mark::End, pack::Part, ranges::Ranges},
    model::Stream,
};

/// Most holes that are remembered; what is beyond is counted as untold.
const MAX_HOLES: usize = 10_000;

/// A stream within an epoch.
pub(super) type Track = (Stream, u64);

/// Numbers `from..=to` that nobody has read, of blocks with ids between two others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) track: Track,
    pub(super) from: u64,
    pub(super) to: u64,
    /// The ids of the blocks before and behind it.
    between: (u64, u64),
}

/// The numbers that were read.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Ids of blocks.
    ids: Ranges,
    /// Id and number of the last block, per stream and epoch.
    last: BTreeMap<Track, (u64, u64)>,
    /// Blocks that a later row may have some before, by id.
    open: BTreeMap<u64, (Track, u64)>,
    holes: Vec<Hole>,
    /// Holes beyond the bound.
    pub(super) untold: u64,
    /// Numbers and ids that came twice or fell.
    pub(super) twice: u64,
}

impl Numbers {
    /// Takes the blocks of a row; rows come with rising ids.
    pub(super) fn note(&mut self, track: &Track, parts: &[Part]) {
        let Some(first) = parts.first() else { return };
        self.pass(first.id);
        for part in parts {
            if self.ids.insert(part.id) {
                self.open.insert(part.id, (track.clone(), part.seq));
            } else {
                self.twice += 1;
            }
        }
    }

    /// No row of this table follows.
    pub(super) fn end_table(&mut self) {
        self.pass(u64::MAX);
    }

    /// Whether a block's id was found.
    pub(super) fn has(&self, id: u64) -> bool {
        self.ids.contains(id)
    }

    /// The blocks below an id are in order now.
    fn pass(&mut self, id: u64) {
        let later = self.open.split_off(&id);
        for (id, (track, seq)) in std::mem::replace(&mut self.open, later) {
            let (before, last) = self.last.get(&track).copied().unwrap_or_default();
            if seq <= last {
                self.twice += 1;
                continue;
            }
            if seq > last + 1 {
                self.hole(Hole { track: track.clone(), from: last + 1, to: seq - 1, between: (before, id) });
            }
            self.last.insert(track, (id, seq));
        }
    }

    fn hole(&mut self, hole: Hole) {
        if self.holes.len() < MAX_HOLES {
            self.holes.push(hole);
        } else {
            self.untold += 1;
        }
    }

    /// The holes in which a block is lost; `settled` are the ids that nobody is owed.
    pub(super) fn lost(mut self, ends: &[End], settled: &Ranges) -> Vec<Hole> {
        self.end_table();
        let mut gone = self.ids.clone();
        gone.extend(settled);
        let mut start = 0;
        for end in ends {
            self.narrow(end.epoch, start);
            self.tails(end, start);
            start = end.last_id;
        }
        let is_lost = |hole: &Hole| {
            let (after, before) = hole.between;
            let room = before.saturating_sub(after).saturating_sub(1);
            // A number that a damaged page made up needs more ids than there are.
            hole.to - hole.from < room && gone.missing(after + 1, before - 1).next().is_some()
        };
        self.holes.retain(is_lost);
        self.holes
    }

    /// The first blocks of an epoch come after the last of the one before.
    fn narrow(&mut self, epoch: u64, start: u64) {
        for hole in self.holes.iter_mut().filter(|hole| hole.track.1 == epoch) {
            hole.between.0 = hole.between.0.max(start.min(hole.between.1));
        }
    }

    /// What is missing behind the last block that was read.
    fn tails(&mut self, end: &End, start: u64) {
        for (stream, seq) in &end.seqs {
            let track = (stream.clone(), end.epoch);
            let (id, last) = self.last.get(&track).copied().unwrap_or((start, 0));
            if *seq > last {
                self.hole(Hole { track, from: last + 1, to: *seq, between: (id, end.last_id.saturating_add(1)) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: u64, seq: u64) -> Part {
        Part { id, seq, readings: 1 }
    }

    fn end(epoch: u64, last_id: u64, data: u64) -> End {
        End { epoch, last_id, seqs: [(Stream::Data, data)].into() }
    }

    fn told(numbers: Numbers, ends: &[End], settled: (u64, u64)) -> Vec<(u64, u64, u64)> {
        let mut ranges = Ranges::default();
        ranges.insert_range(settled.0, settled.1);
        numbers.lost(ends, &ranges).iter().map(|hole| (hole.track.1, hole.from, hole.to)).collect()
    }

    #[test]
    fn rows_that_lie_within_each_other_have_no_hole() {
        let mut numbers = Numbers::default();
        let track = (Stream::Data, 1);
        numbers.note(&track, &[part(1, 1), part(3, 3)]);
        numbers.note(&track, &[part(2, 2), part(4, 4)]);

        assert_eq!(numbers.twice, 0);
        assert_eq!(told(numbers, &[end(1, 4, 4)], (0, 0)), []);
    }

    #[test]
    fn a_hole_is_told_unless_all_of_it_was_settled() {
        let of = |ids: &[u64]| {
            let mut numbers = Numbers::default();
            for id in ids {
                numbers.note(&(Stream::Data, 1), &[part(*id, *id)]);
            }
            numbers
        };

        assert_eq!(told(of(&[4, 5, 9]), &[end(1, 11, 11)], (1, 3)), [(1, 6, 8), (1, 10, 11)]);
        assert_eq!(told(of(&[4, 5, 9]), &[end(1, 11, 11)], (1, 10)), [(1, 10, 11)]);
        assert_eq!(told(of(&[]), &[end(1, 11, 11)], (0, 0)), [(1, 1, 11)]);
    }

    #[test]
    fn each_epoch_counts_from_one_and_a_number_made_up_is_none() {
        let mut numbers = Numbers::default();
        numbers.note(&(Stream::Data, 1), &[part(1, 1), part(2, 2)]);
        numbers.note(&(Stream::Data, 2), &[part(4, 2)]);

        assert_eq!(told(numbers, &[end(1, 2, 1 << 40), end(2, 4, 2)], (0, 0)), [(2, 1, 1)]);
    }

    #[test]
    fn a_number_that_comes_again_or_falls_is_counted() {
        let mut numbers = Numbers::default();
        let track = (Stream::Data, 1);
        numbers.note(&track, &[part(1, 1)]);
        numbers.note(&track, &[part(2, 1)]);
        numbers.note(&track, &[part(2, 2)]);
        numbers.end_table();

        assert_eq!(numbers.twice, 2);
    }
}
