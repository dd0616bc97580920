//! Reads what was sent. Nothing is believed yet: the result is text and JSON, and an id if there was one.

use serde_json::{Map, Value as Json};

use crate::model::{CommandId, Payload, Timestamp, TimestampError};

/// Largest payload that is read at all.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// A command as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// The sender's id.
    pub(super) id: CommandId,
    /// The device named.
    pub(super) device: String,
    /// The point named.
    pub(super) point: String,
    /// The value, of any type.
    pub(super) value: Json,
    /// After this moment it must not be carried out.
    pub(super) expires: Option<Timestamp>,
}

/// Why a payload is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    /// Too large to be looked at.
    #[error("payload has {0} bytes, at most {MAX_BYTES} are read")]
    Oversized(usize),
    /// No JSON.
    #[error("payload is no JSON: {0}")]
    NoJson(String),
    /// JSON, but no object.
    #[error("payload is no JSON object")]
    NoObject,
    /// A field that every command has.
    #[error("field \"{0}\" is missing")]
    Missing(&'static str),
    /// A field that has to be text.
    #[error("field \"{0}\" is no text")]
    NoText(&'static str),
    /// A text that is no id.
    #[error("field \"id\" is empty, longer than {} bytes or has control characters", CommandId::MAX_LEN)]
    Id,
    /// A target that is not `device/point`.
    #[error("target {0:?} is not of the form device/point")]
    Target(String),
    /// A text that is no moment.
    #[error("field \"expires\": {0}")]
    Expires(#[from] TimestampError),
}

/// A payload that is no command, with the id to answer to if one could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// The id, if there was one.
    pub(super) id: Option<CommandId>,
    /// What is wrong.
    pub(super) error: ReadError,
}

/// Reads a payload. Fields that are not ours are left alone, so that senders may carry their own notes.
pub(super) fn read(payload: Payload) -> Result<Request, Unreadable> {
    match payload {
        Payload::Json(bytes) => read_json(&bytes),
        Payload::Fields { id, target, value, expires } => read_fields(id, &target, value, expires),
    }
}

/// Reads the contract's JSON object.
fn read_json(bytes: &[u8]) -> Result<Request, Unreadable> {
    let nameless = |error| Unreadable { id: None, error };
    let mut object = parse(bytes).map_err(|error| Unreadable { id: id_alone(bytes), error })?;
    let id = command_id(&object).map_err(nameless)?;
    let fields = || -> Result<_, ReadError> {
        let (device, point) = (text(&object, "device")?, text(&object, "point")?);
        Ok((device.to_owned(), point.to_owned(), expires(&object)?))
    };
    let of_id = |error| Unreadable { id: Some(id.clone()), error };
    let (device, point, expires) = fields().map_err(of_id)?;
    let value = object.remove("value").ok_or(ReadError::Missing("value")).map_err(of_id)?;
    Ok(Request { id, device, point, value, expires })
}

/// Splits the target of a command from inside the gateway.
fn read_fields(id: CommandId, target: &str, value: Json, expires: Option<Timestamp>) -> Result<Request, Unreadable> {
    match target.split_once('/') {
        Some((device, point)) => {
            Ok(Request { id, device: device.to_owned(), point: point.to_owned(), value, expires })
        }
        None => Err(Unreadable { id: Some(id), error: ReadError::Target(target.to_owned()) }),
    }
}

/// The JSON object, if it is one of bearable size.
fn parse(bytes: &[u8]) -> Result<Map<String, Json>, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::Oversized(bytes.len()));
    }
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(ReadError::NoObject),
        Err(error) => Err(ReadError::NoJson(error.to_string())),
    }
}

/// The id of JSON whose other fields cannot be held, such as a number beyond any float: they are passed over.
fn id_alone(bytes: &[u8]) -> Option<CommandId> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
    }

    // A list would be read as the fields in their order.
    if bytes.len() > MAX_BYTES || !bytes.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(bytes).ok().and_then(|Named { id }| CommandId::new(&id))
}

/// The id, which has to be a text.
fn command_id(object: &Map<String, Json>) -> Result<CommandId, ReadError> {
    CommandId::new(text(object, "id")?).ok_or(ReadError::Id)
}

/// A text that has to be there.
fn text<'a>(object: &'a Map<String, Json>, name: &'static str) -> Result<&'a str, ReadError> {
    let field = object.get(name).ok_or(ReadError::Missing(name))?;
    field.as_str().ok_or(ReadError::NoText(name))
}

/// The end of its life, if it names one; `null` is as good as absent.
fn expires(object: &Map<String, Json>) -> Result<Option<Timestamp>, ReadError> {
    match object.get("expires") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(Timestamp::parse(text)?)),
        Some(_) => Err(ReadError::NoText("expires")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> Result<Request, Unreadable> {
        read(Payload::Json(text.into()))
    }

    #[test]
    fn a_command_of_the_contract_is_read() {
        let text =
            r#"{"id":"c1","device":"pump-1","point":"speed","value":42,"expires":"2026-11-20T12:00:00Z","by":1}"#;

        let request = json(text).unwrap();

        assert_eq!((request.device.as_str(), request.point.as_str()), ("pump-1", "speed"));
        assert_eq!(request.value, serde_json::json!(42));
        assert_eq!(request.expires, Some(Timestamp::parse("2026-11-20T12:00:00Z").unwrap()));
    }

    #[test]
    fn each_mistake_is_named_and_keeps_the_id_that_could_be_read() {
        let id = CommandId::new("c1");
        let cases = [
            ("", None, None),
            ("[]", None, Some(ReadError::NoObject)),
            (r#"["c1"]"#, None, Some(ReadError::NoObject)),
            (r#"{"device":"a"}"#, None, Some(ReadError::Missing("id"))),
            (r#"{"id":7}"#, None, Some(ReadError::NoText("id"))),
            (r#"{"id":""}"#, None, Some(ReadError::Id)),
            (r#"{"id":"c1"}"#, id.clone(), Some(ReadError::Missing("device"))),
            (r#"{"id":"c1","device":"a","point":3}"#, id.clone(), Some(ReadError::NoText("point"))),
            (r#"{"id":"c1","device":"a","point":"b"}"#, id.clone(), Some(ReadError::Missing("value"))),
            (r#"{"id":"c1","device":"a","point":"b","value":1e999}"#, id.clone(), None),
            (r#"{"id":"c1","value":NaN}"#, None, None),
            (r#"{"id":"c1","device":"a","point":"b","value":1,"expires":"soon"}"#, id, None),
        ];
        for (text, id, error) in cases {
            let unreadable = json(text).unwrap_err();
            assert_eq!(unreadable.id, id, "{text}");
            assert!(error.is_none_or(|error| error == unreadable.error), "{text}: {}", unreadable.error);
        }
    }

    #[test]
    fn what_is_too_large_is_not_looked_at() {
        let text = format!(r#"{{"id":"c1","note":"{}"}}"#, "x".repeat(MAX_BYTES));

        assert_eq!(json(&text).unwrap_err(), Unreadable { id: None, error: ReadError::Oversized(text.len()) });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(Payload::Json(bytes));
        }

        #[test]
        fn any_value_of_id_is_read_without_a_panic(id in any::<String>()) {
            let text = serde_json::json!({"id": id, "device": "a", "point": "b", "value": null}).to_string();
            prop_assert_eq!(json(&text).is_ok(), CommandId::new(&id).is_some());
        }
    }
}
