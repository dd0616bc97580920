//! Every point rules have seen: its last value, what was forwarded last, and who listens to it.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
};

use crate::model::{
    ByPoint, DeviceId, OfPoint, Point, PointAddress, PointName, PointType, Quality, Reading, Timestamp, Value,
};

/// Most points that are remembered; further ones run through rules but have no last value.
const MAX_POINTS: usize = 100_000;
/// Most points that rules may make.
const MAX_VIRTUAL: usize = 1_000;

/// A handler: which rule, and which of its `on` handlers.
pub(super) type HandlerId = (usize, usize);

/// Who listens to a point. One word: there are as many as points.
pub(super) type Listeners = Arc<Vec<HandlerId>>;

/// What was forwarded: value and quality.
pub(super) type Forwarded = (Option<Value>, Quality);

/// All points.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// One per address.
    slots: ByPoint<Slot>,
    /// Who listens to any of them, each list once: most points share theirs.
    listeners: HashSet<Listeners>,
    /// Points made by `emit`.
    emitted: HashMap<Box<str>, Arc<Point>>,
}

/// One point.
#[derive(Debug)]
struct Slot {
    last: Last,
    /// Which reading was forwarded last, for `deadband`.
    forwarded: Sent,
    /// Who listens; `None` until it is asked for.
    handlers: Option<Listeners>,
}

/// The last reading of a point, as rules left it. The point stands in it: there are tens of thousands.
#[derive(Debug)]
enum Last {
    /// None yet, of this point.
    Never(Arc<Point>),
    /// This one.
    Read(Reading),
}

/// Which reading of a point was forwarded last.
#[derive(Debug, Default)]
enum Sent {
    /// None yet.
    #[default]
    Nothing,
    /// The last one.
    Last,
    /// One before it.
    Earlier(Box<Forwarded>),
}

impl OfPoint for Slot {
    fn address(&self) -> &PointAddress {
        let point = match &self.last {
            Last::Never(point) => point,
            Last::Read(reading) => &reading.point,
        };
        &point.address
    }
}

impl Last {
    /// The reading, if there was one.
    fn reading(&self) -> Option<&Reading> {
        match self {
            Self::Never(_) => None,
            Self::Read(reading) => Some(reading),
        }
    }

    /// Notes a newer reading; gives the one before.
    fn replace(&mut self, reading: Reading) -> Option<Reading> {
        match mem::replace(self, Self::Read(reading)) {
            Self::Never(_) => None,
            Self::Read(before) => Some(before),
        }
    }
}

/// Where a reading belongs, `None` when the table is full.
pub(super) type SlotId = Option<usize>;

impl Points {
    /// The last values known at the start; rules may ask for them.
    pub(super) fn restore(last: Vec<Reading>) -> Self {
        let mut points = Self::default();
        for reading in last {
            let slot = points.slot(&reading.point);
            points.remember(slot, reading);
        }
        points
    }

    /// The slot of a point, made if it is new.
    pub(super) fn slot(&mut self, point: &Arc<Point>) -> SlotId {
        if let Some(slot) = self.slots.seek(&point.address) {
            return Some(slot);
        }
        if self.slots.len() >= MAX_POINTS {
            return None;
        }
        let last = Last::Never(Arc::clone(point));
        Some(self.slots.put(Slot { last, forwarded: Sent::Nothing, handlers: None }))
    }

    /// Who listens to a point, if that is known.
    pub(super) fn handlers(&self, slot: SlotId) -> Option<&Listeners> {
        self.slots.at(slot?)?.handlers.as_ref()
    }

    /// Notes who listens to a point, and gives it back as it is shared.
    pub(super) fn set_handlers(&mut self, slot: SlotId, handlers: Vec<HandlerId>) -> Listeners {
        let shared = self.listeners.get(&handlers).map_or_else(|| Arc::new(handlers), Arc::clone);
        if let Some(slot) = slot.and_then(|slot| self.slots.at_mut(slot)) {
            self.listeners.insert(Arc::clone(&shared));
            slot.handlers = Some(Arc::clone(&shared));
        }
        shared
    }

    /// Rules have changed: who listens is asked anew.
    pub(super) fn forget_handlers(&mut self) {
        self.listeners.clear();
        for slot in self.slots.iter_mut() {
            slot.handlers = None;
        }
    }

    /// Notes the last reading of a point.
    pub(super) fn remember(&mut self, slot: SlotId, reading: Reading) {
        let Some(slot) = slot.and_then(|slot| self.slots.at_mut(slot)) else { return };
        let before = slot.last.replace(reading);
        if let (Sent::Last, Some(Reading { value, quality, .. })) = (&slot.forwarded, before) {
            slot.forwarded = Sent::Earlier(Box::new((value, quality)));
        }
    }

    /// Notes the last reading of a point, which is forwarded.
    pub(super) fn remember_forwarded(&mut self, slot: SlotId, reading: Reading) {
        if let Some(slot) = slot.and_then(|slot| self.slots.at_mut(slot)) {
            (slot.last, slot.forwarded) = (Last::Read(reading), Sent::Last);
        }
    }

    /// What was forwarded of a point last.
    pub(super) fn forwarded(&self, slot: SlotId) -> Option<Forwarded> {
        let slot = self.slots.at(slot?)?;
        match &slot.forwarded {
            Sent::Nothing => None,
            Sent::Last => slot.last.reading().map(|last| (last.value.clone(), last.quality.clone())),
            Sent::Earlier(earlier) => Some((**earlier).clone()),
        }
    }

    /// The last reading of `device/point`.
    pub(super) fn last(&self, name: &str) -> Option<&Reading> {
        let (device, point) = name.split_once('/')?;
        self.slots.get_named(device, point)?.last.reading()
    }

    /// The point a rule makes with `emit`, shared by all readings of it.
    pub(super) fn emitted(&mut self, name: &str, kind: PointType, unit: Option<&str>) -> Result<Arc<Point>, String> {
        if let Some(point) = self.emitted.get(name)
            && point.kind == kind
            && point.unit.as_deref() == unit
        {
            return Ok(point.clone());
        }
        if self.emitted.len() >= MAX_VIRTUAL && !self.emitted.contains_key(name) {
            return Err(format!("rules make at most {MAX_VIRTUAL} points, no room for {name:?}"));
        }
        let address = address(name)?;
        let point = Arc::new(Point::new(address.device, address.point, kind, unit));
        self.emitted.insert(name.into(), point.clone());
        Ok(point)
    }
}

/// Reads `device/point`.
pub(super) fn address(text: &str) -> Result<PointAddress, String> {
    let (device, point) = text.split_once('/').ok_or_else(|| format!("{text:?} is not of the form device/point"))?;
    let device = DeviceId::new(device).map_err(|error| format!("{text:?}: {error}"))?;
    let point = PointName::new(point).map_err(|error| format!("{text:?}: {error}"))?;
    Ok(PointAddress { device, point })
}

/// Whether a reading differs from what was forwarded by more than `band`; the first one always does.
pub(super) fn is_outside(band: f64, forwarded: Option<&Forwarded>, reading: &Reading) -> bool {
    let Some((value, quality)) = forwarded else { return true };
    if *quality != reading.quality {
        return true;
    }
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
    match (number(value), number(&reading.value)) {
        (Some(old), Some(new)) => (new - old).abs() > band,
        _ => *value != reading.value,
    }
}

/// Seconds from a reading to `now`, never below zero.
pub(super) fn age(reading: &Reading, now: Timestamp) -> f64 {
    now.since(reading.ts).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn what_is_kept_of_a_point_takes_eight_words() {
        assert_eq!(size_of::<Slot>(), 64);
    }
}
