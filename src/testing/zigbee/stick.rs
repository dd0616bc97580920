//! The chip: what it is asked, what it remembers, and what it tells.

mod air;
mod application;
mod memory;
mod network;
mod own;

use std::collections::{BTreeMap, BTreeSet};

pub use self::air::ScanFault;
use super::device::Device;
use crate::adapter::zigbee::{
    address::{Endpoint, Group, Ieee},
    network::Key,
    wire::Wire as _,
    zdo::descriptor::Simple,
    znp::{
        command::{
            Command,
            status::Status,
            sys::{Capabilities, Done, Firmware, GetIeee, OwnIeee, Ping, ResetInd, ResetReq, Version},
        },
        memory::item,
        unpi::{Frame, Kind as FrameKind, Subsystem},
    },
};

/// What throws configuration and network away at a restart (`ZCD_STARTOPT_CLEAR_CONFIG`, `_CLEAR_STATE`).
const CLEAR: u8 = 0x03;
/// A request was done.
const DONE: Done = Done { status: Status::SUCCESS };

/// The chip with the devices around it.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "faults and states that come in any combination")]
pub struct Stick {
    /// Its memory: items by number.
    pub memory: BTreeMap<u16, Vec<u8>>,
    /// Rows of its tables, by table and place.
    pub tables: BTreeMap<(u16, u16), Vec<u8>>,
    /// Items and rows that were written since the start.
    pub writes: u64,
    /// How often a network was formed.
    pub formed: u64,
    /// Devices, joined and not.
    pub devices: Vec<Device>,
    /// Says nothing at all.
    pub is_mute: bool,
    /// Takes no connection.
    pub is_gone: bool,
    /// Sends garbage before each frame.
    pub has_garbage: bool,
    /// Sends byte by byte.
    pub is_chunked: bool,
    /// So many answers are swallowed.
    pub drop_answers: u32,
    /// After so many writes it hangs up once, as if the power had failed.
    pub fails_after: Option<u64>,
    /// Keys that devices will join with.
    pub join_keys: BTreeMap<Ieee, Key>,
    /// How strongly it sends, as long as it was told that since it started.
    pub tx_power: Option<i8>,
    /// How busy channels are, where that is not as usual.
    pub energies: BTreeMap<u8, u8>,
    /// What is wrong with how it answers a scan.
    pub scan_fault: Option<ScanFault>,
    /// How often it was asked to measure.
    pub asked_scans: u32,
    /// Ends the connection.
    pub is_hanging_up: bool,
    /// The number of the last frame it sent; devices hear none twice.
    pub counter: u32,
    /// What is to be sent.
    pub(super) out: Vec<Frame>,
    /// Endpoints that the host has made known.
    endpoints: BTreeMap<Endpoint, Simple>,
    /// Groups that they are in.
    groups: BTreeSet<(Endpoint, Group)>,
    is_running: bool,
    /// Whether everything a ZDO says is passed on as it came.
    passes_on: bool,
    is_open: bool,
    /// How many energies it has told, so that no two are quite alike.
    energies_told: u8,
}

impl Stick {
    /// The address it was made with.
    pub const IEEE: Ieee = Ieee(0x0012_4b00_0000_0001);

    /// Its own address: the one it was made with, or one that was written.
    pub fn ieee(&self) -> Ieee {
        let written = self.memory.get(&item::OWN_ADDRESS).and_then(|address| Ieee::from_bytes(address).ok());
        written.unwrap_or(Self::IEEE)
    }

    /// Is taken out and a new one plugged in, which knows nothing; the devices stay.
    pub fn swap(&mut self) {
        let devices = std::mem::take(&mut self.devices);
        *self = Self { devices, is_hanging_up: true, ..Self::default() };
    }

    /// Restarts by itself, as a chip does whose supply is weak.
    pub fn restart(&mut self) {
        (self.is_running, self.passes_on, self.is_open) = (false, false, false);
        self.tx_power = None;
        self.endpoints.clear();
        self.tell(&ResetInd { reason: 2, transport: 2, product: 1, major: 2, minor: 7, hardware: 1 });
    }

    /// Takes a frame of the host.
    pub(super) fn take(&mut self, frame: &Frame) {
        if self.is_mute {
            return;
        }
        if self.fails_after.is_some_and(|limit| self.writes >= limit) {
            (self.is_hanging_up, self.fails_after) = (true, None);
            return;
        }
        let readers = [
            Self::system,
            Self::power,
            Self::items,
            Self::tables,
            Self::forming,
            Self::zdo,
            Self::direct,
            Self::odds,
            Self::application,
        ];
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
            if self.memory.get(&item::STARTUP).is_some_and(|options| *options == [CLEAR]) {
                self.clear();
            }
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
        GetIeee::of(frame).map(|_| GetIeee::answer(&OwnIeee { ieee: self.ieee() }))
    }

    /// Tells something.
    fn tell<C: Command>(&mut self, news: &C) {
        self.out.push(news.to_frame());
    }
}
