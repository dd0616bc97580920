//! How a PDU travels: bytes to frames and back, pure.
//!
//! Modbus/TCP ([`mbap`]) names the request that an answer belongs to, and a byte that does not fit ends the connection.
//! A serial line ([`rtu`], [`ascii`]) has neither names nor borders: many talk on it, and noise does too. So there an
//! answer is looked for: it is the first frame that is whole, has the right checksum, and is what [`Expected`] says.
//! All before it is dropped, and what follows it stays.

pub mod ascii;
pub mod mbap;
pub mod rtu;

use super::{
    identity::Form,
    pdu::Request,
    response::{EXCEPTION_FLAG, Mismatch, read_bytes},
};

/// Longest frame of any kind, which is one in ASCII (MODBUS over serial line 1.02, 2.5.2.1).
pub const LONGEST: usize = 513;

/// In which form PDUs travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Modbus/TCP: a header with a transaction id.
    Mbap,
    /// As on a serial line, which may be behind a TCP connection.
    Line(Mode),
}

/// The transmission modes of a serial line (MODBUS over serial line 1.02, 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bytes with a CRC.
    Rtu,
    /// Hexadecimal digits with an LRC.
    Ascii,
}

impl Framing {
    /// Whether an answer names its request. Where it does not, only order and quiet tell which one it belongs to.
    pub fn has_transactions(self) -> bool {
        self == Self::Mbap
    }

    /// Bytes of the longest frame.
    pub fn longest(self) -> usize {
        match self {
            Self::Mbap => mbap::HEADER + mbap::MAX_PDU,
            Self::Line(Mode::Rtu) => rtu::LONGEST,
            Self::Line(Mode::Ascii) => LONGEST,
        }
    }

    /// Appends a frame; `pdu` writes what is in it. The transaction is for Modbus/TCP alone.
    pub fn encode(self, out: &mut Vec<u8>, transaction: u16, unit: u8, pdu: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Mbap => mbap::encode(out, transaction, unit, pdu),
            Self::Line(mode) => mode.encode(out, unit, pdu),
        }
    }
}

impl Mode {
    /// Appends a frame; `pdu` writes what is in it.
    pub fn encode(self, out: &mut Vec<u8>, unit: u8, pdu: impl FnOnce(&mut Vec<u8>)) {
        match self {
            Self::Rtu => rtu::encode(out, unit, pdu),
            Self::Ascii => ascii::encode(out, unit, pdu),
        }
    }

    /// What the first bytes are to one who waits for `expected`. `content` becomes unit and PDU of the frame found.
    pub fn find_answer(self, bytes: &[u8], expected: Expected, content: &mut Vec<u8>) -> Step {
        match self {
            Self::Rtu => take(rtu::find_answer(bytes, expected), bytes, content),
            Self::Ascii => ascii::find_answer(bytes, expected, content),
        }
    }

    /// What the first bytes are to a unit that waits for a request. `content` becomes unit and PDU of the frame found.
    pub fn find_request(self, bytes: &[u8], content: &mut Vec<u8>) -> Step {
        match self {
            Self::Rtu => take(rtu::find_request(bytes), bytes, content),
            Self::Ascii => ascii::find_request(bytes, content),
        }
    }

    /// How many characters a PDU of this length takes on the line.
    pub fn characters(self, pdu: usize) -> usize {
        match self {
            Self::Rtu => 1 + pdu + 2,
            Self::Ascii => 1 + 2 * (1 + pdu + 1) + 2,
        }
    }
}

/// Copies what is in an RTU frame that was found.
fn take(step: Step, bytes: &[u8], content: &mut Vec<u8>) -> Step {
    if let Step::Frame(length) = step {
        content.clear();
        content.extend_from_slice(rtu::unit_and_pdu(&bytes[..length]));
    }
    step
}

/// What the first bytes received are, seen from one end of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// They may become a frame.
    More,
    /// So many of them are not for us. Where a frame of our unit was broken or not what was asked, it says how.
    Skip(usize, Option<Mismatch>),
    /// So many of them are a frame for us.
    Frame(usize),
}

/// The answer that is waited for on a serial line, as far as a frame shows it. Two requests whose answers cannot be told
/// apart have equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The unit asked.
    pub unit: u8,
    /// The function asked for.
    pub function: u8,
    /// What follows the function code.
    pub body: Body,
}

/// What follows the function code of a good answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A byte count, this one, and so many bytes.
    Data(u8),
    /// The beginning of the request.
    Echo([u8; 4]),
    /// All of the request, with which a mask is answered.
    Mask([u8; 6]),
    /// What says itself how long it is.
    Identity(Form),
}

impl Expected {
    /// What a request calls for.
    pub fn of(unit: u8, request: &Request) -> Self {
        let body = match request {
            Request::Read { table, count, .. } => {
                Body::Data(u8::try_from(read_bytes(*table, *count)).expect("a read has at most 250 bytes"))
            }
            Request::WriteCoil { .. }
            | Request::WriteRegister { .. }
            | Request::WriteCoils { .. }
            | Request::WriteRegisters { .. } => Body::Echo(echo(request)),
            Request::MaskWrite { .. } => Body::Mask(echo(request)),
            Request::Identify(what) => Body::Identity(what.form()),
        };
        Self { unit, function: request.function(), body }
    }

    /// Bytes of a good answer's PDU, at most.
    pub fn length(self) -> usize {
        match self.body {
            Body::Data(count) => 2 + usize::from(count),
            Body::Echo(echo) => 1 + echo.len(),
            Body::Mask(echo) => 1 + echo.len(),
            Body::Identity(_) => mbap::MAX_PDU,
        }
    }

    /// How many bytes from the unit's on belong to a PDU that begins like this, as far as it has come; `None` when it is
    /// no answer to us.
    fn wanted(self, unit_and_pdu: &[u8]) -> Option<usize> {
        let (unit, pdu) = unit_and_pdu.split_first()?;
        if *unit != self.unit {
            return None;
        }
        let Some((function, body)) = pdu.split_first() else { return Some(1 + 1) };
        if *function == self.function | EXCEPTION_FLAG {
            return Some(1 + 2);
        }
        let fits = match &self.body {
            Body::Data(count) => body.first().is_none_or(|said| said == count),
            Body::Echo(echo) => echo.iter().zip(body).all(|(a, b)| a == b),
            Body::Mask(echo) => echo.iter().zip(body).all(|(a, b)| a == b),
            Body::Identity(form) if *function == self.function => return form.length(body).map(|length| 2 + length),
            Body::Identity(_) => false,
        };
        (*function == self.function && fits).then(|| 1 + self.length())
    }

    /// Whether these are exactly a unit and a PDU that answer, well or by an exception.
    fn fits(self, unit_and_pdu: &[u8]) -> bool {
        unit_and_pdu.len() >= 3 && self.wanted(unit_and_pdu) == Some(unit_and_pdu.len())
    }

    /// In which way a whole frame is not the answer, if it is one of our unit.
    fn misses(self, unit_and_pdu: &[u8]) -> Option<Mismatch> {
        let [unit, found, body @ ..] = unit_and_pdu else { return None };
        if *unit != self.unit {
            return None;
        }
        if *found != self.function {
            return Some(Mismatch::Function { asked: self.function, found: *found });
        }
        Some(match self.body {
            Body::Data(wanted) => {
                Mismatch::ByteCount { wanted: wanted.into(), said: body.first().copied().unwrap_or_default().into() }
            }
            Body::Echo(_) | Body::Mask(_) => Mismatch::Echo,
            Body::Identity(_) => Mismatch::Objects,
        })
    }
}

/// The part of a write that its answer repeats (MODBUS Application Protocol 1.1b3, 6.5, 6.6, 6.11, 6.12, 6.16).
fn echo<const N: usize>(request: &Request) -> [u8; N] {
    let mut sent = Vec::with_capacity(256);
    request.encode(&mut sent);
    sent[1..=N].try_into().expect("a write has an address and a value or quantity, a mask two values")
}
