//! A Modbus TCP link that goes wrong in every way a link can, between the gateway and the units.
//!
//! The relay remembers every value that it passed on whole and in time. Nothing else may ever be published: the units
//! give no value twice, so a late, cut, foreign or invented answer is recognised wherever it turns up.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::watched::Watched;

/// Bytes of an MBAP header with the unit id (MODBUS Messaging on TCP/IP 1.0b, 3.1.3).
const HEADER: usize = 7;

/// What can happen to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Passed on whole.
    None,
    /// Passed on whole, one byte per segment.
    ByteByByte,
    /// Passed on before the answer to the next request.
    Late,
    /// Never passed on.
    Silent,
    /// Ends in the middle, and the connection stays.
    Short,
    /// Ends in the middle with the connection.
    Closed,
    /// Carries another transaction's id.
    Transaction,
    /// Comes from another unit.
    Unit,
    /// Answers another function.
    Function,
    /// Announces another number of bytes than it carries.
    ByteCount,
    /// No Modbus at all.
    Garbage,
}

impl Fault {
    /// All of them; the good ones more often, so that the link is of use at all.
    const DICE: [Self; 22] = [
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::None,
        Self::ByteByByte,
        Self::ByteByByte,
        Self::Late,
        Self::Late,
        Self::Silent,
        Self::Short,
        Self::Closed,
        Self::Transaction,
        Self::Unit,
        Self::Function,
        Self::ByteCount,
        Self::Garbage,
    ];

    /// Whether what it passes on is right.
    fn is_harmless(self) -> bool {
        matches!(self, Self::None | Self::ByteByByte)
    }
}

/// How the gateway asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One request at a time.
    OneByOne,
    /// Several at once.
    Together,
}

/// What the link has done.
#[derive(Default)]
struct Log {
    /// How often each fault happened.
    faults: BTreeMap<Fault, usize>,
    /// Every value passed on whole and in time.
    clean: HashSet<u64>,
}

/// The relay.
pub(crate) struct FaultyLink {
    /// Where the gateway connects.
    port: u16,
    /// What it has done.
    log: Watched<Log>,
}

impl FaultyLink {
    /// A relay to the units on `units_port`; the same seed gives the same faults.
    pub(crate) fn start(units_port: u16, seed: u64) -> Self {
        Self::start_for(units_port, seed, Way::OneByOne)
    }

    /// A relay for a gateway that asks several things at once.
    pub(crate) fn start_pipelined(units_port: u16, seed: u64) -> Self {
        Self::start_for(units_port, seed, Way::Together)
    }

    /// A relay for a gateway that asks in one way or the other.
    fn start_for(units_port: u16, seed: u64, way: Way) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Self { port: listener.local_addr().unwrap().port(), log: Watched::new(Log::default()) };
        let log = link.log.clone();
        thread::spawn(move || {
            let mut dice = fastrand::Rng::with_seed(seed);
            for gateway in listener.incoming().map_while(Result::ok) {
                let (log, dice) = (log.clone(), dice.fork());
                thread::spawn(move || {
                    // Every connection ends in some error, most of them ours.
                    let _ = Connection::open(gateway, units_port, log, dice, way).and_then(Connection::serve);
                });
            }
        });
        link
    }

    /// Where the gateway connects.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until every kind of fault happened so often.
    pub(crate) fn wait_for_faults(&self, times: usize, limit: Duration) {
        let is_enough =
            |log: &Log| Fault::DICE.iter().all(|fault| log.faults.get(fault).is_some_and(|&n| n >= times));
        let seen = self.log.wait(limit, |log| is_enough(log).then_some(()));
        assert!(seen.is_some(), "too few faults: {:?}", self.log.read(|log| log.faults.clone()));
    }

    /// Whether a value was ever passed on whole and in time.
    pub(crate) fn is_clean(&self, value: u64) -> bool {
        self.log.read(|log| log.clean.contains(&value))
    }
}

/// One connection of the gateway, and the one behind it.
struct Connection {
    /// To the gateway.
    gateway: TcpStream,
    /// To the units.
    units: TcpStream,
    /// What the link has done.
    log: Watched<Log>,
    /// Decides what happens.
    dice: fastrand::Rng,
    /// An answer that is held back until the next one.
    held: Option<Vec<u8>>,
    /// How the gateway asks.
    way: Way,
}

impl Connection {
    /// Connects to the units.
    fn open(
        gateway: TcpStream,
        units_port: u16,
        log: Watched<Log>,
        dice: fastrand::Rng,
        way: Way,
    ) -> io::Result<Self> {
        gateway.set_nodelay(true)?;
        let units = TcpStream::connect((Ipv4Addr::LOCALHOST, units_port))?;
        Ok(Self { gateway, units, log, dice, held: None, way })
    }

    /// Request by request, until the connection ends.
    fn serve(mut self) -> io::Result<()> {
        loop {
            let request = read_frame(&mut self.gateway)?;
            self.units.write_all(&request)?;
            let answer = read_frame(&mut self.units)?;
            let fault = Fault::DICE[self.dice.usize(..Fault::DICE.len())];
            // Written down before it is passed on, so that the test never knows less than the gateway.
            self.note(fault, &answer);
            if let Some(late) = self.held.take() {
                self.gateway.write_all(&late)?;
            }
            self.pass(fault, answer)?;
        }
    }

    /// Remembers what happens to an answer.
    fn note(&self, fault: Fault, answer: &[u8]) {
        self.log.update(|log| {
            *log.faults.entry(fault).or_default() += 1;
            // Behind the next answer is in time for one who waits for both.
            if fault.is_harmless() || (fault == Fault::Late && self.way == Way::Together) {
                log.clean.extend(values(answer));
            }
        });
    }

    /// Passes an answer on, or what is left of it.
    fn pass(&mut self, fault: Fault, mut answer: Vec<u8>) -> io::Result<()> {
        match fault {
            Fault::None => self.gateway.write_all(&answer),
            Fault::ByteByByte => answer.iter().try_for_each(|byte| self.gateway.write_all(&[*byte])),
            Fault::Late => {
                self.held = Some(answer);
                Ok(())
            }
            Fault::Silent => Ok(()),
            Fault::Short => self.gateway.write_all(&answer[..answer.len() / 2]),
            Fault::Closed => {
                self.gateway.write_all(&answer[..answer.len() / 2])?;
                self.gateway.shutdown(Shutdown::Both)
            }
            // The low byte could make it the id of another request under way, which nobody could tell.
            Fault::Transaction if self.way == Way::Together => self.pass_changed(answer, 0),
            Fault::Transaction => self.pass_changed(answer, 1),
            Fault::Unit => self.pass_changed(answer, HEADER - 1),
            Fault::Function => self.pass_changed(answer, HEADER),
            Fault::ByteCount => self.pass_changed(answer, HEADER + 1),
            Fault::Garbage => {
                self.dice.fill(&mut answer);
                self.gateway.write_all(&answer)
            }
        }
    }

    /// Passes an answer on with one byte changed.
    fn pass_changed(&mut self, mut answer: Vec<u8>, place: usize) -> io::Result<()> {
        answer[place] ^= 1 << self.dice.u8(..7);
        self.gateway.write_all(&answer)
    }
}

/// The next frame: the header tells its length.
fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; HEADER];
    stream.read_exact(&mut frame)?;
    let length = usize::from(u16::from_be_bytes([frame[4], frame[5]]));
    frame.resize(HEADER - 1 + length, 0);
    stream.read_exact(&mut frame[HEADER..])?;
    Ok(frame)
}

/// The 32-bit values in the answer to a read; other answers have none.
fn values(answer: &[u8]) -> Vec<u64> {
    let words = answer.get(HEADER + 2..).unwrap_or_default();
    let values = words.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    values.map(u64::from).collect()
}
