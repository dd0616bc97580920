//! Requests as bytes, for both ends (MODBUS Application Protocol 1.1b3, chapter 6).
//!
//! The client encodes, a server decodes. Limits are those of the specification; nothing here does I/O.

use super::{config::Table, exception::Exception, identity::Identify};

/// Most bits in one read (6.1, 6.2).
pub const MAX_READ_BITS: u16 = 2000;
/// Most registers in one read (6.3, 6.4).
pub const MAX_READ_REGISTERS: u16 = 125;
/// Most coils in one write (6.11).
pub const MAX_WRITE_COILS: u16 = 1968;
/// Most registers in one write (6.12).
pub const MAX_WRITE_REGISTERS: u16 = 123;

/// The word that sets a coil (6.5); zero clears it.
const COIL_ON: u16 = 0xFF00;

/// What a unit is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// FC 1 to 4: `count` bits or registers from `start`.
    Read {
        /// The table read.
        table: Table,
        /// First address.
        start: u16,
        /// How many.
        count: u16,
    },
    /// FC 5: one coil.
    WriteCoil {
        /// Its address.
        address: u16,
        /// Its new state.
        on: bool,
    },
    /// FC 6: one holding register.
    WriteRegister {
        /// Its address.
        address: u16,
        /// Its new content.
        value: u16,
    },
    /// FC 15: coils in a row.
    WriteCoils {
        /// First address.
        start: u16,
        /// New states, 1 to 1968.
        values: Vec<bool>,
    },
    /// FC 16: holding registers in a row.
    WriteRegisters {
        /// First address.
        start: u16,
        /// New contents, 1 to 123.
        values: Vec<u16>,
    },
    /// FC 22: one holding register becomes `(content AND and) OR (or AND NOT and)`.
    MaskWrite {
        /// Its address.
        address: u16,
        /// Bits that stay.
        and: u16,
        /// New state of the others.
        or: u16,
    },
    /// FC 17 and 43/14: what the unit is.
    Identify(Identify),
}

impl Request {
    /// The function code (5.1).
    pub fn function(&self) -> u8 {
        match self {
            Self::Read { table: Table::Coil, .. } => 1,
            Self::Read { table: Table::Discrete, .. } => 2,
            Self::Read { table: Table::Holding, .. } => 3,
            Self::Read { table: Table::Input, .. } => 4,
            Self::WriteCoil { .. } => 5,
            Self::WriteRegister { .. } => 6,
            Self::WriteCoils { .. } => 15,
            Self::WriteRegisters { .. } => 16,
            Self::MaskWrite { .. } => 22,
            Self::Identify(what) => what.function(),
        }
    }

    /// The same so many addresses further on; `None` beyond the last one.
    pub fn moved(&self, by: u16) -> Option<Self> {
        let mut moved = self.clone();
        let (start, count) = match &mut moved {
            Self::Read { start, count, .. } => (start, usize::from(*count)),
            Self::WriteCoil { address, .. }
            | Self::WriteRegister { address, .. }
            | Self::MaskWrite { address, .. } => (address, 1),
            Self::WriteCoils { start, values } => (start, values.len()),
            Self::WriteRegisters { start, values } => (start, values.len()),
            Self::Identify(_) => return Some(moved),
        };
        let last = usize::from(*start) + usize::from(by) + count.saturating_sub(1);
        u16::try_from(last).ok()?;
        *start = start.checked_add(by)?;
        Some(moved)
    }

    /// The entries of a table that it reads or sets, first and number; `None` when it is about none.
    fn entries(&self) -> Option<(Table, usize, usize)> {
        let (table, start, count) = match self {
            Self::Read { table, start, count } => (*table, start, usize::from(*count)),
            Self::WriteCoil { address, .. } => (Table::Coil, address, 1),
            Self::WriteCoils { start, values } => (Table::Coil, start, values.len()),
            Self::WriteRegister { address, .. } | Self::MaskWrite { address, .. } => (Table::Holding, address, 1),
            Self::WriteRegisters { start, values } => (Table::Holding, start, values.len()),
            Self::Identify(_) => return None,
        };
        Some((table, usize::from(*start), count))
    }

    /// Whether both are about an entry.
    pub fn meets(&self, other: &Self) -> bool {
        self.entries().zip(other.entries()).is_some_and(
            |((table, start, count), (other_table, other_start, others))| {
                table == other_table && start < other_start + others && other_start < start + count
            },
        )
    }

    /// Whether it is about holding registers.
    pub fn is_of_holdings(&self) -> bool {
        match self {
            Self::Read { table, .. } => *table == Table::Holding,
            Self::WriteRegister { .. } | Self::WriteRegisters { .. } | Self::MaskWrite { .. } => true,
            Self::WriteCoil { .. } | Self::WriteCoils { .. } | Self::Identify(_) => false,
        }
    }

    /// Whether it leaves the unit as it is, so that it can be repeated.
    pub fn only_reads(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Identify(_))
    }

    /// Appends the PDU.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.function());
        match self {
            Self::Read { start, count, .. } => push_words(out, [*start, *count]),
            Self::WriteCoil { address, on } => push_words(out, [*address, coil_word(*on)]),
            Self::WriteRegister { address, value } => push_words(out, [*address, *value]),
            Self::WriteCoils { start, values } => {
                push_head(out, *start, values.len(), values.len().div_ceil(8));
                push_bits(out, values);
            }
            Self::WriteRegisters { start, values } => {
                push_head(out, *start, values.len(), values.len() * 2);
                push_words(out, values.iter().copied());
            }
            Self::MaskWrite { address, and, or } => push_words(out, [*address, *and, *or]),
            Self::Identify(what) => what.encode(out),
        }
    }

    /// Reads a PDU as a server does; what it cannot serve is the exception to answer with.
    pub fn decode(pdu: &[u8]) -> Result<Self, Exception> {
        let (&function, body) = pdu.split_first().ok_or(Exception::ILLEGAL_FUNCTION)?;
        match function {
            1 => decode_read(Table::Coil, body, MAX_READ_BITS),
            2 => decode_read(Table::Discrete, body, MAX_READ_BITS),
            3 => decode_read(Table::Holding, body, MAX_READ_REGISTERS),
            4 => decode_read(Table::Input, body, MAX_READ_REGISTERS),
            5 => decode_write_coil(body),
            6 => two_words(body).map(|(address, value)| Self::WriteRegister { address, value }),
            15 => decode_write_coils(body),
            16 => decode_write_registers(body),
            17 if body.is_empty() => Ok(Self::Identify(Identify::ServerId)),
            22 => decode_mask_write(body),
            43 => Identify::decode_objects(body).map(Self::Identify),
            _ => Err(Exception::ILLEGAL_FUNCTION),
        }
    }
}

/// Appends big-endian words.
fn push_words(out: &mut Vec<u8>, words: impl IntoIterator<Item = u16>) {
    for word in words {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Appends start, quantity and byte count of a write in a row.
fn push_head(out: &mut Vec<u8>, start: u16, quantity: usize, bytes: usize) {
    let quantity = u16::try_from(quantity).expect("a write has at most 1968 values");
    push_words(out, [start, quantity]);
    out.push(u8::try_from(bytes).expect("a write has at most 246 bytes"));
}

/// Appends bits, the first one lowest in its byte (6.1).
pub(crate) fn push_bits(out: &mut Vec<u8>, bits: &[bool]) {
    out.extend(bits.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))));
}

/// The word for a coil's state (6.5).
fn coil_word(on: bool) -> u16 {
    if on { COIL_ON } else { 0 }
}

/// Exactly two words.
fn two_words(body: &[u8]) -> Result<(u16, u16), Exception> {
    let bytes: [u8; 4] = body.try_into().map_err(|_| Exception::ILLEGAL_VALUE)?;
    let [a, b, c, d] = bytes;
    Ok((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// FC 1 to 4: quantity first, then the address range (state diagrams of 6.1 to 6.4).
fn decode_read(table: Table, body: &[u8], max: u16) -> Result<Request, Exception> {
    let (start, count) = two_words(body)?;
    check_range(start, count, max)?;
    Ok(Request::Read { table, start, count })
}

/// FC 5.
fn decode_write_coil(body: &[u8]) -> Result<Request, Exception> {
    match two_words(body)? {
        (address, COIL_ON) => Ok(Request::WriteCoil { address, on: true }),
        (address, 0) => Ok(Request::WriteCoil { address, on: false }),
        _ => Err(Exception::ILLEGAL_VALUE),
    }
}

/// FC 15.
fn decode_write_coils(body: &[u8]) -> Result<Request, Exception> {
    let (start, count, data) = split_write(body, MAX_WRITE_COILS)?;
    if data.len() != usize::from(count).div_ceil(8) {
        return Err(Exception::ILLEGAL_VALUE);
    }
    let values = (0..usize::from(count)).map(|i| data[i / 8] >> (i % 8) & 1 == 1).collect();
    Ok(Request::WriteCoils { start, values })
}

/// FC 16.
fn decode_write_registers(body: &[u8]) -> Result<Request, Exception> {
    let (start, count, data) = split_write(body, MAX_WRITE_REGISTERS)?;
    if data.len() != usize::from(count) * 2 {
        return Err(Exception::ILLEGAL_VALUE);
    }
    let values = data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    Ok(Request::WriteRegisters { start, values })
}

/// FC 22.
fn decode_mask_write(body: &[u8]) -> Result<Request, Exception> {
    let (address, masks) = body.split_at_checked(2).ok_or(Exception::ILLEGAL_VALUE)?;
    let (and, or) = two_words(masks)?;
    Ok(Request::MaskWrite { address: u16::from_be_bytes([address[0], address[1]]), and, or })
}

/// Start, quantity and data of a write in a row, with the byte count checked against what is there.
fn split_write(body: &[u8], max: u16) -> Result<(u16, u16, &[u8]), Exception> {
    let (head, rest) = body.split_at_checked(4).ok_or(Exception::ILLEGAL_VALUE)?;
    let (&bytes, data) = rest.split_first().ok_or(Exception::ILLEGAL_VALUE)?;
    let (start, count) = two_words(head)?;
    check_range(start, count, max)?;
    if usize::from(bytes) != data.len() {
        return Err(Exception::ILLEGAL_VALUE);
    }
    Ok((start, count, data))
}

/// Quantity within limits, and no address beyond 65535.
fn check_range(start: u16, count: u16, max: u16) -> Result<(), Exception> {
    if !(1..=max).contains(&count) {
        return Err(Exception::ILLEGAL_VALUE);
    }
    start.checked_add(count - 1).map(|_| ()).ok_or(Exception::ILLEGAL_ADDRESS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adapter::modbus::identity::Category;

    fn bytes(request: &Request) -> Vec<u8> {
        let mut out = Vec::new();
        request.encode(&mut out);
        out
    }

    #[test]
    fn requests_are_the_bytes_of_the_specification() {
        let read = Request::Read { table: Table::Holding, start: 0x6b, count: 3 };
        assert_eq!(bytes(&read), [3, 0, 0x6b, 0, 3]); // 6.3
        assert_eq!(bytes(&Request::WriteCoil { address: 0xac, on: true }), [5, 0, 0xac, 0xff, 0]); // 6.5
        assert_eq!(bytes(&Request::WriteRegister { address: 1, value: 3 }), [6, 0, 1, 0, 3]); // 6.6
        let coils = "1011001110".chars().map(|c| c == '1').collect();
        let coils = Request::WriteCoils { start: 0x13, values: coils };
        assert_eq!(bytes(&coils), [15, 0, 0x13, 0, 10, 2, 0xcd, 0x01]); // 6.11
        let registers = Request::WriteRegisters { start: 1, values: vec![0x0a, 0x0102] };
        assert_eq!(bytes(&registers), [16, 0, 1, 0, 2, 4, 0, 0x0a, 1, 2]); // 6.12
        let mask = Request::MaskWrite { address: 4, and: 0xf2, or: 0x25 };
        assert_eq!(bytes(&mask), [22, 0, 4, 0, 0xf2, 0, 0x25]); // 6.16
        assert_eq!(bytes(&Request::Identify(Identify::ServerId)), [17]); // 6.13
        let objects = Identify::Objects { category: Category::Basic, first: 0 };
        assert_eq!(bytes(&Request::Identify(objects)), [0x2b, 0x0e, 1, 0]); // 6.21
    }

    #[test]
    fn requests_meet_where_they_are_about_the_same_entries() {
        let read = |table, start, count| Request::Read { table, start, count };
        let word = Request::WriteRegister { address: 9, value: 1 };

        assert!(read(Table::Holding, 0, 10).meets(&word) && word.meets(&read(Table::Holding, 9, 1)));
        assert!(!read(Table::Holding, 0, 9).meets(&word) && !read(Table::Holding, 10, 9).meets(&word));
        assert!(!read(Table::Input, 0, 10).meets(&word) && !read(Table::Coil, 0, 10).meets(&word));
        assert!(read(Table::Coil, 8, 4).meets(&Request::WriteCoils { start: 11, values: vec![true; 3] }));
        assert!(!Request::Identify(Identify::ServerId).meets(&word));
    }

    #[test]
    fn a_server_answers_impossible_requests_with_the_right_exception() {
        assert_eq!(Request::decode(&[0x2b, 13, 1, 0]), Err(Exception::ILLEGAL_FUNCTION));
        assert_eq!(Request::decode(&[0x2b, 14, 5, 0]), Err(Exception::ILLEGAL_VALUE));
        assert_eq!(Request::decode(&[17, 1]), Err(Exception::ILLEGAL_FUNCTION));
        assert_eq!(Request::decode(&[3, 0, 0, 0, 126]), Err(Exception::ILLEGAL_VALUE));
        assert_eq!(Request::decode(&[3, 0xff, 0xff, 0, 2]), Err(Exception::ILLEGAL_ADDRESS));
        assert_eq!(Request::decode(&[5, 0, 1, 0x12, 0x34]), Err(Exception::ILLEGAL_VALUE));
        assert_eq!(Request::decode(&[16, 0, 1, 0, 2, 4, 0, 1]), Err(Exception::ILLEGAL_VALUE));
    }

    fn any_request() -> impl Strategy<Value = Request> {
        let table = prop_oneof![Just(Table::Coil), Just(Table::Discrete), Just(Table::Input), Just(Table::Holding)];
        prop_oneof![
            (table, 0..60_000u16, 1..=125u16).prop_map(|(table, start, count)| Request::Read { table, start, count }),
            any::<(u16, bool)>().prop_map(|(address, on)| Request::WriteCoil { address, on }),
            any::<u8>()
                .prop_map(|first| Request::Identify(Identify::Objects { category: Category::Extended, first })),
            any::<(u16, u16)>().prop_map(|(address, value)| Request::WriteRegister { address, value }),
            any::<(u16, u16, u16)>().prop_map(|(address, and, or)| Request::MaskWrite { address, and, or }),
            (0..60_000u16, proptest::collection::vec(any::<bool>(), 1..=1968))
                .prop_map(|(start, values)| Request::WriteCoils { start, values }),
            (0..60_000u16, proptest::collection::vec(any::<u16>(), 1..=123))
                .prop_map(|(start, values)| Request::WriteRegisters { start, values }),
        ]
    }

    proptest! {
        #[test]
        fn a_server_reads_what_the_client_wrote(request in any_request()) {
            prop_assert_eq!(Request::decode(&bytes(&request)), Ok(request));
        }

        #[test]
        fn no_bytes_make_the_server_panic(pdu in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Request::decode(&pdu);
        }
    }
}
