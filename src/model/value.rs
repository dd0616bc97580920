//! What a point can hold.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};

use super::{PointType, Slim};

/// One value. Integers are exact to 64 bits in both signs; a `Uint` is always above `i64::MAX`, so that every
/// number has one form (see [`Value::from_u64`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A finite number with a fraction. NaN and the infinities are qualities, never values.
    Float(f64),
    /// An integer in the range of `i64`.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// True means detected, open, unlocked or on.
    Bool(bool),
    /// UTF-8 text.
    Text(Slim<str>),
    /// Raw bytes; base64 in JSON.
    Bytes(Slim<[u8]>),
    /// Any JSON document.
    Json(Arc<serde_json::Value>),
}

/// Why a JSON value does not fit a point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The JSON kind is not the point's type.
    #[error("{found} is no {wanted}")]
    WrongType {
        /// What the sender gave, shortened.
        found: String,
        /// The point's type in words.
        wanted: &'static str,
    },
}

impl Value {
    /// The one form of an unsigned integer: `Int` while it fits, else `Uint`.
    pub fn from_u64(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Uint(value), Self::Int)
    }

    /// A float that is a number, or `None` for NaN and the infinities.
    pub fn finite(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Float(value))
    }

    /// The value as a number, for rules, limits and charts; 64-bit integers round to the nearest float.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a chart or limit does not need the last bits of a 64-bit counter"
    )]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(v) => Some(*v),
            Self::Int(v) => Some(*v as f64),
            Self::Uint(v) => Some(*v as f64),
            Self::Bool(_) | Self::Text(_) | Self::Bytes(_) | Self::Json(_) => None,
        }
    }

    /// Reads a sender's JSON as the type a point has. A whole number is a float where a float is wanted, and `21.0` a
    /// whole number where one is wanted, since many languages know one kind of number only; nothing else is converted.
    pub fn from_json(json: &serde_json::Value, wanted: PointType) -> Result<Self, ValueError> {
        let value = match wanted {
            PointType::Float => json.as_f64().map(Self::Float),
            PointType::Int => whole(json),
            PointType::Bool => json.as_bool().map(Self::Bool),
            PointType::Text => json.as_str().map(|text| Self::Text(text.into())),
            PointType::Bytes => json.as_str().and_then(base64_decode).map(|bytes| Self::Bytes(bytes.into())),
            PointType::Json => Some(Self::Json(Arc::new(json.clone()))),
        };
        value.ok_or_else(|| ValueError::WrongType { found: shorten(&json.to_string()), wanted: in_words(wanted) })
    }
}

/// JSON as it goes upstream: numbers in their shortest exact form, bytes as base64.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Float(v) => serializer.serialize_f64(*v),
            Self::Int(v) => serializer.serialize_i64(*v),
            Self::Uint(v) => serializer.serialize_u64(*v),
            Self::Bool(v) => serializer.serialize_bool(*v),
            Self::Text(v) => serializer.serialize_str(v),
            Self::Bytes(v) => serializer.serialize_str(&base64_encode(v)),
            Self::Json(v) => v.serialize(serializer),
        }
    }
}

/// For people: as JSON, but text without quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Hundreds of digits, nearly all of them zero, are nothing to read.
            Self::Float(v) if *v != 0.0 && !(1e-5..1e16).contains(&v.abs()) => write!(f, "{v:e}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Uint(v) => write!(f, "{v}"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::Text(v) => f.write_str(v),
            Self::Bytes(v) => f.write_str(&base64_encode(v)),
            Self::Json(v) => write!(f, "{v}"),
        }
    }
}

/// A whole number, also in the form of a float.
fn whole(json: &serde_json::Value) -> Option<Value> {
    let exact = json.as_i64().map(Value::Int).or_else(|| json.as_u64().map(Value::Uint));
    exact.or_else(|| json.as_f64().and_then(whole_float))
}

/// A float without a fraction, within what a float tells apart: beyond 2^53 it stands for several whole numbers.
#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
fn whole_float(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(Value::Int(number as i64))
}

/// A type as a person calls it who has never read a configuration.
fn in_words(wanted: PointType) -> &'static str {
    match wanted {
        PointType::Float => "number",
        PointType::Int => "whole number",
        PointType::Bool | PointType::Text | PointType::Bytes | PointType::Json => wanted.as_str(),
    }
}

/// At most 40 characters of a sender's text, for an error message.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// RFC 4648 base64 with padding.
fn base64_encode(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

/// RFC 4648 base64 with padding, or `None` for anything else.
fn base64_decode(text: &str) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_exact_and_have_one_form() {
        assert_eq!(Value::from_u64(7), Value::Int(7));
        assert_eq!(serde_json::to_string(&Value::from_u64(u64::MAX)).unwrap(), "18446744073709551615");
        assert_eq!(serde_json::to_string(&Value::Int(i64::MIN)).unwrap(), "-9223372036854775808");
    }

    #[test]
    fn a_number_is_shown_with_as_many_digits_as_can_be_read() {
        let shown = [0.0, -230.1, 1e15, 1e300, -2.5e-7].map(|number| Value::Float(number).to_string());
        assert_eq!(shown, ["0", "-230.1", "1000000000000000", "1e300", "-2.5e-7"]);
    }

    #[test]
    fn json_of_the_wrong_type_is_refused_with_both_sides() {
        assert_eq!(Value::from_json(&json!(3), PointType::Float), Ok(Value::Float(3.0)));
        let error = Value::from_json(&json!("on"), PointType::Bool).unwrap_err();
        assert_eq!(error.to_string(), "\"on\" is no bool");
        let refused = |json, wanted| Value::from_json(&json, wanted).unwrap_err().to_string();
        assert_eq!(refused(json!(1.5), PointType::Int), "1.5 is no whole number");
        assert_eq!(refused(json!("abc"), PointType::Float), "\"abc\" is no number");
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_float() {
        let read = |json| Value::from_json(&json, PointType::Int);

        assert_eq!(read(json!(21.0)), Ok(Value::Int(21)));
        assert_eq!(read(json!(-0.0)), Ok(Value::Int(0)));
        assert_eq!(read(json!(u64::MAX)), Ok(Value::Uint(u64::MAX)));
        assert!(read(json!(9_007_199_254_740_992.0)).is_err(), "it could be the next number as well");
        assert!(read(json!(1e300)).is_err());
    }

    #[test]
    fn bytes_travel_as_base64() {
        let value = Value::from_json(&json!("AQID"), PointType::Bytes).unwrap();
        assert_eq!(value, Value::Bytes(vec![1, 2, 3].into()));
        assert_eq!(serde_json::to_string(&value).unwrap(), "\"AQID\"");
    }
}
