//! The rehearsal of a device profile: simulated units hold what the vectors say, and the adapter itself reads them.
//!
//! Profiles of other kinds have messages instead of registers: `frames.rs` and `adverts.rs`.
//!
//! Nothing of the way from registers to readings is done a second time here: the profile is loaded into a configuration
//! as any other, and planned, polled and decoded by the adapter over a loopback connection. Only what came is compared.

#[cfg(feature = "ble")]
mod adverts;
mod compare;
#[cfg(feature = "zigbee")]
mod frames;
mod hints;

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::mpsc, time::timeout};

use self::compare::compare;
use super::{
    clock::ManualClock,
    modbus_unit::{self, Bank},
    profiled,
};
#[cfg(any(feature = "zigbee", feature = "ble"))]
use crate::profile::Write;
use crate::{
    adapter::{
        Adapter as _, AdapterContext, Alive, Announce, Intake, Metrics,
        memory::Memory,
        modbus::{
            Modbus,
            config::{Register, Table},
        },
    },
    config::{Fault, Place, Report, report::Problems, section::At},
    model::{Batch, Event, Point, PointAddress, PointName, Reading},
    profile::{Library, ProfileName, Vector, read_vectors},
    shutdown::StopSignal,
};

/// Most vectors of a profile: each has a unit of its own on the one link.
const MAX_VECTORS: usize = 200;

/// Longest wait for all readings; on a loopback connection they take milliseconds.
const LIMIT: Duration = Duration::from_secs(10);

/// The first reading of each point.
pub type Readings = HashMap<PointAddress, Reading>;

/// What a rehearsal found.
#[derive(Debug)]
pub struct Outcome {
    /// How many points the profile has.
    pub points: usize,
    /// How many vectors were tried.
    pub vectors: usize,
    /// What is wrong, by file, line and column.
    pub report: Report,
}

/// Tries every vector of a profile, and that every point is in one. An error is about this machine, not about the
/// profile.
pub async fn rehearse(library: &mut Library, name: &ProfileName) -> io::Result<Outcome> {
    let mut problems = Problems::default();
    let folder = match library.find(name) {
        Ok(folder) => folder,
        Err(fault) => {
            problems.fault(&Place::start_of(Path::new(name.as_str())), fault);
            return Ok(Outcome { points: 0, vectors: 0, report: problems.into_report() });
        }
    };
    let all = read_vectors(&folder, &mut problems);
    // Of a profile without points that can be read, nothing more is said than that.
    let Some(pack) = library.open(name, &Place::start_of(&folder), &mut problems) else {
        return Ok(Outcome { points: 0, vectors: all.vectors.len(), report: problems.into_report() });
    };
    match pack.kind.as_str() {
        #[cfg(feature = "zigbee")]
        "zigbee" => return Ok(frames::rehearse(name, pack, &all, &folder, problems)),
        #[cfg(feature = "ble")]
        "ble" => return Ok(adverts::rehearse(name, pack, &all, &folder, problems)),
        _ => {}
    }
    on_units(library, name, all.vectors, &folder, problems).await
}

/// Tries the vectors on units that hold their registers.
async fn on_units(
    library: &mut Library,
    name: &ProfileName,
    mut vectors: Vec<Vector>,
    folder: &Path,
    mut problems: Problems,
) -> io::Result<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let link = format!("tcp://{}", listener.local_addr()?);
    // Without any vector there is one unit all the same: it shows what the profile's points are.
    let count = vectors.len().clamp(1, MAX_VECTORS);
    let numbers: Vec<_> = (1..).take(count).map(|unit| (name, Some(unit))).collect();
    let (config, warnings) = match profiled::units_with_warnings(library, &link, &numbers) {
        Ok(units) => units,
        Err(report) => return Ok(Outcome { points: 0, vectors: vectors.len(), report }),
    };
    for warning in warnings {
        problems.warning(&warning.place, warning.message).help = warning.help;
    }
    // All units are of the one profile.
    let mapped = config.devices.first().map_or_else(Vec::new, |device| device.points.clone());
    let adapter = Modbus::new(config);
    let points = adapter.devices().swap_remove(0).points;
    check_coverage(&points, &vectors, folder, &mut problems);
    let bank = fill_bank(&mut vectors, &mut problems);
    let wanted = wanted(&vectors, &points);
    let readings = play(&adapter, listener, bank, wanted).await;
    for (index, vector) in vectors.iter().enumerate().take(MAX_VECTORS).filter(|(_, vector)| vector.is_whole) {
        for expected in &vector.readings {
            let found = readings.get(&address(index, &expected.point));
            let cause = || hints::cause(&mapped, vector, expected);
            compare(vector, expected, found, &points, cause, &mut problems);
        }
    }
    Ok(Outcome { points: points.len(), vectors: vectors.len(), report: problems.into_report() })
}

/// Reports points that no vector speaks of: nobody has proved them. One may stand in a vector that was not understood,
/// whose problem is reported already.
fn check_coverage(points: &[Arc<Point>], vectors: &[Vector], folder: &Path, problems: &mut Problems) {
    let proved: BTreeSet<&PointName> =
        vectors.iter().flat_map(|vector| &vector.readings).map(|reading| &reading.point).collect();
    let place = Place::start_of(&folder.join("vectors.toml"));
    let are_whole = vectors.iter().all(|vector| vector.is_whole);
    let is_unproved = |point: &&Arc<Point>| point.access.can_read() && !proved.contains(point.name());
    for point in points.iter().filter(|point| are_whole && is_unproved(point)) {
        let fault = Fault::new(format!("point {:?} is in no vector", point.name().as_str()));
        problems.absent(&place, fault.help("add it to the readings of one"));
    }
    if let Some(vector) = vectors.get(MAX_VECTORS) {
        problems.error(&vector.place, format!("a profile has at most {MAX_VECTORS} vectors"));
    }
}

/// Reports points that can be set and that no command speaks of.
#[cfg(any(feature = "zigbee", feature = "ble"))]
fn check_writes<'a>(
    settable: impl Iterator<Item = &'a PointName>,
    writes: &[Write],
    folder: &Path,
    problems: &mut Problems,
) {
    let place = Place::start_of(&folder.join("vectors.toml"));
    for name in settable.filter(|name| writes.iter().all(|write| write.point != **name)) {
        let fault = Fault::new(format!("point {:?} is in no write", name.as_str()));
        problems.absent(&place, fault.help("add a [[write]] with what sets it"));
    }
}

/// A unit for each vector, filled with its registers. What is not given is 0; a vector whose registers are not
/// understood is not whole.
fn fill_bank(vectors: &mut [Vector], problems: &mut Problems) -> Arc<Bank> {
    let units: Vec<u8> = (1..).take(vectors.len().min(MAX_VECTORS)).collect();
    let bank = Bank::new(&units);
    for (unit, vector) in units.iter().zip(vectors) {
        let before = problems.count();
        if vector.is_whole && vector.registers.is_empty() {
            problems
                .error(&vector.place, "there are no registers")
                .help("write registers = { \"input:0\" = \"00E6\" }");
        }
        for (first, words) in &vector.registers {
            fill_registers(&bank, *unit, first, words, problems);
        }
        vector.is_whole &= problems.count() == before;
    }
    Arc::new(bank)
}

/// Sets a run of registers or bits.
fn fill_registers(bank: &Bank, unit: u8, first: &At<String>, words: &[u16], problems: &mut Problems) {
    let Register { table, offset } = match first.value.parse() {
        Ok(register) => register,
        Err(fault) => return problems.fault(&first.place, fault),
    };
    if usize::from(offset) + words.len() > 1 << 16 {
        problems.error(&first.place, "the words reach beyond register 65535");
    }
    let bits = (offset..=u16::MAX).zip(words.iter().map(|word| *word != 0));
    match table {
        Table::Input => bank.set_inputs(unit, offset, words),
        Table::Holding => bank.set_holdings(unit, offset, words),
        Table::Coil => bits.for_each(|(address, on)| bank.set_coil(unit, address, on)),
        Table::Discrete => bits.for_each(|(address, on)| bank.set_discrete(unit, address, on)),
    }
}

/// The points whose readings are waited for: those the profile has and that can be read.
fn wanted(vectors: &[Vector], points: &[Arc<Point>]) -> BTreeSet<PointAddress> {
    let is_read = |name: &PointName| points.iter().any(|point| point.name() == name && point.access.can_read());
    let names = |vector: &'_ Vector| -> Vec<PointName> {
        vector.readings.iter().map(|reading| reading.point.clone()).filter(|name| is_read(name)).collect()
    };
    let each = vectors.iter().enumerate().take(MAX_VECTORS).filter(|(_, vector)| vector.is_whole);
    each.flat_map(|(index, vector)| names(vector).into_iter().map(move |name| address(index, &name))).collect()
}

/// The point of the unit that plays a vector.
fn address(vector: usize, point: &PointName) -> PointAddress {
    PointAddress { device: profiled::device(vector), point: point.clone() }
}

/// Serves the units and lets the adapter poll them until everything wanted was read, or the time is over.
pub(super) async fn play(
    adapter: &Modbus,
    listener: TcpListener,
    bank: Arc<Bank>,
    wanted: BTreeSet<PointAddress>,
) -> Readings {
    let (_signal, stop) = StopSignal::pair();
    tokio::select! {
        () = modbus_unit::serve(listener, bank, stop) => Readings::new(),
        found = read(adapter, wanted) => found,
    }
}

/// The first reading of every readable point of an adapter, of devices that are there.
pub async fn read_all(adapter: &Modbus) -> Readings {
    let points = adapter.devices().into_iter().flat_map(|device| device.points);
    let wanted = points.filter(|point| point.access.can_read()).map(|point| point.address.clone()).collect();
    read(adapter, wanted).await
}

/// Lets the adapter poll until everything wanted was read, or the time is over.
async fn read(adapter: &Modbus, wanted: BTreeSet<PointAddress>) -> Readings {
    let (signal, stop) = StopSignal::pair();
    // Both are emptied as fast as they fill; the adapter waits meanwhile.
    let (readings, mut batches) = mpsc::channel(16);
    let (events, mut told) = mpsc::channel(16);
    let (_requests, requests) = mpsc::channel(1);
    let context = AdapterContext {
        readings: Intake::waiting(readings),
        events,
        requests,
        stop: stop.clone(),
        clock: Arc::new(ManualClock::default()),
        metrics: Arc::new(Metrics::default()),
        alive: Alive::new(|| {}),
        memory: Memory::none(),
        announce: Announce::nobody(),
    };
    let mut found = Readings::new();
    tokio::select! {
        // An adapter that ends has said nothing that is missing below.
        _ = adapter.run(context) => {}
        // The time is over: what is missing is told point by point.
        _ = timeout(LIMIT, collect(&mut batches, &mut told, wanted, &mut found)) => {}
    }
    signal.raise();
    found
}

/// Takes readings until there is one of each point that is wanted.
async fn collect(
    batches: &mut mpsc::Receiver<Batch>,
    events: &mut mpsc::Receiver<Event>,
    mut wanted: BTreeSet<PointAddress>,
    found: &mut Readings,
) {
    while !wanted.is_empty() {
        tokio::select! {
            Some(batch) = batches.recv() => for reading in batch.readings {
                wanted.remove(&reading.point.address);
                found.entry(reading.point.address.clone()).or_insert(reading);
            },
            Some(_) = events.recv() => {}
            else => return,
        }
    }
}

#[cfg(test)]
mod tests;
