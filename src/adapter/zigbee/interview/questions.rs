//! The messages that ask the steps of an interview.

use super::{AT_ONCE, BASIC, GREETING, GROUPS, MAKER, MODEL, Step, ZONE_HOME, attributes, own_attributes};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster, Endpoint, Group, Ieee, Manufacturer, Nwk},
    device::Device,
    map::zone,
    radio::{Destination, HOME, Outgoing},
    reporting,
    wire::Wire as _,
    zcl::{self, Frame, General, Header, Scope, general::Assignment, value::Value},
    zdo::{
        Request,
        request::{ActiveEndpoints, Bind, NodeDescriptor, SimpleDescriptor},
        tables::BindTarget,
    },
};

/// The message that asks a step's question.
pub(in crate::adapter::zigbee) fn question(
    device: &Device,
    nwk: Nwk,
    step: Step,
    number: u8,
    home: Ieee,
) -> Outgoing {
    let ask = Asking { device, nwk, number };
    match step {
        Step::Node => zdo(nwk, number, &NodeDescriptor { nwk }),
        Step::Endpoints => zdo(nwk, number, &ActiveEndpoints { nwk }),
        Step::Simple(endpoint) => zdo(nwk, number, &SimpleDescriptor { nwk, endpoint }),
        Step::Basic(endpoint) => general(nwk, endpoint, BASIC, number, &General::Read(vec![MAKER, MODEL])),
        Step::Read(endpoint, cluster, part) => ask.attributes(endpoint, Cluster(cluster), part),
        Step::Enroll(endpoint) => general(nwk, endpoint, zone::CLUSTER, number, &enrolment(home)),
        Step::Bind(endpoint, cluster) => ask.binding(endpoint, Cluster(cluster), home),
        Step::Group(endpoint, group) => message(nwk, endpoint, GROUPS, number, add_group(number, Group(group))),
        Step::Ungroup(endpoint, group) => message(nwk, endpoint, GROUPS, number, remove_group(number, Group(group))),
        Step::Report(endpoint, cluster) => ask.reports(endpoint, Cluster(cluster)),
        Step::ReadBack(endpoint, cluster) => ask.read_back(endpoint, Cluster(cluster)),
        Step::Greet(endpoint) => general(nwk, endpoint, BASIC, number, &greeting()),
        Step::Own(endpoint, cluster, maker, part) => ask.own_attributes(endpoint, Cluster(cluster), maker, part),
        Step::OwnReport(endpoint, cluster, maker) => ask.own_reports(endpoint, Cluster(cluster), maker),
    }
}

/// A question to a device that depends on what is known of it.
struct Asking<'a> {
    /// Whom.
    device: &'a Device,
    /// Where it is.
    nwk: Nwk,
    /// The number of the question.
    number: u8,
}

impl Asking<'_> {
    /// What are the attributes of a cluster, from the `part`th on?
    fn attributes(&self, endpoint: Endpoint, cluster: Cluster, part: u8) -> Outgoing {
        let wanted = page(&attributes(cluster), part);
        general(self.nwk, endpoint, cluster, self.number, &General::Read(wanted))
    }

    /// Shall send us what a cluster has to say.
    fn binding(&self, endpoint: Endpoint, cluster: Cluster, home: Ieee) -> Outgoing {
        let to = BindTarget::Device { ieee: home, endpoint: HOME.number };
        zdo(self.nwk, self.number, &Bind { from: self.device.ieee, endpoint, cluster, to })
    }

    /// Shall say it now and then.
    fn reports(&self, endpoint: Endpoint, cluster: Cluster) -> Outgoing {
        let wanted = reporting::wanted(self.device, endpoint, cluster);
        general(self.nwk, endpoint, cluster, self.number, &General::ConfigureReporting(wanted))
    }

    /// When does it say it?
    fn read_back(&self, endpoint: Endpoint, cluster: Cluster) -> Outgoing {
        let asked = reporting::read_back(self.device, endpoint, cluster);
        general(self.nwk, endpoint, cluster, self.number, &General::ReadReporting(asked))
    }

    /// What are the attributes of its profile, from the `part`th on?
    fn own_attributes(&self, endpoint: Endpoint, cluster: Cluster, maker: u16, part: u8) -> Outgoing {
        let all = own_attributes(self.device, endpoint, cluster, maker);
        let wanted = page(&all, part).into_iter().map(|(attribute, _)| attribute).collect();
        of_maker(self.nwk, endpoint, cluster, self.number, maker, &General::Read(wanted))
    }

    /// Shall say these now and then.
    fn own_reports(&self, endpoint: Endpoint, cluster: Cluster, maker: u16) -> Outgoing {
        let all = own_attributes(self.device, endpoint, cluster, maker);
        let wanted = reporting::of(self.device, endpoint, cluster, &all);
        of_maker(self.nwk, endpoint, cluster, self.number, maker, &General::ConfigureReporting(wanted))
    }
}

/// What devices of Tuya want to be asked before they say anything.
fn greeting() -> General {
    General::Read(GREETING.map(Attribute).to_vec())
}

/// As many of what is asked as one message holds, from the `part`th on.
fn page<T: Clone>(all: &[T], part: u8) -> Vec<T> {
    all.chunks(AT_ONCE).nth(part.into()).unwrap_or_default().to_vec()
}

/// Tells a zone whom it reports to: its attribute `IAS_CIE_Address`.
fn enrolment(home: Ieee) -> General {
    let home = Value::bits(zcl::Kind::Ieee, home.0).expect("64 bits");
    General::Write(vec![Assignment::new(ZONE_HOME, home)])
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
pub(in crate::adapter::zigbee) fn zdo<R: Request>(nwk: Nwk, number: u8, request: &R) -> Outgoing {
    Outgoing {
        to: Destination::Device(nwk, 0),
        from: 0,
        cluster: R::CLUSTER,
        transaction: number,
        frame: request.to_frame(number),
    }
}

/// A general command to an endpoint.
pub(in crate::adapter::zigbee) fn general(
    nwk: Nwk,
    endpoint: Endpoint,
    cluster: Cluster,
    number: u8,
    command: &General,
) -> Outgoing {
    message(nwk, endpoint, cluster, number, command.encode(Header::request(number, 0)))
}

/// A frame to an endpoint.
pub(in crate::adapter::zigbee) fn message(
    nwk: Nwk,
    endpoint: Endpoint,
    cluster: Cluster,
    number: u8,
    frame: Vec<u8>,
) -> Outgoing {
    Outgoing { to: Destination::Device(nwk, endpoint), from: HOME.number, cluster, transaction: number, frame }
}
