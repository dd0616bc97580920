//! What a device holds or sends, and the readings that this has to give: the proof beside a profile.

use std::path::Path;

use super::pack::read_file;
use crate::{
    config::{
        Fault, Place,
        report::Problems,
        section::{At, FromNode, Section, Shape, section, table_of},
        tree::{self, Node},
    },
    model::{PointName, Quality},
};

/// The file in a profile's folder.
const FILE: &str = "vectors.toml";

/// What to do about a profile that nothing proves.
const NONE_YET: &str = "write one: a [[vector]] with about, registers = { \"input:0\" = \"00DB\" } as an example of the data \
                        sheet has them (frames of Zigbee, adverts of Bluetooth), and readings = [{ point = \
                        \"temperature\", value = 21.9, unit = \"Cel\" }]";

/// One state of a device, and what its points have to say of it.
#[derive(Debug, Clone)]
pub struct Vector {
    /// What it shows.
    pub about: String,
    /// Where it stands.
    pub place: Place,
    /// The place of a first register or bit, `input:0`, and the words from there on. A bit is a word that is not 0.
    pub registers: Vec<(At<String>, Vec<u16>)>,
    /// What a Zigbee device sends, one after the other.
    pub frames: Vec<Frame>,
    /// What a Bluetooth device advertises, one after the other.
    pub adverts: Vec<Advert>,
    /// What the characteristics of a Bluetooth device hold, as typed: `180f/2a19`.
    pub characteristics: Vec<(At<String>, Vec<u8>)>,
    /// What the points have to say; points that are not named may say anything.
    pub readings: Vec<Expected>,
    /// Whether all of it was understood. What its readings are to be compared with is not known otherwise.
    pub is_whole: bool,
}

/// What one point has to say.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Where it stands.
    pub place: Place,
    /// The point.
    pub point: PointName,
    /// Its value in JSON; `None` for a bad reading.
    pub value: Option<serde_json::Value>,
    /// Its unit.
    pub unit: Option<String>,
    /// Its quality.
    pub quality: Quality,
}

/// A frame of a Zigbee device.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Where it stands.
    pub place: Place,
    /// From, or to, which endpoint.
    pub endpoint: u8,
    /// Of which cluster.
    pub cluster: u16,
    /// From frame control on.
    pub bytes: Vec<u8>,
}

/// An advertisement of a Bluetooth device.
#[derive(Debug, Clone)]
pub struct Advert {
    /// Where it stands.
    pub place: Place,
    /// Its name.
    pub name: Option<String>,
    /// Manufacturer data by company, as typed.
    pub manufacturer: Vec<(At<String>, Vec<u8>)>,
    /// Service data by service, as typed.
    pub service: Vec<(At<String>, Vec<u8>)>,
    /// Services that it says it has, as typed.
    pub services: Vec<At<String>>,
}

/// What sets a point.
#[derive(Debug, Clone)]
pub struct Write {
    /// What it shows.
    pub about: String,
    /// Where it stands.
    pub place: Place,
    /// The point.
    pub point: PointName,
    /// The value that it shall have, in JSON.
    pub value: serde_json::Value,
    /// What has to be sent.
    pub sent: Sent,
}

/// What carries a command out.
#[derive(Debug, Clone)]
pub enum Sent {
    /// A frame to a Zigbee device.
    Frame(Frame),
    /// Bytes to the characteristic of a Bluetooth device.
    Bytes(Vec<u8>),
}

/// Everything that is to come of a profile.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    /// States of the device.
    pub vectors: Vec<Vector>,
    /// Commands for it.
    pub writes: Vec<Write>,
}

section! {
    /// All vectors of a profile.
    struct FileKeys {
        /// States of the device.
        vector: Vec<Section> = required;
        /// Commands for the device, and the frames that carry them out.
        write: Vec<At<WriteKeys>> = default("[]");
    }
}

section! {
    /// A command, and the frame that carries it out.
    struct WriteKeys {
        /// What it shows, and where it comes from.
        about: String = required;
        /// The point.
        point: PointName = required;
        /// The value it shall have.
        value: Json = required;
        /// The frame that is sent to a Zigbee device, with 0 as its sequence number.
        frame: FrameKeys = optional("it is of another kind");
        /// What is written into the characteristic of a Bluetooth device, in hexadecimal.
        bytes: Hex = optional("it is of another kind");
    }
}

section! {
    /// A frame of the Zigbee Cluster Library.
    struct FrameKeys {
        /// From, or to, which endpoint.
        endpoint: u8 = default("1");
        /// Of which cluster.
        cluster: u16 = required;
        /// Its bytes from frame control on, in hexadecimal.
        zcl: Hex = required;
    }
}

section! {
    /// One state of the device.
    struct VectorKeys {
        /// What it shows, and where it comes from.
        about: String = required;
        /// Words by the place of the first one: `"input:0" = "4366 199A"`, in hexadecimal.
        registers: Registers = default("{}");
        /// What a Zigbee device sends.
        frames: Vec<At<FrameKeys>> = default("[]");
        /// What a Bluetooth device advertises.
        adverts: Vec<At<AdvertKeys>> = default("[]");
        /// What the characteristics of a Bluetooth device hold: `{ "180f/2a19" = "64" }`.
        characteristics: Data = default("{}");
        /// What the points have to say.
        readings: Vec<At<ReadingKeys>> = required;
    }
}

section! {
    /// What one point has to say.
    struct ReadingKeys {
        /// The point.
        point: PointName = required;
        /// Its value.
        value: Json = optional("none, for a bad reading");
        /// Its unit.
        unit: String = optional("no unit");
        /// Its quality.
        quality: Quality = default("\"good\"");
    }
}

section! {
    /// An advertisement.
    struct AdvertKeys {
        /// Its name.
        name: String = optional("none");
        /// Manufacturer data by company: `{ "0x0499" = "0512fc" }`.
        manufacturer_data: Data = default("{}");
        /// Service data by service: `{ fcd2 = "40026400" }`.
        service_data: Data = default("{}");
        /// Services that it says it has.
        service_uuids: Vec<At<String>> = default("[]");
    }
}

/// Bytes by what they belong to.
#[derive(Debug, Clone)]
struct Data(Vec<(At<String>, Vec<u8>)>);

impl FromNode for Data {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let table = table_of(node, problems)?.into_table();
        let all = table.into_iter().filter_map(|(of, entry)| {
            Some((At { value: of, place: entry.key }, Hex::from_node(entry.node, problems)?.0))
        });
        Some(Self(all.collect()))
    }
}

/// Bytes.
#[derive(Debug, Clone)]
struct Hex(Vec<u8>);

impl FromNode for Hex {
    const SHAPE: Shape = Shape::Text("hexadecimal bytes");

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        crate::config::values::from_text(&node, problems, |text| bytes(text).map(Self))
    }
}

/// A number, text or switch.
#[derive(Debug, Clone)]
struct Json(serde_json::Value);

/// Words by the place of the first one.
#[derive(Debug, Clone)]
struct Registers(Vec<(At<String>, Vec<u16>)>);

impl FromNode for Json {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        Some(Self(match node.data {
            tree::Data::Text(text) => text.into(),
            tree::Data::Int(number) => number.into(),
            tree::Data::Float(number) => number.into(),
            tree::Data::Bool(flag) => flag.into(),
            data => {
                problems.error(&node.place, format!("expected a value, found {}", data.kind()));
                return None;
            }
        }))
    }
}

impl FromNode for Registers {
    const SHAPE: Shape = Shape::Open;

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let tree::Data::Table(table) = node.data else {
            let help = "write { \"input:0\" = \"4366 199A\" }";
            problems.error(&node.place, format!("expected a table, found {}", node.data.kind())).help(help);
            return None;
        };
        let runs = table.into_iter().filter_map(|(first, entry)| {
            let text = String::from_node(entry.node.clone(), problems)?;
            let words = words(&text).map_err(|fault| problems.fault(&entry.node.place, fault)).ok()?;
            Some((At { value: first, place: entry.key }, words))
        });
        Some(Self(runs.collect()))
    }
}

impl FromNode for Quality {
    const SHAPE: Shape = Shape::Text("good, uncertain:why or bad:why");

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        crate::config::values::from_text(&node, problems, |text| {
            let help = "write good, uncertain:WHY or bad:WHY";
            Self::parse(text).ok_or_else(|| Fault::new(format!("{text:?} is no quality")).help(help))
        })
    }
}

/// Hexadecimal words with spaces between them.
fn words(text: &str) -> Result<Vec<u16>, Fault> {
    let word = |part: &str| {
        let is_word = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = is_word.then(|| u16::from_str_radix(part, 16).ok()).flatten();
        word.ok_or_else(|| Fault::new(format!("{part:?} is no word")).help("write up to four hexadecimal digits"))
    };
    text.split_whitespace().map(word).collect()
}

/// Hexadecimal bytes with or without spaces between them.
fn bytes(text: &str) -> Result<Vec<u8>, Fault> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let all = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>();
    let fault = || Fault::new(format!("{text:?} is no bytes")).help("write two hexadecimal digits for each");
    all.filter(|_| rest.is_empty()).ok_or_else(fault)
}

/// Reads the vectors beside a profile; what is wrong with them is in `problems`.
pub fn read(folder: &Path, problems: &mut Problems) -> Vectors {
    let file = folder.join(FILE);
    if !file.exists() {
        let message = "there is no vectors.toml, so nothing proves the profile";
        problems.unreadable(&Place::start_of(&file), message).help(NONE_YET);
        return Vectors::default();
    }
    let Some(table) = read_file(&file, problems) else { return Vectors::default() };
    let mut section = Section::new(Place::start_of(&file), table);
    let keys: FileKeys = section.read(problems);
    section.close(problems);
    let vectors = keys.vector.map_or_else(Vec::new, |at| at.value);
    Vectors {
        vectors: vectors.into_iter().map(|section| vector(section, problems)).collect(),
        writes: keys.write.value.into_iter().filter_map(|at| write(at, problems)).collect(),
    }
}

/// One vector as meant; what is missing or wrong is reported and left out.
fn vector(mut section: Section, problems: &mut Problems) -> Vector {
    let (place, before) = (section.place.clone(), problems.count());
    let keys: VectorKeys = section.read(problems);
    section.close(problems);
    let readings = keys.readings.map_or_else(Vec::new, |at| at.value);
    let readings = readings.into_iter().filter_map(|at| expected(at, problems)).collect();
    let frames = keys.frames.value.into_iter().filter_map(|at| frame(at.value, at.place)).collect();
    let adverts = keys.adverts.value.into_iter().map(|at| advert(at.value, at.place)).collect();
    let (registers, characteristics) = (keys.registers.value.0, keys.characteristics.value.0);
    let about = keys.about.map_or_else(String::new, |about| about.value);
    let is_whole = problems.count() == before;
    Vector { about, place, registers, frames, adverts, characteristics, readings, is_whole }
}

/// One advertisement as meant.
fn advert(keys: AdvertKeys, place: Place) -> Advert {
    Advert {
        place,
        name: keys.name.map(|name| name.value),
        manufacturer: keys.manufacturer_data.value.0,
        service: keys.service_data.value.0,
        services: keys.service_uuids.value,
    }
}

/// One command as meant; `None` when a part of it is missing.
fn write(at: At<WriteKeys>, problems: &mut Problems) -> Option<Write> {
    let At { value: keys, place } = at;
    let sent = match (keys.frame, keys.bytes) {
        (Some(frame), None) => Sent::Frame(self::frame(frame.value, frame.place)?),
        (None, Some(bytes)) => Sent::Bytes(bytes.value.0),
        (Some(_), Some(_)) | (None, None) => {
            let help = "write frame = { … } for a Zigbee device, or bytes = \"64\" for a Bluetooth one";
            problems.error(&place, "a command has either a frame or bytes").help(help);
            return None;
        }
    };
    Some(Write { about: keys.about?.value, place, point: keys.point?.value, value: keys.value?.value.0, sent })
}

/// One frame as meant; `None` when a part of it is missing.
fn frame(keys: FrameKeys, place: Place) -> Option<Frame> {
    Some(Frame { place, endpoint: keys.endpoint.value, cluster: keys.cluster?.value, bytes: keys.zcl?.value.0 })
}

/// What one point has to say; a value and a bad quality exclude each other.
fn expected(at: At<ReadingKeys>, problems: &mut Problems) -> Option<Expected> {
    let At { value: keys, place } = at;
    let (value, quality) = (keys.value.map(|value| value.value.0), keys.quality.value);
    if value.is_none() != quality.is_bad() {
        let help = "a good reading has a value, a bad one has none";
        problems.error(&place, format!("a reading that is {quality} with value {value:?}")).help(help);
        return None;
    }
    Some(Expected { place, point: keys.point?.value, value, unit: keys.unit.map(|unit| unit.value), quality })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_hexadecimal() {
        assert_eq!(words("4366 199A 0"), Ok(vec![0x4366, 0x199a, 0]));
        for text in ["12345", "0x12", "g", "+1", "-1"] {
            assert!(words(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mistakes_have_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[[vector]]\nabout = 'x'\nregisters = { 'input:0' = '1' }\n\
            readings = [{ point = 'a' }, { point = 'b', value = 1, quality = 'bad:x' }, { point = 'c', value = [] }]\n";
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let mut problems = Problems::default();

        read(folder.path(), &mut problems);

        let columns: Vec<_> = problems.into_report().problems.iter().map(|problem| problem.place.column).collect();
        assert_eq!(columns, [13, 30, 77, 100]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_vectors_panic(at in 0..VECTORS.len(), cut in 0..40usize, noise in "\\PC{0,12}") {
            let folder = tempfile::tempdir().unwrap();
            let behind = VECTORS.get(at + cut..).unwrap_or_default();
            std::fs::write(folder.path().join(FILE), format!("{}{noise}{behind}", &VECTORS[..at])).unwrap();

            for vector in read(folder.path(), &mut Problems::default()).vectors {
                prop_assert!(vector.readings.iter().all(|reading| reading.value.is_none() == reading.quality.is_bad()));
            }
        }
    }

    /// Vectors without a mistake.
    const VECTORS: &str = "[[vector]]\nabout = 'x'\nregisters = { 'input:0' = '4366 199A', 'coil:1' = '1' }\n\
        readings = [{ point = 'a', value = 230.1, unit = 'V' }, { point = 'b', quality = 'bad:timeout' }]\n";
}
