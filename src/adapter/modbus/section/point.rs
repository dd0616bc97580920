//! Keys of a point, and what they mean.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    convert::conversion,
    counter::CounterKeys,
    names::{Marker, NameTable},
    register::{Source, check_register, factor},
    ucum,
    write::{VerifyKeys, writing},
};
use crate::{
    adapter::modbus::{
        config::{ByteOrder, Conversion, DataType, MappedPoint, Mapping, Names, Register, WriteFunction},
        conversion::is_one,
        notation::{Base, Notation},
    },
    config::{
        NamedPoint, Unique,
        report::Problems,
        section::{At, section},
        values::Span,
    },
    model::{Access, DeviceId, Domain, Point, PointAddress, PointName, PointType},
};

section! {
    /// One value of a device and the registers behind it.
    pub struct PointKeys {
        /// Name of the point, unique in its device.
        name: PointName = required;
        /// Table and offset, counted from 0 as on the wire: `coil:0`, `discrete:0`, `input:0`, `holding:0`. Also a
        /// number as in a manual, whose first digit is the table and the rest counts from 1: `40001` is `holding:0`.
        register: Notation = required;
        /// How the bytes are read: `bool i8l i8h i16 u16 i32 u32 i64 u64 f16 f32 f64 bcd16 bcd32 string:N
        /// bits:FROM+LEN`.
        r#type: DataType = required;
        /// Order in which the bytes of this value come.
        order: ByteOrder = optional("as the device");
        /// Factor from the raw number to the value; a scaled integer is a float.
        scale: f64 = default("1.0");
        /// Added after the scale: the value is raw × scale + offset.
        offset: f64 = default("0.0");
        /// Point or register that holds the power of ten by which the value is multiplied too, as a `sunssf`
        /// does. Value and power are read in the same request.
        scale_from: Source = optional("no power of ten");
        /// What the device sends while it has no value: numbers before scaling, or bits in hex. The reading is then
        /// `bad:not-available`. NaN is never a value.
        invalid: Vec<At<Marker>> = default("[]");
        /// Names of the numbers of a state: `{ 0 = "off", 1 = "on" }`. The value is the name; a number without one is
        /// its digits.
        r#enum: NameTable = optional("numbers stay numbers");
        /// Names of single bits: `{ 0 = "alarm", 3 = "pump" }`. The value is the names of all that are set, with
        /// commas; bits without a name are left out.
        flags: NameTable = optional("numbers stay numbers");
        /// The number begins again at 0 after its last: the value is what was counted in all. `true`, or
        /// `{ modulus = 1000000, step = 500 }`. After the device began anew the reading is `uncertain:counter-reset`.
        counter: CounterKeys = optional("the number is the value");
        /// Unit of the value, UCUM: `V`, `Cel`, `kW.h`.
        unit: String = optional("no unit");
        /// How often this point is read.
        poll: Span = optional("as the device");
        /// `r` to read, `w` to write, `rw` for both. A point can be written only when this says so.
        access: Access = default("\"r\"");
        /// How it is written: `single` with function 5 or 6, `multiple` with 15 or 16, `mask` with 22, which leaves
        /// the other bits of the register as they are.
        write: WriteFunction = optional("the shortest that fits");
        /// Read the point back after a write and compare: `true`, or `{ tolerance = 0.1, delay = "200ms" }`.
        verify: VerifyKeys = optional("the unit's answer is enough");
        /// After a write the gateway sets the registers back to zero when this time is over, at most 10 s.
        pulse: Span = optional("it stays as it was written");
        /// Smallest plausible value; readings below are `bad:out-of-range`.
        min: f64 = optional("no limit");
        /// Largest plausible value; readings above are `bad:out-of-range`.
        max: f64 = optional("no limit");
    }
}

/// What a point takes from its device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outer {
    /// How often it is read.
    pub(super) poll: Duration,
    /// Its byte order.
    pub(super) order: ByteOrder,
    /// From where its registers are counted.
    pub(super) base: Base,
}

/// A point as far as grants have to know it.
pub(super) fn named_point(keys: &PointKeys, device: &DeviceId) -> Option<NamedPoint> {
    let address = PointAddress { device: device.clone(), point: keys.name.as_ref()?.value.clone() };
    Some(NamedPoint { address, access: keys.access.value })
}

/// The points of a device, names unique.
pub(super) fn points(
    typed: Vec<At<PointKeys>>,
    device: &DeviceId,
    outer: Outer,
    problems: &mut Problems,
) -> Vec<MappedPoint> {
    let mut names = Unique::default();
    let typed: Vec<PointKeys> = typed.into_iter().map(|at| at.value).collect();
    for name in typed.iter().filter_map(|keys| keys.name.as_ref()) {
        names.take("point", name.value.as_str(), &name.place, problems);
    }
    let factors = factors(&typed, outer);
    let mut points: Vec<_> =
        typed.into_iter().filter_map(|keys| point(keys, device, outer, &factors, problems)).collect();
    // They were collected in the place of what was typed, which is several times as large and is needed no more.
    points.shrink_to_fit();
    points
}

/// A point that another one may take its power of ten from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factor {
    /// Where it is.
    pub(super) register: Register,
    /// What it is; only `i16` will do.
    pub(super) data: DataType,
    /// In which order its bytes come.
    pub(super) order: ByteOrder,
}

/// All points by name, as factors of others.
fn factors(typed: &[PointKeys], outer: Outer) -> HashMap<PointName, Factor> {
    let factor = |keys: &PointKeys| {
        let register = keys.register.as_ref()?.value.register(outer.base).ok()?;
        let order = keys.order.as_ref().map_or(outer.order, |order| order.value);
        Some((keys.name.as_ref()?.value.clone(), Factor { register, data: keys.r#type.as_ref()?.value, order }))
    };
    typed.iter().filter_map(factor).collect()
}

/// One point; `None` when a required key is missing or wrong.
fn point(
    keys: PointKeys,
    device: &DeviceId,
    outer: Outer,
    factors: &HashMap<PointName, Factor>,
    problems: &mut Problems,
) -> Option<MappedPoint> {
    let order = keys.order.as_ref().map_or(outer.order, |order| order.value);
    let register = check_register(&keys, outer.base, problems);
    let exponent = register.and_then(|register| factor(&keys, register, Outer { order, ..outer }, factors, problems));
    let conversion = Conversion { exponent, ..conversion(&keys, problems) };
    keys.unit.iter().for_each(|unit| ucum::check(unit, problems));
    let writing = writing(&keys, register.map(|register| register.table), &conversion, problems);
    let (name, data) = (keys.name?.value, keys.r#type?.value);
    let point = Point {
        address: PointAddress { device: device.clone(), point: name },
        kind: point_type(data, &conversion, keys.scale_from.is_some()),
        unit: keys.unit.map(|unit| unit.value.into()),
        access: keys.access.value,
        domain: Domain::within(keys.min.map(|min| min.value), keys.max.map(|max| max.value)),
    };
    let poll = keys.poll.map_or(outer.poll, |poll| poll.value.0);
    let mapping = Mapping { register: register?, data, order, conversion, writing, poll };
    Some(MappedPoint { point: Arc::new(point), mapping: Arc::new(mapping) })
}

/// Whether values of this type are numbers.
pub(super) fn is_number(data: DataType) -> bool {
    !matches!(data, DataType::Bool | DataType::String(_))
}

/// The type of a point's values: integers stay integers unless they are scaled or have names.
fn point_type(data: DataType, conversion: &Conversion, has_power: bool) -> PointType {
    let is_plain = is_one(conversion.scale) && conversion.offset == 0.0 && !has_power;
    match data {
        DataType::String(_) => PointType::Text,
        _ if conversion.names != Names::None => PointType::Text,
        DataType::Bool => PointType::Bool,
        DataType::F16 | DataType::F32 | DataType::F64 => PointType::Float,
        DataType::I8l
        | DataType::I8h
        | DataType::I16
        | DataType::U16
        | DataType::I32
        | DataType::U32
        | DataType::I64
        | DataType::U64
        | DataType::Bcd16
        | DataType::Bcd32
        | DataType::Bits { .. } => {
            if is_plain {
                PointType::Int
            } else {
                PointType::Float
            }
        }
    }
}
