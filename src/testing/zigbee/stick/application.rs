//! Messages between the host and the devices.

use super::{
    super::device::{Device, Heard},
    DONE, Stick,
};
use crate::adapter::zigbee::{
    address::{Cluster, Endpoint, Group, Ieee, Nwk},
    wire::{Bytes8, Rest, Wire as _},
    zdo::{Request as _, request::NwkAddress},
    znp::{
        command::{
            Command,
            af::{Address, DataConfirm, DataRequest, DataRequestExt, IncomingMsg, LongData, Register},
            status::Status,
            sys::Done,
            zdo::MsgCbIncoming,
        },
        unpi::Frame,
    },
};

/// A message that a sleeper did not fetch in time.
const EXPIRED: Status = Status(0xf0);
/// The chip is not up to that now.
const WRONG: Status = Status(0x02);

impl Stick {
    /// Messages to and from devices.
    pub(super) fn application(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(register)) = Register::of(frame) {
            self.endpoint(register);
            return Some(Register::answer(&DONE));
        }
        if let Some(Ok(request)) = DataRequest::of(frame) {
            let (to, endpoint) = (Address::Nwk(request.to), request.to_endpoint);
            let done = self.send(request.from_endpoint, request.transaction, |stick| {
                stick.deliver(to, endpoint, request.cluster, request.data.as_slice())
            });
            return Some(DataRequest::answer(&done));
        }
        let Some(Ok(request)) = DataRequestExt::of(frame) else { return None };
        let done = self.send(request.from_endpoint, request.transaction, |stick| match &request.data {
            LongData::Here(data) => stick.deliver(request.to, request.to_endpoint, request.cluster, data.as_slice()),
            LongData::Apart(_) => WRONG,
        });
        Some(DataRequestExt::answer(&done))
    }

    /// Takes a message of the host if it may send any, and tells what became of it.
    fn send(&mut self, endpoint: Endpoint, transaction: u8, deliver: impl FnOnce(&mut Self) -> Status) -> Done {
        if !self.is_running || (endpoint != 0 && !self.endpoints.contains_key(&endpoint)) {
            return Done { status: WRONG };
        }
        let status = deliver(self);
        self.out.insert(0, DataConfirm { status, endpoint, transaction }.to_frame());
        DONE
    }

    /// Brings a message to whom it is for, and the answers back.
    fn deliver(&mut self, to: Address, endpoint: Endpoint, cluster: Cluster, bytes: &[u8]) -> Status {
        match to {
            Address::Nwk(Nwk(0)) => {
                self.ask_zdo(Nwk(0), cluster, bytes);
                Status::SUCCESS
            }
            Address::Nwk(to) => self.bring(to, endpoint, cluster, bytes),
            Address::Broadcast(_) if (endpoint, cluster) == (0, NwkAddress::CLUSTER) => {
                let wanted = Ieee::from_bytes(bytes.get(1..).unwrap_or_default()).ok();
                if let Some(nwk) = wanted.and_then(|ieee| self.nwk_of(ieee)) {
                    self.ask_zdo(nwk, cluster, bytes);
                }
                Status::SUCCESS
            }
            Address::Group(group) => {
                self.bring_to_all(group, cluster, bytes);
                Status::SUCCESS
            }
            // Nobody here has to answer to these.
            Address::Broadcast(_) | Address::Ieee(_) | Address::Bound => Status::SUCCESS,
        }
    }

    /// Brings a message to every member of a group that is awake.
    fn bring_to_all(&mut self, group: Group, cluster: Cluster, bytes: &[u8]) {
        let members = self.devices.iter().filter(|device| device.groups.contains(&group));
        let members: Vec<_> = members.map(|device| device.nwk).collect();
        for nwk in members {
            // Nobody is told who of a group did not hear it.
            let _ = self.bring(nwk, Device::ENDPOINT, cluster, bytes);
        }
    }

    /// Brings a message to a device, and its answers back.
    pub(super) fn bring(&mut self, to: Nwk, endpoint: Endpoint, cluster: Cluster, bytes: &[u8]) -> Status {
        let (network, counter) = (self.network().zip(self.key()), self.count_frame());
        let Some(device) = self.devices.iter_mut().find(|device| device.is_joined && device.nwk == to) else {
            return Status::NO_ROUTE;
        };
        if device.is_asleep {
            return EXPIRED;
        }
        // It reads nothing of another network, and nothing that it may have heard before.
        if device.trusts != network || counter <= device.heard {
            return Status::NO_APS_ACK;
        }
        device.heard = counter;
        let heard = device.hear(endpoint, cluster, bytes);
        self.tell_heard(to, heard);
        Status::SUCCESS
    }

    /// Something happens to a device, and what it has to say is told.
    pub fn with_device<T>(&mut self, ieee: Ieee, change: impl FnOnce(&mut Device) -> (T, Vec<Heard>)) -> Option<T> {
        let network = self.network().zip(self.key());
        let device = self.devices.iter_mut().find(|device| device.ieee == ieee)?;
        let (result, heard) = change(device);
        let (nwk, is_joined) = (device.nwk, device.is_joined && device.trusts == network);
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
    pub(super) fn tell_heard(&mut self, from: Nwk, heard: Vec<Heard>) {
        for heard in heard {
            match heard {
                Heard::Zdo { cluster, frame } => self.tell_zdo(from, cluster, frame[0], &frame[1..]),
                Heard::Zcl { cluster, frame } => self.tell(&IncomingMsg {
                    group: Group(0),
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

    /// Tells an answer of a ZDO in the ways that the host has asked for.
    pub(super) fn tell_zdo(&mut self, from: Nwk, cluster: Cluster, sequence: u8, fields: &[u8]) {
        self.tell_direct(from, cluster, fields);
        if self.passes_on {
            let (to, data) = (Nwk(0), Rest(fields.to_vec()));
            let (was_broadcast, is_secure) = (false, false);
            self.tell(&MsgCbIncoming { from, was_broadcast, cluster, is_secure, sequence, to, data });
        }
    }
}
