//! What everything above needs of a coordinator, whichever chip it has.

use std::{future::Future, time::Duration};

use super::{
    address::{Channels, Cluster, Endpoint, ExtendedPan, Group, Ieee, Nwk, Pan, Profile},
    backup::Backup,
    network::{Held, Key},
};
use crate::model::Timestamp;

/// A coordinator. One task owns it: it sends, and takes events in turn.
pub trait Radio: Send {
    /// Why something came to nothing.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Wakes the stick, starts it afresh and makes our endpoints known. It touches no network.
    fn start(&mut self) -> impl Future<Output = Result<Stick, Self::Error>> + Send;

    /// Goes on with the network that the stick holds. The caller has made sure that it holds one, and the right one:
    /// some sticks would make a new one.
    fn resume(&mut self) -> impl Future<Output = Result<Network, Self::Error>> + Send;

    /// The network in the stick's memory, at work or not; `None` for an empty stick. Changes nothing, and fails where
    /// there is something that it cannot read.
    fn held(&mut self) -> impl Future<Output = Result<Option<Held>, Self::Error>> + Send;

    /// Makes a network, at work when this ends. Refuses to on a stick that holds one.
    fn form(&mut self, plan: &Held) -> impl Future<Output = Result<Network, Self::Error>> + Send;

    /// Reads everything that devices know the stick by, at work or not. When it was made is for the caller to say.
    fn backup(&mut self) -> impl Future<Output = Result<Backup, Self::Error>> + Send;

    /// Gives the stick what a backup holds, with counters beyond those that were used, and throws away what it holds:
    /// the caller has made sure that this is wanted. Afterwards it has to be started again.
    fn restore(&mut self, backup: &Backup, now: Timestamp) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Lets devices in by every router for up to 254 seconds; 0 ends it.
    fn permit_join(&mut self, seconds: u8) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Gives the stick the key that a device will join with.
    fn expect_device(&mut self, ieee: Ieee, key: &Key) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Sends with this power from now on, until the stick starts again.
    fn send_with(&mut self, dbm: i8) -> impl Future<Output = Result<Power, Self::Error>> + Send;

    /// About how strong an energy is in dBm, where the scale of the stick is known.
    fn strength(&self, energy: u8) -> Option<i16>;

    /// Hands a message to the stick. That it took it says nothing of its way: [`Event::Confirmed`] does.
    fn send(&mut self, message: &Outgoing) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The next thing that happens. Safe to cancel.
    fn next_event(&mut self) -> impl Future<Output = Result<Event, Self::Error>> + Send;

    /// Asks the stick whether it is still there, within a limit.
    fn check(&mut self, limit: Duration) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What a stick is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stick {
    /// For people: `Z-Stack 3.x 2.7.1 (20240710)`.
    pub firmware: String,
    /// Its own address.
    pub ieee: Ieee,
}

/// What a stick says when it is told how strongly to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Power {
    /// It sends with so many dBm, which may be others than those that are wanted.
    Sends(i8),
    /// It took the nearest that it has, and does not tell which.
    Taken,
    /// It does not, for this reason.
    Refused(String),
}

/// A network as the stick holds it; its key is not among what is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// 11 to 26.
    pub channel: u8,
    /// Its short name.
    pub pan: Pan,
    /// Its long name.
    pub extended_pan: ExtendedPan,
}

impl Network {
    /// The channel as a set.
    pub fn channels(&self) -> Option<Channels> {
        Channels::only(self.channel)
    }
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// An endpoint of a device.
    Device(Nwk, Endpoint),
    /// The members of a group.
    Group(Group),
    /// Many: see [`Nwk::AWAKE`] and [`Nwk::ROUTERS`].
    Broadcast(Nwk, Endpoint),
}

/// A message to devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub to: Destination,
    /// From which endpoint of ours; 0 for ZDO.
    pub from: Endpoint,
    /// Which cluster.
    pub cluster: Cluster,
    /// Comes back in [`Event::Confirmed`]; the sender keeps it unique among messages under way.
    pub transaction: u8,
    /// The frame.
    pub frame: Vec<u8>,
}

/// A message of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// From whom.
    pub from: Nwk,
    /// From which endpoint; 0 for ZDO.
    pub from_endpoint: Endpoint,
    /// To which endpoint of ours.
    pub to_endpoint: Endpoint,
    /// To which group, if to one.
    pub group: Option<Group>,
    /// Which cluster.
    pub cluster: Cluster,
    /// How well it was received, 0 to 255.
    pub link_quality: Option<u8>,
    /// The frame.
    pub frame: Vec<u8>,
}

/// What happens on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A device sent something.
    Message(Incoming),
    /// A message of ours has arrived, or will not.
    Confirmed {
        /// From which endpoint of ours it was sent.
        endpoint: Endpoint,
        /// Which message.
        transaction: u8,
        /// What became of it.
        delivery: Delivery,
    },
    /// A device was let in, or came back, through another.
    Joined {
        /// Its short address.
        nwk: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// Through whom.
        parent: Nwk,
    },
    /// A device has gone.
    Left {
        /// Its short address.
        nwk: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// Whether it said that it will come back.
        will_rejoin: bool,
    },
    /// The way to a device.
    Route {
        /// The device.
        nwk: Nwk,
        /// Who carries its messages, from the one nearest to it.
        relays: Vec<Nwk>,
    },
    /// For how many seconds devices are let in from now on.
    Permitted(u8),
    /// The stick lost everything it was told and has to be started again.
    Restarted,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived.
    Done,
    /// No way is known; looking for one may help.
    NoRoute,
    /// The next on the way, or the receiver, did not acknowledge.
    NoAcknowledgement,
    /// A sleeping device did not fetch it in time.
    Expired,
    /// The stick or the air is busy; later it may work.
    Busy,
    /// Anything else, by the stick's own number.
    Failed(u8),
}

/// An endpoint of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnEndpoint {
    /// Its number.
    pub number: Endpoint,
    /// The profile it speaks.
    pub profile: Profile,
    /// Clusters it serves.
    pub inputs: &'static [Cluster],
    /// Clusters it uses.
    pub outputs: &'static [Cluster],
}

/// The endpoint that speaks to applications. It serves time and firmware to those who ask, and takes the enrolment of
/// alarm devices; devices look for that before they send reports.
pub const HOME: OwnEndpoint = OwnEndpoint {
    number: 1,
    profile: Profile(0x0104),
    inputs: &[Cluster(0x0000), Cluster(0x000a), Cluster(0x0019), Cluster(0x0501)],
    outputs: &[Cluster(0x0500), Cluster(0x0502)],
};
