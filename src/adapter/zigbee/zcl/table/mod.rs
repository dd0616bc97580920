//! The table of clusters: names, attributes with their types, commands with their fields.
//!
//! `clusters.txt` is made by `make-table` from the MIT-licensed definitions of zigbee-herdsman, whose notice it keeps.
//! It is compiled in as text and read once, when somebody asks first; what is not in it is still carried, by number.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{frame::Direction, kind::Kind};
use crate::adapter::zigbee::address::{Attribute as AttributeId, Cluster as ClusterId, Manufacturer};

/// The table as it was made.
const TEXT: &str = include_str!("clusters.txt");

/// Every cluster by its id.
static TABLE: LazyLock<BTreeMap<u16, Cluster>> = LazyLock::new(|| parse(TEXT).expect("the table is tested"));

/// A cluster.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Its name, as zigbee-herdsman has it: `msTemperatureMeasurement`.
    pub name: &'static str,
    /// What its server holds.
    attributes: Vec<Attribute>,
    /// What its server and its client understand.
    commands: Vec<Command>,
}

/// An attribute.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its id.
    pub id: AttributeId,
    /// Its type.
    pub kind: Kind,
    /// Whether it can be read, written, and has to be reportable.
    pub access: Access,
    /// Its name: `measuredValue`.
    pub name: &'static str,
    /// Whose addition it is; `None` for the library's own.
    pub manufacturer: Option<Manufacturer>,
}

/// What can be done with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// It can be read.
    pub read: bool,
    /// It can be written.
    pub write: bool,
    /// It can be reported, by the specification; many more can by the device.
    pub report: bool,
}

/// A command of a cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Its number.
    pub id: u8,
    /// Who understands it.
    pub direction: Direction,
    /// Its name: `moveToLevel`.
    pub name: &'static str,
    /// What it carries.
    pub fields: Vec<Field>,
}

/// A field of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name: `transtime`.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// When it is there.
    pub presence: Presence,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    One(Kind),
    /// Values to the end of the frame.
    Many(Kind),
    /// Bytes to the end of the frame.
    Bytes,
}

/// When a field is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// In every frame.
    Always,
    /// While bytes are left.
    Optional,
    /// When another field has a value, or has not.
    When {
        /// The other field.
        field: &'static str,
        /// The value it is compared with.
        value: i128,
        /// Whether it has to differ.
        differs: bool,
    },
}

/// The cluster of an id.
pub fn cluster(id: ClusterId) -> Option<&'static Cluster> {
    TABLE.get(&id.0)
}

impl Cluster {
    /// An attribute of the library, or the maker's where the frame names one.
    pub fn attribute(&self, id: AttributeId, manufacturer: Option<Manufacturer>) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.id == id && attribute.manufacturer == manufacturer)
    }

    /// A command by its number and direction.
    pub fn command(&self, id: u8, direction: Direction) -> Option<&Command> {
        self.commands.iter().find(|command| command.id == id && command.direction == direction)
    }
}

/// Reads the table, or says which line is wrong.
fn parse(text: &'static str) -> Result<BTreeMap<u16, Cluster>, &'static str> {
    let mut table = BTreeMap::new();
    let mut id = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sign, rest) = line.split_once(' ').ok_or(line)?;
        if sign == "c" {
            let (number, name) = parse_cluster(rest).ok_or(line)?;
            id = Some(number);
            table.insert(number, Cluster { name, ..Cluster::default() });
            continue;
        }
        let cluster = id.and_then(|id| table.get_mut(&id)).ok_or(line)?;
        parse_entry(sign, rest, cluster).ok_or(line)?;
    }
    Ok(table)
}

/// `0402 msTemperatureMeasurement`
fn parse_cluster(line: &'static str) -> Option<(u16, &'static str)> {
    let mut words = line.split(' ');
    Some((u16::from_str_radix(words.next()?, 16).ok()?, words.next()?))
}

/// Adds an attribute or a command to its cluster. What a client holds is never asked for and left out.
fn parse_entry(sign: &str, rest: &'static str, cluster: &mut Cluster) -> Option<()> {
    match sign {
        "a" => cluster.attributes.push(parse_attribute(rest)?),
        "o" => {}
        ">" => cluster.commands.push(parse_command(rest, Direction::ToServer)?),
        "<" => cluster.commands.push(parse_command(rest, Direction::ToClient)?),
        _ => return None,
    }
    Some(())
}

/// `0000 int16 rp measuredValue @115f`
fn parse_attribute(line: &'static str) -> Option<Attribute> {
    let mut words = line.split(' ');
    let id = words.next()?.parse().ok()?;
    let kind = Kind::named(words.next()?)?;
    let access = words.next()?;
    let access = Access { read: access.contains('r'), write: access.contains('w'), report: access.contains('p') };
    let name = words.next()?;
    let manufacturer = match words.next() {
        Some(maker) => Some(maker.strip_prefix('@')?.parse().ok()?),
        None => None,
    };
    Some(Attribute { id, kind, access, name, manufacturer })
}

/// `00 moveToLevel level:uint8 transtime:uint16 optionsMask:bitmap8?`
fn parse_command(line: &'static str, direction: Direction) -> Option<Command> {
    let mut words = line.split(' ');
    let id = u8::from_str_radix(words.next()?, 16).ok()?;
    let name = words.next()?;
    let fields = words.map(parse_field).collect::<Option<_>>()?;
    Some(Command { id, direction, name, fields })
}

/// `transtime:uint16?status=0`
fn parse_field(word: &'static str) -> Option<Field> {
    let (name, rest) = word.split_once(':')?;
    let (shape, condition) = match rest.split_once('?') {
        Some((shape, condition)) => (shape, Some(condition)),
        None => (rest, None),
    };
    let shape = match shape.strip_suffix("[]") {
        Some(kind) => Shape::Many(Kind::named(kind)?),
        None if shape == "bytes" => Shape::Bytes,
        None => Shape::One(Kind::named(shape)?),
    };
    Some(Field { name, shape, presence: parse_presence(condition)? })
}

/// Nothing, an empty text, or `status!=0`.
fn parse_presence(condition: Option<&'static str>) -> Option<Presence> {
    match condition {
        None => Some(Presence::Always),
        Some("") => Some(Presence::Optional),
        Some(condition) => {
            let (field, value) = condition.split_once('=')?;
            let (field, differs) = field.strip_suffix('!').map_or((field, false), |field| (field, true));
            Some(Presence::When { field, value: value.parse().ok()?, differs })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_understood() {
        let table = parse(TEXT).unwrap();
        let attributes: usize = table.values().map(|cluster| cluster.attributes.len()).sum();
        let commands: usize = table.values().map(|cluster| cluster.commands.len()).sum();
        assert!(table.len() >= 129 && attributes > 1300 && commands >= 424, "{attributes} {commands}");
        assert!(TEXT.contains("The MIT License"), "the notice is kept");
    }

    #[test]
    fn an_attribute_is_known_with_its_type() {
        let temperature = cluster(ClusterId(0x0402)).unwrap();
        let attribute = temperature.attribute(AttributeId(0), None).unwrap();
        assert_eq!((temperature.name, attribute.name), ("msTemperatureMeasurement", "measuredValue"));
        assert_eq!((attribute.kind, attribute.access.report), (Kind::Int16, true));
        assert_eq!(temperature.attribute(AttributeId(0), Some(Manufacturer(0x115f))), None);
    }

    #[test]
    fn a_command_is_known_by_its_direction() {
        let ota = cluster(ClusterId(0x0019)).unwrap();
        let response = ota.command(2, Direction::ToClient).unwrap();
        assert_eq!(response.name, "queryNextImageResponse");
        let when = Presence::When { field: "status", value: 0, differs: false };
        assert_eq!(response.fields[1].presence, when);
        assert!(ota.command(2, Direction::ToServer).is_none());
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        assert_eq!(parse("a 0000 uint8 r early").unwrap_err(), "a 0000 uint8 r early");
        assert_eq!(parse("c 0000 x\na 0000 uint9 r y").unwrap_err(), "a 0000 uint9 r y");
    }
}
