//! Adapters: the way in from devices, and the last step of the way back.
//!
//! An adapter owns its links and devices. It sends readings into a bounded channel (it waits when that is full: a
//! poll that cannot be stored is better late than lost), answers [`DeviceRequest`]s, and never fails because of a
//! device: what does not answer becomes a bad reading. It knows `model` and its own configuration, nothing else.

#[cfg(feature = "modbus")]
pub mod modbus;
pub mod registry;

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::sync::mpsc;

use crate::{
    model::{Batch, DeviceId, DeviceRequest, Event, Point, SharedClock},
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

    /// The configuration as a text that differs when anything in it differs: a reload restarts only what changed.
    fn fingerprint(&self) -> String;

    /// Works until stopping is asked for. Called again, with a fresh context, after an error or a panic.
    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>>;
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
    /// Where readings go. Bounded; the adapter waits when it is full.
    pub readings: mpsc::Sender<Batch>,
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
}

/// What every adapter counts, labelled with its name.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests sent to devices.
    pub requests: prometheus_client::metrics::counter::Counter,
    /// Requests without an answer in time.
    pub timeouts: prometheus_client::metrics::counter::Counter,
    /// Answers that were not what was asked: wrong id, unit, function, length, or no frame at all.
    pub rejected: prometheus_client::metrics::counter::Counter,
    /// Answers in which the device refused.
    pub exceptions: prometheus_client::metrics::counter::Counter,
    /// Connections made, the first included.
    pub connects: prometheus_client::metrics::counter::Counter,
    /// Polls that came too late because the link was busy.
    pub overruns: prometheus_client::metrics::counter::Counter,
    /// 1 while the link is up.
    pub up: prometheus_client::metrics::gauge::Gauge,
}
