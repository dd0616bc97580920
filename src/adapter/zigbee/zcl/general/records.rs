//! The records that general commands are made of.

use serde::Serialize;

use crate::adapter::zigbee::{
    address::Attribute,
    record::record,
    wire::{Reader, Wire, WireError},
    zcl::{Kind, Status, Value},
};

/// An attribute and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignment {
    /// Which.
    pub attribute: Attribute,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its value, of that type.
    pub value: Value,
}

/// An attribute that was asked for: its value, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadRecord {
    /// Which.
    pub attribute: Attribute,
    /// The value, or the reason.
    #[serde(flatten)]
    pub found: ReadOutcome,
}

/// What came of reading an attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadOutcome {
    /// The value.
    Value(Value),
    /// Why there is none; never success.
    Status(Status),
}

/// The status of an attribute that was written; success of all is one record without an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WriteRecord {
    /// How it went.
    pub status: Status,
    /// Which.
    pub attribute: Option<Attribute>,
}

/// The status of reporting that was configured; success of all is one record without an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportingRecord {
    /// How it went.
    pub status: Status,
    /// Whether it is about reports that are received, and which attribute.
    pub attribute: Option<ReportingWanted>,
}

/// When an attribute is reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reporting {
    /// The receiver of this shall report.
    Send {
        /// Which.
        attribute: Attribute,
        /// Its type.
        #[serde(rename = "type")]
        kind: Kind,
        /// At most this often, in seconds.
        least_s: u16,
        /// At least this often, in seconds; 0xffff is never.
        most_s: u16,
        /// On a change by so much; only of analog types, which have no reports without it.
        change: Option<Value>,
    },
    /// The receiver of this can expect reports.
    Receive {
        /// Which.
        attribute: Attribute,
        /// How long to wait for one, in seconds.
        timeout_s: u16,
    },
}

/// When an attribute is reported, as the device says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReportingFound {
    /// Whether there is an answer.
    pub status: Status,
    /// Which.
    pub wanted: ReportingWanted,
    /// The answer, when there is one.
    pub reporting: Option<Reporting>,
}

/// An answer that lists what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found<T> {
    /// Whether that is all.
    pub is_complete: bool,
    /// What was found.
    pub found: Vec<T>,
}

record! {
    /// Which reporting is meant.
    ReportingWanted {
        /// 0 reports that are sent, 1 reports that are received.
        direction: u8,
        /// Which attribute.
        attribute: Attribute,
    }
    /// How a command went.
    Outcome {
        /// Which command.
        command: u8,
        /// How.
        status: Status,
    }
    /// Attributes from one on.
    Span {
        /// The first.
        start: Attribute,
        /// At most how many.
        count: u8,
    }
    /// Commands from one on.
    CommandSpan {
        /// The first.
        start: u8,
        /// At most how many.
        count: u8,
    }
    /// An attribute there is.
    AttributeInfo {
        /// Which.
        attribute: Attribute,
        /// The number of its type; not every device keeps to those there are.
        kind: u8,
    }
    /// An attribute there is, and what may be done with it.
    AttributeAccess {
        /// Which.
        attribute: Attribute,
        /// The number of its type.
        kind: u8,
        /// Bit 0 read, bit 1 write, bit 2 report.
        access: u8,
    }
}

impl Assignment {
    /// An attribute with its value.
    pub fn new(attribute: Attribute, value: Value) -> Self {
        Self { attribute, kind: value.kind(), value }
    }
}

impl Wire for Assignment {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let attribute = reader.read()?;
        Ok(Self::new(attribute, Value::read_typed(reader)?))
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.attribute.write(out);
        self.value.write_typed(out);
    }
}

impl Wire for ReadRecord {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let attribute = reader.read()?;
        let status: Status = reader.read()?;
        let found = if status.is_success() {
            ReadOutcome::Value(Value::read_typed(reader)?)
        } else {
            ReadOutcome::Status(status)
        };
        Ok(Self { attribute, found })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.attribute.write(out);
        match &self.found {
            ReadOutcome::Value(value) => {
                Status::SUCCESS.write(out);
                value.write_typed(out);
            }
            ReadOutcome::Status(status) => status.write(out),
        }
    }
}

/// A record whose attribute is left out where all went well (ZCL, 2.5.5.1.1 and 2.5.8.1.1).
macro_rules! status_records {
    ($($record:ident),*) => {$(
        impl Wire for $record {
            fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(Self { status: reader.read()?, attribute: reader.read()? })
            }

            fn write(&self, out: &mut Vec<u8>) {
                self.status.write(out);
                self.attribute.write(out);
            }
        }
    )*};
}

status_records!(WriteRecord, ReportingRecord);

/// Reports that are sent; everything else is reports that are received.
const SENT: u8 = 0;

impl Reporting {
    /// Reads what follows direction and attribute.
    fn read_rest(wanted: &ReportingWanted, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let attribute = wanted.attribute;
        if wanted.direction != SENT {
            return Ok(Self::Receive { attribute, timeout_s: reader.read()? });
        }
        let kind: Kind = reader.read()?;
        let (least_s, most_s) = (reader.read()?, reader.read()?);
        let change = if kind.is_analog() { Some(Value::read(kind, reader)?) } else { None };
        Ok(Self::Send { attribute, kind, least_s, most_s, change })
    }

    /// Appends what follows direction and attribute.
    fn write_rest(&self, out: &mut Vec<u8>) {
        match self {
            Self::Receive { timeout_s, .. } => timeout_s.write(out),
            Self::Send { kind, least_s, most_s, change, .. } => {
                kind.write(out);
                least_s.write(out);
                most_s.write(out);
                if let Some(change) = change {
                    change.write(out);
                }
            }
        }
    }

    /// Direction and attribute.
    fn wanted(&self) -> ReportingWanted {
        match *self {
            Self::Send { attribute, .. } => ReportingWanted { direction: SENT, attribute },
            Self::Receive { attribute, .. } => ReportingWanted { direction: 1, attribute },
        }
    }
}

impl Wire for Reporting {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let wanted = reader.read()?;
        Self::read_rest(&wanted, reader)
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.wanted().write(out);
        self.write_rest(out);
    }
}

impl Wire for ReportingFound {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let (status, wanted): (Status, ReportingWanted) = (reader.read()?, reader.read()?);
        let reporting = if status.is_success() { Some(Reporting::read_rest(&wanted, reader)?) } else { None };
        Ok(Self { status, wanted, reporting })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.status.write(out);
        self.wanted.write(out);
        if let Some(reporting) = &self.reporting {
            reporting.write_rest(out);
        }
    }
}

impl<T: Wire> Wire for Found<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { is_complete: reader.read()?, found: reader.read_all()? })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.is_complete.write(out);
        for found in &self.found {
            found.write(out);
        }
    }
}
