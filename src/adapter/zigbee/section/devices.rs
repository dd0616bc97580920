//! Single devices: their names, profiles and points, and when they shall report.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use super::{DeviceKeys, KIND, ReportingKeys};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Ieee},
        config::Own,
        quirk::{PointKeys, Quirk, own_points},
        reporting::{Intervals, Wanted},
        tuya::Clock,
    },
    config::{
        DeviceDraft,
        report::{Place, Problems},
        section::At,
        values::{Span, SpanOrZero},
    },
    model::DeviceId,
    profile::Library,
};

/// What is said of single devices.
#[derive(Default)]
pub(super) struct Named {
    /// Their names.
    pub(super) devices: BTreeMap<Ieee, DeviceId>,
    /// When some of them shall report.
    pub(super) reporting: BTreeMap<Ieee, Wanted>,
    /// Profiles and points of some of them.
    pub(super) own: BTreeMap<Ieee, Own>,
}

/// Reads what is said of single devices; one cannot have two names.
pub(super) fn named(
    drafts: Vec<DeviceDraft>,
    all: Intervals,
    library: &mut Library,
    problems: &mut Problems,
) -> Named {
    let mut named = Named::default();
    for DeviceDraft { id, profile, mut section, .. } in drafts {
        let keys: DeviceKeys = section.read(problems);
        section.close(problems);
        let reporting = wanted(&keys, all, problems);
        let own = own(
            profile.as_ref(),
            (keys.point.value, &keys.bind.value, keys.clock.map(|key| key.value)),
            library,
            problems,
        );
        let Some(ieee) = keys.address.and_then(|address| address.value.ieee) else { continue };
        let Entry::Vacant(entry) = named.devices.entry(ieee.value) else {
            let message = format!("address {} is there twice", ieee.value);
            problems.error(&ieee.place, message).help("each device has one name");
            continue;
        };
        entry.insert(id);
        let alike = Wanted { all, ..Wanted::default() };
        named.reporting.extend((reporting != alike).then_some((ieee.value, reporting)));
        named.own.extend((own != Own::default()).then_some((ieee.value, own)));
    }
    named
}

/// What a device's keys say of it. The points of a profile that it names are among its own already.
fn own(
    profile: Option<&At<String>>,
    (listed, bind, clock): (Vec<At<PointKeys>>, &[At<u16>], Option<Clock>),
    library: &mut Library,
    problems: &mut Problems,
) -> Own {
    let points = own_points(listed, problems);
    // A profile that is not there, or of another kind, was reported when the points were filled in.
    let name = profile.and_then(|profile| profile.value.parse().ok());
    let quirk = name.and_then(|name| {
        let pack = library.open(&name, &profile?.place, &mut Problems::default())?;
        (pack.kind == KIND.kind).then(|| Quirk::named(&name, pack))
    });
    match quirk {
        Some(quirk) => {
            Own { quirk: Some(quirk.with(&points).set_up(bind, clock.unwrap_or_default())), ..Own::default() }
        }
        None => Own { quirk: None, points, bind: bind.iter().map(|cluster| Cluster(cluster.value)).collect(), clock },
    }
}

/// When a device shall report, and single points of it.
fn wanted(keys: &DeviceKeys, adapters: Intervals, problems: &mut Problems) -> Wanted {
    let all = intervals(&keys.reporting, adapters, problems);
    let mut points = BTreeMap::new();
    for At { value, place } in &keys.reports.value {
        let Some(point) = &value.point else { continue };
        let times = times((value.min.as_ref(), value.max.as_ref()), all, place, problems);
        if points.insert(point.value.to_string(), times).is_some() {
            problems.error(place, format!("point {} is there twice", point.value)).help("leave one");
        }
    }
    Wanted { all, points }
}

/// When devices shall report; what is left out is as for all.
pub(super) fn intervals(keys: &At<ReportingKeys>, all: Intervals, problems: &mut Problems) -> Intervals {
    let ReportingKeys { min, max } = &keys.value;
    times((min.as_ref(), max.as_ref()), all, &keys.place, problems)
}

/// The shortest and the longest time; what is left out is as for all.
fn times(
    (min, max): (Option<&At<SpanOrZero>>, Option<&At<Span>>),
    all: Intervals,
    place: &Place,
    problems: &mut Problems,
) -> Intervals {
    let least_s = min.map_or(all.least_s, |key| seconds(key.value.0, &key.place, problems));
    let most_s = max.map_or(all.most_s, |key| seconds(key.value.0, &key.place, problems));
    if most_s == 0 || least_s > most_s {
        let message = format!("reports at the earliest after {least_s} s and at the latest after {most_s} s");
        problems.error(place, message).help("min is the shorter time, and max at least a second");
        return all;
    }
    Intervals { least_s, most_s }
}

/// Seconds as a device is told them; the highest number stands for never (ZCL, 2.5.7.1.6).
fn seconds(time: Duration, place: &Place, problems: &mut Problems) -> u16 {
    let seconds = u16::try_from(time.as_secs()).ok().filter(|seconds| *seconds < u16::MAX);
    seconds.unwrap_or_else(|| {
        problems.error(place, format!("{time:?} is more than a device can be told")).help("give up to 18h");
        u16::MAX - 1
    })
}
