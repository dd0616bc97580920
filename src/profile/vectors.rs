//! What registers hold, and the readings that they have to give: the proof beside a profile.

use std::path::Path;

use super::pack::read_file;
use crate::{
    config::{
        Fault, Place,
        report::Problems,
        section::{At, FromNode, Section, Shape, section},
        tree::{Data, Node},
    },
    model::{PointName, Quality},
};

/// The file in a profile's folder.
const FILE: &str = "vectors.toml";

/// One state of a device, and what its points have to say of it.
#[derive(Debug, Clone)]
pub struct Vector {
    /// What it shows.
    pub about: String,
    /// Where it stands.
    pub place: Place,
    /// The place of a first register or bit, `input:0`, and the words from there on. A bit is a word that is not 0.
    pub registers: Vec<(At<String>, Vec<u16>)>,
    /// What the points have to say; points that are not named may say anything.
    pub readings: Vec<Expected>,
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

section! {
    /// All vectors of a profile.
    struct FileKeys {
        /// States of the device.
        vector: Vec<At<VectorKeys>> = required;
    }
}

section! {
    /// One state of the device.
    struct VectorKeys {
        /// What it shows, and where it comes from.
        about: String = required;
        /// Words by the place of the first one: `"input:0" = "4366 199A"`, in hexadecimal.
        registers: Registers = required;
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
            Data::Text(text) => text.into(),
            Data::Int(number) => number.into(),
            Data::Float(number) => number.into(),
            Data::Bool(flag) => flag.into(),
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
        let Data::Table(table) = node.data else {
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

/// Reads the vectors beside a profile; what is wrong with them is in `problems`.
pub fn read(folder: &Path, problems: &mut Problems) -> Vec<Vector> {
    let file = folder.join(FILE);
    let Some(table) = read_file(&file, problems) else { return Vec::new() };
    let mut section = Section::new(Place::start_of(&file), table);
    let keys: FileKeys = section.read(problems);
    section.close(problems);
    let vectors = keys.vector.map_or_else(Vec::new, |at| at.value);
    vectors.into_iter().filter_map(|at| vector(at, problems)).collect()
}

/// One vector as meant; `None` when a part of it is missing.
fn vector(at: At<VectorKeys>, problems: &mut Problems) -> Option<Vector> {
    let At { value: keys, place } = at;
    let readings = keys.readings?.value.into_iter().filter_map(|at| expected(at, problems)).collect();
    Some(Vector { about: keys.about?.value, place, registers: keys.registers?.value.0, readings })
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

            for vector in read(folder.path(), &mut Problems::default()) {
                prop_assert!(vector.readings.iter().all(|reading| reading.value.is_none() == reading.quality.is_bad()));
            }
        }
    }

    /// Vectors without a mistake.
    const VECTORS: &str = "[[vector]]\nabout = 'x'\nregisters = { 'input:0' = '4366 199A', 'coil:1' = '1' }\n\
        readings = [{ point = 'a', value = 230.1, unit = 'V' }, { point = 'b', quality = 'bad:timeout' }]\n";
}
