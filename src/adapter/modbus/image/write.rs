//! Registers that a client writes to values for points.

use serde_json::Value as Json;

use super::{Entry, Image, Shows};
use crate::{
    adapter::modbus::{
        config::{DataType, MappedPoint, Table},
        decode::decode,
        exception::Exception,
        pdu::Request,
    },
    model::{PointAddress, PointType, Value},
};

/// A point that a client wants to set. Nothing is allowed by it yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// The point.
    pub target: PointAddress,
    /// The value, as a command has it.
    pub value: Json,
}

impl Image {
    /// The values that a write asks for, in the order of their registers. It must cover points as a whole and nothing
    /// else, and every one must be writable; otherwise none of them is set.
    pub fn write(&self, request: &Request) -> Result<Vec<Wish>, Exception> {
        match request {
            Request::WriteCoil { address, on } => self.wishes(Table::Coil, *address, &[u16::from(*on)]),
            Request::WriteRegister { address, value } => self.wishes(Table::Holding, *address, &[*value]),
            Request::WriteCoils { start, values } => {
                let words: Vec<u16> = values.iter().map(|&on| on.into()).collect();
                self.wishes(Table::Coil, *start, &words)
            }
            Request::WriteRegisters { start, values } => self.wishes(Table::Holding, *start, values),
            // A part of a register is no value of a point.
            Request::MaskWrite { .. } | Request::Read { .. } | Request::Identify(_) => {
                Err(Exception::ILLEGAL_FUNCTION)
            }
        }
    }

    /// One wish for each point that the words cover.
    fn wishes(&self, table: Table, start: u16, words: &[u16]) -> Result<Vec<Wish>, Exception> {
        let count = u16::try_from(words.len()).map_err(|_| Exception::ILLEGAL_VALUE)?;
        let (mut rest, mut next, mut wishes) = (words, start.into(), Vec::new());
        for entry in self.touched(table, start, count) {
            let own = rest.split_off(..usize::from(entry.count));
            let own = own.filter(|_| u32::from(entry.start) == next).ok_or(Exception::ILLEGAL_ADDRESS)?;
            wishes.push(self.wish(entry, own)?);
            next = entry.end();
        }
        if rest.is_empty() { Ok(wishes) } else { Err(Exception::ILLEGAL_ADDRESS) }
    }

    /// What one entry's words ask for. Who shows a point need not be able to set it.
    fn wish(&self, entry: &Entry, words: &[u16]) -> Result<Wish, Exception> {
        let point = &self.points[entry.point];
        let Shows::Value(mapped) = &entry.shows else { return Err(Exception::ILLEGAL_ADDRESS) };
        if !point.access.can_write() {
            return Err(Exception::ILLEGAL_ADDRESS);
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        let value = decode(mapped, &bytes).map_err(|_| Exception::ILLEGAL_VALUE)?;
        let value = of_kind(mapped, value).ok_or(Exception::ILLEGAL_VALUE)?;
        let value = serde_json::to_value(value).map_err(|_| Exception::ILLEGAL_VALUE)?;
        Ok(Wish { target: point.address.clone(), value })
    }
}

/// The value in the type of the point; `None` when it has no such value.
fn of_kind(mapped: &MappedPoint, value: Value) -> Option<Value> {
    match (mapped.point.kind, &value) {
        (PointType::Bool, Value::Int(0 | 1)) => Some(Value::Bool(value == Value::Int(1))),
        (PointType::Bool, Value::Bool(_)) => Some(value),
        (PointType::Bool, _) => None,
        (PointType::Int, Value::Bool(on)) if mapped.data == DataType::Bool => Some(Value::Int((*on).into())),
        (PointType::Int, Value::Float(number)) => whole(*number),
        _ => Some(value),
    }
}

/// The integer nearest to a scaled number, within 2^53, where a float is exact.
#[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
fn whole(number: f64) -> Option<Value> {
    let rounded = number.round();
    let is_whole = (number - rounded).abs() < 1e-6 && rounded.abs() < 9_007_199_254_740_992.0;
    is_whole.then_some(Value::Int(rounded as i64))
}
