//! What was last said of each point, so that a fault is told once and not with every poll.

use std::sync::Arc;

use super::config::Device;
use crate::model::{Point, Reading, Timestamp, Value};

/// The reason of each point's last reading, `None` while it is good. By device and point.
#[derive(Debug)]
pub(super) struct Marks(Vec<Vec<Option<&'static str>>>);

impl Marks {
    /// Nothing was said yet.
    pub(super) fn new(devices: &[Device]) -> Self {
        Self(devices.iter().map(|device| vec![None; device.points.len()]).collect())
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
                *mark = None;
                Some(Reading::good(Arc::clone(point), value, ts))
            }
            Err(why) => (mark.replace(why) != Some(why)).then(|| Reading::bad(Arc::clone(point), why, ts)),
        }
    }
}
