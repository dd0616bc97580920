//! Single devices: their names, and when they shall report.

use std::{collections::BTreeMap, time::Duration};

use super::{DeviceKeys, ReportingKeys};
use crate::{
    adapter::zigbee::{address::Ieee, reporting::Intervals},
    config::{
        DeviceDraft,
        report::{Place, Problems},
        section::{At, Keyed as _},
    },
    model::DeviceId,
};

/// The names of devices, and when single ones report; one device cannot have two.
pub(super) fn named(
    drafts: Vec<DeviceDraft>,
    all: Intervals,
    problems: &mut Problems,
) -> (BTreeMap<Ieee, DeviceId>, BTreeMap<Ieee, Intervals>) {
    let (mut devices, mut reporting) = (BTreeMap::new(), BTreeMap::new());
    for DeviceDraft { id, mut section, .. } in drafts {
        let keys: DeviceKeys = section.read(problems);
        section.close(problems);
        let own = intervals(&keys.reporting, all, problems);
        let Some(ieee) = keys.address.and_then(|address| address.value.ieee) else { continue };
        if devices.contains_key(&ieee.value) {
            let message = format!("address {} is there twice", ieee.value);
            problems.error(&ieee.place, message).help("each device has one name");
            continue;
        }
        devices.insert(ieee.value, id);
        if own != all {
            reporting.insert(ieee.value, own);
        }
    }
    (devices, reporting)
}

/// When devices shall report; what is left out is as for all.
pub(super) fn intervals(keys: &At<ReportingKeys>, all: Intervals, problems: &mut Problems) -> Intervals {
    let ReportingKeys { min, max } = &keys.value;
    let least_s = min.as_ref().map_or(all.least_s, |key| seconds(key.value.0, &key.place, problems));
    let most_s = max.as_ref().map_or(all.most_s, |key| seconds(key.value.0, &key.place, problems));
    if most_s == 0 || least_s > most_s {
        let message = format!("reports at the earliest after {least_s} s and at the latest after {most_s} s");
        problems.error(&keys.place, message).help("min is the shorter time, and max at least a second");
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
