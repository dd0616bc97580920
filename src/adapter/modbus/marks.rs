//! What was last said of each point, so that a fault is told once and not with every poll.

use std::sync::Arc;

use super::config::Device;
use crate::model::{Point, Reading, Timestamp, Value};

/// What was said of each point, by device and point.
#[derive(Debug)]
pub(super) struct Marks(Vec<Vec<Mark>>);

/// What was said of a point.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// The reason of its last reading, `None` while it is good.
    why: Option<&'static str>,
    /// Whether it was ever good in this run.
    was_read: bool,
}

impl Marks {
    /// Nothing was said yet.
    pub(super) fn new(devices: &[Device]) -> Self {
        Self(devices.iter().map(|device| vec![Mark::default(); device.points.len()]).collect())
    }

    /// The reading to send: every value, but a reason only when it is another one than last time.
    pub(super) fn reading(
        &mut self,
        (device, index): (usize, usize),
        point: &Arc<Point>,
        result: Result<Value, &'static str>,
        ts: Timestamp,
    ) -> Option<Reading> {
        let mark = &mut self.0[device][index];
        match result {
            Ok(value) => {
                *mark = Mark { why: None, was_read: true };
                Some(Reading::good(Arc::clone(point), value, ts))
            }
            Err(why) => (mark.why.replace(why) != Some(why)).then(|| Reading::bad(Arc::clone(point), why, ts)),
        }
    }

    /// Whether a point was ever good in this run.
    pub(super) fn was_read(&self, device: usize, index: usize) -> bool {
        self.0[device][index].was_read
    }
}
