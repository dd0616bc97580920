//! How the number or text behind a point becomes its value, and back.

use super::OwnPoint;
use crate::{
    adapter::zigbee::map::{Missing, exact::Exact, order::Refused},
    model::{PointType, Value},
};

/// The ways there are.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// A number times a factor, plus an offset.
    Number {
        /// The factor.
        scale: Exact,
        /// Added behind it.
        offset: Exact,
    },
    /// One number means yes.
    Switch {
        /// Yes; every other number is no.
        on: i64,
        /// What is sent for no.
        off: i64,
    },
    /// One bit means yes.
    Bit(u8),
    /// Numbers that have names.
    Words(Vec<(i64, Box<str>)>),
    /// Text.
    Text,
    /// Bytes as they are.
    Bytes,
    /// What a script gives.
    Given,
}

/// What stands on the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// A number.
    Number(Exact),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl OwnPoint {
    /// The value of what stands on the wire.
    pub fn value(&self, raw: Raw) -> Result<Value, Missing> {
        let value = match (&self.form, raw) {
            (Form::Text, Raw::Text(text)) => Value::Text(text.into()),
            (Form::Bytes, Raw::Bytes(bytes)) => Value::Bytes(bytes.into()),
            (_, Raw::Number(number)) => self.of_number(number)?,
            (_, Raw::Text(_)) => return Err(Missing::Shape("text")),
            (_, Raw::Bytes(_)) => return Err(Missing::Shape("a byte string")),
        };
        self.plausible(value)
    }

    /// What a script gave, as the point's type has it; nothing stands for "no value".
    pub fn given(&self, value: Option<Value>) -> Result<Value, Missing> {
        let value = value.ok_or(Missing::NotAvailable)?;
        let fitting = match (self.kind, value) {
            (PointType::Float, Value::Int(number)) => Value::Float(Exact::whole(number.into()).to_f64()),
            (PointType::Float, value @ Value::Float(_))
            | (PointType::Int, value @ (Value::Int(_) | Value::Uint(_)))
            | (PointType::Bool, value @ Value::Bool(_))
            | (PointType::Text, value @ Value::Text(_))
            | (PointType::Bytes, value @ Value::Bytes(_)) => value,
            _ => return Err(Missing::Shape("what the script gave")),
        };
        self.plausible(fitting)
    }

    /// A value within the point's limits.
    fn plausible(&self, value: Value) -> Result<Value, Missing> {
        let is_beyond = value.as_f64().is_some_and(|number| {
            self.min.is_some_and(|min| number < min) || self.max.is_some_and(|max| number > max)
        });
        if is_beyond { Err(Missing::OutOfRange) } else { Ok(value) }
    }

    /// The value of a number.
    fn of_number(&self, number: Exact) -> Result<Value, Missing> {
        let whole = number.as_whole();
        if whole.is_some_and(|whole| self.invalid.iter().any(|invalid| i128::from(*invalid) == whole)) {
            return Err(Missing::NotAvailable);
        }
        let value = match &self.form {
            Form::Number { scale, offset } => {
                let number = number.by(*scale).and_then(|scaled| scaled.plus(*offset));
                number.and_then(|number| self.number(number))
            }
            Form::Switch { on, .. } => Some(Value::Bool(whole == Some((*on).into()))),
            Form::Bit(bit) => whole.map(|whole| Value::Bool(whole >> bit & 1 == 1)),
            Form::Words(words) => {
                let word = words.iter().find(|(key, _)| whole == Some((*key).into()));
                word.map(|(_, word)| Value::Text(word.as_ref().into()))
            }
            Form::Text | Form::Bytes | Form::Given => return Err(Missing::Shape("a number")),
        };
        value.ok_or(Missing::OutOfRange)
    }

    /// A number as the point's type has it.
    fn number(&self, number: Exact) -> Option<Value> {
        match self.kind {
            PointType::Int => number.as_whole().and_then(|whole| i64::try_from(whole).ok()).map(Value::Int),
            _ => Value::finite(number.to_f64()),
        }
    }

    /// What stands on the wire for a value.
    pub fn raw(&self, value: &Value) -> Result<Raw, Refused> {
        if !self.access.can_write() {
            return Err(Refused::ReadOnly);
        }
        if self.plausible(value.clone()).is_err() {
            return Err(Refused::Range(value.to_string()));
        }
        let wrong = || Refused::Type(value.to_string());
        Ok(match (&self.form, value) {
            (Form::Number { scale, offset }, _) => Raw::Number(unscale(value, *scale, *offset)?),
            (Form::Switch { on, off }, Value::Bool(flag)) => {
                Raw::Number(Exact::whole(if *flag { *on } else { *off }.into()))
            }
            (Form::Words(words), Value::Text(text)) => Raw::Number(Exact::whole(key(words, text)?.into())),
            (Form::Text, Value::Text(text)) => Raw::Text(text.to_string()),
            (Form::Bytes, Value::Bytes(bytes)) => Raw::Bytes(bytes.to_vec()),
            // Other bits of the same number would be lost.
            (Form::Bit(_) | Form::Given, _) => return Err(Refused::ReadOnly),
            (Form::Switch { .. } | Form::Words(_) | Form::Text | Form::Bytes, _) => return Err(wrong()),
        })
    }
}

/// A number less its offset over its factor.
fn unscale(value: &Value, scale: Exact, offset: Exact) -> Result<Exact, Refused> {
    let range = || Refused::Range(value.to_string());
    let number = match value {
        Value::Int(number) => Exact::whole((*number).into()),
        Value::Uint(number) => Exact::whole((*number).into()),
        Value::Float(number) => Exact::of_f64(*number).ok_or_else(range)?,
        _ => return Err(Refused::Type(value.to_string())),
    };
    number.minus(offset).and_then(|number| number.over(scale)).ok_or_else(range)
}

/// The number of a word.
fn key(words: &[(i64, Box<str>)], text: &str) -> Result<i64, Refused> {
    words.iter().find(|(_, word)| **word == *text).map(|(key, _)| *key).ok_or_else(|| Refused::Word {
        found: text.to_owned(),
        words: words.iter().map(|(_, word)| word.as_ref()).collect::<Vec<_>>().join(", "),
    })
}
