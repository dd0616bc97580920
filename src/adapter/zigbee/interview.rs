//! Getting to know a device, step by step: what it is, what it offers, what it measures, and then that it shall report.
//!
//! ```text
//! node -> endpoints -> simple × n -> basic -> read × n ─ interviewed ─> enroll, bind, report, read back × n
//! ```
//!
//! Which step is next follows from the steps that are done, so that an interview goes on where it was: after a device
//! fell asleep, after the stick was away, after the gateway was killed. A refusal ends a step like an answer; silence
//! does not.

mod answers;
mod questions;

use serde::{Deserialize, Serialize};

pub(super) use self::{
    answers::{take_general, take_zdo},
    questions::{general, message, question, zdo},
};
use super::{
    address::{Attribute, Cluster, Endpoint, Group},
    device::Device,
    map::{button, known, rules, zone},
    reporting, tuya, zcl,
};

/// Attributes read at once: more would not fit into the answers of older devices.
const AT_ONCE: usize = 6;

/// Basic: who made it and what it is called (ZCL, 3.2.2.2).
const BASIC: Cluster = Cluster(0x0000);
/// The maker's name.
const MAKER: Attribute = Attribute(0x0004);
/// The maker's name for it.
const MODEL: Attribute = Attribute(0x0005);

/// Attributes of Basic that the gateways of Tuya read at once; some of its devices say nothing before.
const GREETING: [u16; 6] = [0x0004, 0x0000, 0x0001, 0x0005, 0x0007, 0xfffe];

/// Which groups an endpoint is in (ZCL, 3.6).
pub(super) const GROUPS: Cluster = Cluster(0x0004);

/// Where a zone reports to (ZCL, 8.2.2.2.1.3).
const ZONE_HOME: Attribute = Attribute(0x0010);

/// How sleepers say that they are awake (ZCL, 3.16).
pub(super) const POLL_CONTROL: Cluster = Cluster(0x0020);
/// How often they do, in quarters of a second.
pub(super) const CHECK_IN: Attribute = Attribute(0x0000);

/// One thing that is asked of a device. The order is that in which they are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Step {
    /// What is it in the network?
    Node,
    /// Which endpoints does it have?
    Endpoints,
    /// What does an endpoint do?
    Simple(Endpoint),
    /// Who made it?
    Basic(Endpoint),
    /// Which attributes does a cluster have, and what are they? By the part of the list.
    Read(Endpoint, u16, u8),
    /// Shall tell us its alarms.
    Enroll(Endpoint),
    /// Shall send us what a cluster has to say.
    Bind(Endpoint, u16),
    /// Shall say it now and then.
    Report(Endpoint, u16),
    /// When does it say it?
    ReadBack(Endpoint, u16),
    /// Shall take messages to a group as its own.
    Group(Endpoint, u16),
    /// Shall no longer.
    Ungroup(Endpoint, u16),
    /// Shall say what devices of Tuya want to be asked before they say anything.
    Greet(Endpoint),
    /// What do attributes of its profile say? By cluster, maker, and the part of the list.
    Own(Endpoint, u16, u16, u8),
    /// Shall say it now and then.
    OwnReport(Endpoint, u16, u16),
}

impl Step {
    /// Whether it belongs to the description, not to what is set up behind it.
    fn is_description(self) -> bool {
        self < Self::Enroll(0)
    }
}

/// The next step; `None` when all is done.
pub(super) fn next(device: &Device) -> Option<Step> {
    steps(device).into_iter().find(|step| !device.done.contains(step))
}

/// Whether the description is complete.
pub(super) fn is_described(device: &Device) -> bool {
    next(device).is_none_or(|step| !step.is_description())
}

/// Every step, as far as it is known by now.
fn steps(device: &Device) -> Vec<Step> {
    let mut steps = vec![Step::Node, Step::Endpoints];
    steps.extend(device.listed.iter().copied().map(Step::Simple));
    let basic = device.endpoints.iter().find(|simple| simple.inputs.as_slice().contains(&BASIC));
    steps.extend(basic.map(|simple| Step::Basic(simple.endpoint)));
    let inputs = || {
        device
            .endpoints
            .iter()
            .flat_map(|simple| simple.inputs.as_slice().iter().map(|cluster| (simple.endpoint, *cluster)))
    };
    for (endpoint, cluster) in inputs() {
        let parts = attributes(cluster).len().div_ceil(AT_ONCE);
        steps.extend((0..).take(parts).map(|part| Step::Read(endpoint, cluster.0, part)));
    }
    let zones = inputs().filter(|(_, cluster)| *cluster == zone::CLUSTER);
    steps.extend(zones.map(|(endpoint, _)| Step::Enroll(endpoint)));
    for (endpoint, cluster) in inputs() {
        if !reporting::attributes(device, endpoint, cluster).is_empty() && cluster != BASIC {
            let cluster = cluster.0;
            steps.extend([Step::Bind(endpoint, cluster), Step::Report(endpoint, cluster)]);
            steps.push(Step::ReadBack(endpoint, cluster));
        }
        if cluster == POLL_CONTROL {
            steps.push(Step::Bind(endpoint, cluster.0));
        }
    }
    for simple in &device.endpoints {
        let pressed = simple.outputs.as_slice().iter().filter(|cluster| button::CLUSTERS.contains(cluster));
        steps.extend(pressed.map(|cluster| Step::Bind(simple.endpoint, cluster.0)));
    }
    let takers = || inputs().filter(|(_, cluster)| *cluster == GROUPS).map(|(endpoint, _)| endpoint);
    steps.extend(takers().flat_map(|endpoint| device.groups.iter().map(move |group| Step::Group(endpoint, group.0))));
    steps.extend(device.done.iter().filter_map(|step| match step {
        Step::Group(endpoint, group) if !device.groups.contains(&Group(*group)) => {
            Some(Step::Ungroup(*endpoint, *group))
        }
        _ => None,
    }));
    steps.extend(own_steps(device));
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// The steps for what only the device's profile knows of.
fn own_steps(device: &Device) -> Vec<Step> {
    let Some(quirk) = &device.quirk else { return Vec::new() };
    let mut steps = Vec::new();
    steps.extend(quirk.bind.iter().map(|cluster| Step::Bind(device.endpoint_of(None, *cluster), cluster.0)));
    if quirk.has_data_points() {
        steps.push(Step::Greet(device.endpoint_of(None, tuya::CLUSTER)));
    }
    for place in quirk.attributes() {
        let (endpoint, cluster) = (device.endpoint_of(place.endpoint, place.cluster), place.cluster);
        let maker = place.manufacturer.map_or(0, |code| code.0);
        let parts = own_attributes(device, endpoint, cluster, maker).len().div_ceil(AT_ONCE);
        steps.extend((0..).take(parts).map(|part| Step::Own(endpoint, cluster.0, maker, part)));
        if cluster != BASIC {
            steps.extend([Step::Bind(endpoint, cluster.0), Step::OwnReport(endpoint, cluster.0, maker)]);
        }
    }
    steps
}

/// The attributes of a device's profile in a cluster of an endpoint, of one maker; 0 is the library's own.
fn own_attributes(device: &Device, endpoint: Endpoint, cluster: Cluster, maker: u16) -> Vec<(Attribute, zcl::Kind)> {
    let places = device.quirk.iter().flat_map(|quirk| quirk.attributes());
    let here = places.filter(|place| {
        let (on, of) =
            (device.endpoint_of(place.endpoint, place.cluster), place.manufacturer.map_or(0, |code| code.0));
        (on, place.cluster, of) == (endpoint, cluster, maker)
    });
    let mut all: Vec<_> = here.map(|place| (place.attribute, place.kind)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The attributes of a cluster that are read: factors first, so that the values behind them have a scale.
fn attributes(cluster: Cluster) -> Vec<Attribute> {
    let factors = known::needed().filter(|(of, _)| *of == cluster).map(|(_, attribute)| attribute);
    let values = rules::of_cluster(cluster).map(|rule| rule.attribute);
    let status = (cluster == zone::CLUSTER).then_some(zone::STATUS);
    let check_in = (cluster == POLL_CONTROL).then_some(CHECK_IN);
    let mut all: Vec<Attribute> = Vec::new();
    for attribute in factors.chain(values).chain(status).chain(check_in) {
        if !all.contains(&attribute) {
            all.push(attribute);
        }
    }
    all
}
