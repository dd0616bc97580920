//! Values on their way into a script and back.
//!
//! Numbers are floats in scripts, always: user arithmetic never truncates as integer. What a rule does not touch
//! keeps its exact form, so 64-bit counters pass unharmed.

use std::sync::Arc;

use rhai::{Array, Dynamic, Map};

use crate::model::{PointType, Value};

/// Deepest nesting of a value that is kept or sent.
const MAX_DEPTH: usize = 16;

/// Largest whole number a float holds exactly: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A point's value as a script sees it.
pub(super) fn to_script(value: &Value) -> Dynamic {
    match value {
        Value::Float(_) | Value::Int(_) | Value::Uint(_) => value.as_f64().map_or(Dynamic::UNIT, Dynamic::from),
        Value::Bool(v) => (*v).into(),
        Value::Text(v) => v.as_ref().into(),
        Value::Bytes(v) => Dynamic::from_blob(v.to_vec()),
        Value::Json(v) => from_json(v),
    }
}

/// What a script gave, as a value of a point's type.
pub(super) fn from_script(given: &Dynamic, kind: PointType) -> Result<Value, String> {
    let wrong = || format!("{} is no value for a {} point", given.type_name(), kind.as_str());
    match kind {
        PointType::Float => number(given)?.map(Value::Float).ok_or_else(wrong),
        PointType::Int => number(given)?.map(whole).ok_or_else(wrong),
        PointType::Bool => given.as_bool().map(Value::Bool).map_err(|_| wrong()),
        PointType::Text => {
            given.as_immutable_string_ref().map(|text| Value::Text(text.as_str().into())).map_err(|_| wrong())
        }
        PointType::Bytes => {
            given.as_blob_ref().map(|bytes| Value::Bytes(bytes.as_slice().into())).map_err(|_| wrong())
        }
        PointType::Json => to_json(given).map(|json| Value::Json(Arc::new(json))),
    }
}

/// The type a new point gets from its first value.
pub(super) fn kind_of(given: &Dynamic) -> PointType {
    if given.is_bool() {
        PointType::Bool
    } else if given.is_string() {
        PointType::Text
    } else if given.is_int() || given.is_float() {
        PointType::Float
    } else {
        PointType::Json
    }
}

/// A script's number as a float; `None` for what is no number, an error for what no reading can hold.
pub(super) fn number(given: &Dynamic) -> Result<Option<f64>, String> {
    #[expect(clippy::cast_precision_loss, reason = "script integers beyond 2^53 round as all numbers in scripts do")]
    let number = given.as_float().ok().or_else(|| given.as_int().ok().map(|int| int as f64));
    match number {
        Some(number) if !number.is_finite() => Err(format!("{number} is no value a reading can have")),
        number => Ok(number),
    }
}

/// A whole number becomes an integer, so that an integer point stays one.
#[expect(clippy::cast_possible_truncation, reason = "checked: whole and within 2^53")]
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= EXACT { Value::Int(number as i64) } else { Value::Float(number) }
}

/// The value of a command: whole numbers without a fraction, so that they fit integer points too.
pub(super) fn to_command(given: &Dynamic) -> Result<serde_json::Value, String> {
    match number(given)? {
        Some(number) => match whole(number) {
            Value::Int(int) => Ok(int.into()),
            _ => Ok(number.into()),
        },
        None => to_json(given),
    }
}

/// A script's value as JSON, or why it has none.
pub(super) fn to_json(given: &Dynamic) -> Result<serde_json::Value, String> {
    json_at(given, MAX_DEPTH)
}

/// [`to_json`] with the nesting that is left.
fn json_at(given: &Dynamic, depth: usize) -> Result<serde_json::Value, String> {
    let depth = depth.checked_sub(1).ok_or_else(|| format!("nested deeper than {MAX_DEPTH}"))?;
    if given.is_unit() {
        return Ok(serde_json::Value::Null);
    }
    if let Ok(v) = given.as_bool() {
        return Ok(v.into());
    }
    if let Ok(v) = given.as_int() {
        return Ok(v.into());
    }
    if let Some(v) = number(given)? {
        return Ok(v.into());
    }
    if let Ok(v) = given.as_immutable_string_ref() {
        return Ok(v.as_str().into());
    }
    if let Ok(array) = given.as_array_ref() {
        return array.iter().map(|item| json_at(item, depth)).collect::<Result<Vec<_>, _>>().map(Into::into);
    }
    if let Ok(map) = given.as_map_ref() {
        let fields = map.iter().map(|(key, item)| Ok((key.to_string(), json_at(item, depth)?)));
        return fields.collect::<Result<serde_json::Map<_, _>, String>>().map(Into::into);
    }
    Err(format!("{} cannot be kept or sent", given.type_name()))
}

/// JSON as a script sees it; whole numbers stay integers, as they were when the script stored them.
pub(super) fn from_json(json: &serde_json::Value) -> Dynamic {
    match json {
        serde_json::Value::Null => Dynamic::UNIT,
        serde_json::Value::Bool(v) => (*v).into(),
        serde_json::Value::Number(v) => v.as_i64().map_or_else(|| v.as_f64().unwrap_or(0.0).into(), Dynamic::from),
        serde_json::Value::String(v) => v.into(),
        serde_json::Value::Array(items) => Dynamic::from_array(items.iter().map(from_json).collect::<Array>()),
        serde_json::Value::Object(fields) => Dynamic::from_map(
            fields.iter().map(|(key, item)| (key.as_str().into(), from_json(item))).collect::<Map>(),
        ),
    }
}

/// Whether a script's value is small whatever it holds, so that its size needs no look.
pub(super) fn is_scalar(given: &Dynamic) -> bool {
    given.is_bool() || given.is_int() || given.is_float() || given.is_unit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_point_stays_one_while_the_number_is_whole() {
        assert_eq!(from_script(&Dynamic::from(21.0), PointType::Int), Ok(Value::Int(21)));
        assert_eq!(from_script(&Dynamic::from(21.5), PointType::Int), Ok(Value::Float(21.5)));
        assert_eq!(from_script(&Dynamic::from(21_i64), PointType::Float), Ok(Value::Float(21.0)));
    }

    #[test]
    fn what_no_reading_can_hold_is_refused() {
        assert!(from_script(&Dynamic::from(f64::NAN), PointType::Float).is_err());
        assert!(from_script(&Dynamic::from(f64::INFINITY), PointType::Int).is_err());
        assert!(from_script(&"on".into(), PointType::Bool).is_err());
    }

    #[test]
    fn a_whole_command_value_fits_integer_points() {
        assert_eq!(to_command(&Dynamic::from(50.0)), Ok(serde_json::json!(50)));
        assert_eq!(to_command(&Dynamic::from(50.5)), Ok(serde_json::json!(50.5)));
    }

    #[test]
    fn json_survives_the_way_through_a_script() {
        let json = serde_json::json!({"a": [1, 2.5, "x", null, true]});

        assert_eq!(to_json(&from_json(&json)), Ok(json));
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let nested = (0..100).fold(Dynamic::UNIT, |inner, _| Dynamic::from_array(vec![inner]));

        assert!(to_json(&nested).unwrap_err().contains("deeper"));
    }
}
