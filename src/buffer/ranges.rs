//! A compact set of block ids: sorted ranges that never touch. Delivery is nearly in order, so a set of millions of
//! ids is a handful of ranges.

use super::codec::wire::{self, Reader, WireError};

/// A set of `u64` as inclusive ranges, ascending, with at least one missing number between two of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds one id; false when it was in the set.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        if self.contains(id) {
            return false;
        }
        self.insert_range(id, id);
        true
    }

    /// Adds `from..=to`, and nothing when it is empty.
    pub(super) fn insert_range(&mut self, from: u64, to: u64) {
        if from > to {
            return;
        }
        // Ranges that overlap or touch the new one become one with it.
        let first = self.0.partition_point(|&(_, end)| end.saturating_add(1) < from);
        let last = self.0.partition_point(|&(start, _)| start <= to.saturating_add(1));
        let merged = match self.0.get(first..last) {
            Some([head, .., tail]) => (from.min(head.0), to.max(tail.1)),
            Some([only]) => (from.min(only.0), to.max(only.1)),
            Some([]) | None => (from, to),
        };
        self.0.splice(first..last.max(first), [merged]);
    }

    /// Takes one id out.
    pub(super) fn remove(&mut self, id: u64) {
        let place = self.0.partition_point(|&(_, end)| end < id);
        let Some(&(from, to)) = self.0.get(place).filter(|(from, _)| *from <= id) else { return };
        let before = (from < id).then(|| (from, id - 1));
        let after = (id < to).then(|| (id + 1, to));
        self.0.splice(place..=place, before.into_iter().chain(after));
    }

    /// Adds all of another set.
    pub(super) fn extend(&mut self, other: &Self) {
        other.iter().for_each(|(from, to)| self.insert_range(from, to));
    }

    /// Whether an id is in the set.
    pub(super) fn contains(&self, id: u64) -> bool {
        self.0.get(self.0.partition_point(|&(_, end)| end < id)).is_some_and(|&(start, _)| start <= id)
    }

    /// How many ids are in the set.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().fold(0, |sum, (from, to)| sum.saturating_add((to - from).saturating_add(1)))
    }

    /// The ranges, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Ids that are in both sets.
    pub(super) fn intersect(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            let (from, to) = (a.0.max(b.0), a.1.min(b.1));
            if from <= to {
                both.push((from, to));
            }
            if a.1 <= b.1 {
                left.next()
            } else {
                right.next()
            };
        }
        Self(both)
    }

    /// What of `from..=to` is missing, as ranges.
    pub(super) fn missing(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let first = self.0.partition_point(|&(_, end)| end < from);
        let mut next = Some(from);
        let ends = self.0[first..].iter().copied().map(Some).chain([None]);
        let holes = ends.map_while(move |present| {
            let start = next.filter(|&start| start <= to)?;
            next = present.and_then(|(_, end)| end.checked_add(1));
            // Before a range that begins at 0 there is no hole.
            let end = present.map_or(Some(to), |(begin, _)| begin.checked_sub(1));
            Some(end.map(|end| (start, end.min(to))))
        });
        holes.flatten().filter(|(start, end)| start <= end)
    }

    /// The set without ids above `max`.
    #[must_use]
    pub(super) fn up_to(&self, max: u64) -> Self {
        let kept = self.0.iter().filter(|(from, _)| *from <= max);
        Self(kept.map(|&(from, to)| (from, to.min(max))).collect())
    }

    /// As bytes: varints of the distances from end to start and from start to end.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut last = 0;
        for &(from, to) in &self.0 {
            wire::put_u64(&mut out, from - last);
            wire::put_u64(&mut out, to - from);
            last = to;
        }
        out
    }

    /// Reads [`Ranges::encode`]; any other bytes are refused or give some valid set.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(bytes);
        let mut set = Self::default();
        let mut last = 0_u64;
        while !input.is_empty() {
            let from = last.checked_add(input.u64()?).ok_or(WireError::Range)?;
            let to = from.checked_add(input.u64()?).ok_or(WireError::Range)?;
            set.insert_range(from, to);
            last = to;
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn both(spans: &[(u64, u64)]) -> (Ranges, BTreeSet<u64>) {
        let (mut ranges, mut plain) = (Ranges::default(), BTreeSet::new());
        for &(from, len) in spans {
            ranges.insert_range(from, from + len);
            plain.extend(from..=from + len);
        }
        (ranges, plain)
    }

    fn spans() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((0_u64..120, 0_u64..6), 0..24)
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_set(a in spans(), b in spans(), from in 0_u64..130, len in 0_u64..130) {
            let ((left, plain), (right, other)) = (both(&a), both(&b));
            prop_assert_eq!(left.len(), plain.len() as u64);
            prop_assert!((0..140).all(|id| left.contains(id) == plain.contains(&id)));
            let mut less = left.clone();
            less.remove(from);
            prop_assert!((0..140).all(|id| less.contains(id) == (id != from && plain.contains(&id))));
            prop_assert_eq!(Ranges::decode(&less.encode()).unwrap(), less);
            let mut more = left.clone();
            more.extend(&right);
            prop_assert!((0..140).all(|id| more.contains(id) == (plain.contains(&id) || other.contains(&id))));
            let common: BTreeSet<u64> = left.intersect(&right).iter().flat_map(|(from, to)| from..=to).collect();
            prop_assert_eq!(common, &plain & &other);
            let missing: Vec<u64> = left.missing(from, from + len).flat_map(|(from, to)| from..=to).collect();
            let wanted: Vec<u64> = (from..=from + len).filter(|id| !plain.contains(id)).collect();
            prop_assert_eq!(missing, wanted);
            prop_assert_eq!(Ranges::decode(&left.encode()).unwrap(), left.clone());
            prop_assert!(left.up_to(from).iter().all(|(_, to)| to <= from));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Ranges::decode(&bytes);
        }
    }

    #[test]
    fn holds_the_largest_numbers() {
        let mut ranges = Ranges::default();
        ranges.insert_range(u64::MAX - 1, u64::MAX);
        assert!(ranges.insert(0));
        assert!(!ranges.insert(u64::MAX));
        assert_eq!(ranges.missing(0, u64::MAX).collect::<Vec<_>>(), [(1, u64::MAX - 2)]);
        assert_eq!(Ranges::decode(&ranges.encode()).unwrap(), ranges);
    }
}
