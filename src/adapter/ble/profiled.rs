//! Advertisements that no format knows, read by profiles with a `decode.rhai`.
//!
//! A profile is asked for a device that names it, before the formats; and for any device that its `[[match]]` fits and
//! of which no format makes anything. What its script gives becomes readings of the points that the profile lists, and
//! of no others.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    config::GattPoint,
    decode::{Advertisement, Uuid},
    section::{MatchKeys, PointKeys, profile_points},
};
use crate::{
    config::{
        Place, Severity,
        report::Problems,
        section::{At, FromNode as _},
    },
    model::{Point, PointType, Value},
    profile::{Argument, Library, Pack, ProfileName, Runner, Script},
};

/// What a profile says of advertisements.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Which devices it is for, besides those that name it.
    pub matches: Vec<Match>,
    /// Its points, of no device yet.
    pub points: Vec<Arc<Point>>,
    /// What reads the advertisements.
    pub script: Script,
}

/// What an advertisement has to have; everything that is said.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Manufacturer data of a company.
    pub company: Option<u16>,
    /// Data of a service, or the service itself.
    pub service: Option<Uuid>,
    /// The beginning of its name.
    pub name: Option<String>,
}

/// What a profile made of an advertisement.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The profile.
    pub profile: Arc<Profile>,
    /// Values of its points.
    pub readings: Vec<(Arc<Point>, Value)>,
    /// Why there are none, or not all.
    pub why: Option<String>,
}

/// The profiles with their compiled scripts.
#[derive(Debug, Default)]
pub struct Decoders {
    /// Those that are asked for devices that name none.
    profiles: Vec<Arc<Profile>>,
    /// Scripts by their file, compiled when they are called first.
    runners: Mutex<HashMap<PathBuf, Option<Runner>>>,
}

/// The points of a profile, of no device yet: those that are advertised, and those behind a connection.
pub fn points_of(pack: &Pack, problems: &mut Problems) -> (Vec<Arc<Point>>, Vec<GattPoint>) {
    let listed = pack.point_nodes().filter_map(|node| {
        let (value, place) = (PointKeys::from_node(node.clone(), problems)?, node.place.clone());
        Some(At { value, place })
    });
    let listed = listed.collect();
    profile_points(listed, pack.decode.is_some(), problems)
}

impl Profile {
    /// What a profile says of advertisements; `None` for one without a `decode.rhai`.
    pub fn of(name: &ProfileName, pack: &Pack, problems: &mut Problems) -> Option<Self> {
        let script = pack.decode.clone()?;
        let matches = pack.matches.iter().filter_map(|node| MatchKeys::from_node(node.clone(), problems)?.meant());
        let matches = matches.collect();
        let (points, _) = points_of(pack, problems);
        Some(Self { name: name.as_str().to_owned(), matches, points, script })
    }

    /// The point of a name.
    fn point(&self, name: &str) -> Option<&Arc<Point>> {
        self.points.iter().find(|point| point.name().as_str() == name)
    }

    /// Every profile of a library that reads advertisements of devices that do not name it. One with a mistake is a
    /// warning and left out: no device has named it.
    pub fn all(library: &mut Library, problems: &mut Problems) -> Vec<Arc<Self>> {
        let mut all = Vec::new();
        for (name, folder) in library.list() {
            let mut own = Problems::default();
            let pack = library.open(&name, &Place::start_of(&folder), &mut own);
            let Some(pack) = pack.filter(|pack| pack.kind == "ble" && pack.decode.is_some()) else { continue };
            let profile = Self::of(&name, pack, &mut own);
            let told = own.into_report().problems;
            if told.iter().all(|problem| problem.severity != Severity::Error) {
                all.extend(profile.filter(|profile| !profile.matches.is_empty()).map(Arc::new));
                continue;
            }
            for problem in told {
                let help = "no device has named this profile; it is left out";
                problems.warning(&problem.place, problem.message).help(help);
            }
        }
        all
    }
}

impl Match {
    /// Whether an advertisement has it all.
    fn fits(&self, advert: &Advertisement<'_>) -> bool {
        let has_service = |uuid: Uuid| advert.has_service(uuid) || advert.service.iter().any(|(of, _)| *of == uuid);
        self.company.is_none_or(|company| advert.manufacturer_data(company).is_some())
            && self.service.is_none_or(has_service)
            && self.name.as_ref().is_none_or(|name| advert.name_or_empty().starts_with(name.as_str()))
    }
}

impl Decoders {
    /// Decoders of devices that name no profile; those that do bring theirs.
    pub fn new(profiles: Vec<Arc<Profile>>) -> Self {
        Self { profiles, runners: Mutex::default() }
    }

    /// What the profile that a device names makes of an advertisement.
    pub fn read_as(&self, profile: &Arc<Profile>, advert: &Advertisement<'_>, rssi: Option<i16>) -> Read {
        let mut read = Read { profile: Arc::clone(profile), readings: Vec::new(), why: None };
        // A holder that panicked left the scripts as they are.
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        let runner = runners.entry(profile.script.file.clone());
        let Some(runner) = runner.or_insert_with(|| Runner::new(&profile.script).ok()) else {
            read.why = Some("decode.rhai cannot be compiled".to_owned());
            return read;
        };
        match runner.call_and_tell(argument(advert, rssi)) {
            Err(error) => read.why = Some(error.to_string()),
            Ok(answer) => {
                for (name, value) in answer {
                    read.take(&name, value);
                }
            }
        }
        read
    }

    /// What the first profile that fits an advertisement makes of it; `None` when none fits.
    pub fn read(&self, advert: &Advertisement<'_>, rssi: Option<i16>) -> Option<Read> {
        let fits = |profile: &&Arc<Profile>| profile.matches.iter().any(|one| one.fits(advert));
        self.profiles.iter().find(fits).map(|profile| self.read_as(profile, advert, rssi))
    }
}

impl Read {
    /// Takes a value that the script gave; `()` is none.
    fn take(&mut self, name: &str, value: Option<Value>) {
        let Some(point) = self.profile.point(name).map(Arc::clone) else {
            self.why.get_or_insert_with(|| format!("decode.rhai gave {name:?}, which is no point of the profile"));
            return;
        };
        let Some(value) = value else { return };
        match fitting(point.kind, value) {
            Ok(value) if value.as_f64().is_none_or(|number| point.is_plausible(number)) => {
                self.readings.push((point, value));
            }
            Ok(value) => drop(self.why.get_or_insert_with(|| format!("{name} {value} is out of range"))),
            Err(value) => {
                let kind = point.kind.as_str();
                self.why
                    .get_or_insert_with(|| format!("decode.rhai gave {value} for {name}, which is of type {kind}"));
            }
        }
    }
}

/// A value as a point's type has it, or as it was.
#[expect(clippy::cast_precision_loss, reason = "a script that gives integers for floats means the nearest")]
fn fitting(kind: PointType, value: Value) -> Result<Value, Value> {
    match (kind, value) {
        (PointType::Float, Value::Int(number)) => Ok(Value::Float(number as f64)),
        (PointType::Float, value @ Value::Float(_))
        | (PointType::Int, value @ Value::Int(_))
        | (PointType::Bool, value @ Value::Bool(_))
        | (PointType::Text, value @ Value::Text(_))
        | (PointType::Bytes, value @ Value::Bytes(_)) => Ok(value),
        (_, value) => Err(value),
    }
}

/// An advertisement as `decode.rhai` is given it.
fn argument(advert: &Advertisement<'_>, rssi: Option<i16>) -> Argument {
    let bytes = |data: &[u8]| Argument::Bytes(data.to_vec());
    let manufacturer = advert.manufacturer.iter().map(|(id, data)| (format!("{id:#06x}"), bytes(data)));
    let service = advert.service.iter().map(|(uuid, data)| (uuid.to_string(), bytes(data)));
    let services = advert.services.iter().map(|uuid| Argument::Text(uuid.to_string()));
    Argument::Map(vec![
        ("address".to_owned(), Argument::Text(advert.address.to_string())),
        ("name".to_owned(), Argument::Text(advert.name_or_empty().to_owned())),
        ("rssi".to_owned(), rssi.map_or(Argument::None, |rssi| Argument::Int(rssi.into()))),
        ("manufacturer_data".to_owned(), Argument::Map(manufacturer.collect())),
        ("service_data".to_owned(), Argument::Map(service.collect())),
        ("service_uuids".to_owned(), Argument::List(services.collect())),
    ])
}

#[cfg(test)]
mod tests;
