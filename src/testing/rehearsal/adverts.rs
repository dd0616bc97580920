//! The rehearsal of a Bluetooth profile: its advertisements are read by what the adapter uses. Points behind a connection
//! are not proved.

use std::{path::Path, sync::Arc};

use super::{Outcome, Vector, check_coverage, compare};
use crate::{
    adapter::ble::{
        decode::Uuid,
        heard::Heard,
        profiled::{Decoders, Profile, Read},
    },
    config::{Fault, Place, report::Problems, section::At},
    model::{Reading, Timestamp},
    profile::{Advert, Pack, ProfileName, Vectors},
};

/// Reads every advertisement of a profile.
pub(super) fn rehearse(
    name: &ProfileName,
    pack: &Pack,
    all: &Vectors,
    folder: &Path,
    mut problems: Problems,
) -> Outcome {
    let vectors = all.vectors.len();
    let Some(profile) = Profile::of(name, pack, &mut problems).map(Arc::new) else {
        let fault = Fault::new("a profile of kind \"ble\" without decode.rhai has nothing that can be tried");
        problems.fault(&Place::start_of(&pack.file), fault.help("points behind a connection need the device"));
        return Outcome { points: 0, vectors, report: problems.into_report() };
    };
    check_coverage(&profile.points, &all.vectors, folder, &mut problems);
    let decoders = Decoders::default();
    for vector in all.vectors.iter().filter(|vector| vector.is_whole) {
        rehearse_one(&profile, vector, &decoders, &mut problems);
    }
    Outcome { points: profile.points.len(), vectors, report: problems.into_report() }
}

/// Reads the advertisements of a vector, and compares the last reading of each point.
fn rehearse_one(profile: &Arc<Profile>, vector: &Vector, decoders: &Decoders, problems: &mut Problems) {
    if vector.adverts.is_empty() {
        let help = "write adverts = [{ manufacturer_data = { \"0x0499\" = \"…\" } }]";
        problems.error(&vector.place, "there is no advertisement").help(help);
        return;
    }
    let before = problems.count();
    let mut readings: Vec<Reading> = Vec::new();
    for advert in &vector.adverts {
        let Some(heard) = heard(advert, problems) else { continue };
        let Read { readings: read, why, .. } = heard.with_view(None, |view| decoders.read_as(profile, view, None));
        if let Some(why) = why {
            problems.error(&advert.place, why);
        }
        for (point, value) in read {
            readings.retain(|earlier| earlier.point.name() != point.name());
            readings.push(Reading::good(point, value, Timestamp::default()));
        }
    }
    if problems.count() > before {
        return;
    }
    for expected in &vector.readings {
        let found = readings.iter().find(|reading| *reading.point.name() == expected.point);
        compare(vector, expected, found, &profile.points, problems);
    }
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
