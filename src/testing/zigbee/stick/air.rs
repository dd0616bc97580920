//! The air around the chip: how busy its channels are, and how strongly it sends itself.
//!
//! It keeps to Z-Stack 3.x: a scan that is not asked for rightly is not answered at all (`ZDNwkMgr_ProcessMgmtNwkUpdateReq`),
//! and of a power it tells only whether it took it (`MT_SysSetTxPower`).

use super::{super::device::Heard, DONE, Stick};
use crate::adapter::zigbee::{
    address::Channels,
    wire::{List, Reader},
    zdo::{
        Answer, Request as _, Status,
        request::{MgmtNwkUpdate, UpdateWish},
        response::EnergyScan,
    },
    znp::{
        command::{
            Command,
            status::Status as MtStatus,
            sys::{Done, SetTxPower, StackTune, TxPower},
        },
        unpi::Frame,
    },
};

/// The most scans for one request (`ZDNWKMGR_MAX_SCAN_COUNT`).
const MAX_SCANS: u8 = 5;
/// It is told to do what it cannot (`MAC_INVALID_PARAMETER`).
const INVALID: MtStatus = MtStatus(0xe8);
/// The scan is none (`ZDP_INVALID_REQTYPE`).
const NO_SUCH_SCAN: Status = Status(0x80);
/// What it can send with, in dBm.
const POWERS: std::ops::RangeInclusive<i8> = -20..=20;

/// What is wrong with how it answers a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanFault {
    /// It says nothing.
    Silent,
    /// It refuses.
    Refuses,
    /// It tells of another channel first, and then of the one that is asked for.
    Stray,
    /// Its list has fewer energies than it says.
    Lies,
}

/// How busy a channel is when nobody has set it: three access points of Wi-Fi on 1, 6 and 11, the last one far away.
fn usual(channel: u8) -> u8 {
    match channel {
        11..=14 => 140 - 5 * (channel - 11),
        16..=19 => 110 - 7 * (channel - 16),
        21..=24 => 60 - 4 * (channel - 21),
        _ => 20 + (channel - 11),
    }
}

impl Stick {
    /// How strongly it sends.
    pub(super) fn power(&mut self, frame: &Frame) -> Option<Frame> {
        if let Some(Ok(SetTxPower { power_dbm })) = SetTxPower::of(frame) {
            let status = self.send_with(power_dbm);
            return Some(SetTxPower::answer(&TxPower { power_dbm: status.status.0.cast_signed() }));
        }
        let Some(Ok(StackTune { operation: 0, value })) = StackTune::of(frame) else { return None };
        Some(StackTune::answer(&self.send_with(value)))
    }

    /// Takes a power that it can send with.
    fn send_with(&mut self, dbm: i8) -> Done {
        if !POWERS.contains(&dbm) {
            return Done { status: INVALID };
        }
        self.tx_power = Some(dbm);
        DONE
    }

    /// How busy a channel is now; it varies a little from scan to scan.
    fn energy(&mut self, channel: u8) -> u8 {
        self.energies_told = self.energies_told.wrapping_add(1);
        let usual = self.energies.get(&channel).copied().unwrap_or_else(|| usual(channel));
        usual.saturating_add(self.energies_told % 3)
    }

    /// Measures channels; one answer for each scan.
    pub(super) fn measure(&mut self, number: u8, fields: &[u8]) -> Vec<Heard> {
        self.asked_scans += 1;
        let Ok(MgmtNwkUpdate { channels, wish }) = Reader::new(fields).read() else {
            return vec![answer(&Answer::failure(NO_SUCH_SCAN), number)];
        };
        let UpdateWish::Scan { count: scans @ 1..=MAX_SCANS, .. } = wish else { return Vec::new() };
        let channels = Channels(channels.0 & Channels::ALL.0);
        match self.scan_fault {
            Some(ScanFault::Silent) => return Vec::new(),
            Some(ScanFault::Refuses) => return vec![answer(&Answer::failure(Status::NOT_SUPPORTED), number)],
            Some(ScanFault::Stray) => {
                return vec![self.scan(Channels::ALL, number), self.scan(channels, number)];
            }
            Some(ScanFault::Lies) => return vec![shortened(self.scan(channels, number))],
            None => {}
        }
        (0..scans).map(|_| self.scan(channels, number)).collect()
    }

    /// One scan.
    fn scan(&mut self, channels: Channels, number: u8) -> Heard {
        let energy: Vec<_> = channels.iter().map(|channel| self.energy(channel)).collect();
        let energy = List::try_from(energy).expect("there are sixteen channels");
        answer(&Answer::success(EnergyScan { channels, sent: 100, failed: 1, energy }), number)
    }
}

/// What the ZDO says.
fn answer(answer: &Answer<EnergyScan>, number: u8) -> Heard {
    Heard::Zdo { cluster: MgmtNwkUpdate::ANSWER_CLUSTER, frame: answer.to_frame(number) }
}

/// The same without its last energy.
fn shortened(heard: Heard) -> Heard {
    match heard {
        Heard::Zdo { cluster, mut frame } => {
            frame.pop();
            Heard::Zdo { cluster, frame }
        }
        other @ Heard::Zcl { .. } => other,
    }
}
