//! The chip: what it is asked, what it remembers, and what it tells.

use std::collections::BTreeMap;

use super::device::{Device, Heard};
use crate::adapter::zigbee::{
    address::{Channels, ExtendedPan, Ieee, Nwk, Pan},
    radio::Network,
    wire::{Bytes8, Rest, Wire as _},
    zdo::{Request as _, request::DeviceAnnounce},
    znp::{
        command::{
            Command,
            af::{Address, DataConfirm, DataRequestExt, IncomingMsg, LongData, Register},
            app_cnf::{SetChannel, StartCommissioning},
            status::Status,
            sys::{
                Capabilities, Done, Firmware, GetIeee, NvInit, NvLength, NvRead, NvSize, NvValue, NvWrite, OwnIeee,
                Ping, ResetInd, ResetReq, Version,
            },
            zdo::{
                ExtNwkInfo, LeaveInd, MgmtPermitJoin, MsgCbIncoming, MsgCbRegister, NetworkInfo, PermitJoinInd,
                Started, StartupFromApp, StateChangeInd, TcDeviceInd,
            },
        },
        memory::{item, network, state_of},
        unpi::{Frame, Kind as FrameKind, Subsystem},
    },
};

/// A request was done.
const DONE: Done = Done { status: Status::SUCCESS };
/// A message that a sleeper did not fetch in time.
const EXPIRED: Status = Status(0xf0);
/// Most bytes of an item in one answer.
const PART: usize = 200;

/// The chip with the devices around it.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "faults and states that come in any combination")]
pub struct Stick {
    /// Its memory: items by number.
    pub memory: BTreeMap<u16, Vec<u8>>,
    /// Items that were written since the start.
    pub writes: u64,
    /// How often a network was formed.
    pub formed: u64,
    /// Devices, joined and not.
    pub devices: Vec<Device>,
    /// Says nothing at all.
    pub is_mute: bool,
    /// Sends garbage before each frame.
    pub has_garbage: bool,
    /// Sends byte by byte.
    pub is_chunked: bool,
    /// So many answers are swallowed.
    pub drop_answers: u32,
    /// Ends the connection.
    pub is_hanging_up: bool,
    /// What is to be sent.
    pub(super) out: Vec<Frame>,
    is_running: bool,
    is_registered: bool,
    is_open: bool,
}

impl Stick {
    /// Its own address.
    pub const IEEE: Ieee = Ieee(0x0012_4b00_0000_0001);

    /// The network in its memory.
    pub fn network(&self) -> Option<Network> {
        network(self.memory.get(&item::NIB)?)?
    }

    /// Gives it a network, as another host would have.
    pub fn hold(&mut self, held: &Network, key: [u8; 16]) {
        self.memory.insert(item::NIB, state_of(held));
        self.memory.insert(item::ACTIVE_KEY, [&[0][..], &key].concat());
    }

    /// Restarts by itself, as a chip does whose supply is weak.
    pub fn restart(&mut self) {
        (self.is_running, self.is_registered, self.is_open) = (false, false, false);
        self.tell(&ResetInd { reason: 2, transport: 2, product: 1, major: 2, minor: 7, hardware: 1 });
    }

    /// Takes a frame of the host.
    pub(super) fn take(&mut self, frame: &Frame) {
        if self.is_mute {
            return;
        }
        let readers = [Self::system, Self::nv, Self::forming, Self::zdo, Self::application];
        let answer = readers.into_iter().find_map(|read| read(self, frame));
        if frame.kind != FrameKind::Sreq {
            return;
        }
        // A command it does not know (Z-Stack Monitor and Test API 1.14, 2.1.4).
        let unknown = || Frame {
            kind: FrameKind::Srsp,
            subsystem: Subsystem::ERROR,
            id: 0,
            data: vec![2, 0x20 | frame.subsystem.number(), frame.id],
        };
        if self.drop_answers > 0 {
            self.drop_answers -= 1;
            return;
        }
        // The answer goes before what the request caused.
        self.out.insert(0, answer.unwrap_or_else(unknown));
    }

    /// The chip itself.
    fn system(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(ResetReq { .. })) = ResetReq::of(frame) {
            self.out.clear();
            self.restart();
            return None;
        }
        if Ping::of(frame).is_some() {
            return Some(Ping::answer(&Capabilities { mask: 0x0659 }));
        }
        if Version::of(frame).is_some() {
            let revision = Some(20_240_710);
            let firmware = Firmware { transport: 2, product: 1, major: 2, minor: 7, maintenance: 1, revision };
            return Some(Version::answer(&firmware));
        }
        GetIeee::of(frame).map(|_| GetIeee::answer(&OwnIeee { ieee: Self::IEEE }))
    }

    /// Its memory.
    fn nv(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(NvLength { id })) = NvLength::of(frame) {
            let length = self.memory.get(&id).map_or(0, Vec::len);
            return Some(NvLength::answer(&NvSize { length: u16::try_from(length).ok()? }));
        }
        if let Some(Ok(NvRead { id, offset })) = NvRead::of(frame) {
            let rest = self.memory.get(&id).and_then(|value| value.get(usize::from(offset)..));
            let part = rest.map(|rest| rest[..rest.len().min(PART)].to_vec());
            let status = if part.is_some() { Status::SUCCESS } else { Status(0x02) };
            let value = Bytes8::try_from(part.unwrap_or_default()).ok()?;
            return Some(NvRead::answer(&NvValue { status, value }));
        }
        if let Some(Ok(NvInit { id, value, .. })) = NvInit::of(frame) {
            self.write(id, value.as_slice());
            return Some(NvInit::answer(&Done { status: Status(0x09) }));
        }
        let Some(Ok(NvWrite { id, value, .. })) = NvWrite::of(frame) else { return None };
        self.write(id, value.as_slice());
        Some(NvWrite::answer(&DONE))
    }

    /// Writes an item.
    fn write(&mut self, id: u16, value: &[u8]) {
        self.writes += 1;
        self.memory.insert(id, value.to_vec());
    }

    /// How a network is made: of what is in the memory.
    fn forming(&mut self, frame: &Frame) -> Option<Frame> {
        if SetChannel::of(frame).is_some() {
            return Some(SetChannel::answer(&DONE));
        }
        StartCommissioning::of(frame)?.ok()?;
        let get = |id| self.memory.get(&id).cloned().unwrap_or_default();
        let channel = Channels::from_bytes(&get(item::CHANNELS)).ok()?.iter().next()?;
        let pan = Pan::from_bytes(&get(item::PAN)).ok()?;
        let extended_pan = ExtendedPan::from_bytes(&get(item::EXTENDED_PAN)).ok()?;
        let key = get(item::KEY).try_into().ok()?;
        self.hold(&Network { channel, pan, extended_pan }, key);
        self.formed += 1;
        self.is_running = true;
        self.tell(&StateChangeInd { state: 9 });
        Some(StartCommissioning::answer(&DONE))
    }

    /// The network.
    fn zdo(&mut self, frame: &Frame) -> Option<Frame> {
        if MsgCbRegister::of(frame).is_some() {
            return Some(MsgCbRegister::answer(&DONE));
        }
        if StartupFromApp::of(frame).is_some() {
            self.is_running = self.network().is_some();
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
        let waiting: Vec<_> = self.devices.iter().filter(|device| !device.is_joined).map(|d| d.ieee).collect();
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
        let Some(device) = self.devices.iter_mut().find(|device| device.ieee == ieee) else { return };
        device.is_joined = true;
        let nwk = device.nwk;
        self.tell(&TcDeviceInd { nwk, ieee, parent: Nwk(0) });
        self.announce(ieee);
    }

    /// A device says its addresses to all.
    fn announce(&mut self, ieee: Ieee) {
        let Some(device) = self.devices.iter().find(|device| device.ieee == ieee) else { return };
        let nwk = device.nwk;
        let capabilities = device.node().capabilities;
        let announce = DeviceAnnounce { nwk, ieee, capabilities };
        self.tell(&MsgCbIncoming {
            from: nwk,
            was_broadcast: true,
            cluster: DeviceAnnounce::CLUSTER,
            is_secure: false,
            sequence: 1,
            to: Nwk::AWAKE,
            data: Rest(announce.to_bytes()),
        });
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
            self.tell(&LeaveInd { from, ieee, was_asked: false, with_children: false, will_rejoin: false });
        }
    }

    /// Messages to and from devices.
    fn application(&mut self, frame: &Frame) -> Option<Frame> {
        if Register::of(frame).is_some() {
            self.is_registered = true;
            return Some(Register::answer(&DONE));
        }
        let Some(Ok(request)) = DataRequestExt::of(frame) else { return None };
        if !self.is_running || !self.is_registered {
            return Some(DataRequestExt::answer(&Done { status: Status(0x02) }));
        }
        let status = self.deliver(&request);
        let (endpoint, transaction) = (request.from_endpoint, request.transaction);
        self.out.insert(0, DataConfirm { status, endpoint, transaction }.to_frame());
        Some(DataRequestExt::answer(&DONE))
    }

    /// Brings a message to its device, and the device's answers back.
    fn deliver(&mut self, request: &DataRequestExt) -> Status {
        let LongData::Here(data) = &request.data else { return Status(0x02) };
        // Broadcasts come to nobody here who has to answer.
        let Address::Nwk(to) = request.to else { return Status::SUCCESS };
        let Some(device) = self.devices.iter_mut().find(|device| device.is_joined && device.nwk == to) else {
            return Status::NO_ROUTE;
        };
        if device.is_asleep {
            return EXPIRED;
        }
        let heard = device.hear(request.to_endpoint, request.cluster, data.as_slice());
        self.tell_heard(to, heard);
        Status::SUCCESS
    }

    /// Something happens to a device, and what it has to say is told.
    pub fn with_device<T>(&mut self, ieee: Ieee, change: impl FnOnce(&mut Device) -> (T, Vec<Heard>)) -> Option<T> {
        let device = self.devices.iter_mut().find(|device| device.ieee == ieee)?;
        let (result, heard) = change(device);
        let (nwk, is_joined) = (device.nwk, device.is_joined);
        if is_joined && self.is_running {
            self.tell_heard(nwk, heard);
        }
        Some(result)
    }

    /// Every device reports what it shall.
    pub fn report_all(&mut self) {
        let all: Vec<_> = self.devices.iter().filter(|device| device.is_joined).map(|device| device.ieee).collect();
        for ieee in all {
            self.with_device(ieee, |device| ((), device.report_all()));
        }
    }

    /// Tells what a device said.
    fn tell_heard(&mut self, from: Nwk, heard: Vec<Heard>) {
        for heard in heard {
            match heard {
                Heard::Zdo { cluster, frame } => self.tell(&MsgCbIncoming {
                    from,
                    was_broadcast: false,
                    cluster,
                    is_secure: false,
                    sequence: frame[0],
                    to: Nwk(0),
                    data: Rest(frame[1..].to_vec()),
                }),
                Heard::Zcl { cluster, frame } => self.tell(&IncomingMsg {
                    group: crate::adapter::zigbee::address::Group(0),
                    cluster,
                    from,
                    from_endpoint: Device::ENDPOINT,
                    to_endpoint: 1,
                    was_broadcast: false,
                    link_quality: 120,
                    is_secure: false,
                    timestamp: 0,
                    sequence: 0,
                    data: Bytes8::try_from(frame).expect("frames of devices are short"),
                }),
            }
        }
    }

    /// Tells something.
    fn tell<C: Command>(&mut self, news: &C) {
        self.out.push(news.to_frame());
    }
}
