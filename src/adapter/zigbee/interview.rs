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

use serde::{Deserialize, Serialize};

pub(super) use self::answers::{take_general, take_zdo};
use super::{
    address::{Attribute, Cluster, Endpoint, Group, Ieee, Manufacturer, Nwk},
    device::Device,
    map::{button, known, rules, zone},
    radio::{Destination, HOME, Outgoing},
    reporting, tuya,
    wire::Wire as _,
    zcl::{self, Frame, General, Header, Scope, general::Assignment, value::Value},
    zdo::{
        Request,
        request::{ActiveEndpoints, Bind, NodeDescriptor, SimpleDescriptor},
        tables::BindTarget,
    },
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

/// The message that asks a step's question.
pub(super) fn question(device: &Device, nwk: Nwk, step: Step, number: u8, home: Ieee) -> Outgoing {
    let ieee = device.ieee;
    match step {
        Step::Node => zdo(nwk, number, &NodeDescriptor { nwk }),
        Step::Endpoints => zdo(nwk, number, &ActiveEndpoints { nwk }),
        Step::Simple(endpoint) => zdo(nwk, number, &SimpleDescriptor { nwk, endpoint }),
        Step::Basic(endpoint) => general(nwk, endpoint, BASIC, number, &General::Read(vec![MAKER, MODEL])),
        Step::Read(endpoint, cluster, part) => {
            let wanted = attributes(Cluster(cluster));
            let wanted = wanted.chunks(AT_ONCE).nth(part.into()).unwrap_or_default().to_vec();
            general(nwk, endpoint, Cluster(cluster), number, &General::Read(wanted))
        }
        Step::Enroll(endpoint) => {
            let home = Value::bits(zcl::Kind::Ieee, home.0).expect("64 bits");
            general(nwk, endpoint, zone::CLUSTER, number, &General::Write(vec![Assignment::new(ZONE_HOME, home)]))
        }
        Step::Bind(endpoint, cluster) => {
            let to = BindTarget::Device { ieee: home, endpoint: HOME.number };
            zdo(nwk, number, &Bind { from: ieee, endpoint, cluster: Cluster(cluster), to })
        }
        Step::Group(endpoint, group) => message(nwk, endpoint, GROUPS, number, add_group(number, Group(group))),
        Step::Ungroup(endpoint, group) => message(nwk, endpoint, GROUPS, number, remove_group(number, Group(group))),
        Step::Report(endpoint, cluster) => {
            let wanted = reporting::wanted(device, endpoint, Cluster(cluster));
            general(nwk, endpoint, Cluster(cluster), number, &General::ConfigureReporting(wanted))
        }
        Step::ReadBack(endpoint, cluster) => {
            let asked = reporting::read_back(device, endpoint, Cluster(cluster));
            general(nwk, endpoint, Cluster(cluster), number, &General::ReadReporting(asked))
        }
        Step::Greet(endpoint) => {
            general(nwk, endpoint, BASIC, number, &General::Read(GREETING.map(Attribute).to_vec()))
        }
        Step::Own(endpoint, cluster, maker, part) => {
            let all = own_attributes(device, endpoint, Cluster(cluster), maker);
            let wanted = all.chunks(AT_ONCE).nth(part.into()).unwrap_or_default();
            let wanted = General::Read(wanted.iter().map(|(attribute, _)| *attribute).collect());
            of_maker(nwk, endpoint, Cluster(cluster), number, maker, &wanted)
        }
        Step::OwnReport(endpoint, cluster, maker) => {
            let all = own_attributes(device, endpoint, Cluster(cluster), maker);
            let wanted = reporting::of(device, endpoint, Cluster(cluster), &all);
            of_maker(nwk, endpoint, Cluster(cluster), number, maker, &General::ConfigureReporting(wanted))
        }
    }
}

/// A general command about what a maker has added; 0 is the library itself.
fn of_maker(nwk: Nwk, endpoint: Endpoint, cluster: Cluster, number: u8, maker: u16, command: &General) -> Outgoing {
    let manufacturer = (maker != 0).then_some(Manufacturer(maker));
    let header = Header { manufacturer, ..Header::request(number, 0) };
    message(nwk, endpoint, cluster, number, command.encode(header))
}

/// Puts an endpoint into a group without a name (ZCL, 3.6.2.3.2).
fn add_group(number: u8, group: Group) -> Vec<u8> {
    let payload = [&group.to_bytes()[..], &[0]].concat();
    to_groups(number, 0x00, &payload)
}

/// Takes an endpoint out of a group (ZCL, 3.6.2.3.5).
fn remove_group(number: u8, group: Group) -> Vec<u8> {
    to_groups(number, 0x03, &group.to_bytes())
}

/// A command of the groups cluster.
fn to_groups(number: u8, command: u8, payload: &[u8]) -> Vec<u8> {
    let header = Header { scope: Scope::Cluster, ..Header::request(number, command) };
    Frame { header, payload }.encode()
}

/// A message to the ZDO of a device.
pub(super) fn zdo<R: Request>(nwk: Nwk, number: u8, request: &R) -> Outgoing {
    Outgoing {
        to: Destination::Device(nwk, 0),
        from: 0,
        cluster: R::CLUSTER,
        transaction: number,
        frame: request.to_frame(number),
    }
}

/// A general command to an endpoint.
pub(super) fn general(nwk: Nwk, endpoint: Endpoint, cluster: Cluster, number: u8, command: &General) -> Outgoing {
    message(nwk, endpoint, cluster, number, command.encode(Header::request(number, 0)))
}

/// A frame to an endpoint.
pub(super) fn message(nwk: Nwk, endpoint: Endpoint, cluster: Cluster, number: u8, frame: Vec<u8>) -> Outgoing {
    Outgoing { to: Destination::Device(nwk, endpoint), from: HOME.number, cluster, transaction: number, frame }
}
