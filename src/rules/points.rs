//! Every point rules have seen: its last value, what was forwarded last, and who listens to it.
//!
//! A reading finds its slot by the address of its shared [`Point`], which costs one hash of a number; the text is
//! hashed once per point.

use std::{collections::HashMap, sync::Arc};

use crate::model::{DeviceId, Point, PointAddress, PointName, PointType, Quality, Reading, Timestamp, Value};

/// Most points that are remembered; further ones run through rules but have no last value.
const MAX_POINTS: usize = 100_000;
/// Most shared points known by pointer, or twice as many as there are points, whichever is more; then the shortcut is
/// built anew.
const MAX_POINTERS: usize = 10_000;
/// Most points that rules may make.
const MAX_VIRTUAL: usize = 1_000;

/// A handler: which rule, and which of its `on` handlers.
pub(super) type HandlerId = (usize, usize);

/// What was forwarded: value and quality.
pub(super) type Forwarded = (Option<Value>, Quality);

/// All points.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// One per address.
    slots: Vec<Slot>,
    /// `device/point` to slot.
    by_name: HashMap<Box<str>, usize>,
    /// The shortcut; holds the point, so that no other can get its address.
    by_pointer: HashMap<usize, (Arc<Point>, usize)>,
    /// Points made by `emit`.
    emitted: HashMap<Box<str>, Arc<Point>>,
}

/// One point.
#[derive(Debug, Default)]
struct Slot {
    /// The last reading, as rules left it.
    last: Option<Reading>,
    /// The last reading that was forwarded, for `deadband`.
    forwarded: Option<Forwarded>,
    /// Who listens; `None` until it is asked for.
    handlers: Option<Arc<[HandlerId]>>,
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
        let pointer = Arc::as_ptr(point).addr();
        if let Some((_, slot)) = self.by_pointer.get(&pointer) {
            return Some(*slot);
        }
        let slot = self.slot_of_name(&point.address)?;
        if self.by_pointer.len() >= MAX_POINTERS.max(2 * self.slots.len()) {
            self.by_pointer.clear();
        }
        self.by_pointer.insert(pointer, (point.clone(), slot));
        Some(slot)
    }

    /// The slot of an address, made if it is new.
    fn slot_of_name(&mut self, address: &PointAddress) -> SlotId {
        let name = address.to_string();
        if let Some(slot) = self.by_name.get(name.as_str()) {
            return Some(*slot);
        }
        if self.slots.len() >= MAX_POINTS {
            return None;
        }
        self.slots.push(Slot::default());
        self.by_name.insert(name.into(), self.slots.len() - 1);
        Some(self.slots.len() - 1)
    }

    /// Who listens to a point, if that is known.
    pub(super) fn handlers(&self, slot: SlotId) -> Option<&Arc<[HandlerId]>> {
        self.slots[slot?].handlers.as_ref()
    }

    /// Notes who listens to a point.
    pub(super) fn set_handlers(&mut self, slot: SlotId, handlers: Arc<[HandlerId]>) {
        if let Some(slot) = slot {
            self.slots[slot].handlers = Some(handlers);
        }
    }

    /// Rules have changed: who listens is asked anew.
    pub(super) fn forget_handlers(&mut self) {
        for slot in &mut self.slots {
            slot.handlers = None;
        }
    }

    /// Notes the last reading of a point.
    pub(super) fn remember(&mut self, slot: SlotId, reading: Reading) {
        if let Some(slot) = slot {
            self.slots[slot].last = Some(reading);
        }
    }

    /// Notes what was forwarded of a point.
    pub(super) fn note_forwarded(&mut self, slot: SlotId, reading: &Reading) {
        if let Some(slot) = slot {
            self.slots[slot].forwarded = Some((reading.value.clone(), reading.quality.clone()));
        }
    }

    /// What was forwarded of a point last.
    pub(super) fn forwarded(&self, slot: SlotId) -> Option<&Forwarded> {
        self.slots[slot?].forwarded.as_ref()
    }

    /// The last reading of `device/point`.
    pub(super) fn last(&self, name: &str) -> Option<&Reading> {
        self.slots[*self.by_name.get(name)?].last.as_ref()
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
