//! A ZNP coordinator as a [`Radio`].
//!
//! ```text
//!            start            resume
//! any state ───────> started ────────> running ──┐
//!     ^                                          │ Restarted, or an error
//!     └──────────────────────────────────────────┘
//! ```
//!
//! After [`Event::Restarted`] and after an error of the link the caller starts again; nothing is remembered from
//! before but what the stick keeps in its own memory.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{error::Elapsed, timeout},
};

pub use super::error::ZnpError;
use super::{
    command::{
        Command,
        af::{self, Address, DataRequestExt, LongData, Register},
        app_cnf::{AddInstallCode, InstallCode},
        sys::{GetIeee, Ping, ResetInd, ResetReq, Version},
        zdo::{ExtNwkInfo, MgmtPermitJoin, MsgCbRegister, StartupFromApp, StateChangeInd},
    },
    error::done,
    event::{self, News},
    host::{Counts, Host, HostError},
    long::Fetch,
    own::Own,
    power,
};
use crate::{
    adapter::zigbee::{
        address::{Cluster, DeviceKind, Ieee, Nwk, Pan},
        backup::Backup,
        network::{Held, Key},
        radio::{Destination, Event, HOME, Network, Outgoing, OwnEndpoint, Power, Radio, Stick},
        wire::{Bytes16, List, WireError},
    },
    model::Timestamp,
};

/// A byte that ends the boot loader of a stick at once, where it waits for a new firmware. UNPI passes over it.
const SKIP_BOOT_LOADER: [u8; 1] = [0xef];

/// How often a stick is asked whether it is there, and how long each answer may take.
const PINGS: usize = 3;
/// One answer to being asked so.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// Starting the chip; with a boot loader that waits it takes ten seconds.
const RESET_LIMIT: Duration = Duration::from_secs(15);

/// Going on with a network; the stick looks at the channel first.
pub(super) const RESUME_LIMIT: Duration = Duration::from_secs(40);

/// The state of a coordinator at work (Z-Stack, `devStates_t`).
pub(super) const AT_WORK: u8 = 9;

/// Hops a message may take (Zigbee R21, 3.6.3: twice the depth of a network).
const RADIUS: u8 = 30;

/// The longest frame that goes with its request; what is longer is stored in parts.
const MAX_HERE: usize = 230;

/// What is restarted: the program, not the whole chip, so that a USB chip stays on the bus.
const PROGRAM: u8 = 1;

/// A ZNP coordinator on a link.
#[derive(Debug)]
pub struct Coordinator<L> {
    /// Requests and news.
    pub(super) host: Host<L>,
    /// A long message on its way.
    pub(super) fetch: Option<Fetch>,
    /// The family of the firmware, as far as it was asked.
    product: Option<u8>,
}

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// On an open link.
    pub fn new(link: L) -> Self {
        Self { host: Host::new(link), fetch: None, product: None }
    }

    /// Requests that no radio above needs: memory, keys, commissioning.
    pub fn host(&mut self) -> &mut Host<L> {
        &mut self.host
    }

    /// What was counted on the link.
    pub fn counts(&self) -> Counts {
        self.host.counts()
    }

    /// Is anybody there, also behind a boot loader?
    async fn wake(&mut self) -> Result<(), ZnpError> {
        self.host.send_bytes(&SKIP_BOOT_LOADER).await?;
        for _ in 1..PINGS {
            match self.host.request_within(&Ping {}, PING_LIMIT).await {
                Ok(_) => return Ok(()),
                // It is there, and starts; or it does not hear yet.
                Err(HostError::Restarted { .. } | HostError::Mute { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.host.request_within(&Ping {}, PING_LIMIT).await?;
        Ok(())
    }

    /// Starts the program afresh, so that nothing is left of whoever used the stick before.
    pub(super) async fn reset(&mut self) -> Result<(), ZnpError> {
        self.host.forget_news();
        self.fetch = None;
        self.host.tell(&ResetReq { kind: PROGRAM }).await?;
        self.wait_for::<ResetInd>("restarting", RESET_LIMIT, |_| true).await
    }

    /// Whether the firmware is of the third generation.
    pub(super) fn is_stack_3(&self) -> bool {
        matches!(self.product, Some(1 | 2))
    }

    /// Whether the firmware keeps its tables as Z-Stack 3.x does.
    pub(super) fn has_tables(&self) -> bool {
        self.product == Some(1)
    }

    /// The family of the firmware, as far as it was asked.
    pub(super) fn product(&self) -> Option<u8> {
        self.product
    }

    /// The stick's own address.
    pub(super) async fn own_address(&mut self) -> Result<Ieee, ZnpError> {
        Ok(self.host.request(&GetIeee {}).await?.ieee)
    }

    /// Waits until the stick tells something.
    pub(super) async fn wait_for<C: Command>(
        &mut self,
        what: &'static str,
        limit: Duration,
        is_it: impl Fn(&C) -> bool,
    ) -> Result<(), ZnpError> {
        let told = timeout(limit, self.host.wait_for(what, is_it)).await;
        told.map_err(|_: Elapsed| ZnpError::Slow { what, limit })??;
        Ok(())
    }

    /// The network at work.
    async fn network(&mut self) -> Result<Network, ZnpError> {
        let info = self.host.request(&ExtNwkInfo {}).await?;
        Ok(Network { channel: info.channel, pan: info.pan, extended_pan: info.extended_pan })
    }

    /// Asks which firmware it is.
    async fn firmware(&mut self) -> Result<String, ZnpError> {
        let version = self.host.request(&Version {}).await?;
        self.product = Some(version.product);
        let family = match version.product {
            0 => "Z-Stack 1.2",
            1 => "Z-Stack 3.x",
            2 => "Z-Stack 3.0",
            product => return Err(ZnpError::Product(product)),
        };
        let revision = version.revision.map(|revision| format!(" ({revision})")).unwrap_or_default();
        Ok(format!("{family} {}.{}.{}{revision}", version.major, version.minor, version.maintenance))
    }

    /// Makes an endpoint of ours known.
    async fn register(&mut self, endpoint: OwnEndpoint) -> Result<(), ZnpError> {
        let register = Register {
            endpoint: endpoint.number,
            profile: endpoint.profile,
            // A home gateway (home automation profile 1.2, table 5.1).
            device: DeviceKind(0x0050),
            version: 0,
            latency: 0,
            inputs: List::try_from(endpoint.inputs.to_vec())?,
            outputs: List::try_from(endpoint.outputs.to_vec())?,
        };
        done::<Register>(self.host.request(&register).await?.status)
    }
}

/// Every answer of every ZDO.
const EVERYTHING: Cluster = Cluster(0xffff);

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Radio for Coordinator<L> {
    type Error = ZnpError;

    async fn start(&mut self) -> Result<Stick, ZnpError> {
        self.wake().await?;
        self.reset().await?;
        let firmware = self.firmware().await?;
        let ieee = self.own_address().await?;
        self.register(HOME).await?;
        done::<MsgCbRegister>(self.host.request(&MsgCbRegister { cluster: EVERYTHING }).await?.status)?;
        Ok(Stick { firmware, ieee })
    }

    async fn resume(&mut self) -> Result<Network, ZnpError> {
        self.host.request(&StartupFromApp { delay_ms: 100 }).await?;
        self.wait_for::<StateChangeInd>("going on with the network", RESUME_LIMIT, |change| change.state == AT_WORK)
            .await?;
        self.network().await
    }

    async fn held(&mut self) -> Result<Option<Held>, ZnpError> {
        self.look().await
    }

    async fn form(&mut self, plan: &Held) -> Result<Network, ZnpError> {
        self.make(plan).await?;
        self.network().await
    }

    async fn backup(&mut self) -> Result<Backup, ZnpError> {
        self.copy().await
    }

    async fn restore(&mut self, backup: &Backup, now: Timestamp) -> Result<(), ZnpError> {
        self.replace(backup, now).await
    }

    async fn permit_join(&mut self, seconds: u8) -> Result<(), ZnpError> {
        /// The address is a broadcast one (Z-Stack, `AddrBroadcast`).
        const BROADCAST: u8 = 0x0f;
        let permit = MgmtPermitJoin { mode: BROADCAST, to: Nwk::ROUTERS, seconds, trust_center: 0 };
        done::<MgmtPermitJoin>(self.host.request(&permit).await?.status)
    }

    async fn expect_device(&mut self, ieee: Ieee, key: &Key) -> Result<(), ZnpError> {
        let code = InstallCode::Key(ieee, *key.expose());
        done::<AddInstallCode>(self.host.request(&AddInstallCode { code }).await?.status)
    }

    async fn send_with(&mut self, dbm: i8) -> Result<Power, ZnpError> {
        self.set_power(dbm).await
    }

    fn strength(&self, energy: u8) -> Option<i16> {
        power::strength(self.product, energy)
    }

    async fn send(&mut self, message: &Outgoing) -> Result<(), ZnpError> {
        if let Some(own) = Own::of(message) {
            return self.ask_own(&own).await;
        }
        let length = message.frame.len();
        let is_short = length <= MAX_HERE;
        let data = if is_short {
            LongData::Here(Bytes16::try_from(message.frame.clone())?)
        } else {
            let too_many = WireError::TooMany { what: "bytes", found: length, limit: usize::from(u16::MAX) };
            LongData::Apart(u16::try_from(length).map_err(|_| too_many)?)
        };
        let (to, to_endpoint, options) = address(message.to);
        let request = DataRequestExt {
            to,
            to_endpoint,
            pan: Pan(0),
            from_endpoint: message.from,
            cluster: message.cluster,
            transaction: message.transaction,
            options,
            radius: RADIUS,
            data,
        };
        done::<DataRequestExt>(self.host.request(&request).await?.status)?;
        if is_short { Ok(()) } else { self.store(&message.frame).await }
    }

    async fn next_event(&mut self) -> Result<Event, ZnpError> {
        loop {
            if let Some(event) = self.fetch().await? {
                return Ok(event);
            }
            let frame = self.host.next_news().await?;
            match event::news(&frame) {
                Ok(News::Event(event)) => return Ok(event),
                Ok(News::Long(message, timestamp, length)) => {
                    self.fetch = Some(Fetch { message, timestamp, length });
                }
                Ok(News::Nothing) => {}
                Err(error) => tracing::debug!(%error, "The stick told something that cannot be read"),
            }
        }
    }

    async fn check(&mut self, limit: Duration) -> Result<(), ZnpError> {
        self.host.request_within(&Ping {}, limit).await?;
        Ok(())
    }
}

/// A destination as the stick has it, with the options that belong to it: only one device can acknowledge.
fn address(to: Destination) -> (Address, u8, u8) {
    /// Every endpoint that is in a group.
    const ALL_ENDPOINTS: u8 = 0xff;
    match to {
        Destination::Device(nwk, endpoint) => (Address::Nwk(nwk), endpoint, af::APS_ACK | af::DISCOVER_ROUTE),
        Destination::Group(group) => (Address::Group(group), ALL_ENDPOINTS, 0),
        Destination::Broadcast(nwk, endpoint) => (Address::Broadcast(nwk), endpoint, 0),
    }
}

#[cfg(test)]
mod tests;
