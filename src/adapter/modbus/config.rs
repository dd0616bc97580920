//! A Modbus link, its units and their registers, as meant.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{client::EVERYONE, frame::Mode};
pub use super::{
    conversion::{Conversion, Names},
    counter::Counter,
};
use crate::{
    adapter::serial,
    config::{Pressure, Tls},
    model::{DeviceId, Point},
};

/// One `[[adapter]]` of kind `modbus` with its devices: one link, one client loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The adapter's name.
    pub name: String,
    /// What happens while there is no room for its readings.
    pub pressure: Pressure,
    /// How the units are reached.
    pub link: Link,
    /// How the link is made.
    pub connect: Connect,
    /// The devices in the order of the configuration.
    pub devices: Vec<Device>,
}

/// How units are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// `tcp://host:port`: Modbus/TCP with the MBAP header.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TCP port, 502 when none is given.
        port: u16,
    },
    /// `tls://host:port`: Modbus/TCP Security.
    Tls {
        /// Host name or IP address, which the certificate must have.
        host: String,
        /// TCP port, 802 when none is given.
        port: u16,
    },
    /// `rtu+tcp://host:port` and `ascii+tcp://host:port`: the frames of a serial line over TCP.
    Gateway {
        /// The frames.
        mode: Mode,
        /// Host name or IP address.
        host: String,
        /// TCP port, 502 when none is given.
        port: u16,
    },
    /// `rtu:///dev/…` and `ascii:///dev/…`: a serial line.
    Serial {
        /// The frames.
        mode: Mode,
        /// The port and its settings.
        port: serial::Port,
    },
}

/// How the link is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Trust and client certificate of `tls://`.
    pub tls: Tls,
    /// Rest before the first request.
    pub pause: Duration,
    /// Requests under way at once, 1 to 16; more than 1 only on TCP.
    pub pipeline: usize,
    /// Rest of a serial line after a request to all units.
    pub turnaround: Duration,
}

impl Default for Connect {
    /// A server that says nothing else is asked one thing at a time.
    fn default() -> Self {
        let turnaround = Duration::from_millis(200);
        Self { tls: Tls::default(), pause: Duration::ZERO, pipeline: 1, turnaround }
    }
}

impl Config {
    /// Whether a device is all units of a serial line at once, which only listen.
    pub(super) fn is_everyone(&self, device: usize) -> bool {
        self.devices[device].unit == EVERYONE && !self.link.framing().has_transactions()
    }
}

/// One unit on the link.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The device's id.
    pub id: DeviceId,
    /// Unit id, 0 to 255 on TCP, 1 to 247 on a serial line, or 0 for all of it.
    pub unit: u8,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Further tries after a timeout.
    pub retries: u32,
    /// Rest between an exchange with the unit and the next request to it.
    pub pause: Duration,
    /// What to do with a unit that does not answer.
    pub backoff: Backoff,
    /// The SunSpec models of which the device has to have one, from whose id its registers count; none for others.
    pub sunspec: Vec<u16>,
    /// What may share a request.
    pub limits: Limits,
    /// What is read and written.
    pub points: Vec<MappedPoint>,
    /// Points that are set together.
    pub groups: Vec<PointGroup>,
}

/// A unit that does not answer is asked less often, so that it does not cost the others their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Failed polls in a row before it begins.
    pub after: u32,
    /// First pause.
    pub min: Duration,
    /// Longest pause; each one doubles.
    pub max: Duration,
}

/// What may share a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most registers in one request, 1 to 125.
    pub registers: u16,
    /// Most registers or bits in a row that no point has and that are read all the same.
    pub gap: u16,
    /// Whether every point has a request of its own.
    pub one_per_point: bool,
}

impl Default for Limits {
    /// Some units fail above 100 registers although 125 are allowed; and what a gap holds is unknown.
    fn default() -> Self {
        Self { registers: 100, gap: 0, one_per_point: false }
    }
}

/// A point and the registers behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedPoint {
    /// What readings refer to.
    pub point: Arc<Point>,
    /// The registers; devices of one make share it.
    pub mapping: Arc<Mapping>,
}

/// How a point lies in the registers of its device, whichever device it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// Where it is.
    pub register: Register,
    /// How its bytes are read.
    pub data: DataType,
    /// In which order its bytes come.
    pub order: ByteOrder,
    /// What the raw number means.
    pub conversion: Conversion,
    /// How it is set.
    pub writing: Writing,
    /// How often it is read.
    pub poll: Duration,
}

/// A mapped point reads as its mapping.
impl Deref for MappedPoint {
    type Target = Mapping;

    fn deref(&self) -> &Mapping {
        &self.mapping
    }
}

/// What changes in one point stays as it is in those that shared it.
impl DerefMut for MappedPoint {
    fn deref_mut(&mut self) -> &mut Mapping {
        Arc::make_mut(&mut self.mapping)
    }
}

impl MappedPoint {
    /// How it is counted on, if it is a counter.
    pub(super) fn counter(&self) -> Option<Counter> {
        self.conversion.counter.as_deref().copied()
    }

    /// The same with the power of ten that was read.
    pub(super) fn with_power(&self, power: i32) -> Self {
        let mut powered = self.clone();
        powered.conversion = self.conversion.with_power(power);
        powered
    }
}

/// How a point is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writing {
    /// The function used.
    pub function: WriteFunction,
    /// Whether it is read back.
    pub verify: Option<Verify>,
    /// Time after which the gateway sets it back to zero.
    pub pulse: Option<Duration>,
}

/// With which function a point is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WriteFunction {
    /// FC 5 for a coil, FC 6 for one register, FC 16 for more.
    #[default]
    Fitting,
    /// FC 5 or 6, for units that know no other.
    Single,
    /// FC 15 or 16, also for one.
    Multiple,
    /// FC 22: some bits of a register, the others stay as they are.
    Mask,
}

/// The look after a write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verify {
    /// Largest difference that still counts as the same number.
    pub tolerance: f64,
    /// Wait before it, for units that take a while to act.
    pub delay: Duration,
}

/// Points that lie side by side and are set in one request.
#[derive(Debug, Clone, PartialEq)]
pub struct PointGroup {
    /// What commands refer to; its values are JSON objects with a key for each member.
    pub point: Arc<Point>,
    /// Indices of the device's points, in the order of their registers.
    pub members: Vec<usize>,
}

/// The four tables of the Modbus data model (MODBUS Application Protocol 1.1b3, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Single bits, read and written: FC 1, 5, 15.
    Coil,
    /// Single bits, read only: FC 2.
    Discrete,
    /// 16-bit words, read only: FC 4.
    Input,
    /// 16-bit words, read and written: FC 3, 6, 16.
    Holding,
}

/// A place in a table, counted from 0 as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Register {
    /// The table.
    pub table: Table,
    /// First address.
    pub offset: u16,
}

/// How the bytes of a point are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// A coil or discrete input, or a register that is not zero.
    Bool,
    /// Low byte of a register, signed.
    I8l,
    /// High byte of a register, signed.
    I8h,
    /// 16 bits, signed.
    I16,
    /// 16 bits, unsigned.
    U16,
    /// 32 bits, signed.
    I32,
    /// 32 bits, unsigned.
    U32,
    /// 64 bits, signed.
    I64,
    /// 64 bits, unsigned.
    U64,
    /// IEEE 754 half precision.
    F16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Four decimal digits in 16 bits.
    Bcd16,
    /// Eight decimal digits in 32 bits.
    Bcd32,
    /// So many bytes of text, trailing NULs trimmed.
    String(u16),
    /// `len` bits from bit `from`, counted from the lowest bit of the shortest number of 16, 32 or 64 bits that has them.
    Bits {
        /// Lowest bit, 0 to 63.
        from: u8,
        /// Number of bits, 1 or more; `from + len` is at most 64.
        len: u8,
    },
}

/// The order in which the bytes of a value come over the wire: entry `i` is the significance-ordered place of the
/// `i`-th byte received, `A` = 0 being the most significant. Kept for the widths 2, 4 and 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteOrder {
    /// Places within 16 bits.
    pub two: [u8; 2],
    /// Places within 32 bits.
    pub four: [u8; 4],
    /// Places within 64 bits.
    pub eight: [u8; 8],
}
