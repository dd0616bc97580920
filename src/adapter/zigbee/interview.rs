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
mod steps;

use serde::{Deserialize, Serialize};

use self::steps::{attributes, own_attributes, steps};
pub(super) use self::{
    answers::{take_general, take_zdo},
    questions::{general, message, question, zdo},
};
use super::{
    address::{Attribute, Cluster, Endpoint},
    device::Device,
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
