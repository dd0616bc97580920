//! The readings of an advertisement: those that are wanted, and not sooner than is wanted.

use std::{borrow::Cow, sync::Arc};

use tokio::time::Instant;

use super::{Device, Extras, Slot};
use crate::{
    adapter::ble::{
        decode::{self, Decoded},
        heard::Heard,
        profiled::Read,
    },
    model::{Point, PointName, PointType, Quantity, Reading, Timestamp, Value},
};

impl Device {
    /// The readings of an advertisement.
    pub(super) fn readings(
        &mut self,
        decoded: &Decoded,
        heard: &Heard,
        extras: Extras,
        times: (Timestamp, Instant),
    ) -> Vec<Reading> {
        let mut readings = Vec::new();
        for reading in &decoded.readings {
            let (name, quantity) = (reading.point(), reading.quantity);
            let value = value(&reading.value, quantity.kind());
            readings.extend(self.reading(&name, (quantity.kind(), quantity.unit()), value, times));
        }
        // A format may have a point of this name itself, which then counts.
        let has_raw = decoded.readings.iter().any(|reading| reading.quantity == Quantity::Raw);
        readings.extend(self.extras(heard, Extras { raw: extras.raw && !has_raw, ..extras }, times));
        readings
    }

    /// The readings that a profile's script made of an advertisement.
    pub(super) fn own_readings(
        &mut self,
        own: &Read,
        heard: &Heard,
        extras: Extras,
        times: (Timestamp, Instant),
    ) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (point, value) in &own.readings {
            let is = (point.kind, point.unit.as_deref());
            readings.extend(self.reading(point.name().as_str(), is, value.clone(), times));
        }
        readings.extend(self.extras(heard, extras, times));
        readings
    }

    /// The power of reception and the data, where they are wanted.
    fn extras(&mut self, heard: &Heard, extras: Extras, times: (Timestamp, Instant)) -> Vec<Reading> {
        let mut readings = Vec::new();
        let of = |quantity: Quantity| (quantity.kind(), quantity.unit());
        if let Some(rssi) = heard.rssi.filter(|_| extras.signal) {
            readings.extend(self.reading("rssi", of(Quantity::Rssi), Value::Int(rssi.into()), times));
        }
        if extras.raw {
            let data = Value::Text(heard.data_text().into());
            readings.extend(self.reading("raw", of(Quantity::Raw), data, times));
        }
        readings
    }

    /// One reading, if its point is wanted and it does not come too soon; the point is made when it comes for the first
    /// time.
    fn reading(
        &mut self,
        name: &str,
        (kind, unit): (PointType, Option<&str>),
        value: Value,
        (ts, now): (Timestamp, Instant),
    ) -> Option<Reading> {
        if !self.points.contains_key(name) {
            let name = PointName::new(name).ok()?;
            let is_extra = [Quantity::Rssi.name(), Quantity::Raw.name()].contains(&name.as_str());
            if !(self.listed.as_ref().is_none_or(|listed| listed.contains(&name)) || is_extra) {
                return None;
            }
            let point = Point::new(self.id.clone(), name.clone(), kind, unit);
            self.points.insert(name, Slot::new(Arc::new(point)));
        }
        let slot = self.points.get_mut(name)?;
        slot.measure_in(kind, unit);
        let reading = Reading::good(Arc::clone(&slot.point), value, ts);
        let is_passed = slot.passes(&reading, self.min_interval, now);
        self.too_soon += u64::from(!is_passed);
        slot.last = Some(reading.clone());
        is_passed.then_some(reading)
    }
}

/// A decoded value as the point's type has it.
#[expect(clippy::cast_precision_loss, reason = "formats have no integers beyond 2^53")]
fn value(value: &decode::Value, kind: PointType) -> Value {
    match value {
        decode::Value::Float(number) => Value::Float(*number),
        decode::Value::Int(number) if kind == PointType::Float => Value::Float(*number as f64),
        decode::Value::Int(number) => Value::Int(*number),
        decode::Value::Bool(flag) => Value::Bool(*flag),
        decode::Value::Text(Cow::Borrowed(text)) => Value::Text((*text).into()),
        decode::Value::Text(Cow::Owned(text)) => Value::Text(text.as_str().into()),
    }
}
