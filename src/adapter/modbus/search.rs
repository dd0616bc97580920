//! What in a refused block is refused: the smallest part of it, found by halves.
//!
//! ```text
//! prefix: the shortest beginning that is refused ends with the culprit
//! last:   is the culprit refused alone?           yes -> found: an address
//! suffix: the shortest end of that beginning that is refused
//! proof:  is that part refused once more?         yes -> found: a seam, or a length
//! ```
//!
//! It takes for granted that a part of what is accepted is accepted, too. A block of n values takes about 2 log n
//! questions, and each that is accepted gives the values in it.

use std::ops::Range;

use super::blocks::Span;

/// A search under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Search {
    /// The values of the block by place.
    spans: Vec<Span>,
    step: Step,
    /// So many values from the left were given already.
    pub(super) given: usize,
}

/// What is known, as numbers of values from the left.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// The first `good` are accepted, the first `bad` are not.
    Prefix { good: usize, bad: usize },
    /// The first `bad` are refused; is the last of them alone?
    Last { bad: usize },
    /// From `from` to `bad` they are refused, from `good` to `bad` they are not.
    Suffix { from: usize, good: usize, bad: usize },
    /// From `from` to `bad` it should be refused, as it was.
    Proof { from: usize, bad: usize },
}

/// How a question was answered.
#[derive(Debug, PartialEq)]
pub(super) enum Progress {
    /// The next question is ready.
    GoOn,
    /// The values of this range are refused, and of no part of it.
    Found(Range<usize>),
    /// It is not refused any more.
    Vanished,
}

impl Search {
    /// A search in a block of values that was refused.
    pub(super) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_by_key(|span| (span.addresses.start, span.addresses.end));
        let bad = spans.len();
        let mut search = Self { spans, step: Step::Prefix { good: 0, bad }, given: 0 };
        search.step = Self::advance(search.step);
        search
    }

    /// The values to ask for next.
    pub(super) fn asked(&self) -> Range<usize> {
        match self.step {
            Step::Prefix { good, bad } => 0..good.midpoint(bad),
            Step::Last { bad } => bad - 1..bad,
            Step::Suffix { from, good, bad } => from.midpoint(good)..bad,
            Step::Proof { from, bad } => from..bad,
        }
    }

    /// The addresses of some values.
    pub(super) fn addresses(&self, values: Range<usize>) -> Range<u32> {
        let spans = &self.spans[values];
        let start = spans.iter().map(|span| span.addresses.start).min().unwrap_or_default();
        start..spans.iter().map(|span| span.addresses.end).max().unwrap_or(start)
    }

    /// Whose values they are.
    pub(super) fn points(&self, values: Range<usize>) -> Vec<usize> {
        self.spans[values].iter().map(|span| span.point).collect()
    }

    /// Takes the answer to the last question.
    pub(super) fn answered(&mut self, is_accepted: bool) -> Progress {
        let asked = self.asked();
        let next = match (self.step, is_accepted) {
            (Step::Prefix { bad, .. }, true) => Step::Prefix { good: asked.end, bad },
            (Step::Prefix { good, .. }, false) => Step::Prefix { good, bad: asked.end },
            (Step::Last { .. } | Step::Proof { .. }, false) => return Progress::Found(asked),
            (Step::Last { bad: 1 } | Step::Proof { .. }, true) => return Progress::Vanished,
            (Step::Last { bad }, true) => Step::Suffix { from: 0, good: bad - 1, bad },
            (Step::Suffix { from, bad, .. }, true) => Step::Suffix { from, good: asked.start, bad },
            (Step::Suffix { good, bad, .. }, false) => Step::Suffix { from: asked.start, good, bad },
        };
        self.step = Self::advance(next);
        Progress::GoOn
    }

    /// Goes on to the next kind of question when this kind has none left.
    fn advance(step: Step) -> Step {
        match step {
            Step::Prefix { good, bad } if bad - good <= 1 => Step::Last { bad },
            Step::Suffix { from, good, bad } if good - from <= 1 => Step::Proof { from, bad },
            Step::Prefix { .. } | Step::Last { .. } | Step::Suffix { .. } | Step::Proof { .. } => step,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches values of one register each; gives what was found and the number of questions.
    fn search(count: u32, refuses: impl Fn(&Range<u32>) -> bool) -> (Option<Range<u32>>, usize) {
        let spans = (0..count).map(|at| Span { addresses: at..at + 1, point: 0 }).collect();
        let mut search = Search::new(spans);
        for questions in 1..100 {
            let addresses = search.addresses(search.asked());
            match search.answered(!refuses(&addresses)) {
                Progress::GoOn => {}
                Progress::Found(values) => return (Some(search.addresses(values)), questions),
                Progress::Vanished => return (None, questions),
            }
        }
        panic!("the search has no end");
    }

    #[test]
    fn the_end_of_what_a_unit_takes_at_once_is_found() {
        assert_eq!(search(100, |block| block.end - block.start > 64).0, Some(0..65));
        assert_eq!(search(2, |block| block.end - block.start > 1).0, Some(0..2));
    }

    #[test]
    fn a_seam_between_two_areas_is_found() {
        assert_eq!(search(100, |block| block.start < 40 && block.end > 40).0, Some(39..41));
    }

    #[test]
    fn a_refusal_that_does_not_last_is_forgotten() {
        assert_eq!(search(100, |_| false).0, None);
    }

    proptest! {
        #[test]
        fn the_smallest_refused_part_is_found_with_few_questions(
            count in 2..200u32, start in 0..200u32, len in 1..8u32,
        ) {
            let start = start % count;
            let refused = start..(start + len).min(count);
            let contains = |block: &Range<u32>| block.start <= refused.start && block.end >= refused.end;
            let (found, questions) = search(count, contains);
            prop_assert_eq!(found, Some(refused));
            prop_assert!(questions <= 2 * count.ilog2() as usize + 4, "{} questions", questions);
        }
    }
}
