//! The commands that every cluster has: read, write, configure reporting, report, discover (ZCL, 2.5).

mod records;

use serde::Serialize;

pub use self::records::{
    Assignment, AttributeAccess, AttributeInfo, CommandSpan, Found, Outcome, ReadOutcome, ReadRecord, Reporting,
    ReportingFound, ReportingRecord, ReportingWanted, Span, WriteRecord,
};
use super::frame::{Frame, Header, Scope};
use crate::adapter::zigbee::{
    address::Attribute,
    wire::{Reader, Wire, WireError},
};

/// A general command with its fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum General {
    /// Asks for attributes.
    Read(Vec<Attribute>),
    /// Answers with them.
    ReadResponse(Vec<ReadRecord>),
    /// Sets attributes, each for itself.
    Write(Vec<Assignment>),
    /// Sets attributes, all or none.
    WriteUndivided(Vec<Assignment>),
    /// Says which were not set.
    WriteResponse(Vec<WriteRecord>),
    /// Sets attributes, and wants to hear nothing of it.
    WriteNoResponse(Vec<Assignment>),
    /// Says when attributes are to be reported.
    ConfigureReporting(Vec<Reporting>),
    /// Says for which that is not done.
    ConfigureReportingResponse(Vec<ReportingRecord>),
    /// Asks when attributes are reported.
    ReadReporting(Vec<ReportingWanted>),
    /// Answers.
    ReadReportingResponse(Vec<ReportingFound>),
    /// Values, unasked.
    Report(Vec<Assignment>),
    /// How another command went.
    DefaultResponse(Outcome),
    /// Asks which attributes there are.
    Discover(Span),
    /// Answers, with their types.
    DiscoverResponse(Found<AttributeInfo>),
    /// Asks which commands are understood.
    DiscoverReceived(CommandSpan),
    /// Answers.
    DiscoverReceivedResponse(Found<u8>),
    /// Asks which commands are sent.
    DiscoverGenerated(CommandSpan),
    /// Answers.
    DiscoverGeneratedResponse(Found<u8>),
    /// Asks which attributes there are and what may be done with them.
    DiscoverExtended(Span),
    /// Answers.
    DiscoverExtendedResponse(Found<AttributeAccess>),
}

impl General {
    /// The number of the command (ZCL, table 2-3).
    pub fn command(&self) -> u8 {
        match self {
            Self::Read(_) => 0x00,
            Self::ReadResponse(_) => 0x01,
            Self::Write(_) => 0x02,
            Self::WriteUndivided(_) => 0x03,
            Self::WriteResponse(_) => 0x04,
            Self::WriteNoResponse(_) => 0x05,
            Self::ConfigureReporting(_) => 0x06,
            Self::ConfigureReportingResponse(_) => 0x07,
            Self::ReadReporting(_) => 0x08,
            Self::ReadReportingResponse(_) => 0x09,
            Self::Report(_) => 0x0a,
            Self::DefaultResponse(_) => 0x0b,
            Self::Discover(_) => 0x0c,
            Self::DiscoverResponse(_) => 0x0d,
            Self::DiscoverReceived(_) => 0x11,
            Self::DiscoverReceivedResponse(_) => 0x12,
            Self::DiscoverGenerated(_) => 0x13,
            Self::DiscoverGeneratedResponse(_) => 0x14,
            Self::DiscoverExtended(_) => 0x15,
            Self::DiscoverExtendedResponse(_) => 0x16,
        }
    }

    /// Reads the fields of a command.
    pub fn decode(command: u8, payload: &[u8]) -> Result<Self, WireError> {
        let reader = &mut Reader::new(payload);
        Ok(match command {
            0x00 => Self::Read(reader.read_all()?),
            0x01 => Self::ReadResponse(reader.read_all()?),
            0x02 => Self::Write(reader.read_all()?),
            0x03 => Self::WriteUndivided(reader.read_all()?),
            0x04 => Self::WriteResponse(reader.read_all()?),
            0x05 => Self::WriteNoResponse(reader.read_all()?),
            0x06 => Self::ConfigureReporting(reader.read_all()?),
            0x07 => Self::ConfigureReportingResponse(reader.read_all()?),
            0x08 => Self::ReadReporting(reader.read_all()?),
            0x09 => Self::ReadReportingResponse(reader.read_all()?),
            0x0a => Self::Report(reader.read_all()?),
            0x0b => Self::DefaultResponse(reader.read()?),
            0x0c => Self::Discover(reader.read()?),
            0x0d => Self::DiscoverResponse(reader.read()?),
            0x11 => Self::DiscoverReceived(reader.read()?),
            0x12 => Self::DiscoverReceivedResponse(reader.read()?),
            0x13 => Self::DiscoverGenerated(reader.read()?),
            0x14 => Self::DiscoverGeneratedResponse(reader.read()?),
            0x15 => Self::DiscoverExtended(reader.read()?),
            0x16 => Self::DiscoverExtendedResponse(reader.read()?),
            found => return Err(WireError::Unknown { what: "general command", found: found.into() }),
        })
    }

    /// Reads a frame that holds a general command; `None` for one of the cluster.
    pub fn of(frame: &Frame<'_>) -> Option<Result<Self, WireError>> {
        let header = &frame.header;
        (header.scope == Scope::Global).then(|| Self::decode(header.command, frame.payload))
    }

    /// The fields' bytes.
    pub fn payload(&self) -> Vec<u8> {
        let out = &mut Vec::new();
        match self {
            Self::Read(records) => write_all(records, out),
            Self::ReadResponse(records) => write_all(records, out),
            Self::Write(records)
            | Self::WriteUndivided(records)
            | Self::WriteNoResponse(records)
            | Self::Report(records) => write_all(records, out),
            Self::WriteResponse(records) => write_all(records, out),
            Self::ConfigureReporting(records) => write_all(records, out),
            Self::ConfigureReportingResponse(records) => write_all(records, out),
            Self::ReadReporting(records) => write_all(records, out),
            Self::ReadReportingResponse(records) => write_all(records, out),
            Self::DefaultResponse(outcome) => outcome.write(out),
            Self::Discover(span) | Self::DiscoverExtended(span) => span.write(out),
            Self::DiscoverResponse(found) => found.write(out),
            Self::DiscoverReceived(span) | Self::DiscoverGenerated(span) => span.write(out),
            Self::DiscoverReceivedResponse(found) | Self::DiscoverGeneratedResponse(found) => found.write(out),
            Self::DiscoverExtendedResponse(found) => found.write(out),
        }
        std::mem::take(out)
    }

    /// The bytes of a frame. Header fields other than scope and command are the caller's choice.
    pub fn encode(&self, header: Header) -> Vec<u8> {
        let header = Header { scope: Scope::Global, command: self.command(), ..header };
        Frame { header, payload: &self.payload() }.encode()
    }
}

/// Appends records one after the other.
fn write_all<T: Wire>(records: &[T], out: &mut Vec<u8>) {
    for record in records {
        record.write(out);
    }
}

#[cfg(test)]
mod tests;
