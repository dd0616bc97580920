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
mod metrics;
#[cfg(feature = "modbus")]
pub mod modbus;
pub mod registry;
#[cfg(any(feature = "modbus", feature = "zigbee"))]
pub mod serial;
#[cfg(feature = "zigbee")]
pub mod zigbee;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;

pub use self::{
    intake::Intake,
    metrics::{Families, Metrics},
};
use self::{
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
    pub requests: mpsc::Receiver<Box<DeviceRequest>>,
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
