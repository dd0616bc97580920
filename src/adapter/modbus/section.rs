//! Modbus keys of the configuration, and what they mean.

mod check;
mod convert;
mod counter;
mod group;
mod names;
mod plan;
mod point;
mod register;
mod ucum;
mod write;

use std::num::NonZeroU32;

pub use self::{group::GroupKeys, plan::plan, point::PointKeys};
use super::{
    config::{ByteOrder, DataType, Link},
    notation::Base,
    pdu::MAX_READ_REGISTERS,
};
use crate::config::{
    TlsKeys,
    report::Problems,
    section::{AdapterKind, At, FromNode, Keyed as _, Shape, section},
    tree::Node,
    values::{Span, SpanOrZero, from_integer, text_values},
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
        /// Ids of SunSpec models, one of which the device has to have: holding registers then count from that model's
        /// id, which is looked for on each connection. Other tables, which models have not, count from 0 as ever.
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

#[cfg(test)]
mod tests;
