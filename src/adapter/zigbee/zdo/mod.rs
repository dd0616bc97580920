//! ZDO, the part of every device that knows the network: who it is, what it offers, whom it hears.
//!
//! Requests have a cluster id, their answers the same with bit 15 set. A frame is one byte of transaction and the
//! fields (Zigbee R21, 2.4.2.8). An answer begins with a status; without success its fields are not read, as few
//! devices send all of them. What newer revisions append is left alone. [`describe`] shows any frame.

pub mod descriptor;
pub mod request;
pub mod response;
pub mod status;
pub mod tables;

use serde::Serialize;

pub use self::status::Status;
use crate::adapter::zigbee::{
    address::Cluster,
    wire::{Reader, Wire, WireError},
};

/// Set in the cluster id of an answer (Zigbee R21, 2.4.4).
pub const ANSWER: u16 = 0x8000;

/// What a device's ZDO is asked or told.
pub trait Request: Wire {
    /// Its cluster id.
    const CLUSTER: Cluster;
    /// For people: `IeeeAddress`.
    const NAME: &'static str;
    /// The fields of its answer; nothing but a status where that is `()`.
    type Answer: Wire;

    /// The cluster of the answer.
    const ANSWER_CLUSTER: Cluster = Cluster(Self::CLUSTER.0 | ANSWER);

    /// The frame: transaction and fields.
    fn to_frame(&self, transaction: u8) -> Vec<u8> {
        let mut frame = vec![transaction];
        self.write(&mut frame);
        frame
    }
}

/// How it went, and the fields if it went well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer<T> {
    /// How it went.
    pub status: Status,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<T>,
}

impl<T> Answer<T> {
    /// It went well.
    pub fn success(fields: T) -> Self {
        Self { status: Status::SUCCESS, fields: Some(fields) }
    }

    /// It did not.
    pub fn failure(status: Status) -> Self {
        Self { status, fields: None }
    }
}

impl<T: Wire> Answer<T> {
    /// The frame: transaction, status and fields.
    pub fn to_frame(&self, transaction: u8) -> Vec<u8> {
        let mut frame = vec![transaction];
        self.write(&mut frame);
        frame
    }
}

impl<T: Wire> Wire for Answer<T> {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let status: Status = reader.read()?;
        let fields = if status.is_success() { Some(reader.read()?) } else { None };
        Ok(Self { status, fields })
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.status.write(out);
        if let Some(fields) = &self.fields {
            fields.write(out);
        }
    }
}

/// How frames of one cluster are shown.
struct Row {
    /// The cluster.
    cluster: Cluster,
    /// `IeeeAddress`
    name: &'static str,
    /// Its fields as JSON.
    show: fn(&[u8]) -> Result<serde_json::Value, WireError>,
}

/// Fields as JSON.
fn show<T: Wire + Serialize>(bytes: &[u8]) -> Result<serde_json::Value, WireError> {
    let fields = T::from_bytes(bytes)?;
    Ok(serde_json::to_value(fields).expect("fields have text keys and finite numbers"))
}

/// What kind of frame a cluster holds and its fields after the transaction; `None` for one that is not known.
pub fn describe(cluster: Cluster, fields: &[u8]) -> Option<(&'static str, Result<serde_json::Value, WireError>)> {
    let row = request::ROWS.iter().find(|row| row.cluster == cluster)?;
    Some((row.name, (row.show)(fields)))
}

#[cfg(test)]
mod tests;
