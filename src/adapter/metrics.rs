//! What adapters count.
//!
//! Each adapter has one set of counters, which are exported together: a gateway may have hundreds of adapters, and a
//! table for each counter would take more room than what is counted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, LabelSetEncoder},
    metrics::{MetricType, counter::Counter, gauge::Gauge},
    registry::Registry,
};

use super::fault::Fault;

/// What every adapter counts, labelled with its name, and what it says of its link.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests sent to devices.
    pub requests: Count,
    /// Requests without an answer in time.
    pub timeouts: Count,
    /// Answers that were not what was asked: wrong id, unit, function, length, or no frame at all.
    pub rejected: Count,
    /// Answers in which the device refused.
    pub exceptions: Count,
    /// Connections made, the first included.
    pub connects: Count,
    /// Polls that came too late because the link was busy.
    pub overruns: Count,
    /// Readings that were shed because there was no room for them.
    pub shed: Counter,
    /// Advertisements heard.
    pub heard: Count,
    /// Advertisements and notifications that went unread because there was no room for them.
    pub unread: Counter,
    /// Readings left out because their device speaks more often than is wanted.
    pub limited: Count,
    /// Connections made to single devices, beside those of the link itself.
    pub links: Count,
    /// Times that a device had to wait because as many as may be were connected.
    pub waits: Count,
    /// Times that a scan was started again because nothing was heard any more.
    pub rescans: Count,
    /// Times that a radio that stayed silent was listened to over a new connection.
    pub renewals: Count,
    /// Times that a radio was switched off and on because it stayed silent.
    pub power_cycles: Count,
    /// Devices forgotten because there were too many.
    pub forgotten: Count,
    /// Calls of a profile's script that failed.
    pub scripts: Count,
    /// Documents that were too large to be kept.
    pub memory_refused: Count,
    /// Documents that the disk did not take; each is tried again.
    pub memory_failures: Count,
    /// How far new firmware of devices is.
    pub updates: Progress,
    /// 1 while the link is up.
    pub up: Gauge,
    /// Why it is not.
    pub fault: Fault,
}

/// How far something is with single devices, in hundredths. Devices with which it has ended are not shown, so that there
/// are as many as are under way.
#[derive(Debug, Default)]
pub struct Progress(Mutex<BTreeMap<Box<str>, u64>>);

impl Progress {
    /// Shows how far it is with a device; `None` when it has ended.
    pub fn show(&self, device: &str, percent: Option<u64>) {
        let mut devices = self.locked();
        match percent {
            Some(percent) => devices.insert(device.into(), percent),
            None => devices.remove(device),
        };
    }

    /// The table, also after a holder panicked: every change to it is whole.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<Box<str>, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counter that stands among the others of its adapter.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

/// Name, explanation and value of a counter.
type Exported = (&'static str, &'static str, fn(&Metrics) -> u64);

/// All counters, as they are exported.
const COUNTERS: [Exported; 19] = [
    ("adapter_requests", "Requests sent to devices", |of| of.requests.get()),
    ("adapter_timeouts", "Requests without an answer in time", |of| of.timeouts.get()),
    ("adapter_rejected", "Answers that were not what was asked", |of| of.rejected.get()),
    ("adapter_exceptions", "Answers in which the device refused", |of| of.exceptions.get()),
    ("adapter_connects", "Connections made", |of| of.connects.get()),
    ("adapter_overruns", "Polls left out because the link was busy", |of| of.overruns.get()),
    ("adapter_shed_readings", "Readings shed because there was no room for them", |of| of.shed.get()),
    ("adapter_heard", "Advertisements heard", |of| of.heard.get()),
    ("adapter_unread", "Advertisements and notifications unread because there was no room for them", |of| {
        of.unread.get()
    }),
    ("adapter_limited_readings", "Readings left out because they came sooner than is wanted", |of| of.limited.get()),
    ("adapter_device_connects", "Connections made to single devices", |of| of.links.get()),
    ("adapter_device_waits", "Times that a device waited for a free connection", |of| of.waits.get()),
    ("adapter_rescans", "Times that a silent scan was started again", |of| of.rescans.get()),
    ("adapter_renewals", "Times that a silent radio was listened to over a new connection", |of| of.renewals.get()),
    ("adapter_power_cycles", "Times that a silent radio was switched off and on", |of| of.power_cycles.get()),
    ("adapter_forgotten_devices", "Devices forgotten because there were too many", |of| of.forgotten.get()),
    ("adapter_script_failures", "Calls of a profile's script that failed", |of| of.scripts.get()),
    ("adapter_memory_refused", "Times that more was learned than is kept", |of| of.memory_refused.get()),
    ("adapter_memory_failures", "Writes of what was learned that failed", |of| of.memory_failures.get()),
];

impl Count {
    /// Counts one; gives what it was before.
    pub fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// Counts several; gives what it was before.
    pub fn inc_by(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::Relaxed)
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The label of every adapter metric: `adapter="line1"`. All metrics of an adapter share the name.
#[derive(Debug)]
struct Label<'a>(&'a str);

impl EncodeLabelSet for Label<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        [("adapter", self.0)].encode(encoder)
    }
}

/// The labels of a metric of one device: `adapter="zb",device="plug-1"`.
#[derive(Debug)]
struct DeviceLabel<'a> {
    adapter: &'a str,
    device: &'a str,
}

impl EncodeLabelSet for DeviceLabel<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        [("adapter", self.adapter), ("device", self.device)].encode(encoder)
    }
}

/// The metrics of all adapters by their names, as they are exported. One set for each adapter there was since the start.
#[derive(Debug, Clone, Default)]
pub struct Families(Arc<Mutex<BTreeMap<Box<str>, Arc<Metrics>>>>);

impl Families {
    /// Adds them to the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register_collector(Box::new(all.clone()));
        all
    }

    /// The metrics of one adapter; the same ones each time, so that a restart goes on counting.
    pub fn of(&self, name: &str) -> Arc<Metrics> {
        Arc::clone(self.locked().entry(name.into()).or_default())
    }

    /// The table, also after a holder panicked: every change to it is whole.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Arc<Metrics>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = self.locked();
        for (name, help, value) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (name, metrics) in &*all {
                let count = value(metrics);
                family.encode_family(&Label(name))?.encode_counter::<Label<'_>, u64, f64>(&count, None)?;
            }
        }
        let help = "How much of its new firmware a device that loads was given";
        let mut family = encoder.encode_descriptor("adapter_update_percent", help, None, MetricType::Gauge)?;
        for (name, metrics) in &*all {
            for (device, percent) in &*metrics.updates.locked() {
                family.encode_family(&DeviceLabel { adapter: name, device })?.encode_gauge(percent)?;
            }
        }
        let mut family =
            encoder.encode_descriptor("adapter_up", "1 while the link is up", None, MetricType::Gauge)?;
        for (name, metrics) in &*all {
            family.encode_family(&Label(name))?.encode_gauge(&metrics.up.get())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_goes_on_counting_under_its_name() {
        let mut registry = Registry::with_prefix("tidegate");
        let families = Families::register(&mut registry);

        families.of("line1").timeouts.inc();
        families.of("line1").timeouts.inc();
        families.of("line2").up.set(1);
        families.of("zb").updates.show("plug-1", Some(37));
        families.of("zb").updates.show("plug-2", Some(100));
        families.of("zb").updates.show("plug-2", None);

        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "# TYPE tidegate_adapter_timeouts counter",
            "tidegate_adapter_timeouts_total{adapter=\"line1\"} 2",
            "tidegate_adapter_timeouts_total{adapter=\"line2\"} 0",
            "tidegate_adapter_update_percent{adapter=\"zb\",device=\"plug-1\"} 37",
            "# TYPE tidegate_adapter_up gauge",
            "tidegate_adapter_up{adapter=\"line2\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("plug-2"), "{text}");
    }
}
