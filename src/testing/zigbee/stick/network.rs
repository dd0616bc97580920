//! The network of the chip: how it is made and started, and who comes and goes.

use super::{super::device::Device, DONE, Stick};
use crate::adapter::zigbee::{
    address::{Channels, ExtendedPan, Ieee, Nwk, Pan},
    network::Key,
    radio::Network,
    wire::Wire as _,
    zdo::{Request as _, request::DeviceAnnounce},
    znp::{
        command::{
            Command,
            app_cnf::{AddInstallCode, InstallCode, SetChannel, StartCommissioning},
            status::Status,
            sys::Done,
            zdo::{
                ExtNwkInfo, LeaveInd, MgmtPermitJoin, MsgCbRegister, NetworkInfo, PermitJoinInd, Started,
                StartupFromApp, StateChangeInd, TcDeviceInd,
            },
        },
        memory::item,
        unpi::Frame,
    },
};

impl Stick {
    /// How a network is made: of what is in the memory.
    pub(super) fn forming(&mut self, frame: &Frame) -> Option<Frame> {
        if SetChannel::of(frame).is_some() {
            return Some(SetChannel::answer(&DONE));
        }
        if let Some(Ok(AddInstallCode { code })) = AddInstallCode::of(frame) {
            return Some(AddInstallCode::answer(&self.expect(&code)));
        }
        StartCommissioning::of(frame)?.ok()?;
        let get = |id| self.memory.get(&id).cloned().unwrap_or_default();
        let channel = Channels::from_bytes(&get(item::CHANNELS)).ok()?.iter().next()?;
        let pan = Pan::from_bytes(&get(item::PAN)).ok()?;
        let extended_pan = ExtendedPan::from_bytes(&get(item::EXTENDED_PAN)).ok()?;
        let key = get(item::KEY).try_into().ok()?;
        self.hold(&Network { channel, pan, extended_pan }, key);
        self.formed += 1;
        self.run();
        self.tell(&StateChangeInd { state: 9 });
        Some(StartCommissioning::answer(&DONE))
    }

    /// Remembers the key that a device will join with; this one makes none of codes.
    fn expect(&mut self, code: &InstallCode) -> Done {
        match code {
            InstallCode::Key(ieee, key) => {
                self.join_keys.insert(*ieee, Key::new(*key));
                DONE
            }
            InstallCode::Code(..) => Done { status: Status(0x02) },
        }
    }

    /// The network.
    pub(super) fn zdo(&mut self, frame: &Frame) -> Option<Frame> {
        if MsgCbRegister::of(frame).is_some() {
            self.passes_on = true;
            return Some(MsgCbRegister::answer(&DONE));
        }
        if StartupFromApp::of(frame).is_some() {
            self.run();
            let state = if self.is_running { 9 } else { 0 };
            self.tell(&StateChangeInd { state });
            return Some(StartupFromApp::answer(&Started { outcome: if self.is_running { 0 } else { 2 } }));
        }
        if ExtNwkInfo::of(frame).is_some() {
            return Some(ExtNwkInfo::answer(&self.info()));
        }
        let Some(Ok(MgmtPermitJoin { seconds, .. })) = MgmtPermitJoin::of(frame) else { return None };
        self.is_open = seconds > 0;
        self.tell(&PermitJoinInd { seconds });
        self.let_in();
        Some(MgmtPermitJoin::answer(&DONE))
    }

    /// Goes on with the network in its memory, if there is one.
    fn run(&mut self) {
        self.is_running = self.network().is_some();
        self.counter = self.network().map_or(0, |network| self.next_counter(network.extended_pan));
    }

    /// The network as it is.
    fn info(&self) -> NetworkInfo {
        let none = Network { channel: 0, pan: Pan(0xffff), extended_pan: ExtendedPan(0) };
        let network = self.network().unwrap_or(none);
        NetworkInfo {
            nwk: Nwk(0),
            state: if self.is_running { 9 } else { 0 },
            pan: network.pan,
            parent: Nwk(0xffff),
            extended_pan: network.extended_pan,
            parent_ieee: Ieee(0),
            channel: network.channel,
        }
    }

    /// Lets in who waits, if it is open.
    pub fn let_in(&mut self) {
        let knows_key = |d: &&Device| d.join_key.is_none() || d.join_key.as_ref() == self.join_keys.get(&d.ieee);
        let waiting = self.devices.iter().filter(|device| !device.is_joined).filter(knows_key);
        let waiting: Vec<_> = waiting.map(|device| device.ieee).collect();
        if self.is_open && self.is_running {
            for ieee in waiting {
                self.join(ieee);
            }
        }
    }

    /// Whether devices are let in.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// A device joins.
    fn join(&mut self, ieee: Ieee) {
        let (network, key) = (self.network(), self.key());
        let Some(device) = self.devices.iter_mut().find(|device| device.ieee == ieee) else { return };
        device.is_joined = true;
        device.trusts = network.zip(key);
        device.heard = 0;
        let nwk = device.nwk;
        self.remember(ieee, nwk);
        self.tell(&TcDeviceInd { nwk, ieee, parent: Nwk(0) });
        self.announce(ieee);
    }

    /// A device says its addresses to all.
    fn announce(&mut self, ieee: Ieee) {
        let Some(device) = self.devices.iter().find(|device| device.ieee == ieee) else { return };
        let nwk = device.nwk;
        let capabilities = device.node().capabilities;
        let announce = DeviceAnnounce { nwk, ieee, capabilities };
        self.tell_zdo(nwk, DeviceAnnounce::CLUSTER, 1, &announce.to_bytes());
    }

    /// A device comes back under another short address.
    pub fn rejoin(&mut self, ieee: Ieee, nwk: Nwk) {
        if let Some(device) = self.devices.iter_mut().find(|device| device.ieee == ieee) {
            device.nwk = nwk;
            self.announce(ieee);
        }
    }

    /// A device leaves.
    pub fn leave(&mut self, ieee: Ieee) {
        if let Some(device) = self.devices.iter_mut().find(|device| device.ieee == ieee && device.is_joined) {
            device.is_joined = false;
            device.forget();
            let from = device.nwk;
            self.forget(ieee);
            self.tell(&LeaveInd { from, ieee, was_asked: false, with_children: false, will_rejoin: false });
        }
    }
}
