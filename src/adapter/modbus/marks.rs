//! What was last said of each point, so that a fault is told once and not with every poll.

use std::sync::Arc;

use super::config::Device;
use crate::model::{Point, Reading, Timestamp, Value};

/// What was said of each point, by device and point.
#[derive(Debug)]
pub(super) struct Marks {
    all: Vec<Box<[Mark]>>,
    /// The reasons that were given, each once: words of this program, of which there are a few dozen.
    reasons: Vec<&'static str>,
}

/// What was said of a point. Small, because a gateway has tens of thousands of points, and hardly one of them is bad.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// The place of its last reading's reason, counted from one; zero while it is good.
    why: u16,
    /// Whether it was ever good in this run.
    was_read: bool,
}

impl Marks {
    /// Nothing was said yet.
    pub(super) fn new(devices: &[Device]) -> Self {
        let all = devices.iter().map(|device| vec![Mark::default(); device.points.len()].into()).collect();
        Self { all, reasons: Vec::new() }
    }

    /// The reading to send: every value, but a reason only when it is another one than last time.
    pub(super) fn reading(
        &mut self,
        (device, index): (usize, usize),
        point: &Arc<Point>,
        result: Result<Value, &'static str>,
        ts: Timestamp,
    ) -> Option<Reading> {
        match result {
            Ok(value) => {
                self.all[device][index] = Mark { why: 0, was_read: true };
                Some(Reading::good(Arc::clone(point), value, ts))
            }
            Err(why) => {
                let number = self.number(why);
                let mark = &mut self.all[device][index];
                (std::mem::replace(&mut mark.why, number) != number).then(|| Reading::bad(Arc::clone(point), why, ts))
            }
        }
    }

    /// Whether a fault of a point was the last that was said of it.
    pub(super) fn is_bad(&self, device: usize, index: usize) -> bool {
        self.all[device][index].why != 0
    }

    /// Whether a point was ever good in this run.
    pub(super) fn was_read(&self, device: usize, index: usize) -> bool {
        self.all[device][index].was_read
    }

    /// The number of a reason, a new one the first time.
    fn number(&mut self, why: &'static str) -> u16 {
        let place = self.reasons.iter().position(|known| *known == why).unwrap_or_else(|| {
            self.reasons.push(why);
            self.reasons.len() - 1
        });
        // Beyond sixty thousand they would count as one.
        u16::try_from(place + 1).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            config::DataType,
            fixtures::{device, mapped},
        },
        *,
    };

    #[test]
    fn a_reason_is_told_once_until_it_is_another_or_a_value_came() {
        let device = device(vec![mapped("holding", 0, DataType::U16), mapped("holding", 1, DataType::U16)]);
        let points: Vec<_> = device.points.iter().map(|mapped| Arc::clone(&mapped.point)).collect();
        let mut marks = Marks::new(&[device]);
        let mut is_told =
            |index: usize, result| marks.reading((0, index), &points[index], result, Timestamp::default()).is_some();

        assert_eq!([is_told(0, Err("timeout")), is_told(0, Err("timeout"))], [true, false]);
        assert_eq!([is_told(1, Err("timeout")), is_told(1, Err("timeout"))], [true, false]);
        assert_eq!([is_told(0, Err("protocol")), is_told(0, Err("timeout"))], [true, true]);
        assert_eq!([is_told(0, Ok(Value::Int(1))), is_told(0, Ok(Value::Int(1)))], [true, true]);
        assert!(is_told(0, Err("timeout")));
        assert_eq!([marks.was_read(0, 0), marks.was_read(0, 1)], [true, false]);
    }
}
