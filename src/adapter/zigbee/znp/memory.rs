//! The memory of a stick: what it holds of a network, and how it is given a new one.
//!
//! Reading changes nothing. A network is formed on an empty stick only: `Coordinator::make` looks once more before
//! it writes.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};

use super::{
    command::{
        app_cnf::{self, SetChannel, StartCommissioning},
        status::Status,
        sys::{NvInit, NvLength, NvRead, NvReadLong, NvValue, NvWrite, NvWriteLong},
        zdo::StateChangeInd,
    },
    coordinator::{AT_WORK, Coordinator},
    error::{ZnpError, done},
};
use crate::adapter::zigbee::{
    address::{Channels, ExtendedPan, Pan},
    network::{Held, Key},
    radio::Network,
    wire::{Bytes8, Bytes16, Wire as _},
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

/// Most bytes of one write.
const PART: usize = 240;

/// Where things are in the network layer's state.
#[derive(Debug)]
pub(super) struct Layout {
    /// How long it is.
    length: usize,
    channel: usize,
    pan: usize,
    extended_pan: usize,
    /// The channels it may be formed on.
    pub(super) channels: usize,
    /// How often it has moved.
    pub(super) update_id: usize,
}

/// By its length: some chips align its fields (`nwkIB_t` of Z-Stack 3.0.2, `nwk.h`).
const LAYOUTS: [Layout; 2] = [
    Layout { length: 110, channel: 22, pan: 33, extended_pan: 53, channels: 36, update_id: 109 },
    Layout { length: 116, channel: 24, pan: 36, extended_pan: 57, channels: 40, update_id: 114 },
];

impl Layout {
    /// How frames are secured, in either.
    pub(super) const SECURITY: usize = 12;

    /// The layout of a state, by its length.
    pub(super) fn of(state: &[u8]) -> Option<&'static Self> {
        LAYOUTS.iter().find(|layout| layout.length == state.len())
    }

    /// The channels it may be formed on.
    pub(super) fn channels(&self, state: &[u8]) -> Channels {
        let channels = Channels::from_bytes(&state[self.channels..]).expect("the layout has four bytes there");
        Channels(channels.0 & Channels::ALL.0)
    }

    /// Writes channel and names into a state.
    pub(super) fn write(&self, state: &mut [u8], network: &Network) {
        state[self.channel] = network.channel;
        state[self.pan..self.pan + 2].copy_from_slice(&network.pan.to_bytes());
        state[self.extended_pan..self.extended_pan + 8].copy_from_slice(&network.extended_pan.to_bytes());
    }
}

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

    /// Reads an item; `None` where there is none.
    pub(super) async fn item(&mut self, id: u16) -> Result<Option<Vec<u8>>, ZnpError> {
        let length = usize::from(self.host().request(&NvLength { id }).await?.length);
        let mut value = Vec::new();
        while value.len() < length {
            let part = self.part(id, value.len()).await?;
            done::<NvRead>(part.status)?;
            if part.value.as_slice().is_empty() {
                return Err(ZnpError::Memory("an item that is shorter than it says"));
            }
            value.extend_from_slice(part.value.as_slice());
        }
        Ok((length > 0).then_some(value))
    }

    /// Reads part of an item.
    async fn part(&mut self, id: u16, offset: usize) -> Result<NvValue, ZnpError> {
        if let Ok(offset) = u8::try_from(offset) {
            return Ok(self.host().request(&NvRead { id, offset }).await?);
        }
        let offset = u16::try_from(offset).map_err(|_| ZnpError::Memory("an item that long"))?;
        Ok(self.host().request(&NvReadLong { id, offset }).await?)
    }

    /// Writes an item, which need not be there.
    pub(super) async fn write_item(&mut self, id: u16, value: &[u8]) -> Result<(), ZnpError> {
        let length = u16::try_from(value.len()).map_err(|_| ZnpError::Memory("an item that long"))?;
        let mut parts = value.chunks(PART);
        let mut offset = 0;
        if self.host().request(&NvLength { id }).await?.length == 0 {
            let first = Bytes8::try_from(parts.next().unwrap_or_default().to_vec())?;
            offset = u16::try_from(first.as_slice().len()).expect("a part is short");
            let status = self.host().request(&NvInit { id, length, value: first }).await?.status;
            if status != Status::NV_MADE {
                done::<NvInit>(status)?;
            }
        }
        for part in parts {
            self.write_part(id, offset, part).await?;
            offset += u16::try_from(part.len()).expect("a part is short");
        }
        Ok(())
    }

    /// Writes part of an item.
    async fn write_part(&mut self, id: u16, offset: u16, part: &[u8]) -> Result<(), ZnpError> {
        let status = if let Ok(offset) = u8::try_from(offset) {
            self.host().request(&NvWrite { id, offset, value: Bytes8::try_from(part.to_vec())? }).await?.status
        } else {
            let value = Bytes16::try_from(part.to_vec())?;
            self.host().request(&NvWriteLong { id, offset, value }).await?.status
        };
        done::<NvWrite>(status)
    }
}

/// The network that a state tells of: outer `None` for what cannot be read, inner for a stick that has none.
pub fn network(state: &[u8]) -> Option<Option<Network>> {
    let layout = Layout::of(state)?;
    let channel = state[layout.channel];
    let pan = Pan::from_bytes(&state[layout.pan..]).ok()?;
    let extended_pan = ExtendedPan::from_bytes(&state[layout.extended_pan..]).ok()?;
    if channel == 0 || pan == Pan(0xffff) {
        return Some(None);
    }
    Channels::only(channel).map(|_| Some(Network { channel, pan, extended_pan }))
}

/// The state of a network, as a chip that aligns fields keeps it; all else in it is zero. For simulators.
pub fn state_of(network: &Network) -> Vec<u8> {
    /// Encrypted, with four bytes of check sum (Zigbee R21, 4.5.1.1).
    const SECURE: u8 = 5;
    let [_, layout] = LAYOUTS;
    let mut state = vec![0; layout.length];
    layout.write(&mut state, network);
    state[Layout::SECURITY] = SECURE;
    if let Some(channels) = network.channels() {
        state[layout.channels..layout.channels + 4].copy_from_slice(&channels.to_bytes());
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_from_both_layouts() {
        let held = Network { channel: 15, pan: Pan(0x1a62), extended_pan: ExtendedPan(0x0102_0304_0506_0708) };
        assert_eq!(network(&state_of(&held)), Some(Some(held.clone())));

        let mut packed = vec![0; 110];
        packed[22] = 15;
        packed[33..35].copy_from_slice(&[0x62, 0x1a]);
        packed[53..61].copy_from_slice(&[8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(network(&packed), Some(Some(held)));
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_empty() {
        assert_eq!(network(&[0; 116]), Some(None));
        assert_eq!(network(&[0; 100]), None);
        let mut odd = vec![0; 116];
        odd[24] = 99;
        assert_eq!(network(&odd), None);
    }
}
