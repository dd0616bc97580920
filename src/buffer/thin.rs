//! Thinning: what is too much to keep is replaced by its means before it is dropped.
//!
//! Readings of a point become, per minute, their mean under the point's own name and `…_min`, `…_max` and `…_n` beside
//! it, all with the quality `uncertain:thinned-1m` and the end of the minute as their time. Thinned once more they
//! become quarters of an hour (`thinned-15m`), and after that they are dropped. Of what is no number the last value
//! stands for the minute. Few readings are not worth it: below [`WORTH`] there would be more after it than before.

use std::{collections::BTreeMap, sync::Arc};

use crate::model::{Grade, Point, PointAddress, PointName, PointType, Quality, Reading, Timestamp, Value};

/// Readings of a minute below which they are dropped as they are.
const WORTH: u64 = 5;
/// What a mean, its bounds and its count are told by.
const MINUTE: &str = "thinned-1m";
const QUARTER: &str = "thinned-15m";
/// Endings of the names of what goes with a mean.
const SUFFIXES: [&str; 3] = ["_min", "_max", "_n"];

/// Whether a reading stands for others that were there before.
pub(super) fn is_thinned(reading: &Reading) -> bool {
    matches!(reading.quality.grade(), Grade::Uncertain(MINUTE | QUARTER))
}

/// How coarse readings become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grain {
    Minute,
    Quarter,
}

impl Grain {
    /// What a reading becomes; none when it is as coarse as it gets.
    fn after(reading: &Reading) -> Option<Self> {
        match reading.quality.grade() {
            Grade::Uncertain(QUARTER) => None,
            Grade::Uncertain(MINUTE) => Some(Self::Quarter),
            Grade::Good | Grade::Uncertain(_) | Grade::Bad(_) => Some(Self::Minute),
        }
    }

    fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Quarter => 900_000,
        }
    }

    fn quality(self) -> Quality {
        Quality::uncertain(match self {
            Self::Minute => MINUTE,
            Self::Quarter => QUARTER,
        })
    }

    /// The end of the bucket in which a moment is. A mean stands at the end of its own.
    fn end(self, ts: Timestamp) -> Timestamp {
        let inside = if self == Self::Quarter { ts.as_millis() - 1 } else { ts.as_millis() };
        Timestamp::from_millis((inside.div_euclid(self.millis()) + 1).saturating_mul(self.millis()))
    }
}

/// Numbers of one bucket; a mean of them while it is not yet known how many they are.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    n: f64,
    mean: f64,
    min: f64,
    max: f64,
}

impl Numbers {
    const NONE: Self = Self { n: 0.0, mean: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn merge(&mut self, other: Self) {
        let n = self.n + other.n;
        if n > 0.0 {
            self.mean += (other.mean - self.mean) * other.n / n;
        }
        *self = Self { n, mean: self.mean, min: self.min.min(other.min), max: self.max.max(other.max) };
    }
}

/// One point in one bucket.
#[derive(Debug)]
struct Bucket {
    point: Arc<Point>,
    /// Readings that went in.
    count: u64,
    numbers: Numbers,
    /// The newest value, and its time.
    last: Option<(Timestamp, Value)>,
}

/// Gathers readings that have to go.
#[derive(Debug, Default)]
pub(super) struct Thinner {
    buckets: BTreeMap<(PointAddress, Grain, Timestamp), Bucket>,
    /// Means that were thinned before, by the moment they stand for, until their bounds and counts are together.
    means: BTreeMap<(PointAddress, Timestamp), (Arc<Point>, Numbers)>,
    taken: u64,
}

impl Thinner {
    /// Takes a reading; false for one that cannot be thinned any more.
    pub(super) fn take(&mut self, reading: &Reading) -> bool {
        let Some(grain) = Grain::after(reading) else { return false };
        let Some(value) = reading.value.as_ref() else { return false };
        self.taken += 1;
        match (grain, number(value)) {
            (Grain::Quarter, Some(number)) => self.take_mean(reading, number),
            (_, number) => self.put(&reading.point, grain, reading.ts, (number, value)),
        }
        true
    }

    fn put(&mut self, point: &Arc<Point>, grain: Grain, ts: Timestamp, (number, value): (Option<f64>, &Value)) {
        let bucket = self.bucket(point, grain, ts);
        bucket.count += 1;
        if let Some(value) = number {
            bucket.numbers.merge(Numbers { n: 1.0, mean: value, min: value, max: value });
        }
        if bucket.last.as_ref().is_none_or(|(newest, _)| *newest <= ts) {
            bucket.last = Some((ts, value.clone()));
        }
    }

    fn bucket(&mut self, point: &Arc<Point>, grain: Grain, ts: Timestamp) -> &mut Bucket {
        let key = (point.address.clone(), grain, grain.end(ts));
        self.buckets.entry(key).or_insert_with(|| Bucket {
            point: Arc::clone(point),
            count: 0,
            numbers: Numbers::NONE,
            last: None,
        })
    }

    /// A mean of a minute, or one of its bounds, or its count.
    fn take_mean(&mut self, reading: &Reading, number: f64) {
        let name = reading.point.name().as_str();
        let suffix = SUFFIXES.into_iter().find(|suffix| name.ends_with(suffix));
        let base = suffix.and_then(|suffix| PointName::new(name.strip_suffix(suffix)?).ok());
        let mut address = reading.point.address.clone();
        if let Some(base) = base {
            address.point = base;
        }
        let (point, numbers) =
            self.means.entry((address, reading.ts)).or_insert_with(|| (Arc::clone(&reading.point), Numbers::NONE));
        match suffix {
            Some("_min") => numbers.min = number,
            Some("_max") => numbers.max = number,
            Some(_) => numbers.n = number,
            None => (*point, numbers.mean) = (Arc::clone(&reading.point), number),
        }
    }

    /// What stands for all that was taken, in the order of time.
    pub(super) fn finish(mut self) -> Vec<Reading> {
        for ((_, ts), (point, numbers)) in std::mem::take(&mut self.means) {
            // A count that is missing is one at least.
            let numbers = Numbers { n: numbers.n.max(1.0), ..numbers };
            let bucket = self.bucket(&point, Grain::Quarter, ts);
            bucket.count += WORTH;
            bucket.numbers.merge(numbers);
        }
        let worth = self.buckets.into_iter().filter(|(_, bucket)| bucket.count >= WORTH);
        let mut readings: Vec<Reading> =
            worth.flat_map(|((_, grain, end), bucket)| bucket.readings(grain, end)).collect();
        readings.sort_by_key(|reading| reading.ts);
        readings
    }
}

impl Bucket {
    fn readings(self, grain: Grain, end: Timestamp) -> Vec<Reading> {
        let Numbers { n, mean, min, max } = self.numbers;
        let reading = |point: Arc<Point>, value: Value| Reading {
            point,
            value: Some(value),
            ts: end,
            quality: grain.quality(),
        };
        if n == 0.0 {
            let last = self.last.map(|(_, value)| reading(self.point, value));
            return last.into_iter().collect();
        }
        let beside = |suffix, unit: Option<&str>, value: f64| {
            let name = PointName::new(&format!("{}{suffix}", self.point.name().as_str())).ok()?;
            let point = Point::new(self.point.device().clone(), name, PointType::Float, unit);
            Some(reading(Arc::new(point), Value::Float(value)))
        };
        let unit = self.point.unit.as_deref();
        let rest = [beside("_min", unit, min), beside("_max", unit, max), beside("_n", None, n)];
        let own = Point::new(self.point.device().clone(), self.point.name().clone(), PointType::Float, unit);
        [reading(Arc::new(own), Value::Float(mean))].into_iter().chain(rest.into_iter().flatten()).collect()
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "a mean of integers is a float")]
        Value::Int(value) => Some(*value as f64),
        #[expect(clippy::cast_precision_loss, reason = "a mean of integers is a float")]
        Value::Uint(value) => Some(*value as f64),
        Value::Bool(_) | Value::Text(_) | Value::Bytes(_) | Value::Json(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DeviceId;

    fn point(name: &str) -> Arc<Point> {
        let (device, name) = (DeviceId::new("d").unwrap(), PointName::new(name).unwrap());
        Arc::new(Point::new(device, name, PointType::Float, Some("V")))
    }

    fn shown(readings: &[Reading]) -> Vec<(String, f64, i64)> {
        let show = |reading: &Reading| {
            let value = number(reading.value.as_ref().unwrap()).unwrap();
            (reading.point.name().as_str().to_owned(), value, reading.ts.as_millis())
        };
        readings.iter().map(show).collect()
    }

    fn thin(readings: &[Reading]) -> Vec<Reading> {
        let mut thinner = Thinner::default();
        assert!(readings.iter().all(|reading| thinner.take(reading)));
        thinner.finish()
    }

    #[test]
    fn a_minute_becomes_mean_bounds_and_count_and_minutes_a_weighted_quarter() {
        let voltage = point("voltage");
        let minute = |from: i64, values: &[f64]| -> Vec<Reading> {
            let at = |(index, value): (usize, &f64)| {
                let ts = Timestamp::from_millis(from + i64::try_from(index).unwrap() * 1_000);
                Reading::good(Arc::clone(&voltage), Value::Float(*value), ts)
            };
            values.iter().enumerate().map(at).collect()
        };

        let first = thin(&minute(0, &[1.0, 2.0, 3.0, 4.0, 5.0]));
        let second = thin(&minute(60_000, &[10.0; 15]));

        let minutes = [
            ("voltage".to_owned(), 3.0, 60_000),
            ("voltage_min".to_owned(), 1.0, 60_000),
            ("voltage_max".to_owned(), 5.0, 60_000),
            ("voltage_n".to_owned(), 5.0, 60_000),
        ];
        assert_eq!(shown(&first), minutes);
        assert!(first.iter().all(|reading| reading.quality == Quality::uncertain(MINUTE)));
        let quarter = thin(&[first, second].concat());
        let wanted = [
            ("voltage".to_owned(), 8.25, 900_000),
            ("voltage_min".to_owned(), 1.0, 900_000),
            ("voltage_max".to_owned(), 10.0, 900_000),
            ("voltage_n".to_owned(), 20.0, 900_000),
        ];
        assert_eq!(shown(&quarter), wanted);
        let mut thinner = Thinner::default();
        assert!(!quarter.iter().any(|reading| thinner.take(reading)), "a quarter was thinned further");
    }

    #[test]
    fn few_readings_are_dropped_and_of_texts_the_last_stays() {
        let at = |ms: i64, value: Value| Reading::good(point("state"), value, Timestamp::from_millis(ms));
        assert!(thin(&[at(0, Value::Float(1.0)), at(1, Value::Float(2.0))]).is_empty());

        let texts: Vec<Reading> = (0..6).map(|ms| at(ms, Value::Text(format!("s{ms}").into()))).collect();
        let left = thin(&texts);
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].value.clone(), left[0].ts.as_millis()), (Some(Value::Text("s5".into())), 60_000));

        let mut thinner = Thinner::default();
        assert!(!thinner.take(&Reading::bad(point("state"), "timeout", Timestamp::default())));
    }
}
