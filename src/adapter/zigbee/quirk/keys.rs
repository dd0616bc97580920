//! The keys of a quirk's points, and what they mean.

use super::{AttributePlace, Form, Match, OwnPoint, Pattern, Source};
use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, Endpoint, Manufacturer},
        map::exact::Exact,
        tuya, zcl,
    },
    config::{
        Fault, Unique,
        report::Problems,
        section::{At, FromNode, Shape, section},
        tree::{Data, Node},
        values::from_integer,
    },
    model::{Access, PointName, PointType},
};

/// A number as it stands on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Whole(i64);

impl FromNode for Whole {
    const SHAPE: Shape = Shape::Integer { min: i64::MIN, max: i64::MAX };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        from_integer(&node, problems, i64::MIN, i64::MAX).map(Self)
    }
}

/// Words for numbers: `{ auto = 0, manual = 1 }`.
#[derive(Debug, Clone)]
pub struct Labels(Vec<(i64, Box<str>)>);

impl FromNode for Labels {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let Data::Table(table) = node.data else {
            let help = "write { auto = 0, manual = 1 }";
            problems.error(&node.place, format!("expected a table, found {}", node.data.kind())).help(help);
            return None;
        };
        let numbers = table.into_iter().filter_map(|(word, entry)| {
            from_integer(&entry.node, problems, i64::MIN, i64::MAX).map(|number| (number, word.into()))
        });
        let mut labels: Vec<(i64, Box<str>)> = numbers.collect();
        // In the order of the numbers, as a message that lists them should have it.
        labels.sort();
        Some(Self(labels))
    }
}

section! {
    /// A value that the device's standard clusters do not tell, or tell otherwise: a data point, an attribute, or what
    /// the profile's scripts give.
    pub struct PointKeys {
        /// Name of the point. It takes the place of one of that name that a standard cluster gives.
        name: PointName = required;
        /// What it is: `bool value string enum raw bitmap` for a data point, the name of its type in the Zigbee Cluster
        /// Library for an attribute (`uint16`, `int16`, `bool`, `enum8`, `single`, `string`, …), and `float int bool text
        /// bytes` for what scripts give.
        r#type: String = required;
        /// Number of the data point, for devices of Tuya (cluster 0xef00).
        dp: u8 = optional("no data point");
        /// Cluster of the attribute.
        cluster: u16 = optional("no attribute");
        /// The attribute.
        attribute: u16 = optional("no attribute");
        /// Whose addition to the cluster the attribute is, by the maker's number.
        manufacturer: u16 = optional("the library's own");
        /// Endpoint of the attribute.
        endpoint: u8 = optional("any; the first with the cluster when it is asked");
        /// Factor from the raw number to the value; a scaled integer is a float.
        scale: f64 = default("1.0");
        /// Added after the scale.
        offset: f64 = default("0.0");
        /// Words for raw numbers, `{ auto = 0, manual = 1 }`; the value is then text.
        labels: Labels = optional("the number itself");
        /// The raw number that means true; the value is then a bool, and every other number is false.
        on: Whole = optional("1 for the type bool");
        /// The bit that means true, counted from 0; the value is then a bool.
        bit: u8 = optional("the whole number");
        /// Raw numbers that the device sends while it has no value.
        invalid: Vec<At<Whole>> = default("[]");
        /// Unit of the value, UCUM.
        unit: String = optional("no unit");
        /// `r` to read, `w` to write, `rw` for both.
        access: Access = default("\"r\"");
        /// Smallest plausible value; readings below are `bad:out-of-range`.
        min: f64 = optional("no limit");
        /// Largest plausible value; readings above are `bad:out-of-range`.
        max: f64 = optional("no limit");
    }
}

section! {
    /// Devices that take a profile by themselves: those of one of these makers with one of these models.
    pub struct MatchKeys {
        /// Makers, as the device names them (Basic, attribute 0x0004); `*` at the end stands for what may follow.
        manufacturer: Vec<At<String>> = default("[]");
        /// Models, likewise (attribute 0x0005).
        model: Vec<At<String>> = default("[]");
    }
}

impl MatchKeys {
    /// What is meant; a match of everything is none.
    pub(super) fn meant(self) -> Option<Match> {
        let patterns = |texts: Vec<At<String>>| texts.iter().map(|at| Pattern::new(&at.value)).collect::<Vec<_>>();
        let (manufacturers, models) = (patterns(self.manufacturer.value), patterns(self.model.value));
        (!manufacturers.is_empty() || !models.is_empty()).then_some(Match { manufacturers, models })
    }
}

/// The points that are listed, names unique.
pub fn own_points(listed: Vec<At<PointKeys>>, problems: &mut Problems) -> Vec<OwnPoint> {
    let mut names = Unique::default();
    let mut points = Vec::new();
    for keys in listed.into_iter().map(|at| at.value) {
        if let Some(name) = &keys.name {
            names.take("point", name.value.as_str(), &name.place, problems);
        }
        points.extend(own_point(keys, problems));
    }
    points
}

/// One point; `None` when a part of it is missing or wrong.
fn own_point(keys: PointKeys, problems: &mut Problems) -> Option<OwnPoint> {
    let word = keys.r#type.as_ref()?;
    let (source, wire) = source(&keys, word).map_err(|fault| problems.fault(&word.place, fault)).ok()?;
    let name = keys.name.as_ref()?.value.clone();
    let (form, kind) = form(&keys, wire).map_err(|fault| problems.fault(&word.place, fault)).ok()?;
    let is_bit = matches!(form, Form::Bit(_));
    if is_bit && keys.access.value.can_write() {
        problems
            .error(&keys.access.place, "a bit cannot be set by itself")
            .help("set the whole number, or use encode.rhai");
    }
    Some(OwnPoint {
        name,
        source,
        kind,
        unit: keys.unit.map(|unit| unit.value.into()),
        access: keys.access.value,
        form,
        invalid: keys.invalid.value.iter().map(|at| at.value.0).collect(),
        min: keys.min.map(|min| min.value),
        max: keys.max.map(|max| max.value),
    })
}

/// What stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    /// A whole number.
    Whole,
    /// A number that is yes or no.
    Flag,
    /// A number with a fraction.
    Fraction,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// What a script gives.
    Given(PointType),
}

/// Where a point is, and what stands there.
fn source(keys: &PointKeys, word: &At<String>) -> Result<(Source, Wire), Fault> {
    let word = word.value.as_str();
    let unknown = |words: &str| Fault::new(format!("unknown type {word:?}")).help(format!("give one of {words}"));
    let place = (keys.cluster.as_ref().map(|at| at.value), keys.attribute.as_ref().map(|at| at.value));
    match (keys.dp.as_ref().map(|at| at.value), place) {
        (Some(dp), (None, None)) => {
            let kind = tuya::Type::named(word).ok_or_else(|| unknown("bool value string enum raw bitmap"))?;
            let wire = match kind {
                tuya::Type::Bool => Wire::Flag,
                tuya::Type::Value | tuya::Type::Enum | tuya::Type::Bitmap => Wire::Whole,
                tuya::Type::String => Wire::Text,
                tuya::Type::Raw => Wire::Bytes,
            };
            Ok((Source::DataPoint { dp, kind }, wire))
        }
        (None, (Some(cluster), Some(attribute))) => {
            let known = zcl::Kind::named(word);
            let kind =
                known.ok_or_else(|| unknown("the types of the library, such as uint16 int16 bool enum8 string"))?;
            let place = AttributePlace {
                endpoint: keys.endpoint.as_ref().map(|at| Endpoint::from(at.value)),
                cluster: Cluster(cluster),
                attribute: Attribute(attribute),
                manufacturer: keys.manufacturer.as_ref().map(|at| Manufacturer(at.value)),
                kind,
            };
            Ok((Source::Attribute(place), wire_of(kind)?))
        }
        (None, (None, None)) => {
            let kinds = [PointType::Float, PointType::Int, PointType::Bool, PointType::Text, PointType::Bytes];
            let kind = kinds.into_iter().find(|kind| kind.as_str() == word);
            kind.map(|kind| (Source::Script, Wire::Given(kind))).ok_or_else(|| {
                Fault::new(format!("{word:?} is no type of what scripts give"))
                    .help("give dp, or cluster and attribute, or one of float int bool text bytes")
            })
        }
        _ => Err(Fault::new("it is not clear where the point is").help("give dp, or cluster and attribute")),
    }
}

/// What stands in an attribute of a type.
fn wire_of(kind: zcl::Kind) -> Result<Wire, Fault> {
    use zcl::kind::Layout;
    Ok(match kind.layout() {
        _ if kind == zcl::Kind::Bool => Wire::Flag,
        _ if kind.is_text() => Wire::Text,
        Layout::Bits(_) | Layout::Signed(_) => Wire::Whole,
        Layout::Float(_) => Wire::Fraction,
        Layout::Bytes(_) => Wire::Bytes,
        Layout::Empty | Layout::List | Layout::Structure | Layout::Key => {
            return Err(Fault::new(format!("a point cannot be of the type {kind}")).help("read it with decode.rhai"));
        }
    })
}

/// How the value is made, and what it is.
fn form(keys: &PointKeys, wire: Wire) -> Result<(Form, PointType), Fault> {
    let is_number = matches!(wire, Wire::Whole | Wire::Flag);
    let ways = [keys.labels.is_some(), keys.on.is_some(), keys.bit.is_some()];
    if ways.iter().filter(|is_set| **is_set).count() > 1 {
        return Err(Fault::new("labels, on and bit exclude each other").help("leave one"));
    }
    if ways.contains(&true) && !is_number {
        return Err(
            Fault::new("only whole numbers have labels, on or bit").help("leave it out, or give another type")
        );
    }
    if let Some(labels) = &keys.labels {
        return Ok((Form::Words(labels.value.0.clone()), PointType::Text));
    }
    if let Some(bit) = &keys.bit {
        return Ok((Form::Bit(bit.value.min(63)), PointType::Bool));
    }
    match (wire, keys.on.as_ref().map(|at| at.value.0)) {
        (Wire::Whole | Wire::Flag, Some(on)) => Ok((Form::Switch { on, off: i64::from(on == 0) }, PointType::Bool)),
        (Wire::Flag, None) => Ok((Form::Switch { on: 1, off: 0 }, PointType::Bool)),
        (Wire::Text, _) => Ok((Form::Text, PointType::Text)),
        (Wire::Bytes, _) => Ok((Form::Bytes, PointType::Bytes)),
        (Wire::Given(kind), _) => Ok((Form::Given, kind)),
        (Wire::Whole | Wire::Fraction, _) => number(keys, wire),
    }
}

/// A number: whole as long as neither its type nor its factors have a fraction.
fn number(keys: &PointKeys, wire: Wire) -> Result<(Form, PointType), Fault> {
    let exact = |number: f64| {
        let fault =
            || Fault::new(format!("{number} cannot be calculated with")).help("give a number with fewer digits");
        Exact::of_f64(number).ok_or_else(fault)
    };
    let (scale, offset) = (exact(keys.scale.value)?, exact(keys.offset.value)?);
    if scale == Exact::whole(0) {
        return Err(Fault::new("a scale of 0 makes every value 0").help("give another"));
    }
    let is_whole = wire == Wire::Whole && scale.as_whole().is_some() && offset.as_whole().is_some();
    let kind = if is_whole { PointType::Int } else { PointType::Float };
    Ok((Form::Number { scale, offset }, kind))
}
