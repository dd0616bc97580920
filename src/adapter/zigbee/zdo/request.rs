//! What a device's ZDO is asked or told (Zigbee R21, 2.4.3).

use super::{
    Answer, Request, Row,
    response::{
        ActiveEndpointsOf, Addresses, BindingTable, EnergyScan, MatchingEndpoints, Neighbors, NodeOf, PowerOf,
        Routes, SimpleOf,
    },
    show,
    tables::BindTarget,
};
use crate::adapter::zigbee::{
    address::{Channels, Cluster, Endpoint, Ieee, Nwk, Profile},
    record::record,
    wire::{List, Reader, Wire, WireError},
};

/// Makes the types of requests, and the rows that show them and their answers.
macro_rules! requests {
    ($($(#[$meta:meta])* $name:ident = $cluster:literal $fields:tt -> $answer:ty;)*) => {
        $(record! { $(#[$meta])* $name $fields })*

        $(impl Request for $name {
            const CLUSTER: Cluster = Cluster($cluster);
            const NAME: &'static str = stringify!($name);
            type Answer = $answer;
        })*

        /// How each request and its answer is shown.
        pub(super) const ROWS: &[Row] = &[
            $(Row { cluster: $name::CLUSTER, name: $name::NAME, show: show::<$name> },
            Row {
                cluster: $name::ANSWER_CLUSTER,
                name: concat!(stringify!($name), "Answer"),
                show: show::<Answer<$answer>>,
            },)*
        ];
    };
}

requests! {
    /// Which short address has a device?
    NwkAddress = 0x0000 {
        /// The device.
        ieee: Ieee,
        /// 0 itself, 1 with its children.
        kind: u8,
        /// The first child to be listed.
        start: u8,
    } -> Addresses;
    /// Which own address has a device?
    IeeeAddress = 0x0001 {
        /// The device.
        nwk: Nwk,
        /// 0 itself, 1 with its children.
        kind: u8,
        /// The first child to be listed.
        start: u8,
    } -> Addresses;
    /// What is a device in the network?
    NodeDescriptor = 0x0002 {
        /// The device.
        nwk: Nwk,
    } -> NodeOf;
    /// How is a device powered?
    PowerDescriptor = 0x0003 {
        /// The device.
        nwk: Nwk,
    } -> PowerOf;
    /// What does an endpoint do?
    SimpleDescriptor = 0x0004 {
        /// The device.
        nwk: Nwk,
        /// The endpoint.
        endpoint: Endpoint,
    } -> SimpleOf;
    /// Which endpoints does a device have?
    ActiveEndpoints = 0x0005 {
        /// The device.
        nwk: Nwk,
    } -> ActiveEndpointsOf;
    /// Which endpoints speak a profile and one of these clusters?
    MatchDescriptor = 0x0006 {
        /// The device, or all whose receivers are on.
        nwk: Nwk,
        /// The profile.
        profile: Profile,
        /// Clusters they shall serve.
        inputs: List<Cluster>,
        /// Clusters they shall use.
        outputs: List<Cluster>,
    } -> MatchingEndpoints;
    /// A device has joined or come back.
    DeviceAnnounce = 0x0013 {
        /// Its short address.
        nwk: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// Bit 1 router, bit 2 mains power, bit 3 receiver always on.
        capabilities: u8,
    } -> ();
    /// Shall send what a cluster has to say to somebody.
    Bind = 0x0021 {
        /// The device that shall send.
        from: Ieee,
        /// Its endpoint.
        endpoint: Endpoint,
        /// The cluster.
        cluster: Cluster,
        /// To whom.
        to: BindTarget,
    } -> ();
    /// Shall no longer.
    Unbind = 0x0022 {
        /// The device that sends.
        from: Ieee,
        /// Its endpoint.
        endpoint: Endpoint,
        /// The cluster.
        cluster: Cluster,
        /// To whom.
        to: BindTarget,
    } -> ();
    /// Whom does a device hear?
    MgmtLqi = 0x0031 {
        /// The first to be listed.
        start: u8,
    } -> Neighbors;
    /// Which routes does a device know?
    MgmtRtg = 0x0032 {
        /// The first to be listed.
        start: u8,
    } -> Routes;
    /// Whom does a device send to?
    MgmtBind = 0x0033 {
        /// The first to be listed.
        start: u8,
    } -> BindingTable;
    /// Shall leave.
    MgmtLeave = 0x0034 {
        /// The device; 0 is the one that is asked.
        ieee: Ieee,
        /// Bit 6 with its children, bit 7 and join again.
        flags: u8,
    } -> ();
    /// Shall let others in.
    MgmtPermitJoin = 0x0036 {
        /// For how long; 0 ends it, 255 has no end.
        seconds: u8,
        /// 1: the trust centre too.
        trust_center: u8,
    } -> ();
    /// Shall look at channels, change to one, or take over.
    MgmtNwkUpdate = 0x0038 {
        /// The channels meant.
        channels: Channels,
        /// What to do.
        wish: UpdateWish,
    } -> EnergyScan;
}

/// What a device is asked to do with channels (Zigbee R21, 2.4.3.3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateWish {
    /// Measure the energy.
    Scan {
        /// How long: 0 to 5, each twice as long.
        duration: u8,
        /// How often.
        count: u8,
    },
    /// Change to the channel.
    Change {
        /// Number of the network's state.
        update_id: u8,
    },
    /// Learn a new set of channels and who manages the network.
    Manage {
        /// Number of the network's state.
        update_id: u8,
        /// The manager.
        manager: Nwk,
    },
}

/// Change the channel.
const CHANGE: u8 = 0xfe;
/// Take over channels and manager.
const MANAGE: u8 = 0xff;

impl Wire for UpdateWish {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.read()? {
            duration @ 0..=5 => Ok(Self::Scan { duration, count: reader.read()? }),
            CHANGE => Ok(Self::Change { update_id: reader.read()? }),
            MANAGE => Ok(Self::Manage { update_id: reader.read()?, manager: reader.read()? }),
            found => Err(WireError::Unknown { what: "scan duration", found: found.into() }),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Scan { duration, count } => out.extend_from_slice(&[duration, count]),
            Self::Change { update_id } => out.extend_from_slice(&[CHANGE, update_id]),
            Self::Manage { update_id, manager } => {
                out.extend_from_slice(&[MANAGE, update_id]);
                manager.write(out);
            }
        }
    }
}
