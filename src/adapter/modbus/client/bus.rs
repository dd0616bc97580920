//! What is known of a link beyond one connection: how it is spoken, how much quiet it needs, and what its units still
//! owe.
//!
//! On a line without transaction ids an answer that comes late looks like the answer to the next request. A unit answers
//! in order, so each request that was not answered is remembered, and as long as its answer could be taken for the one
//! that is wanted now, the unit is sounded first: it is asked for another number of values, whose answer cannot be
//! confused. When that has come, nothing older can.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::adapter::modbus::{
    config::{Config, Table},
    frame::{Expected, Framing},
    pdu::Request,
};

/// Unanswered requests remembered for a unit. Beyond it the oldest is forgotten: an answer that is later than so many
/// further requests would have to be more than eight timeouts old.
const MAX_OWED: usize = 8;

/// Silence between frames where the speed is not known, and above 19200 baud (MODBUS over serial line 1.02, 2.5.1.1).
const SHORTEST_GAP: Duration = Duration::from_micros(1750);

/// How a link is spoken, and the memory of its units.
#[derive(Debug)]
pub(in crate::adapter::modbus) struct Bus {
    framing: Framing,
    /// The last transaction id used. They go on over connections, and begin anywhere: a gateway may answer on the next
    /// one what it was asked on the last.
    pub(super) transaction: u16,
    /// Time of one character on the line; zero where we cannot know it.
    character: Duration,
    /// Rest after a broadcast.
    turnaround: Duration,
    /// Until when all units rest, because they act on a broadcast.
    resting: Option<Instant>,
    /// 256 units at most, ascending by number: mostly a link has one, and each exchange asks for it several times.
    units: Vec<(u8, Unit)>,
}

/// One unit's memory.
#[derive(Debug, Default)]
struct Unit {
    /// Rest between an exchange and the next request.
    pause: Duration,
    /// When its last exchange ended.
    last: Option<Instant>,
    /// What it was asked and has not answered, oldest first.
    owed: VecDeque<Expected>,
}

impl Bus {
    /// Nothing has been asked yet.
    pub(in crate::adapter::modbus) fn new(config: &Config) -> Self {
        let (framing, character) = (config.link.framing(), config.link.character());
        let turnaround = config.connect.turnaround;
        let (transaction, units) = (fastrand::u16(..), Vec::with_capacity(config.devices.len()));
        let mut bus = Self { framing, transaction, character, turnaround, resting: None, units };
        for device in &config.devices {
            // Two devices can be one unit; it gets the longer rest.
            let unit = bus.unit(device.unit);
            unit.pause = unit.pause.max(device.pause);
        }
        bus
    }

    /// In which form PDUs travel.
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// Silence between two frames: three and a half characters (2.5.1.1).
    pub(super) fn gap(&self) -> Duration {
        (self.character * 7 / 2).max(SHORTEST_GAP)
    }

    /// Silence after which nothing late is expected any more: a quarter of the time a unit has for its answer.
    pub(super) fn quiet(&self, limit: Duration) -> Duration {
        (limit / 4).max(self.gap())
    }

    /// Time that a request of so many characters and its answer take on the line, which no unit can do anything about.
    pub(super) fn travel(&self, request: usize, expected: Expected) -> Duration {
        let Framing::Line(mode) = self.framing else { return Duration::ZERO };
        self.flight(request + mode.characters(expected.length()))
    }

    /// When a unit may be asked again.
    pub(super) fn ready(&self, unit: u8) -> Option<Instant> {
        let own = self.known(unit).filter(|unit| unit.pause > Duration::ZERO);
        let own = own.and_then(|unit| Some(unit.last? + unit.pause));
        own.max(self.resting)
    }

    /// Time that so many characters take on the line.
    pub(super) fn flight(&self, characters: usize) -> Duration {
        self.character * u32::try_from(characters).expect("frames are short")
    }

    /// A broadcast was handed to the line, on which it takes so long.
    pub(super) fn turns_around(&mut self, flight: Duration) {
        self.resting = Some(Instant::now() + flight + self.turnaround);
    }

    /// A request goes out.
    pub(super) fn sent(&mut self, expected: Expected) {
        if self.framing.has_transactions() {
            return;
        }
        let owed = &mut self.unit(expected.unit).owed;
        if owed.len() == MAX_OWED {
            owed.pop_front();
        }
        owed.push_back(expected);
    }

    /// An exchange is over, well or not.
    pub(super) fn rests(&mut self, unit: u8) {
        self.unit(unit).last = Some(Instant::now());
    }

    /// The answer has come that only the last request can have. All before it will never be answered.
    pub(super) fn answered(&mut self, expected: Expected) {
        self.unit(expected.unit).owed.clear();
    }

    /// An exception has come. It may belong to any request of its function, so it pays for the oldest.
    pub(super) fn refused(&mut self, expected: Expected) {
        let owed = &mut self.unit(expected.unit).owed;
        if let Some(at) = owed.iter().position(|owed| owed.function == expected.function) {
            owed.drain(..=at);
        }
    }

    /// What to ask first, because an answer that may still come could be taken for this one.
    pub(super) fn sounding(&self, expected: Expected, request: &Request) -> Option<Request> {
        let owed = &self.known(expected.unit)?.owed;
        if !owed.contains(&expected) {
            return None;
        }
        let (table, start) = place(request);
        let step = if matches!(table, Table::Coil | Table::Discrete) { 8 } else { 1 };
        let mut reads = (1..).step_by(step).map(|count| Request::Read { table, start, count });
        // At most eight are owed, so the ninth count is free.
        reads.find(|read| !owed.contains(&Expected::of(expected.unit, read)))
    }

    /// What is known of a unit.
    fn known(&self, unit: u8) -> Option<&Unit> {
        let place = self.place(unit).ok()?;
        Some(&self.units[place].1)
    }

    /// What is known of a unit, to be changed; of a new one it is nothing.
    fn unit(&mut self, unit: u8) -> &mut Unit {
        let place = self.place(unit).unwrap_or_else(|place| {
            self.units.insert(place, (unit, Unit::default()));
            place
        });
        &mut self.units[place].1
    }

    /// Where a unit stands, or where it belongs.
    fn place(&self, unit: u8) -> Result<usize, usize> {
        self.units.binary_search_by_key(&unit, |(known, _)| *known)
    }
}

/// Where a request reads or writes.
fn place(request: &Request) -> (Table, u16) {
    match request {
        Request::Read { table, start, .. } => (*table, *start),
        Request::WriteCoil { address, .. } => (Table::Coil, *address),
        Request::WriteCoils { start, .. } => (Table::Coil, *start),
        Request::WriteRegister { address, .. } | Request::MaskWrite { address, .. } => (Table::Holding, *address),
        Request::WriteRegisters { start, .. } => (Table::Holding, *start),
        // It has no place; any register gives an answer that looks different, if only a refusal.
        Request::Identify(_) => (Table::Holding, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapter::modbus::config::{Connect, Link},
        config::Pressure,
    };

    fn bus() -> Bus {
        let link: Link = "rtu:///dev/ttyS0?baud=9600".parse().unwrap();
        let (name, connect, devices) = ("line1".into(), Connect::default(), Vec::new());
        Bus::new(&Config { name, pressure: Pressure::Wait, link, connect, devices })
    }

    fn read(count: u16) -> Request {
        Request::Read { table: Table::Holding, start: 10, count }
    }

    fn expected(count: u16) -> Expected {
        Expected::of(1, &read(count))
    }

    #[test]
    fn only_an_answer_that_could_be_confused_calls_for_a_sounding() {
        let mut bus = bus();
        bus.sent(expected(2));

        assert_eq!(bus.sounding(expected(3), &read(3)), None);
        assert_eq!(bus.sounding(Expected { unit: 2, ..expected(2) }, &read(2)), None);
        assert_eq!(bus.sounding(expected(2), &read(2)), Some(read(1)));

        bus.sent(expected(1));
        assert_eq!(bus.sounding(expected(2), &read(2)), Some(read(3)));
        bus.answered(expected(1));
        assert_eq!(bus.sounding(expected(2), &read(2)), None);
    }

    #[test]
    fn an_exception_pays_for_the_oldest_request_it_can_belong_to() {
        let mut bus = bus();
        for count in [2, 1] {
            bus.sent(expected(count));
        }

        bus.refused(expected(1));

        assert_eq!(bus.sounding(expected(2), &read(2)), None);
        assert!(bus.sounding(expected(1), &read(1)).is_some());
    }

    #[test]
    fn a_unit_that_never_answers_is_remembered_within_bounds() {
        let mut bus = bus();
        for _ in 0..100 {
            let request = bus.sounding(expected(2), &read(2)).unwrap_or(read(2));
            bus.sent(Expected::of(1, &request));
        }
        assert_eq!(bus.known(1).unwrap().owed.len(), MAX_OWED);
    }

    #[test]
    fn silence_and_travel_follow_the_speed_of_the_line() {
        let bus = bus();
        // 11 bits per character: 1.146 ms each.
        assert_eq!(bus.gap().as_micros(), 4010);
        assert_eq!(bus.quiet(Duration::from_secs(1)), Duration::from_millis(250));
        assert_eq!(bus.travel(8, expected(2)).as_millis(), 19);
    }
}
