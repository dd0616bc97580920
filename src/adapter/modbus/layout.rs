//! How the bytes of a value lie in registers.

use super::config::{ByteOrder, DataType, MappedPoint, Table};

/// How many registers, or bits of a bit table, a value takes.
pub fn registers(data: DataType) -> u16 {
    match data {
        DataType::Bool
        | DataType::I8l
        | DataType::I8h
        | DataType::I16
        | DataType::U16
        | DataType::F16
        | DataType::Bcd16 => 1,
        DataType::I32 | DataType::U32 | DataType::F32 | DataType::Bcd32 => 2,
        DataType::I64 | DataType::U64 | DataType::F64 => 4,
        DataType::String(bytes) => bytes.div_ceil(2),
        DataType::Bits { from, len } => match from.saturating_add(len) {
            ..=16 => 1,
            17..=32 => 2,
            33.. => 4,
        },
    }
}

/// Whether a value leaves bits of its registers to others.
pub(super) fn is_part(data: DataType) -> bool {
    match data {
        DataType::I8l | DataType::I8h => true,
        DataType::Bits { len, .. } => u16::from(len) != 16 * registers(data),
        _ => false,
    }
}

/// The entries of a table that one reading of a point takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The first one.
    pub start: u16,
    /// How many.
    pub count: u16,
}

/// The point's own registers, and all between them and its power of ten: a value and its power count only together,
/// so they come in one answer. A bit table has one bit for each point.
pub fn extent(mapped: &MappedPoint) -> Extent {
    let offset = mapped.register.offset;
    let count = if is_bits(mapped.register.table) { 1 } else { registers(mapped.data) };
    let Some(exponent) = mapped.conversion.exponent else { return Extent { start: offset, count } };
    let start = offset.min(exponent);
    let last = offset.saturating_add(count - 1).max(exponent);
    Extent { start, count: (last - start).saturating_add(1) }
}

/// Whether a table holds single bits.
pub fn is_bits(table: Table) -> bool {
    matches!(table, Table::Coil | Table::Discrete)
}

/// Wire order to most significant first, in place. Other lengths than 2, 4 and 8 are text: ordered pair by pair.
pub(crate) fn to_significance(bytes: &mut [u8], order: &ByteOrder) {
    match bytes.len() {
        4 => gather(bytes, order.four),
        8 => gather(bytes, order.eight),
        _ => text_order(bytes, order),
    }
}

/// Most significant first to wire order, in place.
pub(crate) fn to_wire(bytes: &mut [u8], order: &ByteOrder) {
    match bytes.len() {
        4 => scatter(bytes, order.four),
        8 => scatter(bytes, order.eight),
        _ => text_order(bytes, order),
    }
}

/// The order within each register; a swap of two undoes itself.
pub(crate) fn text_order(bytes: &mut [u8], order: &ByteOrder) {
    for pair in bytes.chunks_exact_mut(2) {
        gather(pair, order.two);
    }
}

/// The `i`-th byte received goes to place `order[i]`.
fn gather<const N: usize>(bytes: &mut [u8], order: [u8; N]) {
    let mut placed = [0; N];
    for (&byte, &place) in bytes.iter().zip(&order) {
        placed[usize::from(place) % N] = byte;
    }
    bytes.copy_from_slice(&placed);
}

/// The byte of place `order[i]` is the `i`-th to be sent.
fn scatter<const N: usize>(bytes: &mut [u8], order: [u8; N]) {
    let sent = order.map(|place| bytes[usize::from(place) % N]);
    bytes.copy_from_slice(&sent);
}
