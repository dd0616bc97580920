//! Modbus units without hardware, over TCP or a serial line, for tests, the demo and rehearsals of a site.
//!
//! A [`Bank`] holds the tables of several units. User code sets values while [`serve`] answers; writes are recorded
//! in their order, so that a test can prove that a register was written exactly once. Each unit can be told to
//! misbehave in one of the ways of [`Fault`].

mod chance;
mod line;
mod server;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use self::chance::Lot;
pub use self::{
    chance::{Chance, ChanceError},
    server::{serve, serve_connection, serve_framed},
};
use crate::adapter::modbus::{
    config::Table,
    exception::Exception,
    identity::{Category, Identify, Page},
    pdu::{Request, push_bits},
    response::{EXCEPTION_FLAG, echo_bytes},
};

/// Recorded writes at most; older ones are forgotten.
const MAX_WRITES: usize = 10_000;

/// How a unit misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// It does not.
    #[default]
    None,
    /// No answer.
    Silent,
    /// The right answer, so much later. Whatever else comes on the connection waits behind it.
    Delay(Duration),
    /// This exception instead of an answer.
    Exception(u8),
    /// The answer claims to be from the next unit.
    WrongUnit,
    /// The answer claims to be to another function.
    WrongFunction,
    /// The answer has a transaction id nobody asked with.
    WrongTransaction,
    /// The answer has one register or byte less, and says so.
    WrongByteCount,
    /// The frame ends in the middle, and the connection with it.
    Short,
    /// The frame ends in the middle, and nothing follows.
    Cut,
    /// The frame's checksum is wrong. Modbus/TCP has none, so there the answer is right.
    WrongChecksum,
    /// The right answer twice.
    Twice,
    /// The right answer behind noise that begins like it. On Modbus/TCP as [`Fault::Garbage`].
    Noise,
    /// The right answer behind a frame that is not ours.
    Foreign,
    /// The right answer and a frame that is not ours in one packet.
    Merged,
    /// The right answer, each byte in its own packet.
    ByteByByte,
    /// Bytes that are no Modbus.
    Garbage,
    /// The connection is closed instead of an answer.
    Close,
    /// The answer to the request before, with that one's transaction id.
    Late,
    /// Writes are confirmed, and nothing changes.
    Deaf,
    /// Writes are acknowledged with exception 5, and the unit is at them for as long as nobody changes its registers.
    Slow,
}

/// A write that a unit carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The unit.
    pub unit: u8,
    /// First address.
    pub address: u16,
    /// What was written.
    pub data: Written,
}

/// What a write set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Coils.
    Coils(Vec<bool>),
    /// Holding registers.
    Registers(Vec<u16>),
    /// Some bits of a register.
    Mask {
        /// Bits that stayed.
        and: u16,
        /// New state of the others.
        or: u16,
    },
}

/// The four tables of a unit, 65536 entries each.
#[derive(Debug)]
struct Tables {
    coils: Vec<bool>,
    discretes: Vec<bool>,
    inputs: Vec<u16>,
    holdings: Vec<u16>,
    fault: Fault,
    /// What is refused with exception 2.
    holes: Vec<(Table, Range<u32>)>,
    /// Most registers that a read gives, and the exception above it.
    block_limit: (u16, u8),
    /// Addresses at which an area begins that cannot be read together with what is before it.
    seams: Vec<u16>,
    /// What the unit says of itself; one without an identity knows no such functions.
    identity: Option<Identity>,
    /// Requests so far.
    asked: u64,
}

/// What a unit says of itself.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// Its answer to FC 17.
    pub server_id: Vec<u8>,
    /// Its objects of FC 43/14, by number.
    pub objects: BTreeMap<u8, Vec<u8>>,
}

/// Several units. Each has its own short lock, so that one answers while another is updated.
#[derive(Debug)]
pub struct Bank {
    units: Vec<Option<Mutex<Tables>>>,
    writes: Mutex<VecDeque<Write>>,
    /// What goes wrong by chance with units that have no fault of their own.
    lot: Mutex<Lot>,
}

impl Bank {
    /// Units with these ids, everything zero. All other ids are silent behind exception 11, as behind a gateway.
    pub fn new(units: &[u8]) -> Self {
        let unit = |id| units.contains(&id).then(|| Mutex::new(Tables::new()));
        let units = (0..=u8::MAX).map(unit).collect();
        Self { units, writes: Mutex::default(), lot: Mutex::new(Lot::new(Vec::new(), 0)) }
    }

    /// Lets every unit misbehave at random from the next request on.
    pub fn set_chances(&self, chances: Vec<Chance>, seed: u64) {
        *lock(&self.lot) = Lot::new(chances, seed);
    }

    /// What goes wrong with a unit's next answer.
    fn next_fault(&self, unit: u8) -> Fault {
        let fault = self.with(unit, |tables| {
            tables.asked += 1;
            tables.fault
        });
        match fault {
            Some(Fault::None) => lock(&self.lot).draw(),
            fault => fault.unwrap_or_default(),
        }
    }

    /// Lets a unit misbehave from its next request on. Ids without a unit are left alone, here and below.
    pub fn set_fault(&self, unit: u8, fault: Fault) {
        self.with(unit, |tables| tables.fault = fault);
    }

    /// Lets a unit refuse reads that touch these addresses, as units do that have no such registers.
    pub fn set_hole(&self, unit: u8, table: Table, addresses: Range<u32>) {
        self.with(unit, |tables| tables.holes.push((table, addresses)));
    }

    /// Gives a unit all its addresses back.
    pub fn fill_holes(&self, unit: u8) {
        self.with(unit, |tables| tables.holes.clear());
    }

    /// Lets a unit refuse reads of more than so many registers or bits with this exception.
    pub fn set_block_limit(&self, unit: u8, most: u16, exception: u8) {
        self.with(unit, |tables| tables.block_limit = (most, exception));
    }

    /// Lets a unit refuse reads with exception 2 that reach over this address from before it.
    pub fn set_seam(&self, unit: u8, address: u16) {
        self.with(unit, |tables| tables.seams.push(address));
    }

    /// Lets a unit say what it is.
    pub fn set_identity(&self, unit: u8, identity: Identity) {
        self.with(unit, |tables| tables.identity = Some(identity));
    }

    /// How many requests a unit was sent, answered or not.
    pub fn asked(&self, unit: u8) -> u64 {
        self.with(unit, |tables| tables.asked).unwrap_or_default()
    }

    /// Sets a coil.
    pub fn set_coil(&self, unit: u8, address: u16, on: bool) {
        self.with(unit, |tables| tables.coils[usize::from(address)] = on);
    }

    /// Sets a discrete input.
    pub fn set_discrete(&self, unit: u8, address: u16, on: bool) {
        self.with(unit, |tables| tables.discretes[usize::from(address)] = on);
    }

    /// Sets input registers from `address` on; what would lie beyond 65535 is dropped.
    pub fn set_inputs(&self, unit: u8, address: u16, words: &[u16]) {
        self.with(unit, |tables| put(&mut tables.inputs, address, words));
    }

    /// Sets holding registers, likewise.
    pub fn set_holdings(&self, unit: u8, address: u16, words: &[u16]) {
        self.with(unit, |tables| put(&mut tables.holdings, address, words));
    }

    /// Sets two input registers to a float in the order `ABCD`.
    pub fn set_input_f32(&self, unit: u8, address: u16, value: f32) {
        self.set_inputs(unit, address, &words(value));
    }

    /// Sets two holding registers to a float in the order `ABCD`.
    pub fn set_holding_f32(&self, unit: u8, address: u16, value: f32) {
        self.set_holdings(unit, address, &words(value));
    }

    /// A coil's state, `None` without such a unit.
    pub fn coil(&self, unit: u8, address: u16) -> Option<bool> {
        self.with(unit, |tables| tables.coils[usize::from(address)])
    }

    /// A holding register, `None` without such a unit.
    pub fn holding(&self, unit: u8, address: u16) -> Option<u16> {
        self.with(unit, |tables| tables.holdings[usize::from(address)])
    }

    /// Two holding registers as a float in the order `ABCD`.
    pub fn holding_f32(&self, unit: u8, address: u16) -> Option<f32> {
        let (high, low) = (self.holding(unit, address)?, self.holding(unit, address.checked_add(1)?)?);
        Some(f32::from_bits(u32::from(high) << 16 | u32::from(low)))
    }

    /// The last 10 000 writes that were carried out, oldest first.
    pub fn writes(&self) -> Vec<Write> {
        lock(&self.writes).iter().cloned().collect()
    }

    /// Does something with a unit's tables.
    fn with<T>(&self, unit: u8, act: impl FnOnce(&mut Tables) -> T) -> Option<T> {
        self.units[usize::from(unit)].as_ref().map(|tables| act(&mut lock(tables)))
    }

    /// Carries out a request and appends the PDU of its answer.
    fn answer(&self, unit: u8, pdu: &[u8], out: &mut Vec<u8>) {
        let done = Request::decode(pdu).and_then(|request| {
            let answer = |tables: &mut Tables| {
                tables.check(&request)?;
                Ok(tables.carry_out(&request, out))
            };
            let data = self.with(unit, answer).unwrap_or(Err(Exception::TARGET_SILENT))?;
            self.record(unit, data);
            Ok(())
        });
        if let Err(exception) = done {
            push_exception(out, pdu, exception.0);
        }
    }

    /// Lets all units carry out a request that none answers (MODBUS over serial line 1.02, 2.1).
    fn hear(&self, pdu: &[u8]) {
        for unit in (1..=247).filter(|&unit| self.units[usize::from(unit)].is_some()) {
            self.answer(unit, pdu, &mut Vec::new());
        }
    }

    /// Remembers a write.
    fn record(&self, unit: u8, written: Option<(u16, Written)>) {
        let Some((address, data)) = written else { return };
        let mut writes = lock(&self.writes);
        if writes.len() == MAX_WRITES {
            writes.pop_front();
        }
        writes.push_back(Write { unit, address, data });
    }
}

impl Tables {
    /// Everything zero.
    fn new() -> Self {
        const SIZE: usize = 1 << 16;
        Self {
            coils: vec![false; SIZE],
            discretes: vec![false; SIZE],
            inputs: vec![0; SIZE],
            holdings: vec![0; SIZE],
            fault: Fault::None,
            holes: Vec::new(),
            block_limit: (u16::MAX, 0),
            seams: Vec::new(),
            identity: None,
            asked: 0,
        }
    }

    /// Refuses what the unit does not have, or not at once.
    fn check(&self, request: &Request) -> Result<(), Exception> {
        if self.fault == Fault::Slow && !request.only_reads() {
            return Err(Exception::ACKNOWLEDGE);
        }
        if let Request::Identify(what) = request {
            return self.identity.as_ref().ok_or(Exception::ILLEGAL_FUNCTION)?.check(*what);
        }
        let &Request::Read { table, start, count } = request else { return Ok(()) };
        let (most, exception) = self.block_limit;
        if count > most {
            return Err(Exception(exception));
        }
        let (start, end) = (u32::from(start), u32::from(start) + u32::from(count));
        let touches = |(hole, addresses): &(Table, Range<u32>)| {
            *hole == table && addresses.start < end && start < addresses.end
        };
        let crosses = |&seam: &u16| start < u32::from(seam) && u32::from(seam) < end;
        if self.holes.iter().any(touches) || self.seams.iter().any(crosses) {
            Err(Exception::ILLEGAL_ADDRESS)
        } else {
            Ok(())
        }
    }

    /// Appends the answer's PDU and gives what was written. The request's range has been checked.
    fn carry_out(&mut self, request: &Request, out: &mut Vec<u8>) -> Option<(u16, Written)> {
        if self.fault == Fault::Deaf && !request.only_reads() {
            push_echo(out, request);
            return None;
        }
        match request {
            Request::Read { table, start, count } => {
                out.push(request.function());
                self.read(*table, usize::from(*start)..usize::from(*start) + usize::from(*count), out);
                return None;
            }
            Request::Identify(what) => {
                out.push(request.function());
                self.identity.iter().for_each(|identity| identity.answer(*what, out));
                return None;
            }
            Request::WriteCoil { address, on } => put(&mut self.coils, *address, &[*on]),
            Request::WriteRegister { address, value } => put(&mut self.holdings, *address, &[*value]),
            Request::WriteCoils { start, values } => put(&mut self.coils, *start, values),
            Request::WriteRegisters { start, values } => put(&mut self.holdings, *start, values),
            Request::MaskWrite { address, and, or } => {
                let content = &mut self.holdings[usize::from(*address)];
                *content = *content & and | or & !and;
            }
        }
        push_echo(out, request);
        Some(written(request))
    }

    /// Appends byte count and data.
    fn read(&self, table: Table, range: Range<usize>, out: &mut Vec<u8>) {
        let count_at = out.len();
        out.push(0);
        match table {
            Table::Coil => push_bits(out, &self.coils[range]),
            Table::Discrete => push_bits(out, &self.discretes[range]),
            Table::Input => out.extend(self.inputs[range].iter().flat_map(|word| word.to_be_bytes())),
            Table::Holding => out.extend(self.holdings[range].iter().flat_map(|word| word.to_be_bytes())),
        }
        out[count_at] = u8::try_from(out.len() - count_at - 1).expect("a read has at most 250 bytes");
    }
}

impl Identity {
    /// Refuses a single object that is not there.
    fn check(&self, what: Identify) -> Result<(), Exception> {
        match what {
            Identify::Objects { category: Category::One, first } if !self.objects.contains_key(&first) => {
                Err(Exception::ILLEGAL_ADDRESS)
            }
            Identify::ServerId | Identify::Objects { .. } => Ok(()),
        }
    }

    /// Appends what follows the function code. One who asks for an object that is not there begins with the first
    /// (MODBUS Application Protocol 1.1b3, 6.21).
    fn answer(&self, what: Identify, out: &mut Vec<u8>) {
        match what {
            Identify::ServerId => {
                let said = &self.server_id[..self.server_id.len().min(250)];
                out.push(u8::try_from(said.len()).expect("250 at most"));
                out.extend_from_slice(said);
            }
            Identify::Objects { category, first } => {
                let first = if self.objects.contains_key(&first) { first } else { 0 };
                let last = if category == Category::One { first } else { category.last() };
                let wanted = self.objects.range(first..=last.max(first)).map(|(id, object)| (*id, object.clone()));
                Page::encode(category, 0x83, &wanted.collect(), out);
            }
        }
    }
}

/// The answer to a write: its function, address, and value or quantity.
fn push_echo(out: &mut Vec<u8>, request: &Request) {
    let start = out.len();
    request.encode(out);
    out.truncate(start + 1 + echo_bytes(request));
}

/// The exception answer to a request.
fn push_exception(out: &mut Vec<u8>, request: &[u8], code: u8) {
    out.push(request.first().copied().unwrap_or_default() | EXCEPTION_FLAG);
    out.push(code);
}

/// What a write request sets.
fn written(request: &Request) -> (u16, Written) {
    match request {
        Request::WriteCoil { address, on } => (*address, Written::Coils(vec![*on])),
        Request::WriteRegister { address, value } => (*address, Written::Registers(vec![*value])),
        Request::WriteCoils { start, values } => (*start, Written::Coils(values.clone())),
        Request::WriteRegisters { start, values } => (*start, Written::Registers(values.clone())),
        Request::MaskWrite { address, and, or } => (*address, Written::Mask { and: *and, or: *or }),
        Request::Read { start, .. } => (*start, Written::Registers(Vec::new())),
        Request::Identify(_) => (0, Written::Registers(Vec::new())),
    }
}

/// Sets entries from `address` on, as far as the table reaches.
fn put<T: Copy>(table: &mut [T], address: u16, values: &[T]) {
    for (entry, &value) in table[usize::from(address)..].iter_mut().zip(values) {
        *entry = value;
    }
}

/// A float as two words, the high one first.
fn words(value: f32) -> [u16; 2] {
    let [a, b, c, d] = value.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// A lock whose holder panicked still guards plain numbers.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
