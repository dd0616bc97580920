//! Modbus keys of the configuration, and what they mean.

mod convert;
mod group;
mod names;
mod point;
mod register;
mod write;

use std::num::NonZeroU32;

pub use self::{group::GroupKeys, point::PointKeys};
use self::{
    group::{groups, named_group},
    point::{Outer, named_point, points},
};
use super::{
    config::{Backoff, ByteOrder, Config, DataType, Device, Link},
    notation::Base,
};
use crate::config::{
    AdapterDraft, DeviceDraft, Draft, in_order,
    section::{AdapterKind, At, Keyed as _, section},
    values::{Span, text_values},
};

/// The word in `kind = "modbus"`, and the keys that come with it.
pub const KIND: AdapterKind = AdapterKind { kind: "modbus", adapter: AdapterKeys::KEYS, device: DeviceKeys::KEYS };

text_values! {
    Link: "tcp://host:port", str::parse;
    DataType: "bool, i8l, i8h, i16, u16, i32, u32, i64, u64, f16, f32, f64, bcd16, bcd32, string:N, bits:FROM+LEN",
        str::parse;
    ByteOrder: "AB, BA, ABCD, CDAB, BADC, DCBA or eight letters", str::parse;
}

section! {
    /// A Modbus link.
    pub struct AdapterKeys {
        /// How the units are reached: `tcp://host:port`, port 502 when none is given.
        link: Link = required;
        /// Longest wait for an answer. Raise it for gateways to slow serial lines.
        timeout: Span = default("\"1s\"");
        /// Further tries after a timeout, before the reading is `bad:timeout`.
        retries: u32 = default("0");
        /// How a unit that does not answer is asked less often, so that it does not cost the others their time.
        backoff: BackoffKeys = default("{}");
        /// How often points are read.
        poll: Span = default("\"1s\"");
        /// Order in which the bytes of a value come; `A` is the most significant one.
        order: ByteOrder = default("\"ABCD\"");
        /// Number of the first register of a table: 0 as on the wire, 1 as many data sheets count.
        base: Base = default("0");
    }
}

section! {
    /// How a unit that does not answer is asked less often.
    pub struct BackoffKeys {
        /// Failed polls in a row before it begins.
        after: NonZeroU32 = default("3");
        /// First pause; each further one doubles.
        min: Span = default("\"1s\"");
        /// Longest pause.
        max: Span = default("\"10s\"");
    }
}

section! {
    /// A unit on a Modbus link.
    pub struct DeviceKeys {
        /// Where the unit is: `{ unit = 1 }`.
        address: Address = required;
        /// Longest wait for an answer of this unit.
        timeout: Span = optional("as the adapter");
        /// Further tries after a timeout.
        retries: u32 = optional("as the adapter");
        /// As the adapter's `backoff`, which it replaces as a whole.
        backoff: BackoffKeys = optional("as the adapter");
        /// How often points of this unit are read.
        poll: Span = optional("as the adapter");
        /// Order in which the bytes of a value come.
        order: ByteOrder = optional("as the adapter");
        /// Number of the first register of a table: 0 as on the wire, 1 as many data sheets count.
        base: Base = optional("as the adapter");
        /// What is read and written.
        point: Vec<At<PointKeys>> = default("[]");
        /// Points that are set together.
        group: Vec<At<GroupKeys>> = default("[]");
    }
}

section! {
    /// Where a unit is.
    pub struct Address {
        /// Unit id, 0 to 255.
        unit: u8 = required;
    }
}

/// Reads the keys of an adapter and its devices; `None` when the link is missing or wrong.
pub fn plan(adapter: AdapterDraft, draft: &mut Draft) -> Option<Config> {
    let AdapterDraft { name, mut section, devices, .. } = adapter;
    let keys: AdapterKeys = section.read(&mut draft.problems);
    section.close(&mut draft.problems);
    in_order(&keys.backoff.value.min, &keys.backoff.value.max, &mut draft.problems);
    let devices = devices.into_iter().filter_map(|d| device(d, &keys, draft)).collect();
    Some(Config { name, link: keys.link?.value, devices })
}

/// Reads the keys of a device; `None` when its address is missing or wrong.
fn device(device: DeviceDraft, adapter: &AdapterKeys, draft: &mut Draft) -> Option<Device> {
    let DeviceDraft { id, mut section, profile, .. } = device;
    let problems = &mut draft.problems;
    let keys: DeviceKeys = section.read(problems);
    if keys.point.value.is_empty() && profile.is_none() {
        let help = "add a [[device.point]], or name a profile";
        problems.warning(&section.place, "the device has no points").help(help);
    }
    section.close(problems);
    let backoff = keys.backoff.as_ref().unwrap_or(&adapter.backoff);
    in_order(&backoff.value.min, &backoff.value.max, problems);
    let outer = Outer {
        poll: keys.poll.as_ref().map_or(adapter.poll.value.0, |poll| poll.value.0),
        order: keys.order.as_ref().map_or(adapter.order.value, |order| order.value),
        base: keys.base.as_ref().map_or(adapter.base.value, |base| base.value),
    };
    draft.points.extend(keys.point.value.iter().filter_map(|at| named_point(&at.value, &id)));
    draft.points.extend(keys.group.value.iter().filter_map(|at| named_group(&at.value, &id)));
    let points = points(keys.point.value, &id, outer, problems);
    let groups = groups(keys.group.value, &id, &points, problems);
    Some(Device {
        id,
        unit: keys.address?.value.unit?.value,
        timeout: keys.timeout.map_or(adapter.timeout.value.0, |timeout| timeout.value.0),
        retries: keys.retries.map_or(adapter.retries.value, |retries| retries.value),
        backoff: checked_backoff(&backoff.value),
        points,
        groups,
    })
}

/// A backoff as meant.
fn checked_backoff(keys: &BackoffKeys) -> Backoff {
    Backoff { after: keys.after.value.get(), min: keys.min.value.0, max: keys.max.value.0 }
}

#[cfg(test)]
mod tests;
