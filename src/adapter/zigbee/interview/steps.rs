//! Which steps an interview has, as far as it is known by now what the device offers.

use super::{AT_ONCE, BASIC, CHECK_IN, GROUPS, POLL_CONTROL, Step};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster, Endpoint, Group},
    device::Device,
    map::{button, known, rules, zone},
    reporting, tuya, zcl,
};

/// Every step, in the order in which they are gone.
pub(super) fn steps(device: &Device) -> Vec<Step> {
    let mut steps = vec![Step::Node, Step::Endpoints];
    steps.extend(device.listed.iter().copied().map(Step::Simple));
    let basic = device.endpoints.iter().find(|simple| simple.inputs.as_slice().contains(&BASIC));
    steps.extend(basic.map(|simple| Step::Basic(simple.endpoint)));
    steps.extend(inputs(device).flat_map(|(endpoint, cluster)| reads(endpoint, cluster)));
    let zones = inputs(device).filter(|(_, cluster)| *cluster == zone::CLUSTER);
    steps.extend(zones.map(|(endpoint, _)| Step::Enroll(endpoint)));
    steps.extend(inputs(device).flat_map(|(endpoint, cluster)| reports(device, endpoint, cluster)));
    steps.extend(presses(device));
    steps.extend(memberships(device));
    steps.extend(own_steps(device));
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// The clusters that a device serves, with their endpoints.
fn inputs(device: &Device) -> impl Iterator<Item = (Endpoint, Cluster)> {
    device
        .endpoints
        .iter()
        .flat_map(|simple| simple.inputs.as_slice().iter().map(|cluster| (simple.endpoint, *cluster)))
}

/// Reading the attributes of a cluster, part by part.
fn reads(endpoint: Endpoint, cluster: Cluster) -> impl Iterator<Item = Step> {
    let parts = attributes(cluster).len().div_ceil(AT_ONCE);
    (0..).take(parts).map(move |part| Step::Read(endpoint, cluster.0, part))
}

/// Having a cluster say what it measures, or that its device is awake.
fn reports(device: &Device, endpoint: Endpoint, cluster: Cluster) -> Vec<Step> {
    let mut steps = Vec::new();
    if !reporting::attributes(device, endpoint, cluster).is_empty() && cluster != BASIC {
        let cluster = cluster.0;
        steps.extend([Step::Bind(endpoint, cluster), Step::Report(endpoint, cluster)]);
        steps.push(Step::ReadBack(endpoint, cluster));
    }
    if cluster == POLL_CONTROL {
        steps.push(Step::Bind(endpoint, cluster.0));
    }
    steps
}

/// Having buttons tell us when they are pressed.
fn presses(device: &Device) -> impl Iterator<Item = Step> {
    device.endpoints.iter().flat_map(|simple| {
        let pressed = simple.outputs.as_slice().iter().filter(|cluster| button::CLUSTERS.contains(cluster));
        pressed.map(|cluster| Step::Bind(simple.endpoint, cluster.0))
    })
}

/// Going into the groups that the device shall be in, and out of those that it was in.
fn memberships(device: &Device) -> impl Iterator<Item = Step> {
    let takers = inputs(device).filter(|(_, cluster)| *cluster == GROUPS);
    let into = takers.flat_map(|(endpoint, _)| device.groups.iter().map(move |group| Step::Group(endpoint, group.0)));
    let out = device.done.iter().filter_map(|step| match step {
        Step::Group(endpoint, group) if !device.groups.contains(&Group(*group)) => {
            Some(Step::Ungroup(*endpoint, *group))
        }
        _ => None,
    });
    into.chain(out)
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
pub(super) fn own_attributes(
    device: &Device,
    endpoint: Endpoint,
    cluster: Cluster,
    maker: u16,
) -> Vec<(Attribute, zcl::Kind)> {
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
pub(super) fn attributes(cluster: Cluster) -> Vec<Attribute> {
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
