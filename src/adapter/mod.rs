//! Adapters: the way in from devices, and the last step of the way back.
//!
//! An adapter owns its links and devices. It sends readings into a bounded [`Intake`] (when that is full it waits, or
//! the oldest go, as its kind and its configuration say), answers [`DeviceRequest`]s, and never fails because of a
//! device: what does not answer becomes a bad reading. It knows `model` and its own configuration, nothing else.

#[cfg(any(feature = "modbus", feature = "zigbee", feature = "ble"))]
mod backoff;
#[cfg(feature = "ble")]
pub mod ble;
pub mod fault;
pub mod intake;
pub mod load;
pub mod memory;
#[cfg(feature = "modbus")]
pub mod modbus;
pub mod registry;
#[cfg(any(feature = "modbus", feature = "zigbee"))]
pub mod serial;
#[cfg(feature = "zigbee")]
pub mod zigbee;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, LabelSetEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tokio::sync::mpsc;

pub use self::intake::Intake;
use self::{
    fault::Fault,
    load::{Line, Load},
    memory::Memory,
};
use crate::{
    config::Pressure,
    model::{DeviceId, DeviceRequest, Event, Point, SharedClock},
    shutdown::Stop,
};

/// A future that an adapter hands to the supervisor.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why an adapter ended although nobody asked it to. The supervisor starts it again.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The readings' way out is gone; only at shutdown.
    #[error("nobody takes readings any more")]
    Closed,
    /// Anything that ends this run and that a new start may mend.
    #[error("{0}")]
    Failed(String),
}

/// A configured adapter. It touches no hardware before [`Adapter::run`], so that `check` proves a configuration
/// anywhere.
pub trait Adapter: Send + Sync {
    /// The name in the configuration, unique among adapters.
    fn name(&self) -> &str;

    /// The kind, for example `modbus`.
    fn kind(&self) -> &'static str;

    /// The devices known from the configuration, with their points.
    fn devices(&self) -> Vec<DeviceInfo>;

    /// What happens to its readings while there is no room for them.
    fn pressure(&self) -> Pressure;

    /// The configuration as a text that differs when anything in it differs: a reload restarts only what changed.
    fn fingerprint(&self) -> String;

    /// What keeps it from working until somebody does something about it; `None` while it works or tries to.
    fn condition(&self) -> Option<Condition> {
        None
    }

    /// What it asks of its link, as far as the configuration tells, if need be with the serial line behind the link;
    /// `None` for one whose devices speak by themselves.
    fn load(&self, _behind: Option<Line>) -> Option<Load> {
        None
    }

    /// Works until stopping is asked for. Called again, with a fresh context, after an error or a panic.
    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>>;
}

/// Why an adapter rests although its link is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// For programs: `refused`, `empty`.
    pub state: &'static str,
    /// For people, with what to do.
    pub text: String,
}

/// A device as its adapter announces it.
#[derive(Debug, Clone)]
pub struct DeviceInfo {
    /// Unique id.
    pub id: DeviceId,
    /// Where it is, for people: `unit 3 at tcp://192.168.1.10:502`.
    pub address: String,
    /// What it measures and accepts.
    pub points: Vec<Arc<Point>>,
}

/// What an adapter is given to work with.
pub struct AdapterContext {
    /// Where readings go. Bounded; when it is full the adapter waits or the oldest go.
    pub readings: Intake,
    /// Where events go: device online and offline. Bounded; the adapter waits when it is full.
    pub events: mpsc::Sender<Event>,
    /// What it is asked to do. They go before polls.
    pub requests: mpsc::Receiver<DeviceRequest>,
    /// Raised when the adapter shall end.
    pub stop: Stop,
    /// Time of measurement.
    pub clock: SharedClock,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Called whenever it worked or had nothing to do, at least every [`Alive::INTERVAL`]: silence is a fault.
    pub alive: Alive,
    /// What it learned before, and may keep for the next start.
    pub memory: Memory,
    /// Called when [`Adapter::devices`] has changed, so that commands find what is new.
    pub announce: Announce,
}

/// Tells that an adapter's devices or points have changed.
#[derive(Clone)]
pub struct Announce(Arc<dyn Fn() + Send + Sync>);

impl Announce {
    /// Passes the news on.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells nobody, for adapters whose devices stand in the configuration, and for tests.
    pub fn nobody() -> Self {
        Self::new(|| {})
    }

    /// Tells it.
    pub fn changed(&self) {
        (self.0)();
    }
}

/// An adapter's sign of life, for the watchdog. Waiting for a device, a link or room in a queue is life too.
#[derive(Clone)]
pub struct Alive(Arc<dyn Fn() + Send + Sync>);

impl Alive {
    /// Longest time between two signs.
    pub const INTERVAL: Duration = Duration::from_secs(5);

    /// Passes signs of life on.
    pub fn new(sign: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(sign))
    }

    /// Gives a sign of life.
    pub fn sign(&self) {
        (self.0)();
    }

    /// Waits for `work`, giving signs meanwhile. Safe to cancel if `work` is.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.sign();
            // Mostly the work is done at once, and no timer is started.
            if let Ok(done) = tokio::time::timeout(Self::INTERVAL, &mut work).await {
                return done;
            }
        }
    }
}

/// What every adapter counts, labelled with its name, and what it says of its link.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests sent to devices.
    pub requests: Counter,
    /// Requests without an answer in time.
    pub timeouts: Counter,
    /// Answers that were not what was asked: wrong id, unit, function, length, or no frame at all.
    pub rejected: Counter,
    /// Answers in which the device refused.
    pub exceptions: Counter,
    /// Connections made, the first included.
    pub connects: Counter,
    /// Polls that came too late because the link was busy.
    pub overruns: Counter,
    /// Readings that were shed because there was no room for them.
    pub shed: Counter,
    /// Advertisements heard.
    pub heard: Counter,
    /// Advertisements that went unread because there was no room for them.
    pub unread: Counter,
    /// Readings left out because their device speaks more often than is wanted.
    pub limited: Counter,
    /// Connections made to single devices, beside those of the link itself.
    pub links: Counter,
    /// Times that a device had to wait because as many as may be were connected.
    pub waits: Counter,
    /// Times that a scan was started again because nothing was heard any more.
    pub rescans: Counter,
    /// Times that a radio that stayed silent was listened to over a new connection.
    pub renewals: Counter,
    /// Times that a radio was switched off and on because it stayed silent.
    pub power_cycles: Counter,
    /// Devices forgotten because there were too many.
    pub forgotten: Counter,
    /// Calls of a profile's script that failed.
    pub scripts: Counter,
    /// Documents that were too large to be kept.
    pub memory_refused: Counter,
    /// Documents that the disk did not take; each is tried again.
    pub memory_failures: Counter,
    /// How far new firmware of devices is.
    pub updates: Progress,
    /// 1 while the link is up.
    pub up: Gauge,
    /// Why it is not.
    pub fault: Fault,
}

/// How far something is with single devices, in hundredths. Devices with which it has ended are not shown, so that there
/// are as many as are under way.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    adapter: Arc<str>,
    family: Family<DeviceLabel, Gauge>,
}

impl Progress {
    /// Shows how far it is with a device; `None` when it has ended.
    pub fn show(&self, device: &str, percent: Option<u64>) {
        let label = DeviceLabel { adapter: Arc::clone(&self.adapter), device: device.into() };
        match percent {
            Some(percent) => {
                self.family.get_or_create_owned(&label).set(i64::try_from(percent).unwrap_or(i64::MAX));
            }
            None => drop(self.family.remove(&label)),
        }
    }
}

/// The labels of a metric of one device: `adapter="zb",device="plug-1"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DeviceLabel {
    adapter: Arc<str>,
    device: Arc<str>,
}

impl EncodeLabelSet for DeviceLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        [("adapter", &*self.adapter), ("device", &*self.device)].encode(encoder)
    }
}

/// The label of every adapter metric: `adapter="line1"`. All metrics of an adapter share the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Label(Arc<str>);

impl EncodeLabelSet for Label {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        [("adapter", &*self.0)].encode(encoder)
    }
}

/// The metrics of all adapters, as they are exported.
#[derive(Debug, Clone, Default)]
pub struct Families {
    requests: Family<Label, Counter>,
    timeouts: Family<Label, Counter>,
    rejected: Family<Label, Counter>,
    exceptions: Family<Label, Counter>,
    connects: Family<Label, Counter>,
    overruns: Family<Label, Counter>,
    shed: Family<Label, Counter>,
    heard: Family<Label, Counter>,
    unread: Family<Label, Counter>,
    limited: Family<Label, Counter>,
    links: Family<Label, Counter>,
    waits: Family<Label, Counter>,
    rescans: Family<Label, Counter>,
    renewals: Family<Label, Counter>,
    power_cycles: Family<Label, Counter>,
    forgotten: Family<Label, Counter>,
    scripts: Family<Label, Counter>,
    memory_refused: Family<Label, Counter>,
    memory_failures: Family<Label, Counter>,
    updates: Family<DeviceLabel, Gauge>,
    up: Family<Label, Gauge>,
}

impl Families {
    /// Adds the families to the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        for (name, help, family) in [
            ("adapter_requests", "Requests sent to devices", &all.requests),
            ("adapter_timeouts", "Requests without an answer in time", &all.timeouts),
            ("adapter_rejected", "Answers that were not what was asked", &all.rejected),
            ("adapter_exceptions", "Answers in which the device refused", &all.exceptions),
            ("adapter_connects", "Connections made", &all.connects),
            ("adapter_overruns", "Polls left out because the link was busy", &all.overruns),
            ("adapter_shed_readings", "Readings shed because there was no room for them", &all.shed),
            ("adapter_heard", "Advertisements heard", &all.heard),
            ("adapter_unread", "Advertisements unread because there was no room for them", &all.unread),
            ("adapter_limited_readings", "Readings left out because they came sooner than is wanted", &all.limited),
            ("adapter_device_connects", "Connections made to single devices", &all.links),
            ("adapter_device_waits", "Times that a device waited for a free connection", &all.waits),
            ("adapter_rescans", "Times that a silent scan was started again", &all.rescans),
            ("adapter_renewals", "Times that a silent radio was listened to over a new connection", &all.renewals),
            ("adapter_power_cycles", "Times that a silent radio was switched off and on", &all.power_cycles),
            ("adapter_forgotten_devices", "Devices forgotten because there were too many", &all.forgotten),
            ("adapter_script_failures", "Calls of a profile's script that failed", &all.scripts),
            ("adapter_memory_refused", "Times that more was learned than is kept", &all.memory_refused),
            ("adapter_memory_failures", "Writes of what was learned that failed", &all.memory_failures),
        ] {
            registry.register(name, help, family.clone());
        }
        let help = "How much of its new firmware a device that loads was given";
        registry.register("adapter_update_percent", help, all.updates.clone());
        registry.register("adapter_up", "1 while the link is up", all.up.clone());
        all
    }

    /// The metrics of one adapter; the same ones each time, so that a restart goes on counting.
    pub fn of(&self, name: &str) -> Metrics {
        let label = Label(name.into());
        Metrics {
            requests: self.requests.get_or_create_owned(&label),
            timeouts: self.timeouts.get_or_create_owned(&label),
            rejected: self.rejected.get_or_create_owned(&label),
            exceptions: self.exceptions.get_or_create_owned(&label),
            connects: self.connects.get_or_create_owned(&label),
            overruns: self.overruns.get_or_create_owned(&label),
            shed: self.shed.get_or_create_owned(&label),
            heard: self.heard.get_or_create_owned(&label),
            unread: self.unread.get_or_create_owned(&label),
            limited: self.limited.get_or_create_owned(&label),
            links: self.links.get_or_create_owned(&label),
            waits: self.waits.get_or_create_owned(&label),
            rescans: self.rescans.get_or_create_owned(&label),
            renewals: self.renewals.get_or_create_owned(&label),
            power_cycles: self.power_cycles.get_or_create_owned(&label),
            forgotten: self.forgotten.get_or_create_owned(&label),
            scripts: self.scripts.get_or_create_owned(&label),
            memory_refused: self.memory_refused.get_or_create_owned(&label),
            memory_failures: self.memory_failures.get_or_create_owned(&label),
            updates: Progress { adapter: name.into(), family: self.updates.clone() },
            up: self.up.get_or_create_owned(&label),
            fault: Fault::default(),
        }
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
        families.of("zb").updates.show("plug-1", Some(37));
        families.of("zb").updates.show("plug-2", Some(100));
        families.of("zb").updates.show("plug-2", None);

        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("tidegate_adapter_timeouts_total{adapter=\"line1\"} 2"), "{text}");
        assert!(text.contains("tidegate_adapter_update_percent{adapter=\"zb\",device=\"plug-1\"} 37"), "{text}");
        assert!(!text.contains("plug-2"), "{text}");
    }
}
