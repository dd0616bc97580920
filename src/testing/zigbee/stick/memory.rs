//! The memory of the chip.

use super::{DONE, Stick};
use crate::adapter::zigbee::{
    wire::Bytes8,
    znp::{
        command::{
            Command,
            status::Status,
            sys::{Done, NvInit, NvLength, NvRead, NvSize, NvValue, NvWrite},
        },
        unpi::Frame,
    },
};

/// Most bytes of an item in one answer.
const PART: usize = 200;

impl Stick {
    /// Its memory.
    pub(super) fn nv(&mut self, frame: &Frame) -> Option<Frame> {
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
}
