//! One device and what was made of its advertisements.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::{
    presence::Presence,
    repeats::{Repeats, Replay, Verdict},
};
use crate::{
    adapter::{
        DeviceInfo,
        ble::{
            config,
            decode::{self, Address, Decoded, Why, decode},
            heard::Heard,
        },
    },
    model::{DeviceId, Point, PointName, PointType, Quantity, Reading, Timestamp, Value},
};

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    /// Its id.
    pub(super) id: DeviceId,
    /// Where it sends from.
    address: Address,
    /// Its key, if it has one that could be read.
    key: Option<Vec<u8>>,
    /// The name it is taken to advertise.
    model: Option<String>,
    /// The points that are wanted; all when there are none.
    listed: Vec<PointName>,
    /// Whether it stands in the configuration.
    pub(super) is_configured: bool,
    /// The name it advertised.
    pub(super) name: Option<String>,
    /// Whether it is there.
    pub(super) presence: Presence,
    /// Its replay counter.
    pub(super) replay: Replay,
    /// What it said a moment ago.
    repeats: Repeats,
    /// Its points with the last reading of each; as many as its formats have.
    points: BTreeMap<PointName, (Arc<Point>, Option<Reading>)>,
    /// Why it gave nothing last time, which is told once.
    why: Option<Why>,
}

/// What became of an advertisement.
#[derive(Debug)]
pub(super) enum Taken {
    /// It was heard before.
    Repeat,
    /// Nothing could be read, for a reason other than last time.
    Nothing(Why),
    /// Nothing could be read, as before.
    NothingAgain,
    /// Its counter was used before.
    Replayed,
    /// What was read, and whether there are points that were not there before.
    Readings(Vec<Reading>, bool),
}

/// What is added to what was decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extras {
    /// The power of reception.
    pub(super) signal: bool,
    /// The data.
    pub(super) raw: bool,
}

impl Device {
    /// A configured device.
    pub(super) fn configured(device: &config::Device, key: Option<Vec<u8>>, now: Instant) -> Self {
        let mut new = Self::new(device.id.clone(), device.address, now);
        new.presence = Presence::new(device.expect, now);
        (new.key, new.model, new.is_configured) = (key, device.model.clone(), true);
        new.listed = device.points.iter().map(|point| point.name().clone()).collect();
        new.points = device.points.iter().map(|point| (point.name().clone(), (Arc::clone(point), None))).collect();
        new
    }

    /// A device of which nothing is known but where it is.
    pub(super) fn new(id: DeviceId, address: Address, now: Instant) -> Self {
        Self {
            id,
            address,
            key: None,
            model: None,
            listed: Vec::new(),
            is_configured: false,
            name: None,
            presence: Presence::new(None, now),
            replay: Replay::default(),
            repeats: Repeats::default(),
            points: BTreeMap::new(),
            why: None,
        }
    }

    /// As others see it.
    pub(super) fn info(&self) -> DeviceInfo {
        let points = self.points.values().map(|(point, _)| Arc::clone(point)).collect();
        DeviceInfo { id: self.id.clone(), address: self.address.to_string(), points }
    }

    /// Takes an advertisement.
    pub(super) fn take(&mut self, heard: &Heard, extras: Extras, ts: Timestamp, now: Instant) -> Taken {
        if self.repeats.is_same_data(heard, now) {
            return Taken::Repeat;
        }
        let decoded = self.decode(heard);
        if let Some(verdict) = decoded.replay.map(|counter| self.replay.judge(counter)) {
            match verdict {
                Verdict::New => {}
                Verdict::Repeated => return Taken::Repeat,
                Verdict::Replayed => return Taken::Replayed,
            }
        }
        if self.repeats.is_same_number(&decoded, now) {
            return Taken::Repeat;
        }
        let why = decoded.why.filter(|_| decoded.readings.is_empty());
        let is_other = self.why != why;
        self.why = why;
        match why {
            Some(why) if !extras.raw => {
                if is_other {
                    Taken::Nothing(why)
                } else {
                    Taken::NothingAgain
                }
            }
            Some(_) | None => {
                let before = self.points.len();
                let readings = self.readings(&decoded, heard, extras, ts);
                Taken::Readings(readings, self.points.len() > before)
            }
        }
    }

    /// Decodes with its key, and with the name that is known.
    pub(super) fn decode(&self, heard: &Heard) -> Decoded {
        let named = self.model.as_ref().map(|model| Heard { name: Some(model.clone()), ..heard.clone() });
        named.as_ref().unwrap_or(heard).with_view(self.name.as_deref(), |view| decode(view, self.key.as_deref()))
    }

    /// Marks everything that was said as out of date.
    pub(super) fn stale(&mut self, ts: Timestamp) -> Vec<Reading> {
        let stale = |(point, last): &mut (Arc<Point>, Option<Reading>)| {
            let reading = Reading::bad(Arc::clone(point), "stale", ts);
            *last = Some(reading.clone());
            reading
        };
        self.points.values_mut().map(stale).collect()
    }

    /// The last reading of a point.
    pub(super) fn last(&self, point: &PointName) -> Option<&Reading> {
        self.points.get(point)?.1.as_ref()
    }

    /// The readings of an advertisement.
    fn readings(&mut self, decoded: &Decoded, heard: &Heard, extras: Extras, ts: Timestamp) -> Vec<Reading> {
        let mut readings = Vec::new();
        for reading in &decoded.readings {
            let (name, quantity) = (reading.point(), reading.quantity);
            readings.extend(self.reading(&name, quantity, value(&reading.value, quantity.kind()), ts));
        }
        if let Some(rssi) = heard.rssi.filter(|_| extras.signal) {
            readings.extend(self.reading("rssi", Quantity::Rssi, Value::Int(rssi.into()), ts));
        }
        // A format may have a point of this name itself, which then counts.
        let has_raw = decoded.readings.iter().any(|reading| reading.quantity == Quantity::Raw);
        if extras.raw && !has_raw {
            readings.extend(self.reading("raw", Quantity::Raw, Value::Text(heard.data_text().into()), ts));
        }
        readings
    }

    /// One reading, if its point is wanted; the point is made when it comes for the first time.
    fn reading(&mut self, name: &str, quantity: Quantity, value: Value, ts: Timestamp) -> Option<Reading> {
        if !self.points.contains_key(name) {
            let name = PointName::new(name).ok()?;
            let is_extra = matches!(quantity, Quantity::Rssi | Quantity::Raw);
            if !(self.listed.is_empty() || self.listed.contains(&name) || is_extra) {
                return None;
            }
            let point = Point::new(self.id.clone(), name.clone(), quantity.kind(), quantity.unit());
            self.points.insert(name, (Arc::new(point), None));
        }
        let (point, last) = self.points.get_mut(name)?;
        // A name can come with another unit; then it is another point's value.
        if point.unit.as_deref() != quantity.unit() {
            *point = Arc::new(Point::new(self.id.clone(), point.name().clone(), quantity.kind(), quantity.unit()));
        }
        let reading = Reading::good(Arc::clone(point), value, ts);
        *last = Some(reading.clone());
        Some(reading)
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
