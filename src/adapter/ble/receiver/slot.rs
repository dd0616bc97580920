//! One point of a device: what it said last, and whether what it says is passed on.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::model::{Point, PointType, Reading, Value};

/// A point.
#[derive(Debug)]
pub(super) struct Slot {
    /// What others know of it.
    pub(super) point: Arc<Point>,
    /// The last reading, passed on or not.
    pub(super) last: Option<Reading>,
    /// When one was passed on.
    pub(super) passed: Option<Instant>,
}

impl Slot {
    /// A point of which nothing was heard.
    pub(super) fn new(point: Arc<Point>) -> Self {
        Self { point, last: None, passed: None }
    }

    /// A name can come with another unit; then it is another point's value.
    pub(super) fn measure_in(&mut self, kind: PointType, unit: Option<&str>) {
        if self.point.unit.as_deref() != unit {
            let Point { address, .. } = &*self.point;
            let (device, name) = (address.device.clone(), address.point.clone());
            self.point = Arc::new(Point::new(device, name, kind, unit));
        }
    }

    /// Whether a reading is passed on. What opened, moved or was pressed is never too soon.
    pub(super) fn passes(&mut self, reading: &Reading, least: Option<Duration>, now: Instant) -> bool {
        let has_changed = self.last.as_ref().is_none_or(|last| last.value != reading.value);
        let is_event = matches!(reading.value, Some(Value::Bool(_) | Value::Text(_))) && has_changed;
        let is_due = least.is_none_or(|least| self.passed.is_none_or(|passed| now - passed >= least));
        if is_due || is_event {
            self.passed = Some(now);
        }
        is_due || is_event
    }
}
