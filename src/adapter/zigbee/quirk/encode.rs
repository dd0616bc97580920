//! From a value for a quirk's point to what sets it.

use super::{AttributePlace, OwnPoint, Source, form::Raw};
use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, Endpoint, Manufacturer},
        map::order::{Action, Order, Refused},
        tuya::{self, Record},
        zcl::{self, general::Assignment, kind::Layout},
    },
    model::Value,
    profile::{Answer, Argument},
};

impl OwnPoint {
    /// What sets the point to a value; for a point that only scripts know, see [`of_answer`].
    pub fn order(&self, value: &Value) -> Result<Order, Refused> {
        let raw = self.raw(value)?;
        let unfit = || Refused::Range(value.to_string());
        match self.source {
            Source::DataPoint { dp, kind } => {
                let record = record(dp, kind, raw).ok_or_else(unfit)?;
                Ok(Order::new(tuya::CLUSTER, Action::DataPoint(record)))
            }
            Source::Attribute(AttributePlace { cluster, attribute, manufacturer, kind, .. }) => {
                let value = attribute_value(kind, raw).ok_or_else(unfit)?;
                let action = Action::Write(Assignment::new(attribute, value));
                Ok(Order { cluster, manufacturer, action })
            }
            Source::Script => Err(Refused::ReadOnly),
        }
    }
}

/// A data point that holds this.
fn record(dp: u8, kind: tuya::Type, raw: Raw) -> Option<Record> {
    match raw {
        Raw::Number(number) => Record::of_number(dp, kind, i64::try_from(number.as_whole()?).ok()?),
        Raw::Text(text) if text.len() <= MAX_BYTES => Some(Record { dp, kind, data: text.into_bytes() }),
        Raw::Bytes(data) if data.len() <= MAX_BYTES => Some(Record { dp, kind, data }),
        Raw::Text(_) | Raw::Bytes(_) => None,
    }
}

/// Most bytes of a text or byte string that is sent: more does not fit into one frame.
const MAX_BYTES: usize = 64;

/// A value of an attribute's type that holds this.
fn attribute_value(kind: zcl::Kind, raw: Raw) -> Option<zcl::Value> {
    let value = match (raw, kind.layout()) {
        (Raw::Number(number), Layout::Signed(_)) => zcl::Value::signed(kind, i64::try_from(number.as_whole()?).ok()?),
        (Raw::Number(number), Layout::Bits(_)) => zcl::Value::bits(kind, u64::try_from(number.as_whole()?).ok()?),
        (Raw::Number(number), Layout::Float(4)) => Some(zcl::Value::single(single(number.to_f64()))),
        (Raw::Text(text), _) if kind == zcl::Kind::CharString && text.len() <= MAX_BYTES => zcl::Value::text(&text),
        _ => None,
    };
    value.filter(|value| *value != zcl::Value::invalid(kind))
}

/// A number as a single.
#[expect(clippy::cast_possible_truncation, reason = "a single is what the attribute holds")]
fn single(number: f64) -> f32 {
    number as f32
}

/// What `encode.rhai` is given.
pub(super) fn wish(point: &OwnPoint, value: &Value) -> Option<Argument> {
    let value = match value {
        Value::Int(number) => Argument::Int(*number),
        Value::Uint(number) => Argument::Int(i64::try_from(*number).ok()?),
        Value::Float(number) => Argument::Float(*number),
        Value::Bool(flag) => Argument::Bool(*flag),
        Value::Text(text) => Argument::Text(text.to_string()),
        Value::Bytes(bytes) => Argument::Bytes(bytes.to_vec()),
        Value::Json(_) => return None,
    };
    let name = Argument::Text(point.name.to_string());
    Some(Argument::Map(vec![("point".to_owned(), name), ("value".to_owned(), value)]))
}

/// What `encode.rhai` gave: `dp`, `type` and `value`; or `cluster`, `attribute`, `type` and `value`; or `cluster`,
/// `command` and `payload`. `endpoint` and `manufacturer` may be there besides.
pub(super) fn of_answer(answer: &Answer) -> Result<(Option<Endpoint>, Order), String> {
    let field = |name: &str| answer.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_ref());
    let number = |name: &str| match field(name) {
        Some(Value::Int(number)) => Ok(Some(*number)),
        None => Ok(None),
        Some(other) => Err(format!("{name} is {other}, and has to be a number")),
    };
    let small = |name: &str, found: i64| u16::try_from(found).map_err(|_| format!("{name} {found} is too large"));
    let byte = |name: &str, found: i64| u8::try_from(found).map_err(|_| format!("{name} {found} is too large"));
    let endpoint = number("endpoint")?.map(|found| byte("endpoint", found)).transpose()?;
    let raw = || raw(field("value")).ok_or_else(|| "value is missing, or none that can be sent".to_owned());
    let word = match field("type") {
        Some(Value::Text(word)) => word.to_string(),
        _ => String::new(),
    };
    if let Some(dp) = number("dp")? {
        let kind = tuya::Type::named(&word).ok_or_else(|| format!("type {word:?} is none of a data point"))?;
        let record = record(byte("dp", dp)?, kind, raw()?).ok_or("the value does not fit the data point")?;
        return Ok((endpoint, Order::new(tuya::CLUSTER, Action::DataPoint(record))));
    }
    let cluster = number("cluster")?.ok_or("neither dp nor cluster is there")?;
    let cluster = Cluster(small("cluster", cluster)?);
    let manufacturer = number("manufacturer")?.map(|code| small("manufacturer", code)).transpose()?;
    let manufacturer = manufacturer.map(Manufacturer);
    let action = if let Some(attribute) = number("attribute")? {
        let kind = zcl::Kind::named(&word).ok_or_else(|| format!("type {word:?} is none of an attribute"))?;
        let value = attribute_value(kind, raw()?).ok_or("the value does not fit the attribute")?;
        Action::Write(Assignment::new(Attribute(small("attribute", attribute)?), value))
    } else {
        let command = number("command")?.ok_or("neither attribute nor command is there")?;
        let fields = match field("payload") {
            None => Vec::new(),
            Some(Value::Bytes(bytes)) if bytes.len() <= MAX_BYTES => bytes.to_vec(),
            Some(_) => return Err(format!("payload has to be a blob of at most {MAX_BYTES} bytes")),
        };
        Action::Command { command: byte("command", command)?, fields }
    };
    Ok((endpoint, Order { cluster, manufacturer, action }))
}

/// A value as it stands on the wire.
fn raw(value: Option<&Value>) -> Option<Raw> {
    use crate::adapter::zigbee::map::exact::Exact;
    Some(match value? {
        Value::Int(number) => Raw::Number(Exact::whole((*number).into())),
        Value::Float(number) => Raw::Number(Exact::of_f64(*number)?),
        Value::Bool(flag) => Raw::Number(Exact::whole((*flag).into())),
        Value::Text(text) => Raw::Text(text.to_string()),
        Value::Bytes(bytes) => Raw::Bytes(bytes.to_vec()),
        Value::Uint(_) | Value::Json(_) => return None,
    })
}
