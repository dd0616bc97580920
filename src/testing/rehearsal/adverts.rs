//! The rehearsal of a Bluetooth profile: its advertisements, and what is behind a connection, are read by what the
//! adapter uses. Nothing is connected to: what the characteristics hold stands in the vectors.

use std::{path::Path, sync::Arc};

use super::{Outcome, Vector, check_coverage, check_writes, compare::compare};
use crate::{
    adapter::ble::{
        config::GattPoint,
        decode::Uuid,
        heard::{Heard, hex},
        profiled::{Decoders, Profile, Read, points_of},
        section::parse_characteristic,
    },
    config::{Fault, Place, report::Problems, section::At},
    model::{Point, Reading, Timestamp, Value},
    profile::{Advert, Pack, ProfileName, Sent, Vectors, Write},
};

/// What a profile reads, and with what.
struct Rehearsal {
    /// What reads its advertisements.
    profile: Option<Arc<Profile>>,
    /// The scripts, compiled.
    decoders: Decoders,
    /// Points behind a connection.
    behind: Vec<GattPoint>,
    /// All points that can be tried.
    points: Vec<Arc<Point>>,
}

/// Tries every vector of a profile.
pub(super) fn rehearse(
    name: &ProfileName,
    pack: &Pack,
    all: &Vectors,
    folder: &Path,
    mut problems: Problems,
) -> Outcome {
    let vectors = all.vectors.len() + all.writes.len();
    let rehearsal = Rehearsal::of(name, pack, &mut problems);
    if rehearsal.points.is_empty() {
        let fault = Fault::new("a profile of kind \"ble\" without decode.rhai or characteristics has nothing to try");
        let help = "what it advertises in a known format is tried by tidegate ble decode";
        problems.fault(&Place::start_of(&pack.file), fault.help(help));
        return Outcome { points: 0, vectors, report: problems.into_report() };
    }
    check_coverage(&rehearsal.points, &all.vectors, folder, &mut problems);
    for vector in all.vectors.iter().filter(|vector| vector.is_whole) {
        rehearsal.one(vector, &mut problems);
    }
    for write in &all.writes {
        rehearsal.write(write, &mut problems);
    }
    check_writes(rehearsal.settable().map(|behind| behind.point.name()), &all.writes, folder, &mut problems);
    Outcome { points: rehearsal.points.len(), vectors, report: problems.into_report() }
}

impl Rehearsal {
    /// What there is to try of a profile. Advertised points without a script are those of the formats, which have
    /// vectors of their own.
    fn of(name: &ProfileName, pack: &Pack, problems: &mut Problems) -> Self {
        let profile = Profile::of(name, pack, problems).map(Arc::new);
        // With a script, what is wrong with the points was told a line above.
        let mut told = Problems::default();
        let (_, behind) = points_of(pack, if profile.is_some() { &mut told } else { problems });
        let advertised = profile.iter().flat_map(|profile| profile.points.iter().cloned());
        let points = advertised.chain(behind.iter().map(|behind| Arc::clone(&behind.point))).collect();
        Self { profile, decoders: Decoders::default(), behind, points }
    }

    /// Reads what a vector gives, and compares the last reading of each point.
    fn one(&self, vector: &Vector, problems: &mut Problems) {
        if vector.adverts.is_empty() && vector.characteristics.is_empty() {
            let help = "write adverts = [{ manufacturer_data = { \"0x0499\" = \"…\" } }], or \
                        characteristics = { \"180f/2a19\" = \"64\" }";
            problems.error(&vector.place, "there is no advertisement, and no characteristic").help(help);
            return;
        }
        let before = problems.count();
        let mut readings = Vec::new();
        for advert in &vector.adverts {
            self.listen(advert, &mut readings, problems);
        }
        for (typed, bytes) in &vector.characteristics {
            self.look(typed, bytes, &mut readings, problems);
        }
        if problems.count() > before {
            return;
        }
        for expected in &vector.readings {
            let found = readings.iter().find(|reading| *reading.point.name() == expected.point);
            compare(vector, expected, found, &self.points, || None, problems);
        }
    }

    /// Lets the script read an advertisement.
    fn listen(&self, advert: &Advert, readings: &mut Vec<Reading>, problems: &mut Problems) {
        let Some(profile) = &self.profile else {
            problems.error(&advert.place, "the profile has no decode.rhai that reads advertisements");
            return;
        };
        let Some(heard) = heard(advert, problems) else { return };
        let Read { readings: read, why, .. } =
            heard.with_view(None, |view| self.decoders.read_as(profile, view, None));
        if let Some(why) = why {
            problems.error(&advert.place, why);
        }
        for (point, value) in read {
            keep(Reading::good(point, value, Timestamp::default()), readings);
        }
    }

    /// Points that can be set: only those behind a connection can.
    fn settable(&self) -> impl Iterator<Item = &GattPoint> {
        self.behind.iter().filter(|behind| behind.point.access.can_write())
    }

    /// Compares what is written to set a point with what has to be.
    fn write(&self, write: &Write, problems: &mut Problems) {
        let Some(GattPoint { point, layout, .. }) =
            self.settable().find(|behind| *behind.point.name() == write.point)
        else {
            let message = format!("the profile has no point {:?} that can be set", write.point.as_str());
            problems.error(&write.place, message);
            return;
        };
        let Sent::Bytes(wanted) = &write.sent else {
            problems.error(&write.place, "a characteristic is written").help("write bytes = \"64\"");
            return;
        };
        let encoded = Value::from_json(&write.value, point.kind)
            .map_err(|error| error.to_string())
            .and_then(|value| layout.encode(&value, point).map_err(|error| error.to_string()));
        let message = match encoded {
            Ok(bytes) if bytes == *wanted => return,
            Ok(bytes) => format!("{} is set by {}, expected {}", write.point, hex(&bytes), hex(wanted)),
            Err(why) => format!("{} cannot be set: {why}", write.point),
        };
        problems.error(&write.place, message).help(format!("in the write {:?}", write.about));
    }

    /// Reads every point that a characteristic holds.
    fn look(&self, typed: &At<String>, bytes: &[u8], readings: &mut Vec<Reading>, problems: &mut Problems) {
        let at = match parse_characteristic(&typed.value) {
            Ok(at) => at,
            Err(fault) => return problems.fault(&typed.place, fault),
        };
        let is_read = |behind: &&GattPoint| behind.at == at && behind.point.access.can_read();
        if !self.behind.iter().any(|behind| is_read(&behind)) {
            problems.error(&typed.place, format!("no point is read from {}", typed.value));
        }
        for behind in self.behind.iter().filter(is_read) {
            let point = Arc::clone(&behind.point);
            keep(
                match behind.layout.decode(bytes, &point) {
                    Ok(value) => Reading::good(point, value, Timestamp::default()),
                    Err(why) => Reading::bad(point, why.as_str(), Timestamp::default()),
                },
                readings,
            );
        }
    }
}

/// Takes the place of an earlier reading of the point.
fn keep(reading: Reading, readings: &mut Vec<Reading>) {
    readings.retain(|earlier| earlier.point.name() != reading.point.name());
    readings.push(reading);
}

/// An advertisement as a scanner hears it; `None` when an identifier is none.
fn heard(advert: &Advert, problems: &mut Problems) -> Option<Heard> {
    let mut uuid = |typed: &At<String>| {
        let found = Uuid::parse(&typed.value);
        if found.is_none() {
            problems.error(&typed.place, format!("{:?} is no UUID", typed.value));
        }
        found
    };
    let service = advert.service.iter().map(|(of, data)| Some((uuid(of)?, data.clone()))).collect::<Option<_>>()?;
    let services = advert.services.iter().map(&mut uuid).collect::<Option<_>>()?;
    let mut company = |typed: &At<String>| {
        let digits = typed.value.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok());
        if digits.is_none() {
            problems.error(&typed.place, format!("{:?} is no company", typed.value)).help("write \"0x0499\"");
        }
        digits
    };
    let manufacturer = advert.manufacturer.iter().map(|(of, data)| Some((company(of)?, data.clone())));
    let manufacturer = manufacturer.collect::<Option<_>>()?;
    Some(Heard { name: advert.name.clone(), manufacturer, service, services, ..Heard::default() })
}
