//! What a device holds or sends, and the readings that this has to give: the proof beside a profile.

mod keys;
mod values;

use std::path::Path;

use self::keys::{AdvertKeys, FileKeys, FrameKeys, ReadingKeys, VectorKeys, WriteKeys};
use super::pack::read_file;
use crate::{
    config::{
        Place,
        report::Problems,
        section::{At, Section},
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
