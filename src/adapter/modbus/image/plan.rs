//! From `[[republish]]` to an [`Image`], with everything that is wrong with it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{Entry, Image, Shows};
use crate::{
    adapter::modbus::{
        config::{ByteOrder, Conversion, DataType, MappedPoint, Mapping, Register, Table, Writing},
        layout::{is_bits, registers},
        notation::{Base, Notation},
    },
    config::{
        Fault, NamedPoint, OnBad, Place, Republish, RepublishPoint,
        report::{Problems, nearest},
        section::At,
    },
    model::{Access, Domain, Point, PointAddress, PointType},
};

/// The points of all adapters, for sources to be looked up in.
pub struct Known<'a> {
    /// By address.
    points: HashMap<&'a PointAddress, &'a Arc<Point>>,
    /// Points that were named, also where something else about them is wrong, which is reported already.
    named: &'a [NamedPoint],
    /// Whether there are points that nobody could read, so that nothing is said of missing ones.
    is_incomplete: bool,
}

impl<'a> Known<'a> {
    /// These points.
    pub fn new(points: &'a [Arc<Point>], named: &'a [NamedPoint], is_incomplete: bool) -> Self {
        let points = points.iter().map(|point| (&point.address, point)).collect();
        Self { points, named, is_incomplete }
    }
}

/// An entry and where the configuration speaks of it.
type Placed = (Entry, Place);

impl Image {
    /// Lays out what a server shows. What cannot be is reported and left out.
    pub fn plan(server: &Republish, known: &Known<'_>, problems: &mut Problems) -> Self {
        let base = if server.base.value == 1 { Base::One } else { Base::Zero };
        let (mut points, mut placed) = (Vec::new(), Vec::new());
        for At { value: typed, place } in &server.points {
            let Some(point) = source(typed, known, problems) else { continue };
            let entries = entries(typed, place, (points.len(), &point), base, problems);
            placed.extend(entries);
            points.push(point);
        }
        let entries = without_overlaps(placed, problems);
        Self { points, entries, fill: server.fill, refuse_bad: server.on_bad == OnBad::Exception }
    }
}

/// The point that is shown. Of one that a rule makes, nothing but its name is known.
fn source(typed: &RepublishPoint, known: &Known<'_>, problems: &mut Problems) -> Option<Arc<Point>> {
    let At { value: address, place } = &typed.source;
    if let Some(&point) = known.points.get(address) {
        return Some(Arc::clone(point));
    }
    if typed.made_by_rule {
        let (device, name) = (address.device.clone(), address.point.clone());
        return Some(Arc::new(Point::new(device, name, PointType::Json, None)));
    }
    let is_named = known.named.iter().any(|point| point.address == *address);
    if !known.is_incomplete && !is_named {
        let mut names: Vec<String> = known.points.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        let near = nearest(&address.to_string(), names.iter().map(String::as_str));
        let help = near.map_or_else(
            || "name a point of a device, or set made_by_rule = true".to_owned(),
            |name| format!("did you mean {name:?}?"),
        );
        problems.absent(place, Fault::new(format!("no device has the point {address}")).help(help));
    }
    None
}

/// The value of a point, and its quality and age where they are wanted.
fn entries(
    typed: &RepublishPoint,
    place: &Place,
    (index, point): (usize, &Arc<Point>),
    base: Base,
    problems: &mut Problems,
) -> Vec<Placed> {
    let mut placed = Vec::new();
    if let Some(mapped) = mapped(typed, place, point, base, problems) {
        let Register { table, offset: start } = mapped.register;
        let count = if is_bits(table) { 1 } else { registers(mapped.data) };
        if u32::from(start) + u32::from(count) > 65_536 {
            problems.error(&typed.register.place, "the value ends behind register 65535");
        } else {
            let entry = Entry { table, start, count, point: index, shows: Shows::Value(Box::new(mapped)) };
            placed.push((entry, typed.register.place.clone()));
        }
    }
    let extras = [(&typed.quality, Shows::Quality), (&typed.age, Shows::Age)];
    for (at, shows) in extras.into_iter().filter_map(|(at, shows)| Some((at.as_ref()?, shows))) {
        let Some(Register { table, offset: start }) = register(at, base, problems) else { continue };
        if is_bits(table) && shows == Shows::Age {
            problems
                .error(&at.place, "seconds do not fit a bit")
                .help("show the age in an input or holding register");
            continue;
        }
        placed.push((Entry { table, start, count: 1, point: index, shows }, at.place.clone()));
    }
    placed
}

/// The bytes that show the value.
fn mapped(
    typed: &RepublishPoint,
    place: &Place,
    point: &Arc<Point>,
    base: Base,
    problems: &mut Problems,
) -> Option<MappedPoint> {
    let register = register(&typed.register, base, problems);
    let data: Option<DataType> = read(&typed.data, problems);
    let order: Option<ByteOrder> = read(&typed.order, problems);
    let data = data.filter(|&data| fits(data, register, &typed.data, point, problems));
    if typed.scale == 0.0 {
        problems.error(place, "a scale of 0 leaves nothing of the value").help("leave it out for 1");
        return None;
    }
    let (register, data, order) = (register?, data?, order?);
    let has_scale = typed.scale.to_bits() != 1f64.to_bits() || typed.offset != 0.0;
    if has_scale && !is_scalable(data) {
        problems.error(place, "only numbers have a scale and an offset").help("leave them out");
        return None;
    }
    let invalid = marker(data).into_iter().filter(|_| !is_bits(register.table)).collect();
    let conversion = Conversion { scale: typed.scale, offset: typed.offset, invalid, ..Conversion::default() };
    // The policy knows the limits of the point, and its refusal is an outcome that can be looked up.
    let open = Point { domain: Domain::default(), access: Access::Rw, ..Point::clone(point) };
    let (writing, poll) = (Writing::default(), Duration::MAX);
    let mapping = Mapping { register, data, order, conversion, writing, poll };
    Some(MappedPoint { point: Arc::new(open), mapping: Arc::new(mapping) })
}

/// Whether a type fits the table, and the point's values the type.
fn fits(
    data: DataType,
    register: Option<Register>,
    typed: &At<String>,
    point: &Point,
    problems: &mut Problems,
) -> bool {
    let fault = match (data, point.kind) {
        (DataType::I8l | DataType::I8h | DataType::Bits { .. }, _) => {
            Fault::new("a value is shown in whole registers").help("use i16 or u16")
        }
        (data, _) if data != DataType::Bool && register.is_some_and(|register| is_bits(register.table)) => {
            Fault::new("coils and discrete inputs are single bits").help("use type = \"bool\"")
        }
        // Of a point that a rule makes, nobody knows the type before it is there.
        (_, PointType::Json) | (DataType::String(_), PointType::Text) => return true,
        (DataType::String(_), kind) => wrong(kind, "a number type or bool"),
        (_, kind @ PointType::Text) => wrong(kind, "type = \"string:16\""),
        (_, PointType::Bytes) => Fault::new("raw bytes cannot be shown in registers"),
        (DataType::Bool, kind @ PointType::Float) => wrong(kind, "a number type"),
        (_, PointType::Float | PointType::Int | PointType::Bool) => return true,
    };
    problems.fault(&typed.place, fault);
    false
}

/// That a point has values of another kind.
fn wrong(kind: PointType, fitting: &str) -> Fault {
    Fault::new(format!("the values of the point are of type {}", kind.as_str())).help(format!("use {fitting}"))
}

/// Whether values of this type can be scaled.
fn is_scalable(data: DataType) -> bool {
    !matches!(data, DataType::Bool | DataType::String(_))
}

/// The bits that say that there is no value: the smallest signed, the largest unsigned number, and no digits. A switch
/// and a text have none to spare; a float has NaN, which no value is.
pub(super) fn marker(data: DataType) -> Option<u64> {
    match data {
        DataType::I16 => Some(0x8000),
        DataType::I32 => Some(0x8000_0000),
        DataType::I64 => Some(1 << 63),
        DataType::U16 | DataType::Bcd16 => Some(u16::MAX.into()),
        DataType::U32 | DataType::Bcd32 => Some(u32::MAX.into()),
        DataType::U64 => Some(u64::MAX),
        DataType::F16 => Some(0x7e00),
        DataType::F32 => Some(0x7fc0_0000),
        DataType::F64 => Some(0x7ff8 << 48),
        DataType::Bool | DataType::String(_) | DataType::I8l | DataType::I8h | DataType::Bits { .. } => None,
    }
}

/// A register as the configuration writes it.
fn register(at: &At<String>, base: Base, problems: &mut Problems) -> Option<Register> {
    let register = at.value.parse::<Notation>().and_then(|notation| notation.register(base));
    register.map_err(|fault| problems.fault(&at.place, fault)).ok()
}

/// A text of the configuration.
fn read<T: std::str::FromStr<Err = Fault>>(at: &At<String>, problems: &mut Problems) -> Option<T> {
    at.value.parse().map_err(|fault| problems.fault(&at.place, fault)).ok()
}

/// The entries in order. One that overlaps an earlier one of the file is reported and left out.
fn without_overlaps(placed: Vec<Placed>, problems: &mut Problems) -> Vec<Entry> {
    let mut kept: Vec<Placed> = Vec::new();
    for (entry, place) in placed {
        let at = kept.partition_point(|(other, _)| (other.table, other.start) < (entry.table, entry.start));
        let overlaps = |(other, _): &&Placed| {
            other.table == entry.table && u32::from(other.start) < entry.end() && u32::from(entry.start) < other.end()
        };
        let neighbours = kept[..at].last().into_iter().chain(kept.get(at));
        match neighbours.clone().find(overlaps) {
            Some((other, first)) => {
                let message = format!("{} is shown there already: at {first}", range(other));
                problems.error(&place, message).help("give each point registers of its own");
            }
            None => kept.insert(at, (entry, place)),
        }
    }
    kept.into_iter().map(|(entry, _)| entry).collect()
}

/// `holding:0 to 1`, counted as on the wire.
fn range(entry: &Entry) -> String {
    let table = match entry.table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Input => "input",
        Table::Holding => "holding",
    };
    if entry.count == 1 {
        format!("{table}:{}", entry.start)
    } else {
        format!("{table}:{} to {}", entry.start, entry.end() - 1)
    }
}
