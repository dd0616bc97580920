//! A rule set in a folder of its own, with a clock that is moved by hand.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    config,
    model::{DeviceId, Point, PointName, PointType, Reading, StateChange, Timestamp, Value},
    rules::{Kept, LoadReport, Metrics, Output, RuleStatus, reload::Scope, set::RuleSet},
    testing::clock::ManualClock,
};

pub(crate) struct Bench {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) set: RuleSet,
    pub(crate) config: config::Rules,
    dir: tempfile::TempDir,
}

impl Bench {
    /// Rules by file name.
    pub(crate) fn with(rules: &[(&str, &str)]) -> Self {
        Self::start(rules, |_| {}, Vec::new())
    }

    /// One rule file.
    pub(crate) fn one(rule: &str) -> Self {
        Self::with(&[("rule", rule)])
    }

    pub(crate) fn start(rules: &[(&str, &str)], adjust: fn(&mut config::Rules), state: Vec<StateChange>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = limits(dir.path().to_owned());
        adjust(&mut config);
        let clock = Arc::new(ManualClock::default());
        let kept = Kept { state, ..Kept::default() };
        let set = RuleSet::new(&config, kept, clock.clone(), Metrics::default());
        let mut bench = Self { clock, set, config, dir };
        for (name, text) in rules {
            bench.write(name, text);
        }
        let report = bench.reload();
        assert_eq!(report.problems, []);
        bench
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.dir.path().join(format!("{name}.rhai")), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.dir.path().join(format!("{name}.rhai"))).unwrap();
    }

    pub(crate) fn reload(&mut self) -> LoadReport {
        self.set.reload(&self.config.dir, Scope::Changed)
    }

    pub(crate) fn send(&mut self, reading: Reading) -> Output {
        self.set.take(reading);
        self.set.take_output()
    }

    /// Sends a number of `meter/power` and gives what was forwarded.
    pub(crate) fn power(&mut self, value: f64) -> Output {
        self.send(reading("meter/power", PointType::Float, Value::Float(value), 0))
    }

    pub(crate) fn advance(&mut self, span: Duration) -> Output {
        self.clock.advance(span);
        self.set.run_timers();
        self.set.take_output()
    }

    pub(crate) fn status(&self) -> RuleStatus {
        self.set.status().remove(0)
    }
}

pub(crate) fn limits(dir: PathBuf) -> config::Rules {
    config::Rules { dir, max_operations: 20_000, max_time: Duration::from_secs(600), quarantine_after: 10 }
}

pub(crate) fn point(address: &str, kind: PointType) -> Arc<Point> {
    let (device, point) = address.split_once('/').unwrap();
    Arc::new(Point::new(DeviceId::new(device).unwrap(), PointName::new(point).unwrap(), kind, Some("W")))
}

pub(crate) fn reading(address: &str, kind: PointType, value: Value, ts: i64) -> Reading {
    Reading::good(point(address, kind), value, Timestamp::from_millis(ts))
}

/// `device/point=value` of each reading.
pub(crate) fn lines(readings: &[Reading]) -> Vec<String> {
    let value = |reading: &Reading| reading.value.as_ref().map_or("null".to_owned(), ToString::to_string);
    readings.iter().map(|reading| format!("{}={}", reading.point.address, value(reading))).collect()
}
