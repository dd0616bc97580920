//! Why a reading may not be what its vector expects: a register that the vector does not give, or another byte order.

use super::compare::is_same;
use crate::{
    adapter::modbus::{
        config::{MappedPoint, Register},
        decode::decode,
        layout::{is_bits, registers},
    },
    profile::{Expected, Vector},
};

/// The orders that are in use; those of four letters reach over 64 bits too.
const ORDERS: [&str; 8] = ["AB", "BA", "ABCD", "CDAB", "BADC", "DCBA", "EFGHABCD", "CDABGHEF"];

/// What the one who wrote profile and vector may have overlooked.
pub(super) fn cause(points: &[MappedPoint], vector: &Vector, expected: &Expected) -> Option<String> {
    let mapped = points.iter().find(|mapped| *mapped.point.name() == expected.point)?;
    let Register { table, offset } = mapped.register;
    let count = if is_bits(table) { 1 } else { registers(mapped.data) };
    let mut words = Vec::new();
    for offset in offset..=offset.saturating_add(count - 1) {
        let register = Register { table, offset };
        let Some(word) = given(vector, register) else {
            return Some(format!("that does not give {register}, so it is 0"));
        };
        words.push(word);
    }
    if is_bits(table) { None } else { other_order(mapped, &words, expected) }
}

/// What a vector puts into a register.
fn given(vector: &Vector, register: Register) -> Option<u16> {
    vector.registers.iter().find_map(|(first, words)| {
        let first: Register = first.value.parse().ok()?;
        let index = register.offset.checked_sub(first.offset).filter(|_| first.table == register.table)?;
        words.get(usize::from(index)).copied()
    })
}

/// The byte order in which the registers give what is expected.
fn other_order(mapped: &MappedPoint, words: &[u16], expected: &Expected) -> Option<String> {
    let wire: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    let fitting = ORDERS.into_iter().find(|name| {
        let Ok(order) = name.parse() else { return false };
        let mut other = mapped.clone();
        other.order = order;
        let value = decode(&other, &wire).ok();
        expected.value.is_some() && is_same(value.as_ref(), expected.value.as_ref())
    })?;
    Some(format!("with order = {fitting:?} it is as expected"))
}
