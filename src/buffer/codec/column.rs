//! The values of one point as a column: integers and decimal fractions as differences, everything else as it is.

use std::sync::Arc;

use super::wire::{Reader, WireError, put_bytes, put_i64, put_u64};
use crate::model::Value;

/// Layouts of a column.
const MIXED: u8 = 0;
const INTS: u8 = 1;
const DECIMALS: u8 = 2;
const FLOATS: u8 = 3;
const BOOLS: u8 = 4;

/// Marks of a value in a mixed column.
const FLOAT: u8 = 0;
const INT: u8 = 1;
const UINT: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const TEXT: u8 = 5;
const BYTES: u8 = 6;
const JSON: u8 = 7;

/// Powers of ten a decimal fraction is scaled by; each is exact as a float.
const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Largest scaled number: every integer up to here is exact as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes a column in the shortest layout that fits all its values.
pub(super) fn put(out: &mut Vec<u8>, values: &[&Value]) {
    match values.first() {
        Some(Value::Int(_)) if put_ints(out, values) => {}
        Some(Value::Float(_)) if put_floats(out, values) => {}
        Some(Value::Bool(_)) if put_bools(out, values) => {}
        Some(_) => {
            out.push(MIXED);
            for value in values {
                put_mixed(out, value);
            }
        }
        None => out.push(MIXED),
    }
}

/// Reads a column of `count` values.
pub(super) fn get(input: &mut Reader<'_>, count: usize) -> Result<Vec<Value>, WireError> {
    let layout = input.u8()?;
    if layout == DECIMALS {
        let power = *POWERS.get(usize::from(input.u8()?)).ok_or(WireError::Range)?;
        return differences(input, count, |scaled| Value::Float(unscale(scaled, power)));
    }
    match layout {
        MIXED => (0..count).map(|_| get_mixed(input)).collect(),
        INTS => differences(input, count, Value::Int),
        FLOATS => (0..count).map(|_| float(input)).collect(),
        BOOLS => (0..count).map(|_| input.u8().map(|byte| Value::Bool(byte != 0))).collect(),
        other => Err(WireError::Format(other)),
    }
}

fn put_ints(out: &mut Vec<u8>, values: &[&Value]) -> bool {
    if !values.iter().all(|value| matches!(value, Value::Int(_))) {
        return false;
    }
    out.push(INTS);
    let ints = values.iter().filter_map(|value| if let Value::Int(v) = value { Some(*v) } else { None });
    put_differences(out, ints);
    true
}

fn put_bools(out: &mut Vec<u8>, values: &[&Value]) -> bool {
    if !values.iter().all(|value| matches!(value, Value::Bool(_))) {
        return false;
    }
    out.push(BOOLS);
    out.extend(values.iter().map(|value| u8::from(matches!(value, Value::Bool(true)))));
    true
}

fn put_floats(out: &mut Vec<u8>, values: &[&Value]) -> bool {
    let floats = || values.iter().filter_map(|value| if let Value::Float(v) = value { Some(*v) } else { None });
    if floats().count() != values.len() {
        return false;
    }
    if let Some(exponent) = decimals(floats()) {
        let power = POWERS[usize::from(exponent)];
        out.extend([DECIMALS, exponent]);
        put_differences(out, floats().filter_map(|v| scale(v, power)));
    } else {
        out.push(FLOATS);
        floats().for_each(|v| out.extend_from_slice(&v.to_bits().to_le_bytes()));
    }
    true
}

/// The fewest decimals at which every value comes back bit for bit.
fn decimals(values: impl Iterator<Item = f64> + Clone) -> Option<u8> {
    let mut exponent = 0;
    for value in values.clone() {
        while scale(value, POWERS[exponent]).is_none() {
            exponent += 1;
            if exponent == POWERS.len() {
                return None;
            }
        }
    }
    let fits = values.into_iter().all(|value| scale(value, POWERS[exponent]).is_some());
    if fits { u8::try_from(exponent).ok() } else { None }
}

/// A float as an integer of its last decimal, if that loses no bit.
#[expect(clippy::cast_possible_truncation, reason = "checked against the range in which integers are exact")]
fn scale(value: f64, power: f64) -> Option<i64> {
    let scaled = (value * power).round();
    if scaled.abs() >= EXACT || !scaled.is_finite() {
        return None;
    }
    let scaled = scaled as i64;
    (unscale(scaled, power).to_bits() == value.to_bits()).then_some(scaled)
}

#[expect(clippy::cast_precision_loss, reason = "written only when the integer is exact as a float")]
fn unscale(scaled: i64, power: f64) -> f64 {
    scaled as f64 / power
}

fn put_differences(out: &mut Vec<u8>, values: impl Iterator<Item = i64>) {
    let mut last = 0_i64;
    for value in values {
        put_i64(out, value.wrapping_sub(last));
        last = value;
    }
}

fn differences(input: &mut Reader<'_>, count: usize, make: impl Fn(i64) -> Value) -> Result<Vec<Value>, WireError> {
    let mut last = 0_i64;
    let next = |_| {
        last = last.wrapping_add(input.i64()?);
        Ok(make(last))
    };
    (0..count).map(next).collect()
}

fn put_mixed(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Float(v) => {
            out.push(FLOAT);
            out.extend_from_slice(&v.to_bits().to_le_bytes());
        }
        Value::Int(v) => {
            out.push(INT);
            put_i64(out, *v);
        }
        Value::Uint(v) => {
            out.push(UINT);
            put_u64(out, *v);
        }
        Value::Bool(v) => out.push(if *v { TRUE } else { FALSE }),
        Value::Text(v) => {
            out.push(TEXT);
            put_bytes(out, v.as_bytes());
        }
        Value::Bytes(v) => {
            out.push(BYTES);
            put_bytes(out, v);
        }
        Value::Json(v) => {
            out.push(JSON);
            put_bytes(out, v.to_string().as_bytes());
        }
    }
}

fn get_mixed(input: &mut Reader<'_>) -> Result<Value, WireError> {
    Ok(match input.u8()? {
        FLOAT => return float(input),
        INT => Value::Int(input.i64()?),
        UINT => Value::Uint(input.u64()?),
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        TEXT => Value::Text(input.text()?.into()),
        BYTES => Value::Bytes(input.bytes()?.into()),
        JSON => Value::Json(Arc::new(serde_json::from_slice(input.bytes()?).map_err(|_| WireError::Text)?)),
        other => return Err(WireError::Format(other)),
    })
}

fn float(input: &mut Reader<'_>) -> Result<Value, WireError> {
    let bytes = input.take(8)?.try_into().map_err(|_| WireError::Truncated)?;
    Ok(Value::Float(f64::from_bits(u64::from_le_bytes(bytes))))
}
