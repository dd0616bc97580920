//! The rehearsal of a Zigbee profile: its frames are read, and its commands written, by what the adapter uses.

use std::{path::Path, sync::Arc};

use super::{Outcome, Vector, check_coverage, check_writes, compare::compare};
use crate::{
    adapter::zigbee::{
        address::Cluster,
        map::order::Order,
        quirk::{Found, OwnPoint, Quirk, Scripts},
        wire::hex,
        zcl,
    },
    config::report::Problems,
    model::{DeviceId, Point, Reading, Timestamp, Value},
    profile::{Frame, Pack, ProfileName, Sent, Vectors, Write},
};

/// Reads every frame and writes every command of a profile.
pub(super) fn rehearse(
    name: &ProfileName,
    pack: &Pack,
    all: &Vectors,
    folder: &Path,
    mut problems: Problems,
) -> Outcome {
    let quirk = Quirk::of(name, pack, &mut problems);
    let device = DeviceId::new("device").expect("a slug");
    let points: Vec<_> = quirk.points.iter().map(|point| Arc::new(point.of(&device))).collect();
    check_coverage(&points, &all.vectors, folder, &mut problems);
    let mut scripts = Scripts::default();
    for vector in all.vectors.iter().filter(|vector| vector.is_whole) {
        rehearse_one(&quirk, vector, &points, &mut scripts, &mut problems);
    }
    for write in &all.writes {
        check_write(&quirk, write, &mut scripts, &mut problems);
    }
    let settable = quirk.points.iter().filter(|point| point.access.can_write()).map(|point| &point.name);
    check_writes(settable, &all.writes, folder, &mut problems);
    Outcome { points: points.len(), vectors: all.vectors.len() + all.writes.len(), report: problems.into_report() }
}

/// Reads the frames of a vector, and compares the last reading of each point.
fn rehearse_one(
    quirk: &Quirk,
    vector: &Vector,
    points: &[Arc<Point>],
    scripts: &mut Scripts,
    problems: &mut Problems,
) {
    if vector.frames.is_empty() {
        problems.error(&vector.place, "there is no frame").help("write frames = [{ cluster = 0xef00, zcl = \"…\" }]");
        return;
    }
    let before = problems.count();
    let mut readings: Vec<Reading> = Vec::new();
    for frame in &vector.frames {
        for reading in read(quirk, frame, points, scripts, problems) {
            readings.retain(|earlier| earlier.point.name() != reading.point.name());
            readings.push(reading);
        }
    }
    if problems.count() > before {
        return;
    }
    for expected in &vector.readings {
        let found = readings.iter().find(|reading| *reading.point.name() == expected.point);
        compare(vector, expected, found, points, || None, problems);
    }
}

/// The readings of a frame.
fn read(
    quirk: &Quirk,
    frame: &Frame,
    points: &[Arc<Point>],
    scripts: &mut Scripts,
    problems: &mut Problems,
) -> Vec<Reading> {
    let decoded = match zcl::Frame::decode(&frame.bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            problems.error(&frame.place, format!("it is no frame: {error}"));
            return Vec::new();
        }
    };
    let (found, failed) = scripts.read(quirk, frame.endpoint, Cluster(frame.cluster), &decoded);
    if let Some(why) = failed {
        problems.error(&frame.place, why);
    }
    let reading = |found: Found<'_>| {
        let point = points.iter().find(|point| *point.name() == found.point.name)?;
        Some(match found.value {
            Ok(value) => Reading::good(Arc::clone(point), value, Timestamp::default()),
            Err(missing) => Reading::bad(Arc::clone(point), missing.quality(), Timestamp::default()),
        })
    };
    found.into_iter().filter_map(reading).collect()
}

/// Compares what sets a point with what has to set it.
fn check_write(quirk: &Quirk, write: &Write, scripts: &mut Scripts, problems: &mut Problems) {
    let Some(point) = quirk.point(write.point.as_str()) else {
        problems.error(&write.place, format!("the profile has no point {:?}", write.point.as_str()));
        return;
    };
    let Sent::Frame(frame) = &write.sent else {
        problems
            .error(&write.place, "a Zigbee device is sent a frame")
            .help("write frame = { cluster = 6, zcl = \"…\" }");
        return;
    };
    let about = format!("in the write {:?}", write.about);
    let ordered = Value::from_json(&write.value, point.kind)
        .map_err(|error| error.to_string())
        .and_then(|value| scripts.order(quirk, point, &value));
    match ordered {
        Err(why) => drop(problems.error(&write.place, format!("{} cannot be set: {why}", write.point)).help(about)),
        Ok((_, order)) => compare_frame(point, &order, frame, &about, problems),
    }
}

/// Compares a frame with the one that is wanted.
fn compare_frame(point: &OwnPoint, order: &Order, wanted: &Frame, about: &str, problems: &mut Problems) {
    let found = (order.cluster.0, hex(&order.encode(0)));
    let expected = (wanted.cluster, hex(&wanted.bytes));
    if found != expected {
        let message = format!(
            "{} is set by {:#06x} {}, expected {:#06x} {}",
            point.name, found.0, found.1, expected.0, expected.1
        );
        problems.error(&wanted.place, message).help(about);
    }
}
