//! What was learned of a unit: what it refuses to give, and how much it gives at once.
//!
//! Everything is a range that was refused while its parts, if it has any, were not. It is asked for again now and
//! then, since devices are replaced and reconfigured; what is accepted then is forgotten here. It belongs to a unit
//! on a link and to registers, not to the names of points: a changed configuration keeps what still applies.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    config::{Device, Table},
    counter,
    exception::Exception,
    layout::is_bits,
    pdu::Request,
    plan::addresses,
};

/// Longest pause between two questions for what was refused.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Shortest first pause for what was never given; so long a few hundred polls make the question cheap.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// How many polls pass before what was never given is asked for again.
const FIRST_POLLS: u32 = 100;

/// Shortest first pause for what was given before in this run.
const FIRST_WAIT_AFTER_GOOD: Duration = Duration::from_secs(10);

/// How many polls pass before what was given before in this run is asked for again.
const FIRST_POLLS_AFTER_GOOD: u32 = 10;

/// Why a range is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Cause {
    /// The unit does not have it.
    Address,
    /// Two areas that cannot be read together meet in it.
    Seam,
    /// It is longer than what the unit gives at once.
    Length,
}

/// A range that a unit refuses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) table: Table,
    pub(super) start: u16,
    pub(super) count: u16,
    pub(super) cause: Cause,
    /// The exception code it was refused with.
    pub(super) code: u8,
    /// Pause before it is asked for again; each further one doubles.
    pub(super) wait_s: f64,
    /// When it is asked for again.
    #[serde(skip)]
    due: Option<Instant>,
}

impl Refused {
    /// Its addresses.
    fn addresses(&self) -> Range<u32> {
        let start = u32::from(self.start);
        start..start + u32::from(self.count)
    }

    /// The question for it.
    pub(super) fn request(&self) -> Request {
        Request::Read { table: self.table, start: self.start, count: self.count }
    }

    /// Sets the moment of the next question.
    fn rest(&mut self, now: Instant, wait: Duration) {
        self.wait_s = wait.as_secs_f64();
        self.due = Some(now + wait);
    }
}

/// What was learned of one unit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Learned {
    refused: Vec<Refused>,
}

/// What was learned on one link, as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Document {
    /// By device.
    pub(super) devices: BTreeMap<String, Kept>,
}

/// What was learned of one unit, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The unit and its link: of another one this is not known.
    pub(super) place: String,
    pub(super) refused: Vec<Refused>,
    /// What its counters came to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) counters: Vec<counter::Kept>,
}

impl Learned {
    /// What was kept, as far as it is about registers that the device has points in. What is to be asked for again
    /// is spread over the second half of its pause, so that a restart is no burst of questions.
    pub(super) fn recalled(kept: Vec<Refused>, device: &Device, now: Instant) -> Self {
        let mut learned = Self { refused: kept };
        learned.refused.retain(|refused| {
            let readable = device.points.iter().filter(|mapped| mapped.point.access.can_read());
            readable
                .filter(|mapped| mapped.register.table == refused.table)
                .any(|mapped| refused.cause != Cause::Address || contains(&addresses(mapped), &refused.addresses()))
        });
        for refused in &mut learned.refused {
            let wait = Duration::try_from_secs_f64(refused.wait_s).unwrap_or(MAX_WAIT).min(MAX_WAIT);
            refused.rest(now, wait);
            refused.due = Some(now + wait.mul_f64(0.5 + fastrand::f64() / 2.0));
        }
        learned
    }

    /// What of it is worth keeping.
    pub(super) fn kept(&self, place: String, counters: Vec<counter::Kept>) -> Option<Kept> {
        let is_worth_it = !self.refused.is_empty() || !counters.is_empty();
        is_worth_it.then(|| Kept { place, refused: self.refused.clone(), counters })
    }

    /// Notes a range. `has_been_given` is whether all of it was read before in this run: then the unit may only be
    /// out of sorts, and is asked again soon.
    pub(super) fn note(
        &mut self,
        (request, cause, code): (&Request, Cause, Exception),
        poll: Duration,
        has_been_given: bool,
        now: Instant,
    ) {
        let &Request::Read { table, start, count } = request else { return };
        let (polls, least) =
            if has_been_given { (FIRST_POLLS_AFTER_GOOD, FIRST_WAIT_AFTER_GOOD) } else { (FIRST_POLLS, FIRST_WAIT) };
        let wait = poll.saturating_mul(polls).max(least);
        let mut refused = Refused { table, start, count, cause, code: code.0, wait_s: 0.0, due: None };
        refused.rest(now, wait.min(MAX_WAIT));
        self.refused.push(refused);
    }

    /// Most registers or bits that may be asked for at once.
    pub(super) fn longest(&self, table: Table, allowed: u16) -> u16 {
        let lengths = self.refused.iter().filter(|refused| refused.cause == Cause::Length);
        let lengths = lengths.filter(|refused| is_bits(refused.table) == is_bits(table));
        lengths.map(|refused| refused.count.saturating_sub(1)).fold(allowed, u16::min).max(1)
    }

    /// The ranges of a table that no request may contain.
    pub(super) fn ranges(&self, table: Table) -> Vec<Range<u32>> {
        let ranges = self.refused.iter().filter(|refused| refused.cause != Cause::Length && refused.table == table);
        ranges.map(Refused::addresses).collect()
    }

    /// Why a value is not asked for, if it is not.
    pub(super) fn refusal(&self, table: Table, value: &Range<u32>) -> Option<Exception> {
        let mut addresses = self.refused.iter().filter(|refused| refused.cause == Cause::Address);
        let found = addresses.find(|refused| refused.table == table && contains(value, &refused.addresses()));
        found.map(|refused| Exception(refused.code))
    }

    /// The range to be asked for next, and when.
    pub(super) fn next(&self) -> Option<(usize, Instant)> {
        let due = self.refused.iter().enumerate().filter_map(|(index, refused)| Some((index, refused.due?)));
        due.min_by_key(|&(_, due)| due)
    }

    /// A range by its number.
    pub(super) fn range(&self, index: usize) -> &Refused {
        &self.refused[index]
    }

    /// The unit refused a range once more. Whether its pause changed.
    pub(super) fn refused_again(&mut self, index: usize, longest: Duration, now: Instant) -> bool {
        let refused = &mut self.refused[index];
        let before = refused.wait_s;
        let wait = Duration::try_from_secs_f64(before * 2.0).unwrap_or(longest).min(longest);
        refused.rest(now, wait);
        refused.wait_s > before
    }

    /// Nothing was learned from a question: it is asked again after the same pause.
    pub(super) fn not_answered(&mut self, index: usize, now: Instant) {
        let refused = &mut self.refused[index];
        let wait = Duration::try_from_secs_f64(refused.wait_s).unwrap_or(MAX_WAIT);
        refused.rest(now, wait);
    }

    /// The unit gave a range. It changed its mind, so the other ranges are asked for soon, too.
    pub(super) fn accepted(&mut self, index: usize, now: Instant) {
        self.refused.remove(index);
        for refused in &mut self.refused {
            refused.due = Some(now);
        }
    }
}

/// Whether a range lies within another.
fn contains(outer: &Range<u32>, inner: &Range<u32>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::modbus::{
        config::DataType,
        fixtures::{device, mapped},
    };

    const REFUSED: Exception = Exception::ILLEGAL_ADDRESS;
    const POLL: Duration = Duration::from_secs(1);

    fn read(start: u16, count: u16) -> Request {
        Request::Read { table: Table::Holding, start, count }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_given_is_asked_for_rarely_and_what_was_soon() {
        let now = Instant::now();
        let mut learned = Learned::default();
        learned.note((&read(7, 1), Cause::Address, REFUSED), POLL, false, now);
        assert_eq!(learned.next(), Some((0, now + 100 * POLL)));
        learned.note((&read(9, 1), Cause::Address, REFUSED), POLL, true, now);
        assert_eq!(learned.next(), Some((1, now + 10 * POLL)));

        let mut waits = Vec::new();
        while learned.refused_again(1, MAX_WAIT, now) {
            waits.push(learned.range(1).wait_s);
        }
        assert_eq!((waits[0], waits.len(), waits[8]), (20.0, 9, 3600.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_range_that_is_given_is_forgotten_and_lets_the_others_hope() {
        let now = Instant::now();
        let mut learned = Learned::default();
        learned.note((&read(7, 1), Cause::Address, REFUSED), POLL, false, now);
        learned.note((&read(0, 65), Cause::Length, REFUSED), POLL, false, now);
        assert_eq!((learned.longest(Table::Input, 100), learned.longest(Table::Coil, 2000)), (64, 2000));
        assert_eq!(learned.refusal(Table::Holding, &(6..8)), Some(REFUSED));
        assert_eq!(learned.refusal(Table::Holding, &(8..9)), None);

        learned.accepted(1, now);

        assert_eq!((learned.longest(Table::Input, 100), learned.next()), (100, Some((0, now))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_recalled_as_far_as_it_still_applies() {
        let now = Instant::now();
        let mut learned = Learned::default();
        for (start, cause) in [(7, Cause::Address), (50, Cause::Address), (0, Cause::Length)] {
            learned.note((&read(start, 2), cause, REFUSED), POLL, false, now);
        }
        let text = serde_json::to_string(&learned.kept("unit 1".into(), Vec::new()).unwrap()).unwrap();
        let kept: Kept = serde_json::from_str(&text).unwrap();

        let recalled = Learned::recalled(kept.refused, &device(vec![mapped("holding", 7, DataType::F32)]), now);

        let left: Vec<_> = recalled.refused.iter().map(|refused| (refused.start, refused.cause)).collect();
        assert_eq!(left, [(7, Cause::Address), (0, Cause::Length)]);
        assert!(recalled.next().unwrap().1 >= now + 50 * POLL);
    }

    #[test]
    fn a_document_with_impossible_numbers_is_read_without_harm() {
        let text = r#"{"table":"holding","start":7,"count":0,"cause":"length","code":2,"wait_s":-1e300}"#;
        let refused: Refused = serde_json::from_str(text).unwrap();
        let device = device(vec![mapped("holding", 7, DataType::F32)]);
        let learned = Learned::recalled(vec![refused], &device, Instant::now());
        assert_eq!(learned.longest(Table::Holding, 100), 1);
    }
}
