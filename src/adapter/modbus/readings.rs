//! From the data of an answer to readings, and the way out for them.

use tracing::{debug, info, warn};

use super::{
    client::CallError,
    config::{Counter, Device, MappedPoint},
    counter::RESET,
    decode::{BadValue, decode, decode_bit, decode_counter},
    health::Change,
    layout::{extent, is_bits},
    link::LinkError,
    poller::Poller,
};
use crate::{
    adapter::AdapterError,
    model::{Batch, DeviceChange, DeviceFacts, Event, EventKind, Quality, Reading, Timestamp, Value},
};

impl Poller<'_> {
    /// The readings in an answer that begins at `start`.
    pub(super) fn good_readings(
        &mut self,
        (device, points): (usize, &[usize]),
        start: u16,
        data: &[u8],
        ts: Timestamp,
    ) -> Vec<Reading> {
        let mapped = &self.config.devices[device].points;
        let mut readings = Vec::with_capacity(points.len());
        for &place in points {
            let mut is_reset = false;
            let value = value(&mapped[place], start, data, |counter, raw| {
                let count = self.tallies.count((device, place), counter, raw);
                is_reset = count.is_reset;
                count.total
            });
            let mut reading = self.marks.reading((device, place), &mapped[place].point, value, ts);
            if let Some(reading) = reading.as_mut().filter(|_| is_reset) {
                warn!(point = %mapped[place].point.address, "Counter began anew, counting on");
                reading.quality = Quality::uncertain(RESET);
            }
            readings.extend(reading);
        }
        readings
    }

    /// One bad reading for each point that was not bad for the same reason before.
    pub(super) fn bad_readings(
        &mut self,
        (device, points): (usize, &[usize]),
        why: &'static str,
        ts: Timestamp,
    ) -> Vec<Reading> {
        let mapped = &self.config.devices[device].points;
        let readable = points.iter().filter(|&&place| mapped[place].point.access.can_read());
        readable
            .filter_map(|&place| self.marks.reading((device, place), &mapped[place].point, Err(why), ts))
            .collect()
    }

    /// Hands readings on, in batches of the size allowed; waits while the way is full.
    pub(super) async fn send(&self, mut readings: Vec<Reading>) -> Result<(), AdapterError> {
        while !readings.is_empty() {
            let rest = readings.split_off(readings.len().min(Batch::MAX_READINGS));
            self.alive.during(self.readings.send(readings.into())).await?;
            readings = rest;
        }
        Ok(())
    }

    /// Tells that a unit was lost or found.
    pub(super) async fn tell(
        &self,
        device: &Device,
        change: Option<Change>,
        ts: Timestamp,
    ) -> Result<(), AdapterError> {
        let Some(change) = change else { return Ok(()) };
        let what = match change {
            Change::Online => DeviceChange::Online,
            Change::Offline => DeviceChange::Offline,
        };
        match change {
            Change::Online => info!(device = %device.id, unit = device.unit, "Device answers"),
            Change::Offline => warn!(device = %device.id, unit = device.unit, "Device does not answer"),
        }
        let event =
            Event { ts, kind: EventKind::Device { device: device.id.clone(), what, about: DeviceFacts::default() } };
        self.events.send(event).await.map_err(|_| AdapterError::Closed)
    }
}

/// The value of a point in the data of an answer that begins at `start`; for a counter `total` says what its number
/// comes to.
pub(super) fn value(
    mapped: &MappedPoint,
    start: u16,
    data: &[u8],
    total: impl FnOnce(Counter, u64) -> u64,
) -> Result<Value, &'static str> {
    decoded(mapped, start, data, total).map_err(|bad| {
        debug!(point = %mapped.point.address, why = bad.reason(), "Registers hold no value");
        bad.reason()
    })
}

/// As [`value`], with the reason as decoding knows it.
fn decoded(
    mapped: &MappedPoint,
    start: u16,
    data: &[u8],
    total: impl FnOnce(Counter, u64) -> u64,
) -> Result<Value, BadValue> {
    let own = extent(mapped);
    let at = usize::from(own.start - start);
    if is_bits(mapped.register.table) {
        let byte = data.get(at / 8).ok_or(BadValue::Decode)?;
        return decode_bit(mapped, byte >> (at % 8) & 1 == 1);
    }
    let wire = data.get(at * 2..(at + usize::from(own.count)) * 2).ok_or(BadValue::Decode)?;
    match mapped.counter() {
        Some(counter) => decode_counter(mapped, wire, |raw| total(counter, raw)),
        None => decode(mapped, wire),
    }
}

/// The reason a reading carries when its request failed.
pub(super) fn reason(error: &CallError) -> &'static str {
    match error {
        CallError::Timeout(_) => "timeout",
        CallError::Exception(exception) => exception.reason(),
        CallError::Garbled(..) | CallError::Rejected(_) => "protocol",
        CallError::NoModel => "no-model",
        CallError::Link(error) => broken(error),
    }
}

/// The same of a connection that ended.
pub(super) fn broken(error: &LinkError) -> &'static str {
    match error {
        LinkError::Garbage(_) => "protocol",
        LinkError::Connect(_)
        | LinkError::Port(_)
        | LinkError::Tls(_)
        | LinkError::Closed
        | LinkError::Io(_)
        | LinkError::Stuck
        | LinkError::Restless(_)
        | LinkError::Silent(_) => "device-offline",
    }
}
