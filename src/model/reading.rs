//! A reading: one point, one value, one moment.

use std::sync::Arc;

use super::{Point, Quality, Timestamp, Value};

/// One measurement. Cloning costs a reference count.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The point that was measured.
    pub point: Arc<Point>,
    /// The value; `None` exactly when the quality is bad.
    pub value: Option<Value>,
    /// Time of measurement.
    pub ts: Timestamp,
    /// How far it can be trusted.
    pub quality: Quality,
}

impl Reading {
    /// A good reading.
    pub fn good(point: Arc<Point>, value: Value, ts: Timestamp) -> Self {
        Self { point, value: Some(value), ts, quality: Quality::GOOD }
    }

    /// A reading without a value, and why.
    pub fn bad(point: Arc<Point>, why: &str, ts: Timestamp) -> Self {
        Self { point, value: None, ts, quality: Quality::bad(why) }
    }
}
