//! Keys of a point: one that is advertised is named, one behind a connection says where it is.

mod advertised;
mod assigned;
mod words;

use std::{sync::Arc, time::Duration};

pub use self::words::characteristic as parse_characteristic;
use self::{
    advertised::{advertised, refuse_alone, scripted},
    words::{characteristic, kind},
};
use crate::{
    adapter::ble::{
        air::Characteristic,
        config::GattPoint,
        gatt::layout::{Kind, Layout},
    },
    config::{
        NamedPoint, Unique,
        report::Problems,
        section::{At, FromNode, Shape, section},
        tree::Node,
        values::{Span, from_integer, text_values, word_values},
    },
    model::{Access, DeviceId, Domain, Point, PointAddress, PointName},
};

/// How a characteristic is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// The device answers.
    Confirmed,
    /// The device says nothing.
    Unconfirmed,
}

/// Which byte comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The least significant.
    Little,
    /// The most significant.
    Big,
}

/// A raw number of a characteristic.
#[derive(Debug, Clone, Copy)]
pub struct Raw(i64);

impl FromNode for Raw {
    const SHAPE: Shape = Shape::Integer { min: i64::MIN, max: i64::MAX };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        from_integer(&node, problems, i64::MIN, i64::MAX).map(Self)
    }
}

text_values! {
    Characteristic: "service/characteristic, such as 180f/2a19", characteristic;
    Kind: "bool u8 i8 u16 i16 u24 i24 u32 i32 u64 i64 f32 f64 string bytes", kind;
}

word_values! {
    Write: ["confirmed" => Self::Confirmed, "unconfirmed" => Self::Unconfirmed], later [];
    ByteOrder: ["little" => Self::Little, "big" => Self::Big], later [];
}

section! {
    /// One value of a device: an advertised one by its name in the table of points, or any other with the
    /// characteristic behind it, for which the device is connected to.
    pub struct PointKeys {
        /// Name of the point: `temperature`, `temperature_2`.
        name: PointName = required;
        /// Service and characteristic that hold the value, short or in full: `180f/2a19`.
        characteristic: Characteristic = optional("it is advertised");
        /// What its bytes are: `bool u8 i8 u16 i16 u24 i24 u32 i32 u64 i64 f32 f64 string bytes`. Characteristics of the
        /// Bluetooth SIG for battery, temperature, humidity, pressure and names have theirs, with scale and unit. For a
        /// point that a profile's `decode.rhai` gives, what its values are: `f64 i64 bool string bytes`.
        r#type: Kind = optional("as the characteristic's specification says");
        /// Byte at which the value begins, counted from 0.
        at: u16 = default("0");
        /// Which byte comes first.
        order: ByteOrder = default("\"little\"");
        /// Factor from the raw number to the value; a scaled integer is a float.
        scale: f64 = optional("1, or as the characteristic's specification says");
        /// Added after the scale.
        offset: f64 = default("0.0");
        /// Raw numbers that the device sends while it has no value.
        invalid: Vec<At<Raw>> = default("[]");
        /// Unit of the value, UCUM.
        unit: String = optional("no unit, or as the characteristic's specification says");
        /// `r` to read, `w` to write, `rw` for both.
        access: Access = default("\"r\"");
        /// How it is written: `confirmed` by the device, or `unconfirmed`.
        write: Write = default("\"confirmed\"");
        /// How often it is read.
        poll: Span = optional("as the device");
        /// Whether the device tells it by itself; then it stays connected.
        notify: bool = default("false");
        /// Smallest plausible value; readings below are `bad:out-of-range`.
        min: f64 = optional("no limit");
        /// Largest plausible value; readings above are `bad:out-of-range`.
        max: f64 = optional("no limit");
    }
}

/// The points of a device.
#[derive(Debug, Default)]
pub(super) struct Points {
    /// Those that are advertised.
    pub(super) advertised: Vec<Arc<Point>>,
    /// Those it is connected to for.
    pub(super) behind: Vec<GattPoint>,
}

/// Reads the points of a device, names unique.
pub(super) fn points(
    listed: Vec<At<PointKeys>>,
    device: &DeviceId,
    poll: Duration,
    is_scripted: bool,
    problems: &mut Problems,
) -> Points {
    let (mut names, mut points) = (Unique::default(), Points::default());
    for keys in listed.into_iter().map(|at| at.value) {
        let Some(name) = &keys.name else { continue };
        names.take("point", name.value.as_str(), &name.place, problems);
        if keys.characteristic.is_some() {
            points.behind.extend(behind(keys, device, poll, problems));
        } else if is_scripted {
            points.advertised.extend(scripted(&keys, name, device, problems));
        } else {
            refuse_alone(&keys, problems);
            points.advertised.extend(advertised(name, device, problems));
        }
    }
    points
}

/// The points of a profile, of no device yet: those that are advertised, and those behind a connection.
pub fn profile_points(
    listed: Vec<At<PointKeys>>,
    is_scripted: bool,
    problems: &mut Problems,
) -> (Vec<Arc<Point>>, Vec<GattPoint>) {
    let nobody = DeviceId::new("profile").expect("a slug");
    let Points { advertised, behind } = points(listed, &nobody, Duration::ZERO, is_scripted, problems);
    (advertised, behind)
}

/// A point as grants see it.
pub(super) fn named(point: &Point) -> NamedPoint {
    let PointAddress { device, point: name } = &point.address;
    NamedPoint { address: PointAddress { device: device.clone(), point: name.clone() }, access: point.access }
}

/// A point behind a connection; `None` when its type is missing.
fn behind(keys: PointKeys, device: &DeviceId, poll: Duration, problems: &mut Problems) -> Option<GattPoint> {
    check(&keys, problems);
    let characteristic = keys.characteristic?;
    let known = assigned::of(characteristic.value.uuid);
    let Some(kind) = keys.r#type.map(|kind| kind.value).or(known.map(|known| known.1)) else {
        let help = "say what its bytes are: type = \"u16\"";
        problems.error(&characteristic.place, "the type of this characteristic is not known").help(help);
        return None;
    };
    // What the specification says holds only as long as the type is the one of the specification.
    let known = known.filter(|known| known.1 == kind);
    let invalid: Vec<i64> = keys.invalid.value.iter().map(|at| at.value.0).collect();
    let layout = Layout {
        kind,
        at: keys.at.value.into(),
        is_big_endian: keys.order.value == ByteOrder::Big,
        scale: keys.scale.map(|scale| scale.value).or(known.map(|known| known.2)).unwrap_or(1.0),
        offset: keys.offset.value,
        invalid: if invalid.is_empty() { known.and_then(|known| known.4).into_iter().collect() } else { invalid },
    };
    let unit = keys.unit.map(|unit| unit.value).or_else(|| Some(known?.3?.to_owned()));
    let point = Point {
        address: PointAddress { device: device.clone(), point: keys.name?.value },
        kind: layout.point_type(),
        unit: unit.map(Into::into),
        access: keys.access.value,
        domain: Domain::within(keys.min.map(|min| min.value), keys.max.map(|max| max.value)),
    };
    Some(GattPoint {
        point: Arc::new(point),
        at: characteristic.value,
        layout,
        is_confirmed: keys.write.value == Write::Confirmed,
        notifies: keys.notify.value,
        poll: keys.poll.map_or(poll, |poll| poll.value.0),
    })
}

/// What cannot be together.
fn check(keys: &PointKeys, problems: &mut Problems) {
    if let Some(scale) = keys.scale.as_ref().filter(|scale| scale.value == 0.0) {
        problems.error(&scale.place, "a scale of 0 makes every value 0").help("leave it out for 1");
    }
    if let (Some(min), Some(max)) = (&keys.min, &keys.max)
        && min.value > max.value
    {
        problems.error(&min.place, format!("min {} is above max {}", min.value, max.value)).help("swap them");
    }
    let writes = keys.access.value.can_write();
    if writes && keys.at.value > 0 {
        let help = "only a point at the start of a characteristic can be written, because a write sets all of it";
        problems.error(&keys.at.place, "a part of a characteristic cannot be written").help(help);
    }
    if keys.notify.value && !keys.access.value.can_read() {
        problems.error(&keys.notify.place, "what cannot be read does not notify").help("leave out access = \"w\"");
    }
}
