//! The ZCL frame: a header that says what the payload is (ZCL, 2.4.1).

use serde::Serialize;

use crate::adapter::zigbee::{
    address::Manufacturer,
    wire::{Reader, Wire, WireError},
};

/// Whose commands a frame uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those that every cluster has: read, write, report.
    Global,
    /// Those of the cluster.
    Cluster,
}

/// Which way a frame goes: the server holds the attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A request, or the command of a remote control.
    ToServer,
    /// A response or a report.
    ToClient,
}

/// Everything before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Header {
    /// Whose commands.
    pub scope: Scope,
    /// Whose addition to the library it is; `None` for the library itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<Manufacturer>,
    /// Which way it goes.
    pub direction: Direction,
    /// Whether success needs no default response.
    pub disable_default_response: bool,
    /// A response repeats it.
    pub sequence: u8,
    /// Which command.
    pub command: u8,
}

/// A frame, borrowed from the bytes received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub header: Header,
    /// The command's fields.
    pub payload: &'a [u8],
}

/// Scope in the frame control byte: 0 global, 1 of the cluster.
const SCOPE: u8 = 0x03;
/// Frame control: a manufacturer code follows.
const MANUFACTURER: u8 = 0x04;
/// Frame control: to the client.
const TO_CLIENT: u8 = 0x08;
/// Frame control: no default response on success.
const DISABLE_DEFAULT_RESPONSE: u8 = 0x10;

impl Header {
    /// A general command that goes to the server and asks for no default response.
    pub fn request(sequence: u8, command: u8) -> Self {
        Self {
            scope: Scope::Global,
            manufacturer: None,
            direction: Direction::ToServer,
            disable_default_response: true,
            sequence,
            command,
        }
    }

    /// The header of a frame that answers this one with `command`.
    #[must_use]
    pub fn answer(self, command: u8) -> Self {
        let direction = match self.direction {
            Direction::ToServer => Direction::ToClient,
            Direction::ToClient => Direction::ToServer,
        };
        Self { direction, disable_default_response: true, command, ..self }
    }
}

impl Wire for Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let control: u8 = reader.read()?;
        let scope = match control & SCOPE {
            0 => Scope::Global,
            1 => Scope::Cluster,
            found => return Err(WireError::Unknown { what: "frame type", found: found.into() }),
        };
        let manufacturer = if control & MANUFACTURER == 0 { None } else { Some(reader.read()?) };
        let direction = if control & TO_CLIENT == 0 { Direction::ToServer } else { Direction::ToClient };
        Ok(Self {
            scope,
            manufacturer,
            direction,
            disable_default_response: control & DISABLE_DEFAULT_RESPONSE != 0,
            sequence: reader.read()?,
            command: reader.read()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        out.push(
            flag(self.scope == Scope::Cluster, 1)
                | flag(self.manufacturer.is_some(), MANUFACTURER)
                | flag(self.direction == Direction::ToClient, TO_CLIENT)
                | flag(self.disable_default_response, DISABLE_DEFAULT_RESPONSE),
        );
        self.manufacturer.write(out);
        out.extend_from_slice(&[self.sequence, self.command]);
    }
}

impl<'a> Frame<'a> {
    /// Reads the header; the rest is the payload.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let header = reader.read()?;
        Ok(Self { header, payload: reader.rest() })
    }

    /// The frame's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.to_bytes();
        out.extend_from_slice(self.payload);
        out
    }
}
