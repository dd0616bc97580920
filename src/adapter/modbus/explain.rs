//! What a captured frame is, for people who look at a line with other tools than ours.
//!
//! A frame alone does not always tell whether it asks or answers: a write and its confirmation can be the same bytes. With
//! the request beside it an answer is checked as the client checks it.

use serde::Serialize;

use super::{
    config::Table,
    exception::Exception,
    frame::{ascii, mbap, rtu},
    identity::{Category, Form, Page},
    pdu::Request,
    response::{self, EXCEPTION_FLAG, Mismatch, ReplyError},
};

/// Shortest RTU frame: unit, function code and CRC.
const SHORTEST_RTU: usize = 4;

/// How a frame travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Travel {
    /// Modbus/TCP.
    Tcp,
    /// RTU.
    Rtu,
    /// ASCII.
    Ascii,
}

/// Which side a frame is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It asks.
    Request,
    /// It answers.
    Answer,
    /// It looks the same from both sides.
    RequestOrAnswer,
    /// It refuses.
    Exception,
    /// Neither, as far as we know.
    #[default]
    Unknown,
}

/// A frame without its checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// On Modbus/TCP.
    pub transaction: Option<u16>,
    /// Unit and PDU.
    bytes: Vec<u8>,
    /// In which way the checksum is wrong.
    broken: Option<Mismatch>,
}

/// What a frame is. Parts that it does not have are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Explained {
    /// How it travels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Travel>,
    /// The transaction, on Modbus/TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<u16>,
    /// The unit.
    pub unit: u8,
    /// The function code, without the flag of an exception.
    pub function: u8,
    /// Which side it is from.
    pub kind: Kind,
    /// The table read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// The first address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u16>,
    /// How many registers or bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// Registers read or written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registers: Option<Vec<u16>>,
    /// Bits read or written; without the request up to seven too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<Vec<bool>>,
    /// What follows the function code.
    pub data: String,
    /// The code of an exception.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<u8>,
    /// Its meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Whether the checksum is right, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc_ok: Option<bool>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Takes a frame apart. Whatever is not there or too much is said.
pub fn open(travel: Travel, bytes: &[u8]) -> Result<Content, String> {
    match travel {
        Travel::Tcp => open_tcp(bytes),
        Travel::Rtu => open_rtu(bytes),
        Travel::Ascii => open_ascii(bytes),
    }
}

/// How a frame most likely travels, when nobody says: by its first character, its length field, or its CRC.
pub fn guess(bytes: &[u8]) -> Option<Travel> {
    if bytes.first() == Some(&b':') {
        return Some(Travel::Ascii);
    }
    if matches!(mbap::decode(bytes), Ok(Some((_, used))) if used == bytes.len()) {
        return Some(Travel::Tcp);
    }
    open_rtu(bytes).ok().filter(|content| content.broken.is_none()).map(|_| Travel::Rtu)
}

/// A header, unit and PDU.
fn open_tcp(bytes: &[u8]) -> Result<Content, String> {
    match mbap::decode(bytes).map_err(|error| error.to_string())? {
        None => Err(format!("frame ends after {} bytes, its header says more", bytes.len())),
        Some((_, used)) if used < bytes.len() => Err(format!("{} bytes follow the frame", bytes.len() - used)),
        Some((frame, _)) => {
            let bytes = std::iter::once(frame.unit).chain(frame.pdu.iter().copied()).collect();
            Ok(Content { transaction: Some(frame.transaction), bytes, broken: None })
        }
    }
}

/// Unit, PDU and CRC.
fn open_rtu(bytes: &[u8]) -> Result<Content, String> {
    if !(SHORTEST_RTU..=rtu::LONGEST).contains(&bytes.len()) {
        return Err(format!("frame has {} bytes, RTU has {SHORTEST_RTU} to {}", bytes.len(), rtu::LONGEST));
    }
    let bytes_without = rtu::unit_and_pdu(bytes);
    Ok(Content { transaction: None, bytes: bytes_without.to_vec(), broken: rtu::check(bytes).err() })
}

/// A colon, digits and the end.
fn open_ascii(bytes: &[u8]) -> Result<Content, String> {
    let digits = bytes.strip_prefix(b":").ok_or("an ASCII frame begins with a colon")?.trim_ascii_end();
    let mut content = Vec::new();
    let broken = match ascii::decode(digits, &mut content) {
        Err(Mismatch::Digits) => return Err(Mismatch::Digits.to_string()),
        decoded => decoded.err(),
    };
    if content.len() < 2 {
        return Err(format!("frame has {} bytes, unit and function code are two", content.len()));
    }
    Ok(Content { transaction: None, bytes: content, broken })
}

impl Content {
    /// The unit.
    fn unit(&self) -> u8 {
        self.bytes.first().copied().unwrap_or_default()
    }

    /// Function code and data.
    fn pdu(&self) -> &[u8] {
        self.bytes.get(1..).unwrap_or_default()
    }

    /// What it is, seen beside the request that it may answer.
    pub fn explain(&self, travel: Travel, request: Option<&Self>) -> Explained {
        let code = self.pdu().first().copied().unwrap_or_default();
        let mut explained = Explained {
            mode: Some(travel),
            transaction: self.transaction,
            unit: self.unit(),
            function: code & !EXCEPTION_FLAG,
            data: self.pdu().iter().skip(1).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
            crc_ok: (travel != Travel::Tcp).then_some(self.broken.is_none()),
            ..Explained::default()
        };
        match request {
            Some(request) => explained.as_answer(self, request),
            None => explained.alone(self.pdu()),
        }
        if let Some(broken) = self.broken {
            explained.why = Some(broken.to_string());
        }
        explained
    }
}

impl Explained {
    /// A frame of which nothing else is known.
    fn alone(&mut self, pdu: &[u8]) {
        if let [function, code] = *pdu
            && function & EXCEPTION_FLAG != 0
        {
            return self.refused(Exception(code));
        }
        let asked = Request::decode(pdu);
        let is_answer = looks_like_answer(pdu);
        self.kind = match (&asked, is_answer) {
            (Ok(_), true) => Kind::RequestOrAnswer,
            (Ok(_), false) => Kind::Request,
            (Err(_), true) => Kind::Answer,
            (Err(_), false) => Kind::Unknown,
        };
        match asked {
            Ok(request) => self.fill(&request),
            Err(_) if is_answer => self.values(&pdu[2..], None),
            Err(Exception::ILLEGAL_FUNCTION) => self.why = Some(format!("function {} is not known", self.function)),
            Err(_) => self.why = Some("neither a request nor an answer of this function looks like that".to_owned()),
        }
    }

    /// A frame that should answer a request.
    fn as_answer(&mut self, answer: &Content, request: &Content) {
        if let Some(broken) = request.broken {
            self.why = Some(format!("the request: {broken}"));
            return;
        }
        let asked = match Request::decode(request.pdu()) {
            Ok(asked) => asked,
            Err(exception) => {
                self.why = Some(format!("the request calls for {exception}"));
                return;
            }
        };
        self.kind = Kind::Answer;
        self.fill(&asked);
        self.why = misplaced(answer, request);
        match response::parse(&asked, answer.pdu()) {
            Ok(data) => {
                if let Request::Read { count, .. } = asked {
                    self.values(data, Some(count));
                }
            }
            Err(ReplyError::Exception(exception)) => self.refused(exception),
            Err(ReplyError::Mismatch(mismatch)) => self.why = Some(mismatch.to_string()),
        }
    }

    /// A refusal.
    fn refused(&mut self, exception: Exception) {
        self.kind = Kind::Exception;
        self.exception = Some(exception.0);
        self.reason = Some(exception.reason());
    }

    /// What a request is about.
    fn fill(&mut self, request: &Request) {
        let (address, count) = match request {
            Request::Read { table, start, count } => {
                self.table = Some(*table);
                (*start, *count)
            }
            Request::WriteCoil { address, on } => {
                self.bits = Some(vec![*on]);
                (*address, 1)
            }
            Request::WriteCoils { start, values } => {
                self.bits = Some(values.clone());
                (*start, length(values))
            }
            Request::WriteRegister { address, value } => {
                self.registers = Some(vec![*value]);
                (*address, 1)
            }
            Request::WriteRegisters { start, values } => {
                self.registers = Some(values.clone());
                (*start, length(values))
            }
            Request::MaskWrite { address, .. } => (*address, 1),
            Request::Identify(_) => return,
        };
        self.table = self.table.or(Some(if self.bits.is_some() { Table::Coil } else { Table::Holding }));
        (self.address, self.count) = (Some(address), Some(count));
    }

    /// What the data of a read holds.
    fn values(&mut self, data: &[u8], count: Option<u16>) {
        match self.function {
            1 | 2 => {
                let bits = data.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
                self.bits = Some(bits.take(count.map_or(usize::MAX, usize::from)).collect());
            }
            3 | 4 => {
                self.registers =
                    Some(data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect());
            }
            _ => {}
        }
        if let 1..=4 = self.function {
            self.table =
                Some([Table::Coil, Table::Discrete, Table::Holding, Table::Input][usize::from(self.function) - 1]);
        }
    }
}

/// In which way the frame around an answer does not belong to the request.
fn misplaced(answer: &Content, request: &Content) -> Option<String> {
    if answer.transaction != request.transaction {
        return Some("the transaction is another one than the request's".to_owned());
    }
    let (asked, found) = (request.unit(), answer.unit());
    (asked != found).then(|| Mismatch::Unit { asked, found }.to_string())
}

/// How many values a write has; it has at most 1968.
fn length<T>(values: &[T]) -> u16 {
    u16::try_from(values.len()).unwrap_or(u16::MAX)
}

/// Whether a PDU can be a good answer.
fn looks_like_answer(pdu: &[u8]) -> bool {
    let Some((function, body)) = pdu.split_first() else { return false };
    match function {
        1..=4 => match body {
            [count, data @ ..] => {
                usize::from(*count) == data.len() && !data.is_empty() && (*function < 3 || data.len() % 2 == 0)
            }
            [] => false,
        },
        5 | 6 | 15 | 16 => body.len() == 4,
        22 => body.len() == 6,
        17 => Form::Counted.data(body).is_ok() && !body.is_empty(),
        43 => [Category::Basic, Category::Regular, Category::Extended, Category::One]
            .iter()
            .any(|category| Form::Objects(*category).data(body).is_ok_and(|data| Page::parse(data).is_some())),
        _ => false,
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
