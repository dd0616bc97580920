//! A device that takes new firmware over the air, and holds what it loaded against its header.

use super::{Device, Heard};
use crate::adapter::zigbee::{
    address::Manufacturer,
    ota::{
        CLUSTER,
        frames::{BlockRequest, End, INVALID_IMAGE, Query, Request, command},
        image::{Image, Model},
    },
    wire::{Reader, WireError},
    zcl::{Direction, Frame, Header, Scope, Status},
};

/// Bytes that it asks for at once.
const MOST: u8 = 64;

/// The firmware of a device.
#[derive(Debug, Clone)]
pub struct Firmware {
    /// What it says that it is.
    pub model: Model,
    /// What it runs.
    pub version: u32,
    /// What it has loaded of the next.
    pub loaded: Vec<u8>,
    /// Asks for many parts in a row first, as newer devices do.
    pub asks_pages: bool,
    /// Says that it has all of it after the first part.
    pub is_hasty: bool,
    /// What it was told when it was given nothing.
    pub refused: Option<Status>,
    /// The version that it loads.
    next: u32,
}

impl Default for Firmware {
    fn default() -> Self {
        let model = Model { manufacturer: Manufacturer(0x1234), image_type: 0x0101 };
        Self { model, version: 1, loaded: Vec::new(), asks_pages: false, is_hasty: false, refused: None, next: 0 }
    }
}

impl Device {
    /// Asks whether there is new firmware, as devices do by themselves.
    pub fn ask_for_firmware(&mut self) -> ((), Vec<Heard>) {
        let query =
            self.firmware.as_ref().map(|own| Query { model: own.model, version: own.version, hardware: None });
        ((), query.into_iter().map(|query| self.ask_server(&Request::Query(query))).collect())
    }

    /// Asks for the next part once more, as devices do that had no answer.
    pub fn ask_for_part(&mut self) -> ((), Vec<Heard>) {
        let next = self.next_block();
        ((), next.into_iter().map(|request| self.ask_server(&request)).collect())
    }

    /// A frame about firmware.
    pub(super) fn hear_firmware(&mut self, frame: &Frame<'_>) -> Vec<Heard> {
        let (number, is_server) = (frame.header.command, frame.header.direction == Direction::ToClient);
        let next = match (frame.header.scope, number) {
            (Scope::Cluster, command::NOTIFY) if is_server => return self.ask_for_firmware().1,
            (Scope::Cluster, command::QUERY_ANSWER) => self.take_offer(frame.payload),
            (Scope::Cluster, command::BLOCK_ANSWER) => self.take_block(frame.payload),
            (Scope::Cluster, command::END_ANSWER) => {
                if let Some(own) = &mut self.firmware {
                    own.version = own.next;
                }
                return Vec::new();
            }
            // Pages are not served: it goes on with single parts.
            (Scope::Global, 0x0b) if frame.payload.first() == Some(&command::PAGE) => Ok(self.next_block()),
            _ => return Vec::new(),
        };
        next.ok().flatten().map(|request| self.ask_server(&request)).into_iter().collect()
    }

    /// There is something, or not.
    fn take_offer(&mut self, payload: &[u8]) -> Result<Option<Request>, WireError> {
        let Some(own) = &mut self.firmware else { return Ok(None) };
        let mut reader = Reader::new(payload);
        let status: Status = reader.read()?;
        if !status.is_success() {
            own.refused = Some(status);
            return Ok(None);
        }
        reader.take(4)?;
        own.next = reader.read()?;
        own.loaded.clear();
        Ok(if own.asks_pages { Some(Request::Other) } else { self.next_block() })
    }

    /// A part, or word that there are no more.
    fn take_block(&mut self, payload: &[u8]) -> Result<Option<Request>, WireError> {
        let Some(own) = &mut self.firmware else { return Ok(None) };
        let mut reader = Reader::new(payload);
        let status: Status = reader.read()?;
        if !status.is_success() {
            own.refused = Some(status);
            return Ok(None);
        }
        reader.take(8)?;
        let (offset, length): (u32, u8) = (reader.read()?, reader.read()?);
        let part = reader.take(length.into())?;
        // One that it has already is one that was lost on the way back.
        if usize::try_from(offset) == Ok(own.loaded.len()) {
            own.loaded.extend_from_slice(part);
        }
        let size =
            own.loaded.get(52..56).map_or(u32::MAX, |size| u32::from_le_bytes([size[0], size[1], size[2], size[3]]));
        let is_all = usize::try_from(size).is_ok_and(|size| own.loaded.len() >= size);
        if !is_all && !own.is_hasty {
            return Ok(self.next_block());
        }
        let is_whole = own.is_hasty || Image::read(own.loaded.clone()).is_ok();
        let status = if is_whole { Status::SUCCESS } else { INVALID_IMAGE };
        Ok(Some(Request::End(End { status, model: own.model, version: own.next })))
    }

    /// The next part, please.
    fn next_block(&mut self) -> Option<Request> {
        let own = self.firmware.as_ref()?;
        let offset = u32::try_from(own.loaded.len()).ok()?;
        Some(Request::Block(BlockRequest { model: own.model, version: own.next, offset, most: MOST }))
    }

    /// Asks the gateway.
    fn ask_server(&mut self, request: &Request) -> Heard {
        let (number, payload) = request.encode();
        let header = Header { scope: Scope::Cluster, ..Header::request(self.count(), number) };
        Heard::Zcl { cluster: CLUSTER, frame: Frame { header, payload: &payload }.encode() }
    }
}
