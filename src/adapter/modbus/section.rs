//! Modbus keys of the configuration, and what they mean.

mod convert;
mod counter;
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
    client::EVERYONE,
    config::{Backoff, ByteOrder, Config, Connect, DataType, Device, Limits, Link, MappedPoint, Table},
    cost,
    frame::Framing,
    notation::Base,
    pdu::MAX_READ_REGISTERS,
};
use crate::{
    config::{
        AdapterDraft, DeviceDraft, Draft, Pressure, Tls, TlsKeys, in_order,
        report::{Place, Problems},
        section::{AdapterKind, At, FromNode, Keyed as _, Shape, section},
        tree::Node,
        values::{Span, SpanOrZero, from_integer, text_values},
    },
    model::Access,
};

/// The word in `kind = "modbus"`, and the keys that come with it.
pub const KIND: AdapterKind = AdapterKind { kind: "modbus", adapter: AdapterKeys::KEYS, device: DeviceKeys::KEYS };

text_values! {
    Link: "tcp://, rtu://, rtu+tcp://, ascii://, ascii+tcp:// or tls://", str::parse;
    DataType: "bool, i8l, i8h, i16, u16, i32, u32, i64, u64, f16, f32, f64, bcd16, bcd32, string:N, bits:FROM+LEN",
        str::parse;
    ByteOrder: "AB, BA, ABCD, CDAB, BADC, DCBA or eight letters", str::parse;
}

/// A number of registers in one read: 1 to 125.
#[derive(Debug, Clone, Copy)]
pub struct MaxRegisters(u16);

/// A number of registers between two points: a longer gap leaves no room for both in one read.
#[derive(Debug, Clone, Copy)]
pub struct MaxGap(u16);

/// A number of requests under way at once: 1 to 16.
#[derive(Debug, Clone, Copy)]
pub struct Pipeline(u8);

/// Servers commonly take 8 or 16 requests at once and lose what is more.
const MOST_UNDER_WAY: u8 = 16;

impl FromNode for Pipeline {
    const SHAPE: Shape = Shape::Integer { min: 1, max: MOST_UNDER_WAY as i64 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 1, MOST_UNDER_WAY.into())?;
        u8::try_from(number).ok().map(Self)
    }
}

impl FromNode for MaxRegisters {
    const SHAPE: Shape = Shape::Integer { min: 1, max: MAX_READ_REGISTERS as i64 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 1, MAX_READ_REGISTERS.into())?;
        u16::try_from(number).ok().map(Self)
    }
}

impl FromNode for MaxGap {
    const SHAPE: Shape = Shape::Integer { min: 0, max: MAX_READ_REGISTERS as i64 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 0, MAX_READ_REGISTERS.into())?;
        u16::try_from(number).ok().map(Self)
    }
}

section! {
    /// A Modbus link.
    pub struct AdapterKeys {
        /// How the units are reached: `tcp://host:port` for Modbus/TCP, `rtu:///dev/serial/by-id/…` for a serial line,
        /// `rtu+tcp://host:port` for one behind a server that hands its bytes on, `ascii://` and `ascii+tcp://` for
        /// lines in ASCII, `tls://host:port` for Modbus/TCP Security. The ports are 502, and 802 with TLS. A serial
        /// port takes options: `?baud=19200&parity=even&stop=1&data=8&rs485=hardware`.
        link: Link = required;
        /// Trust and client certificate, for `tls://`.
        tls: TlsKeys = default("{}");
        /// Most requests under way at once, 1 to 16, with `tcp://` and `tls://`. Raise it for servers that take several:
        /// it hides the time that each answer is on its way.
        pipeline: Pipeline = default("1");
        /// Rest after connecting, before the first request. Raise it for converters that lose it.
        pause_after_connect: SpanOrZero = default("\"0\"");
        /// Rest of a serial line after a request to unit 0, which is all units, while they act on it. Raise it for units
        /// that take longer.
        turnaround: Span = default("\"200ms\"");
        /// Rest between an exchange with a unit and the next request to it. Raise it for units that need time.
        pause_between_requests: SpanOrZero = default("\"0\"");
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
        /// Most registers in one request. What a unit takes is learned; lower it for one that takes too much and
        /// answers wrongly, raise it to 125 for fewer requests.
        max_registers: MaxRegisters = default("100");
        /// Most registers in a row that no point has and that are read all the same to join two requests. Raise it
        /// only where reading what is between the points is known to be harmless.
        max_gap: MaxGap = default("0");
        /// Whether every point is read by a request of its own, for units that cannot do more.
        one_request_per_point: bool = default("false");
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
        /// Rest between an exchange with the unit and the next request to it.
        pause_between_requests: SpanOrZero = optional("as the adapter");
        /// As the adapter's `backoff`, which it replaces as a whole.
        backoff: BackoffKeys = optional("as the adapter");
        /// How often points of this unit are read.
        poll: Span = optional("as the adapter");
        /// Order in which the bytes of a value come.
        order: ByteOrder = optional("as the adapter");
        /// Most registers in one request to this unit.
        max_registers: MaxRegisters = optional("as the adapter");
        /// Most registers in a row that no point has and that are read all the same.
        max_gap: MaxGap = optional("as the adapter");
        /// Whether every point is read by a request of its own.
        one_request_per_point: bool = optional("as the adapter");
        /// Number of the first register of a table: 0 as on the wire, 1 as many data sheets count.
        base: Base = optional("as the adapter");
        /// Ids of SunSpec models, one of which the device has to have: registers then count from that model's id, which
        /// is looked for on each connection. Only holding registers.
        sunspec: Vec<At<u16>> = default("[]");
        /// What is read and written.
        point: Vec<At<PointKeys>> = default("[]");
        /// Points that are set together.
        group: Vec<At<GroupKeys>> = default("[]");
    }
}

section! {
    /// Where a unit is.
    pub struct Address {
        /// Unit id, 0 to 255 on TCP, 1 to 247 on a serial line. There 0 is all units at once: its points are only
        /// written, and nobody confirms it.
        unit: u8 = required;
    }
}

/// Reads the keys of an adapter and its devices; `None` when the link is missing or wrong.
pub fn plan(adapter: AdapterDraft, draft: &mut Draft) -> Option<Config> {
    let AdapterDraft { name, pressure, mut section, devices, .. } = adapter;
    let keys: AdapterKeys = section.read(&mut draft.problems);
    section.close(&mut draft.problems);
    in_order(&keys.backoff.value.min, &keys.backoff.value.max, &mut draft.problems);
    let devices: Vec<_> = devices.into_iter().filter_map(|d| device(d, &keys, draft)).collect();
    let At { value: link, place } = keys.link?;
    check_pipeline(&keys.pipeline, &link, &devices, &mut draft.problems);
    let connect = Connect {
        tls: tls(keys.tls, &link, &mut draft.problems),
        pause: keys.pause_after_connect.value.0,
        pipeline: keys.pipeline.value.0.into(),
        turnaround: keys.turnaround.value.0,
    };
    // A register is still there when its turn comes late.
    let pressure = pressure.unwrap_or(Pressure::Wait);
    let config = Config { name, pressure, link, connect, devices };
    warn_of_load(&config, &place, &mut draft.problems);
    Some(config)
}

/// Several requests need transaction ids, and units that need no rest between them.
fn check_pipeline(pipeline: &At<Pipeline>, link: &Link, devices: &[Device], problems: &mut Problems) {
    if pipeline.value.0 == 1 {
        return;
    }
    if !link.framing().has_transactions() {
        let help = "leave pipeline out, or use tcp:// where the other end speaks Modbus/TCP";
        problems.error(&pipeline.place, "this link carries one request at a time").help(help);
    } else if let Some(device) = devices.iter().find(|device| !device.pause.is_zero()) {
        let message =
            format!("unit {} needs a rest between requests, so they cannot be under way at once", device.unit);
        problems.error(&pipeline.place, message).help("leave pipeline or pause_between_requests out");
    }
}

/// Warns of a serial line that is asked for more than it can carry. How fast other links are nobody can tell from here.
fn warn_of_load(config: &Config, place: &Place, problems: &mut Problems) {
    if !matches!(config.link, Link::Serial { .. }) {
        return;
    }
    let load = cost::load(config, None);
    if load.part() > 1.0 {
        let message = format!("the points ask for {:.0} % of the line's time", load.part() * 100.0);
        problems
            .warning(place, message)
            .help(format!("{}; `tidegate modbus plan` shows each request", load.advice()));
    }
}

/// The TLS files, which only `tls://` has a use for.
fn tls(At { value: keys, place }: At<TlsKeys>, link: &Link, problems: &mut Problems) -> Tls {
    if keys.is_set() && !matches!(link, Link::Tls { .. }) {
        problems.warning(&place, "TLS settings are not used with this link").help("use tls:// for TLS");
    }
    keys.check(problems)
}

/// Reads the keys of a device; `None` when its address is missing or wrong.
fn device(device: DeviceDraft, adapter: &AdapterKeys, draft: &mut Draft) -> Option<Device> {
    let DeviceDraft { id, mut section, profile, .. } = device;
    let problems = &mut draft.problems;
    let mut keys: DeviceKeys = section.read(problems);
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
    check_unit(keys.address.as_ref(), adapter, problems);
    let limits = limits(&keys, adapter);
    draft.points.extend(keys.point.value.iter().filter_map(|at| named_point(&at.value, &id)));
    draft.points.extend(keys.group.value.iter().filter_map(|at| named_group(&at.value, &id)));
    let points = points(std::mem::take(&mut keys.point.value), &id, outer, problems);
    check_sunspec(&keys.sunspec, &points, problems);
    check_everyone(&keys, &points, adapter, problems);
    let groups = groups(keys.group.value, &id, &points, problems);
    Some(Device {
        id,
        unit: keys.address?.value.unit?.value,
        timeout: keys.timeout.map_or(adapter.timeout.value.0, |timeout| timeout.value.0),
        retries: keys.retries.map_or(adapter.retries.value, |retries| retries.value),
        pause: keys.pause_between_requests.map_or(adapter.pause_between_requests.value.0, |pause| pause.value.0),
        backoff: checked_backoff(&backoff.value),
        sunspec: keys.sunspec.value.iter().map(|model| model.value).collect(),
        limits,
        points,
        groups,
    })
}

/// A serial line has units 1 to 247, and 0 for all of them (MODBUS over serial line 1.02, 2.2).
fn check_unit(address: Option<&At<Address>>, adapter: &AdapterKeys, problems: &mut Problems) {
    let unit = address.and_then(|address| address.value.unit.as_ref());
    let (Some(unit), Some(link)) = (unit, &adapter.link) else { return };
    if matches!(link.value.framing(), Framing::Line(_)) && unit.value > 247 {
        let message = format!("unit {} is outside 1 to 247", unit.value);
        problems
            .error(&unit.place, message)
            .help("a serial line has no others, and 0 for all; only TCP has up to 255");
    }
}

/// Nobody answers a request to unit 0 of a serial line, so nothing can be read there.
fn check_everyone(keys: &DeviceKeys, points: &[MappedPoint], adapter: &AdapterKeys, problems: &mut Problems) {
    let unit = keys.address.as_ref().and_then(|address| address.value.unit.as_ref());
    let (Some(unit), Some(link)) = (unit, &adapter.link) else { return };
    if unit.value != EVERYONE || link.value.framing().has_transactions() {
        return;
    }
    let reads = |mapped: &&MappedPoint| {
        mapped.point.access != Access::W || mapped.writing.pulse.is_some() || mapped.conversion.exponent.is_some()
    };
    if let Some(mapped) = points.iter().find(reads) {
        let message =
            format!("unit 0 is all units, which do not answer, and {} needs an answer", mapped.point.name());
        let help = "its points have access = \"w\", no pulse and no scale_from; only TCP has a unit 0 that answers";
        problems.error(&unit.place, message).help(help);
    }
}

/// Models have holding registers alone, counted from 0; the last id ends their list.
fn check_sunspec(models: &At<Vec<At<u16>>>, points: &[MappedPoint], problems: &mut Problems) {
    for model in models.value.iter().filter(|model| model.value == 0 || model.value == u16::MAX) {
        problems.error(&model.place, format!("{} is no SunSpec model", model.value)).help("ids are 1 to 65534");
    }
    let stray = points.iter().find(|mapped| mapped.register.table != Table::Holding);
    if let Some(mapped) = stray.filter(|_| !models.value.is_empty()) {
        let message = format!("point {} is in another table than SunSpec's", mapped.point.name());
        problems.error(&models.place, message).help("SunSpec models have holding registers only");
    }
}

/// What may share a request to a device.
fn limits(keys: &DeviceKeys, adapter: &AdapterKeys) -> Limits {
    Limits {
        registers: keys.max_registers.as_ref().unwrap_or(&adapter.max_registers).value.0,
        gap: keys.max_gap.as_ref().unwrap_or(&adapter.max_gap).value.0,
        one_per_point: keys.one_request_per_point.as_ref().unwrap_or(&adapter.one_request_per_point).value,
    }
}

/// A backoff as meant.
fn checked_backoff(keys: &BackoffKeys) -> Backoff {
    Backoff { after: keys.after.value.get(), min: keys.min.value.0, max: keys.max.value.0 }
}

#[cfg(test)]
mod tests;
