//! Messages between the host and the devices.

use super::{
    super::device::{Device, Heard},
    DONE, Stick,
};
use crate::adapter::zigbee::{
    address::{Group, Ieee, Nwk},
    wire::{Bytes8, Rest},
    znp::{
        command::{
            Command,
            af::{Address, DataConfirm, DataRequestExt, IncomingMsg, LongData, Register},
            status::Status,
            sys::Done,
            zdo::MsgCbIncoming,
        },
        unpi::Frame,
    },
};

/// A message that a sleeper did not fetch in time.
const EXPIRED: Status = Status(0xf0);

impl Stick {
    /// Messages to and from devices.
    pub(super) fn application(&mut self, frame: &Frame) -> Option<Frame> {
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
        let heard = device.hear(request.to_endpoint, request.cluster, data.as_slice());
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
}
