//! The fields of a cluster's commands, read by the table of clusters.

use serde_json::{Map, Value as Json};

use super::{
    table::{Command, Field, Presence, Shape},
    value::Value,
};
use crate::adapter::zigbee::wire::{Reader, WireError, hex};

/// What a field held.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// One value.
    One(Value),
    /// Values to the end of the frame.
    Many(Vec<Value>),
    /// Bytes to the end of the frame.
    Bytes(Vec<u8>),
}

/// The fields of a command that were there, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields(Vec<(&'static str, Content)>);

impl Fields {
    /// Reads the fields of a command. What follows them is left alone: later revisions append fields.
    pub fn decode(command: &'static Command, payload: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(payload);
        let mut fields = Self::default();
        for field in &command.fields {
            if fields.has(field, &reader) {
                fields.0.push((field.name, read(field.shape, &mut reader)?));
            }
        }
        Ok(fields)
    }

    /// The number in a field, when it is there and has one.
    pub fn number(&self, name: &str) -> Option<i128> {
        self.0.iter().find(|(field, _)| *field == name).and_then(|(_, content)| match content {
            Content::One(value) => value.as_integer(),
            Content::Many(_) | Content::Bytes(_) => None,
        })
    }

    /// As a JSON object.
    pub fn to_json(&self) -> Json {
        let object: Map<_, _> =
            self.0.iter().map(|(name, content)| ((*name).to_owned(), content.to_json())).collect();
        Json::Object(object)
    }

    /// Whether a field is in this frame.
    fn has(&self, field: &Field, reader: &Reader<'_>) -> bool {
        match &field.presence {
            Presence::Always => true,
            Presence::Optional => !reader.is_at_end(),
            Presence::When { field, value, differs } => (self.number(field) == Some(*value)) != *differs,
        }
    }
}

impl Content {
    /// As JSON; bytes are hex.
    fn to_json(&self) -> Json {
        match self {
            Self::One(value) => serde_json::json!(value),
            Self::Many(values) => serde_json::json!(values),
            Self::Bytes(bytes) => Json::String(hex(bytes)),
        }
    }
}

/// Reads one field.
fn read(shape: Shape, reader: &mut Reader<'_>) -> Result<Content, WireError> {
    Ok(match shape {
        Shape::One(kind) => Content::One(Value::read(kind, reader)?),
        Shape::Many(kind) => {
            let mut values = Vec::new();
            while !reader.is_at_end() {
                values.push(Value::read(kind, reader)?);
            }
            Content::Many(values)
        }
        Shape::Bytes => Content::Bytes(reader.rest().to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::adapter::zigbee::{
        address::Cluster,
        zcl::{frame::Direction, table},
    };

    fn decode(cluster: u16, command: u8, direction: Direction, payload: &[u8]) -> Result<Json, WireError> {
        let command = table::cluster(Cluster(cluster)).unwrap().command(command, direction).unwrap();
        Fields::decode(command, payload).map(|fields| fields.to_json())
    }

    #[test]
    fn fields_have_their_names() {
        let moved = decode(0x0008, 4, Direction::ToServer, &[0x80, 0x0a, 0x00]).unwrap();
        assert_eq!(moved, json!({"level": 128, "transtime": 10}));
    }

    #[test]
    fn a_field_that_depends_on_another_is_there_only_then() {
        let refused = decode(0x0019, 2, Direction::ToClient, &[0x98]).unwrap();
        assert_eq!(refused, json!({"status": 0x98}));
        assert!(decode(0x0019, 2, Direction::ToClient, &[0x00]).is_err());
    }

    #[test]
    fn a_list_goes_to_the_end_of_the_frame() {
        let members = decode(0x0004, 2, Direction::ToServer, &[2, 1, 0, 2, 0]).unwrap();
        assert_eq!(members["grouplist"], json!([1, 2]));
        assert!(decode(0x0004, 2, Direction::ToServer, &[2, 1, 0, 2]).is_err());
    }
}
