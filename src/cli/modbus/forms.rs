//! The types and byte orders that are tried side by side, and how values look beside each other.

use crate::{
    adapter::modbus::{
        config::{ByteOrder, DataType},
        decode,
        layout::registers,
    },
    model::Value,
};

/// The orders that are in use, by the width of a value in registers.
const ORDERS: [(u16, &[&str]); 3] = [
    (1, &["AB", "BA"]),
    (2, &["ABCD", "CDAB", "BADC", "DCBA"]),
    (4, &["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF"]),
];

/// A byte order and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// As in the configuration.
    pub(super) name: String,
    /// As meant.
    pub(super) order: ByteOrder,
}

impl std::str::FromStr for Order {
    type Err = crate::config::Fault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { name: text.to_owned(), order: text.parse()? })
    }
}

/// The orders in which a type's bytes can come.
pub(super) fn orders(data: DataType) -> Vec<Order> {
    let width = match data {
        DataType::String(_) => 1,
        _ => registers(data),
    };
    let names = ORDERS.iter().find(|(known, _)| *known == width).map_or(&[][..], |(_, names)| names);
    names.iter().map(|name| name.parse().expect("the orders of the table are orders")).collect()
}

/// A value for people: whole numbers as they are, others with no more digits than one compares.
pub(super) fn shown(data: DataType, order: &Order, wire: &[u8]) -> String {
    match decode::plain(data, &order.order, wire) {
        Ok(Value::Float(number)) => float(number),
        Ok(value) => value.to_string(),
        Err(_) => "-".to_owned(),
    }
}

/// A number in at most seven digits, in the powers of ten where it would be long.
fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        return format!("{number:.3e}");
    }
    let rounded = format!("{number:.6}");
    rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes as four digits for each register.
pub(super) fn hex(wire: &[u8]) -> String {
    let words = wire.chunks(2).map(|pair| match pair {
        [high, low] => format!("{high:02x}{low:02x}"),
        rest => rest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Bytes as text, a point for what cannot be shown.
pub(super) fn text(wire: &[u8]) -> String {
    wire.iter().map(|&byte| if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '.' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_one_compares_them() {
        let shown: Vec<String> = [230.1, 0.0, -18.5, 1.0 / 3.0, 4.2e-41, 1e12].map(float).into();
        assert_eq!(shown, ["230.1", "0", "-18.5", "0.333333", "4.200e-41", "1.000e12"]);
    }

    #[test]
    fn every_type_with_numbers_has_its_orders() {
        assert_eq!(orders(DataType::U16).len(), 2);
        assert_eq!(orders(DataType::F32).len(), 4);
        assert_eq!(orders(DataType::I64).len(), 6);
        let swapped = orders(DataType::F32).remove(1);
        assert_eq!(super::shown(DataType::F32, &swapped, &[0x19, 0x9a, 0x43, 0x66]), "230.1");
    }
}
