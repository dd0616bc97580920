//! Which blocks cover which values: the fewest that a length, a gap and refused ranges allow.
//!
//! From the first value that is not covered yet a block reaches as far to the right as it may. Whatever part of a
//! block may be read as a block of its own, so no other choice needs fewer blocks: the block that covers the first
//! value may always be cut off at its left end, and then it lies within ours.

use std::ops::Range;

/// The addresses of one value. They are never torn apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// First address and the one after the last.
    pub(super) addresses: Range<u32>,
    /// Whose they are.
    pub(super) point: usize,
}

/// What a block has to keep to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// Most addresses in a block; only a value that is longer by itself is read beyond it.
    pub(super) longest: u16,
    /// Most addresses in a row that belong to no value and are read all the same.
    pub(super) gap: u16,
    /// Whether every value has a block of its own.
    pub(super) is_single: bool,
    /// Ranges of which no block may contain one as a whole.
    pub(super) refused: &'a [Range<u32>],
}

/// Addresses to be read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// First address and the one after the last.
    pub(super) addresses: Range<u32>,
    /// Whose values are in it, by place.
    pub(super) points: Vec<usize>,
}

impl Block {
    /// A block of one value.
    fn of(span: Span) -> Self {
        Self { addresses: span.addresses, points: vec![span.point] }
    }

    /// Takes in all that lies between its beginning and `limit`.
    fn take(&mut self, spans: &mut Vec<Span>, limit: u32) {
        let start = self.addresses.start;
        for span in spans.extract_if(.., |span| span.addresses.start >= start && span.addresses.end <= limit) {
            self.addresses.end = self.addresses.end.max(span.addresses.end);
            self.points.push(span.point);
        }
    }
}

/// Covers every span exactly once.
pub(super) fn blocks(mut spans: Vec<Span>, rules: Rules<'_>) -> Vec<Block> {
    spans.sort_by_key(|span| (span.addresses.start, span.addresses.end, span.point));
    if rules.is_single {
        return spans.into_iter().map(Block::of).collect();
    }
    let mut blocks = Vec::new();
    for cluster in clusters(spans, rules.gap.into()) {
        cover(cluster, rules, &mut blocks);
    }
    blocks
}

/// Parts the spans, sorted, where more addresses lie between them than may be read for nothing.
fn clusters(spans: Vec<Span>, gap: u32) -> Vec<Vec<Span>> {
    let mut clusters: Vec<Vec<Span>> = Vec::new();
    let mut reach = 0;
    for span in spans {
        let Range { start, end } = span.addresses;
        match clusters.last_mut() {
            Some(cluster) if start <= reach + gap => cluster.push(span),
            Some(_) | None => clusters.push(vec![span]),
        }
        reach = end.max(reach);
    }
    clusters
}

/// Covers one cluster: values that no block may hold by blocks of their own, the others from left to right.
fn cover(spans: Vec<Span>, rules: Rules<'_>, blocks: &mut Vec<Block>) {
    let (mut own, mut rest): (Vec<Span>, Vec<Span>) =
        spans.into_iter().partition(|span| span.addresses.end > limit(span.addresses.start, rules));
    own.sort_by_key(|span| span.addresses.start.abs_diff(span.addresses.end));
    while let Some(span) = own.pop() {
        let limit = span.addresses.end;
        let mut block = Block::of(span);
        block.take(&mut own, limit);
        block.take(&mut rest, limit);
        blocks.push(block);
    }
    while !rest.is_empty() {
        let mut block = Block::of(rest.remove(0));
        block.take(&mut rest, limit(block.addresses.start, rules));
        blocks.push(block);
    }
}

/// How far a block from `start` may reach.
fn limit(start: u32, rules: Rules<'_>) -> u32 {
    let behind = rules.refused.iter().filter(|refused| refused.start >= start);
    let before_refused = behind.map(|refused| refused.end.saturating_sub(1)).min().unwrap_or(u32::MAX);
    before_refused.min(start + u32::from(rules.longest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(point: usize, start: u32, count: u32) -> Span {
        Span { addresses: start..start + count, point }
    }

    fn rules(longest: u16, gap: u16, refused: &[Range<u32>]) -> Rules<'_> {
        Rules { longest, gap, is_single: false, refused }
    }

    fn ranges(spans: Vec<Span>, rules: Rules<'_>) -> Vec<(u32, u32)> {
        blocks(spans, rules).into_iter().map(|block| (block.addresses.start, block.addresses.end)).collect()
    }

    #[test]
    fn a_gap_is_read_only_as_far_as_it_may() {
        let spans = vec![span(0, 0, 2), span(1, 5, 2), span(2, 11, 2)];
        assert_eq!(ranges(spans.clone(), rules(100, 0, &[])), [(0, 2), (5, 7), (11, 13)]);
        assert_eq!(ranges(spans.clone(), rules(100, 3, &[])), [(0, 7), (11, 13)]);
        assert_eq!(ranges(spans, rules(100, 4, &[])), [(0, 13)]);
    }

    #[test]
    fn a_block_ends_before_it_contains_a_refused_range() {
        let spans: Vec<Span> = (0..10).map(|at| span(0, at, 1)).collect();
        // A seam between 3 and 4 may not be crossed, and from 4 on there is room again.
        assert_eq!(ranges(spans.clone(), rules(100, 0, std::slice::from_ref(&(3..5)))), [(0, 4), (4, 10)]);
        // A bad register in a gap is not read with its neighbours.
        let around = vec![span(0, 0, 1), span(1, 2, 1)];
        assert_eq!(ranges(around, rules(100, 5, &[1..2, 1..2])), [(0, 1), (2, 3)]);
    }

    #[test]
    fn a_value_longer_than_a_block_is_read_alone_and_whole() {
        assert_eq!(
            ranges(vec![span(0, 0, 1), span(1, 1, 9), span(2, 10, 1)], rules(4, 0, &[])),
            [(1, 10), (0, 1), (10, 11)]
        );
    }

    /// Up to seven values within 30 addresses.
    fn any_spans() -> impl Strategy<Value = Vec<Span>> {
        proptest::collection::vec((0..30u32, 1..5u32), 1..8).prop_map(|places| {
            places.into_iter().enumerate().map(|(point, (start, count))| span(point, start, count)).collect()
        })
    }

    /// Whether addresses may be read at once.
    fn may_be_read(block: &Range<u32>, spans: &[Span], rules: Rules<'_>) -> bool {
        let mut idle = 0;
        let is_gap_kept = block.clone().all(|address| {
            idle = if spans.iter().any(|span| span.addresses.contains(&address)) { 0 } else { idle + 1 };
            idle <= u32::from(rules.gap)
        });
        let is_whole = spans.iter().any(|span| span.addresses == *block);
        let is_short = block.end - block.start <= u32::from(rules.longest);
        let contains = |refused: &Range<u32>| refused.start >= block.start && refused.end <= block.end;
        is_whole || (is_gap_kept && is_short && !rules.refused.iter().any(contains))
    }

    /// The fewest blocks that cover the spans, found by trying every one for the first that is not covered.
    fn fewest(spans: &[Span], all: &[Span], rules: Rules<'_>) -> usize {
        let Some(first) = spans.iter().min_by_key(|span| span.addresses.start) else { return 0 };
        let ends = all.iter().map(|span| span.addresses.end);
        let starts = all.iter().map(|span| span.addresses.start).filter(|&start| start <= first.addresses.start);
        let blocks = starts.flat_map(|start| ends.clone().filter(move |&end| end > start).map(move |end| start..end));
        let covers =
            |block: &Range<u32>, span: &Span| block.start <= span.addresses.start && span.addresses.end <= block.end;
        let usable = blocks.filter(|block| covers(block, first) && may_be_read(block, all, rules));
        let rest =
            |block: Range<u32>| -> Vec<Span> { spans.iter().filter(|span| !covers(&block, span)).cloned().collect() };
        usable.map(|block| 1 + fewest(&rest(block), all, rules)).min().expect("a span can be read alone")
    }

    proptest! {
        #[test]
        fn every_value_is_covered_once_by_the_fewest_blocks_that_may_be_read(
            spans in any_spans(), longest in 1..12u16, gap in 0..4u16, seam in 0..30u32,
        ) {
            let refused = seam..seam + 6;
            let rules = rules(longest, gap, std::slice::from_ref(&refused));
            let planned = blocks(spans.clone(), rules);

            let mut points: Vec<usize> = planned.iter().flat_map(|block| block.points.clone()).collect();
            points.sort_unstable();
            prop_assert_eq!(points, (0..spans.len()).collect::<Vec<_>>());
            for block in &planned {
                prop_assert!(may_be_read(&block.addresses, &spans, rules), "{:?}", block);
                for &point in &block.points {
                    let Range { start, end } = spans[point].addresses;
                    prop_assert!(block.addresses.start <= start && end <= block.addresses.end);
                }
            }
            prop_assert_eq!(planned.len(), fewest(&spans, &spans, rules));
        }
    }
}
