//! The memory of a stick: what it holds of a network, and how it is given a new one.
//!
//! Reading changes nothing. A network is formed on an empty stick only: `Coordinator::make` looks once more before
//! it writes.

mod items;
mod state;

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};

pub(super) use self::state::Layout;
pub use self::state::{network, state_of};
use super::{
    command::{
        app_cnf::{self, SetChannel, StartCommissioning},
        zdo::StateChangeInd,
    },
    coordinator::{AT_WORK, Coordinator},
    error::{ZnpError, done},
};
use crate::adapter::zigbee::{
    address::Channels,
    network::{Held, Key},
    wire::Wire as _,
};

/// NV items of Z-Stack (`ZComDef.h`).
pub mod item {
    /// The chip's own address; that it was made with, unless another is written.
    pub const OWN_ADDRESS: u16 = 0x0001;
    /// What is thrown away at the next start, as bits.
    pub const STARTUP: u16 = 0x0003;
    /// The state of the network layer.
    pub const NIB: u16 = 0x0021;
    /// Long name of the network to form.
    pub const EXTENDED_PAN: u16 = 0x002d;
    /// The key in use, behind its number.
    pub const ACTIVE_KEY: u16 = 0x003a;
    /// The key that was in use before, or will be.
    pub const OTHER_KEY: u16 = 0x003b;
    /// Long name that joining devices look for.
    pub const USE_EXTENDED_PAN: u16 = 0x0047;
    /// Which key of a device is whose, behind the number of them.
    pub const SECURITY: u16 = 0x004c;
    /// Mark of a host that it has configured the stick.
    pub const CONFIGURED: u16 = 0x0060;
    /// The key of the network to form.
    pub const KEY: u16 = 0x0062;
    /// Whether that key is used by all.
    pub const KEY_ENABLED: u16 = 0x0063;
    /// Short name of the network to form.
    pub const PAN: u16 = 0x0083;
    /// Channels of the network to form.
    pub const CHANNELS: u16 = 0x0084;
    /// 0 is a coordinator.
    pub const ROLE: u16 = 0x0087;
    /// What keys of single devices are made of.
    pub const SEED: u16 = 0x0101;
}

/// What hosts write to [`item::CONFIGURED`].
pub(super) const CONFIGURED: u8 = 0x55;
/// What we write there while a backup is being restored.
pub(super) const UNFINISHED: u8 = 0xaa;

/// How long forming may take; the stick looks at the channel first.
const FORM_LIMIT: Duration = Duration::from_secs(60);

/// How often the state is looked at after forming, until it is written, and the rest between.
const SETTLE: (usize, Duration) = (20, Duration::from_millis(500));

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// The network in the memory; `None` where there is none. One that was not restored to its end is an error.
    pub(super) async fn look(&mut self) -> Result<Option<Held>, ZnpError> {
        if self.item(item::CONFIGURED).await?.as_deref() == Some(&[UNFINISHED]) {
            return Err(ZnpError::Unfinished);
        }
        self.network_held().await
    }

    /// The network in the memory, whatever may be said of it.
    pub(super) async fn network_held(&mut self) -> Result<Option<Held>, ZnpError> {
        let Some(state) = self.item(item::NIB).await? else { return Ok(None) };
        let network = network(&state).ok_or(ZnpError::Memory("the state of the network"))?;
        let Some(network) = network else { return Ok(None) };
        // One byte of number, sixteen of key, and in newer firmware a counter behind.
        let key = self.item(item::ACTIVE_KEY).await?;
        let key = key.as_deref().and_then(|item| item.get(1..17)).ok_or(ZnpError::Memory("the network key"))?;
        let key = Key::new(key.try_into().expect("sixteen bytes"));
        Ok(Some(Held { network, key }))
    }

    /// Forms a network.
    pub(super) async fn make(&mut self, plan: &Held) -> Result<(), ZnpError> {
        if self.look().await?.is_some() {
            return Err(ZnpError::Occupied);
        }
        if !self.is_stack_3() {
            return Err(ZnpError::Forming);
        }
        self.form_on_empty(plan).await?;
        self.write_item(item::CONFIGURED, &[CONFIGURED]).await
    }

    /// Forms a network where there is none.
    pub(super) async fn form_on_empty(&mut self, plan: &Held) -> Result<(), ZnpError> {
        let channels = Channels::only(plan.network.channel).ok_or(ZnpError::Channel(plan.network.channel))?;
        self.write_plan(plan, channels).await?;
        let host = self.host();
        done::<SetChannel>(host.request(&SetChannel { is_primary: true, channels }).await?.status)?;
        let none = Channels(0);
        done::<SetChannel>(host.request(&SetChannel { is_primary: false, channels: none }).await?.status)?;
        let form = StartCommissioning { mode: app_cnf::FORM };
        done::<StartCommissioning>(host.request(&form).await?.status)?;
        self.wait_for::<StateChangeInd>("forming the network", FORM_LIMIT, |change| change.state == AT_WORK).await?;
        self.settle().await
    }

    /// Writes what the network shall be.
    pub(super) async fn write_plan(&mut self, plan: &Held, channels: Channels) -> Result<(), ZnpError> {
        let network = &plan.network;
        let extended_pan = network.extended_pan.to_bytes();
        for (id, value) in [
            (item::ROLE, &[0][..]),
            (item::CHANNELS, &channels.to_bytes()),
            (item::PAN, &network.pan.to_bytes()),
            (item::EXTENDED_PAN, &extended_pan),
            (item::USE_EXTENDED_PAN, &extended_pan),
            (item::KEY, plan.key.expose()),
            (item::KEY_ENABLED, &[1]),
        ] {
            self.write_item(id, value).await?;
        }
        Ok(())
    }

    /// Waits until the new network is in the memory.
    async fn settle(&mut self) -> Result<(), ZnpError> {
        let (times, rest) = SETTLE;
        for _ in 0..times {
            if self.network_held().await?.is_some() {
                return Ok(());
            }
            sleep(rest).await;
        }
        Err(ZnpError::Slow { what: "writing the network down", limit: rest * 20 })
    }
}
