//! What is kept of the readings of one point in one span of time.

use crate::model::{PointType, Reading, Timestamp, Value};

/// Count, extremes, mean and last value. Two summaries of one span merge into what one of all their readings would be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::buffer) struct Summary {
    /// Readings with a value.
    pub(in crate::buffer) n: u64,
    /// Readings without one.
    pub(in crate::buffer) bad: u64,
    /// What the values were; means nothing while `n` is zero.
    pub(in crate::buffer) values: Values,
}

/// The values of a [`Summary`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::buffer) struct Values {
    pub(in crate::buffer) min: f64,
    pub(in crate::buffer) mean: f64,
    pub(in crate::buffer) max: f64,
    pub(in crate::buffer) last: f64,
    /// When `last` was measured.
    pub(in crate::buffer) last_ts: Timestamp,
}

/// Whether readings of a point are summed up: numbers and switches are, text and the like is not.
pub(in crate::buffer) fn is_numeric(kind: PointType) -> bool {
    match kind {
        PointType::Float | PointType::Int | PointType::Bool => true,
        PointType::Text | PointType::Bytes | PointType::Json => false,
    }
}

/// The number a reading adds to its summary; none when it is bad.
pub(in crate::buffer) fn number_of(reading: &Reading) -> Option<f64> {
    match reading.value.as_ref()? {
        Value::Bool(on) => Some(f64::from(u8::from(*on))),
        value => value.as_f64().filter(|number| number.is_finite()),
    }
}

impl Summary {
    /// Takes a reading in: its number, or none when it is bad.
    pub(in crate::buffer) fn note(&mut self, number: Option<f64>, ts: Timestamp) {
        match number {
            Some(value) => {
                let values = Values { min: value, mean: value, max: value, last: value, last_ts: ts };
                self.merge(&Self { n: 1, bad: 0, values });
            }
            None => self.bad += 1,
        }
    }

    /// Takes in another summary of the same span. Of two last values of one moment the other's counts.
    pub(in crate::buffer) fn merge(&mut self, other: &Self) {
        self.bad = self.bad.saturating_add(other.bad);
        if other.n == 0 {
            return;
        }
        if self.n == 0 {
            (self.n, self.values) = (other.n, other.values);
            return;
        }
        self.n = self.n.saturating_add(other.n);
        let weight = share(other.n, self.n);
        let (mine, theirs) = (&mut self.values, &other.values);
        // In this form equal means stay as they are, and no sum of large numbers overflows.
        mine.mean += theirs.mean * weight - mine.mean * weight;
        mine.min = mine.min.min(theirs.min);
        mine.max = mine.max.max(theirs.max);
        // Rounding may carry a mean past its extremes. No `clamp`: it panics where these are not in order.
        mine.mean = mine.mean.max(mine.min).min(mine.max);
        if theirs.last_ts >= mine.last_ts {
            (mine.last, mine.last_ts) = (theirs.last, theirs.last_ts);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of readings; nobody counts up to 2^53 of them")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(readings: &[(f64, i64)]) -> Summary {
        let mut summary = Summary::default();
        for &(value, ms) in readings {
            summary.note(Some(value), Timestamp::from_millis(ms));
        }
        summary
    }

    #[test]
    fn a_steady_value_is_its_own_mean() {
        let summary = of(&[(230.1, 0); 61]);
        assert_eq!((summary.n, summary.values.mean.to_bits()), (61, 230.1_f64.to_bits()));
    }

    #[test]
    fn the_last_value_is_the_newest_and_not_the_one_noted_last() {
        assert!((of(&[(1.0, 5), (2.0, 9), (3.0, 7)]).values.last - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn numbers_of_any_size_stay_numbers() {
        let values = of(&[(f64::MAX, 0), (f64::MIN, 1), (f64::MAX, 2)]).values;
        assert!(values.mean.is_finite() && values.min < values.mean && values.mean < values.max);
    }

    proptest! {
        #[test]
        fn parts_merge_into_the_whole(
            readings in proptest::collection::vec((-1e6_f64..1e6, 0_i64..60_000), 1..40),
            cut in 0_usize..40,
        ) {
            let (first, second) = readings.split_at(cut.min(readings.len()));
            let mut merged = of(first);
            merged.merge(&of(second));
            let whole = of(&readings);

            prop_assert_eq!(merged.n, whole.n);
            let (a, b) = (merged.values, whole.values);
            prop_assert_eq!((a.min, a.max, a.last, a.last_ts), (b.min, b.max, b.last, b.last_ts));
            prop_assert!((a.mean - b.mean).abs() < 1e-6, "{} {}", a.mean, b.mean);
        }
    }
}
