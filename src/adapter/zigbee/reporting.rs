//! When devices report: what they are asked for, and where they do otherwise.
//!
//! A device may refuse an attribute, or take it and keep to times of its own. So it is asked for the times afterwards, and
//! what differs is kept to be shown. So is a point with times of its own that the device cannot be told: which points it has
//! nobody knows before its interview.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    address::{Attribute, Cluster, Endpoint},
    device::Device,
    map::rules,
    quirk::Source,
    zcl::{
        self, Status,
        general::{Reporting, ReportingFound, ReportingRecord, ReportingWanted},
        value::Value,
    },
};

/// Between two reports of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervals {
    /// At least so many seconds: what flickers does not fill the air.
    pub least_s: u16,
    /// At most so many seconds: silence beyond it is a sign.
    pub most_s: u16,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { least_s: 5, most_s: 3600 }
    }
}

/// When a device shall report: everything alike, but for single points.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// What is not named below.
    pub all: Intervals,
    /// Points by name.
    pub points: BTreeMap<String, Intervals>,
}

/// How an attribute is reported otherwise than it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Otherwise {
    /// The device would not, by the status of its answer.
    Refused(u8),
    /// The device says that it does not report it, by the status of its answer.
    NotReported(u8),
    /// The device keeps to these times.
    Times(Intervals),
}

/// Attributes that are reported otherwise, by endpoint and cluster.
pub(super) type Others = BTreeMap<(Endpoint, Cluster, Attribute), Otherwise>;

/// The most that stands for never (ZCL, 2.5.7.1.6).
const NEVER: u16 = 0xffff;
/// Reports that the device sends, not those it receives (ZCL, 2.5.7.1.2).
const SENT: u8 = 0;

/// For people: `every 5 s to 300 s instead of 5 s to 3600 s`.
pub(super) fn in_words(otherwise: Otherwise, asked: Intervals) -> String {
    match otherwise {
        Otherwise::Refused(status) => format!("refused: {}", Status(status)),
        Otherwise::NotReported(status) => format!("not reported: {}", Status(status)),
        Otherwise::Times(Intervals { most_s: NEVER, .. }) => "never reported".to_owned(),
        Otherwise::Times(Intervals { least_s, most_s }) => {
            format!("every {least_s} s to {most_s} s instead of {} s to {} s", asked.least_s, asked.most_s)
        }
    }
}

/// What a device is asked to report of a cluster.
pub(super) fn wanted(device: &Device, endpoint: Endpoint, cluster: Cluster) -> Vec<Reporting> {
    of(device, endpoint, cluster, &attributes(device, endpoint, cluster))
}

/// The same for attributes that are named.
pub(super) fn of(
    device: &Device,
    endpoint: Endpoint,
    cluster: Cluster,
    attributes: &[(Attribute, zcl::Kind)],
) -> Vec<Reporting> {
    let reporting = |(attribute, kind): &(Attribute, zcl::Kind)| {
        let Intervals { least_s, most_s } = intervals(device, &device.reporting, endpoint, cluster, *attribute);
        let change = kind.is_analog().then(|| change(cluster, *kind));
        Reporting::Send { attribute: *attribute, kind: *kind, least_s, most_s, change }
    };
    attributes.iter().map(reporting).collect()
}

/// When an attribute shall be reported, by what is wanted of the points that it feeds.
pub(super) fn intervals(
    device: &Device,
    wanted: &Wanted,
    endpoint: Endpoint,
    cluster: Cluster,
    attribute: Attribute,
) -> Intervals {
    let named = wanted.points.iter().find(|(name, _)| device.feeds(name, endpoint, cluster, attribute));
    named.map_or(wanted.all, |(_, own)| *own)
}

/// What it is asked about afterwards.
pub(super) fn read_back(device: &Device, endpoint: Endpoint, cluster: Cluster) -> Vec<ReportingWanted> {
    let wanted = |(attribute, _): &(Attribute, _)| ReportingWanted { direction: SENT, attribute: *attribute };
    attributes(device, endpoint, cluster).iter().map(wanted).collect()
}

/// The attributes of a cluster that feed points.
pub(super) fn attributes(device: &Device, endpoint: Endpoint, cluster: Cluster) -> Vec<(Attribute, zcl::Kind)> {
    let has = device.attributes.get(&(endpoint, cluster)).into_iter().flatten().copied();
    has.filter(|(attribute, _)| rules::is_told(cluster, *attribute)).collect()
}

/// Takes the answer to being asked; one record without an attribute is about all.
pub(super) fn take_refusals(device: &mut Device, endpoint: Endpoint, cluster: Cluster, records: &[ReportingRecord]) {
    device.asked_reporting = device.reporting.clone();
    device.others.retain(|(of, in_cluster, _), _| (*of, *in_cluster) != (endpoint, cluster));
    let all: Vec<_> = attributes(device, endpoint, cluster).iter().map(|(attribute, _)| *attribute).collect();
    for record in records.iter().filter(|record| !record.status.is_success()) {
        let one = record.attribute.as_ref().map(|wanted| vec![wanted.attribute]);
        let refused = Otherwise::Refused(record.status.0);
        let known = one.unwrap_or_else(|| all.clone()).into_iter().filter(|attribute| all.contains(attribute));
        device.others.extend(known.map(|attribute| ((endpoint, cluster, attribute), refused)));
    }
}

/// Takes what the device says that it does. What it refused stays refused.
pub(super) fn take_found(device: &mut Device, endpoint: Endpoint, cluster: Cluster, found: &[ReportingFound]) {
    for ReportingFound { status, wanted, reporting } in found.iter().filter(|found| found.wanted.direction == SENT) {
        let key = (endpoint, cluster, wanted.attribute);
        if attributes(device, endpoint, cluster).iter().all(|(attribute, _)| *attribute != wanted.attribute)
            || matches!(device.others.get(&key), Some(Otherwise::Refused(_)))
        {
            continue;
        }
        let otherwise = match reporting {
            Some(Reporting::Send { least_s, most_s, .. }) if status.is_success() => {
                let found = Intervals { least_s: *least_s, most_s: *most_s };
                if found.most_s != NEVER && found.most_s != 0 {
                    let least = device.reports_within_s.map_or(found.most_s, |other| other.min(found.most_s));
                    device.reports_within_s = Some(least);
                }
                let asked = intervals(device, &device.asked_reporting, endpoint, cluster, wanted.attribute);
                (found != asked).then_some(Otherwise::Times(found))
            }
            _ => Some(Otherwise::NotReported(status.0)),
        };
        match otherwise {
            Some(otherwise) => drop(device.others.insert(key, otherwise)),
            None => drop(device.others.remove(&key)),
        }
    }
}

/// Points named for times of their own that come to nothing, and why.
pub(super) fn in_vain(device: &Device) -> impl Iterator<Item = (&str, &'static str)> {
    let names = device.reporting.points.keys().filter(|name| !is_timed(device, name));
    names.map(|name| {
        let has_it = device.all_points().any(|point| point.name().as_str() == name);
        (name.as_str(), if has_it { "the device chooses when it reports it" } else { "the device has no such point" })
    })
}

/// Whether a point is made of an attribute, which the device can be told when to report.
fn is_timed(device: &Device, name: &str) -> bool {
    if let Some(own) = device.quirk.as_ref().and_then(|quirk| quirk.point(name)) {
        return matches!(own.source, Source::Attribute(_));
    }
    device.attributes.keys().any(|(endpoint, cluster)| {
        let mut all = attributes(device, *endpoint, *cluster).into_iter();
        all.any(|(attribute, _)| device.feeds(name, *endpoint, *cluster, attribute))
    })
}

/// The change that is worth a report: a tenth of a degree, half a percent of humidity, 1 ppm; else the smallest.
fn change(cluster: Cluster, kind: zcl::Kind) -> Value {
    let least = match cluster.0 {
        0x0402 | 0x0201 => 10,
        0x0405 | 0x0408 => 50,
        _ => 1,
    };
    if kind == zcl::Kind::Single {
        return Value::single(if cluster.0 == 0x040d { 0.000_001 } else { 0.1 });
    }
    let signed = i64::try_from(least).ok().and_then(|least| Value::signed(kind, least));
    signed.or_else(|| Value::bits(kind, least)).unwrap_or_else(|| Value::invalid(kind))
}

#[cfg(test)]
mod tests;
