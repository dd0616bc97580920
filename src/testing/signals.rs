//! Lifelike values for the points of any profile, in the registers of simulated units.
//!
//! A point's unit says what is plausible: mains voltage swings around 230, temperature drifts, energy only grows. What
//! somebody writes stays as it was written. One seed gives one history.

use std::{f64::consts::TAU, time::Duration};

use super::modbus_unit::Bank;
use crate::{
    adapter::modbus::{
        config::{DataType, MappedPoint, Table},
        encode::words,
    },
    model::{PointType, Value},
};

/// Middle and swing of what is measured, by the UCUM unit.
const RANGES: [(&str, f64, f64); 16] = [
    ("V", 230.0, 3.0),
    ("A", 8.0, 5.0),
    ("W", 1_800.0, 900.0),
    ("V.A", 1_900.0, 900.0),
    ("var", 240.0, 180.0),
    ("Hz", 50.0, 0.03),
    ("Cel", 21.0, 2.0),
    ("K", 294.0, 2.0),
    ("%", 48.0, 9.0),
    ("hPa", 1_013.0, 6.0),
    ("bar", 3.2, 0.4),
    ("lx", 320.0, 180.0),
    ("/min", 1_450.0, 35.0),
    ("Ohm", 108.0, 1.0),
    ("m3/h", 14.0, 4.0),
    ("[ppm]", 620.0, 140.0),
];

/// Units of what is counted up, and how much a second adds: 1.8 kW, one and a half litres, itself.
const GROWTHS: [(&str, f64); 6] = [
    ("kW.h", 0.000_5),
    ("W.h", 0.5),
    ("kvar.h", 0.000_07),
    ("kV.A.h", 0.000_53),
    ("m3", 0.001_5),
    ("h", 1.0 / 3_600.0),
];

/// Text that a simulated device says of itself.
const NAME: &str = "SIMULATED";

/// Every signal of some units.
#[derive(Debug)]
pub struct Signals {
    all: Vec<Signal>,
    rng: fastrand::Rng,
    /// Seconds since the start.
    elapsed: f64,
}

/// One point's course over time.
#[derive(Debug)]
struct Signal {
    unit: u8,
    mapped: MappedPoint,
    course: Course,
}

/// How a value goes on.
#[derive(Debug)]
enum Course {
    /// Up and down around a middle, with noise.
    Swing { middle: f64, swing: f64, period: f64, phase: f64 },
    /// Only up.
    Growth { value: f64, per_second: f64 },
    /// As it is. Also what somebody may write: it is set once, and the rest is theirs.
    Still(Value),
}

impl Signals {
    /// Signals for points of units, all from one seed, and their first values in the bank.
    pub fn start(points: impl IntoIterator<Item = (u8, MappedPoint)>, seed: u64, bank: &Bank) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut signal = |(unit, mapped): (u8, MappedPoint)| {
            let course = Course::of(&mapped, &mut rng);
            Signal { unit, mapped, course }
        };
        let all: Vec<_> = points.into_iter().map(&mut signal).collect();
        for Signal { unit, mapped, course } in &all {
            if let Course::Still(value) = course {
                put(bank, *unit, mapped, value);
            }
        }
        let mut started = Self { all, rng, elapsed: 0.0 };
        started.step(Duration::ZERO, bank);
        started
    }

    /// Lets time pass.
    pub fn step(&mut self, dt: Duration, bank: &Bank) {
        self.elapsed += dt.as_secs_f64();
        for Signal { unit, mapped, course } in &mut self.all {
            let noise = self.rng.f64() - self.rng.f64();
            if let Some(number) = course.go_on(dt.as_secs_f64(), self.elapsed, noise) {
                put(bank, *unit, mapped, &value(mapped, number));
            }
        }
    }
}

impl Course {
    /// What suits a point.
    fn of(mapped: &MappedPoint, rng: &mut fastrand::Rng) -> Self {
        let point = &mapped.point;
        if point.access.can_write() {
            return Self::Still(value(mapped, point.domain.ends()[0].unwrap_or(0.0).max(0.0)));
        }
        let unit = point.unit.as_deref();
        if let Some((_, per_second)) = GROWTHS.into_iter().find(|(known, _)| Some(*known) == unit) {
            return Self::Growth { value: 1_000.0 + (rng.f64() * 9_000.0).round(), per_second };
        }
        match (point.kind, range(mapped)) {
            (PointType::Text | PointType::Bytes | PointType::Json, _) => Self::Still(Value::Text(NAME.into())),
            (PointType::Int, None) => Self::Still(Value::Int(0)),
            (_, range) => {
                let (middle, swing) = range.unwrap_or((0.95, 0.04));
                Self::Swing { middle, swing, period: 60.0 + 240.0 * rng.f64(), phase: rng.f64() * TAU }
            }
        }
    }

    /// The number at this moment; `None` for what stays as it is.
    fn go_on(&mut self, dt: f64, elapsed: f64, noise: f64) -> Option<f64> {
        match self {
            Self::Swing { middle, swing, period, phase } => {
                let wave = (elapsed / *period * TAU + *phase).sin();
                Some(*middle + *swing * (0.9 * wave + 0.1 * noise))
            }
            Self::Growth { value, per_second } => {
                *value += *per_second * dt * (1.0 + 0.3 * noise);
                Some(*value)
            }
            Self::Still(_) => None,
        }
    }
}

/// Middle and swing by unit, name and limits.
fn range(mapped: &MappedPoint) -> Option<(f64, f64)> {
    let (point, name) = (&mapped.point, mapped.point.name().as_str());
    let unit = point.unit.as_deref()?;
    let (_, middle, swing) = RANGES.into_iter().find(|(known, ..)| *known == unit)?;
    if unit == "V" && ["_l1_l2", "_l2_l3", "_l3_l1"].iter().any(|end| name.ends_with(end)) {
        return Some((400.0, 5.0));
    }
    if unit == "V" && name.contains("battery") {
        return Some((52.4, 0.8));
    }
    if point.is_plausible(middle) {
        return Some((middle, swing));
    }
    // Where the limits do not fit the unit, the limits know better.
    let [min, max] = point.domain.ends();
    let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(middle));
    Some((f64::midpoint(min, max), (max - min).abs() / 10.0))
}

/// A number as the point's value, within its limits.
fn value(mapped: &MappedPoint, number: f64) -> Value {
    let point = &mapped.point;
    let [min, max] = point.domain.ends();
    let number = number.max(min.unwrap_or(number)).min(max.unwrap_or(number));
    match point.kind {
        PointType::Bool => Value::Bool(number > 0.95),
        PointType::Int => Value::Int(whole(number)),
        PointType::Float | PointType::Text | PointType::Bytes | PointType::Json => Value::Float(number),
    }
}

/// The nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "simulated values are far below the limits of an integer")]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// Puts a value where the point is. One that does not fit, such as text in a number with names, leaves what is there.
fn put(bank: &Bank, unit: u8, mapped: &MappedPoint, value: &Value) {
    let (table, offset) = (mapped.register.table, mapped.register.offset);
    match (table, mapped.data, value) {
        (Table::Coil, _, Value::Bool(on)) => bank.set_coil(unit, offset, *on),
        (Table::Discrete, _, Value::Bool(on)) => bank.set_discrete(unit, offset, *on),
        (_, DataType::String(len), Value::Text(text)) => {
            let fitting = &text[..text.len().min(usize::from(len))];
            put_words(bank, unit, mapped, &Value::Text(fitting.into()));
        }
        _ => put_words(bank, unit, mapped, value),
    }
}

/// Puts a value into registers.
fn put_words(bank: &Bank, unit: u8, mapped: &MappedPoint, value: &Value) {
    let Ok(words) = words(mapped, value) else { return };
    match mapped.register.table {
        Table::Holding => bank.set_holdings(unit, mapped.register.offset, &words),
        Table::Input => bank.set_inputs(unit, mapped.register.offset, &words),
        Table::Coil | Table::Discrete => {}
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        adapter::{Adapter as _, modbus::Modbus},
        config::{Place, report::Problems},
        profile::{Library, ProfileName},
        testing::{profiled, rehearsal, sunspec},
    };

    /// What the adapter reads of every shipped profile, simulated for this long.
    async fn read_after(span: Duration) -> rehearsal::Readings {
        let mut library = Library::new(vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles")]);
        let all: Vec<_> = library.list().into_keys().collect();
        let is_modbus = |name: &ProfileName, library: &mut Library| {
            let pack = library.open(name, &Place::start_of(Path::new("test")), &mut Problems::default());
            pack.is_some_and(|pack| pack.kind == "modbus")
        };
        let names: Vec<_> = all.into_iter().filter(|name| is_modbus(name, &mut library)).collect();
        let units: Vec<_> = (1..).zip(&names).map(|(unit, name)| (name, Some(unit))).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = format!("tcp://{}", listener.local_addr().unwrap());
        let config = profiled::units(&mut library, &link, &units).unwrap();
        let bank = Bank::new(&config.devices.iter().map(|device| device.unit).collect::<Vec<_>>());
        let mut devices = config.devices.clone();
        for device in &mut devices {
            sunspec::place(device, &bank);
        }
        let points = devices.iter().flat_map(|device| device.points.iter().map(|p| (device.unit, p.clone())));
        let mut signals = Signals::start(points, 7, &bank);
        signals.step(span, &bank);
        let adapter = Modbus::new(config);
        let points = adapter.devices().into_iter().flat_map(|device| device.points);
        let wanted = points.filter(|point| point.access.can_read()).map(|point| point.address.clone()).collect();
        rehearsal::play(&adapter, listener, Arc::new(bank), wanted).await
    }

    #[tokio::test]
    async fn every_point_of_every_shipped_profile_is_plausible() {
        let readings = read_after(Duration::from_secs(77)).await;

        let bad: Vec<_> = readings.values().filter(|reading| !reading.quality.is_good()).collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert!(readings.len() > 150, "{}", readings.len());
        for reading in readings.values().filter(|reading| reading.point.unit.as_deref() == Some("Hz")) {
            let hertz = reading.value.as_ref().and_then(Value::as_f64).unwrap();
            assert!((49.9..50.1).contains(&hertz), "{reading:?}");
        }
    }

    #[tokio::test]
    async fn counters_only_grow() {
        let (before, after) = (read_after(Duration::ZERO).await, read_after(Duration::from_secs(36_000)).await);

        let number = |reading: &crate::model::Reading| reading.value.as_ref().and_then(Value::as_f64).unwrap();
        let mut counters = 0;
        for (address, reading) in before.iter().filter(|(_, reading)| reading.point.unit.as_deref() == Some("kW.h")) {
            assert!(number(&after[address]) > number(reading) + 5.0, "{address}");
            counters += 1;
        }
        assert!(counters >= 10, "{counters}");
    }
}
