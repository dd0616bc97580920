//! What the parts of the daemon share.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio::sync::{mpsc, watch};

use super::{
    adapters::{AdapterTask, Switchboard},
    backlog,
    republish::Servers,
    uplinks::UplinkTask,
};
use crate::{
    adapter::{self, memory::Memories},
    buffer::{Buffer, History},
    command::{self, Desk, Routes},
    config::Config,
    live::Live,
    model::{Batch, Envelope, Event, Outcome, SharedClock, Timestamp},
    rules,
    supervisor::{Supervisor, TaskHandle},
    telemetry::logging::LogControl,
    uplink,
};

/// What the parts of the daemon share.
pub(super) struct Core {
    /// Where the configuration was read from.
    pub(super) path: PathBuf,
    /// The configuration in force.
    pub(super) config: Mutex<Config>,
    /// Time.
    pub(super) clock: SharedClock,
    /// When the gateway was started.
    pub(super) started: Timestamp,
    /// The uptime at that moment, which no clock that is set can change.
    pub(super) started_at: Duration,
    /// The store.
    pub(super) buffer: Buffer,
    /// What adapters learned.
    pub(super) memories: Arc<Memories>,
    /// What was stored.
    pub(super) history: History,
    /// The last readings.
    pub(super) live: Live,
    /// Who starts and ends tasks.
    pub(super) supervisor: Supervisor,
    /// What a reload may end and start again.
    pub(super) running: Running,
    /// The ways into the parts.
    pub(super) ways: Ways,
    /// Everything that is counted.
    pub(super) metrics: Metrics,
    /// Modbus servers of ours.
    pub(super) servers: Servers,
    /// Readings per second of late.
    pub(super) rate: Mutex<f64>,
    /// Changes the log level.
    pub(super) log: LogControl,
}

/// The ways into the parts.
pub(super) struct Ways {
    /// For commands.
    pub(super) inbox: mpsc::Sender<Envelope>,
    /// For events.
    pub(super) events: mpsc::Sender<Event>,
    /// For outcomes of what uplinks answer themselves.
    pub(super) outcomes: mpsc::Sender<Outcome>,
    /// Words to the rule thread.
    pub(super) rules: mpsc::Sender<rules::Control>,
    /// How the rules do.
    pub(super) rule_status: watch::Receiver<Vec<rules::RuleStatus>>,
    /// The way to each point, as the desk sees it.
    pub(super) routes: watch::Sender<Arc<Routes>>,
}

/// What a reload may end and start again.
pub(super) struct Running {
    /// Adapters.
    pub(super) adapters: Mutex<Vec<AdapterTask>>,
    /// Uplinks.
    pub(super) uplinks: Mutex<Vec<UplinkTask>>,
    /// The ways to devices, by adapter.
    pub(super) switchboard: Mutex<Switchboard>,
    /// The desk with what it works with; locked by the task that runs it.
    pub(super) desk: tokio::sync::Mutex<(Desk, command::Context)>,
    /// The task that runs the desk.
    pub(super) desk_task: Mutex<Option<TaskHandle>>,
    /// The adapters' way into the rules; taken away at the stop, so that the rules end after the last adapter.
    pub(super) intake: Mutex<Option<mpsc::Sender<Batch>>>,
    /// Held while a reload is under way: one at a time.
    pub(super) reloading: tokio::sync::Mutex<()>,
}

impl Running {
    /// Nothing runs yet.
    pub(super) fn new(intake: mpsc::Sender<Batch>, desk: (Desk, command::Context)) -> Self {
        Self {
            adapters: Mutex::default(),
            uplinks: Mutex::default(),
            switchboard: Mutex::default(),
            desk: tokio::sync::Mutex::new(desk),
            desk_task: Mutex::default(),
            intake: Mutex::new(Some(intake)),
            reloading: tokio::sync::Mutex::default(),
        }
    }
}

/// Everything that is counted.
pub(super) struct Metrics {
    /// The registry behind `/metrics`.
    pub(super) registry: Registry,
    /// By adapter.
    pub(super) adapters: adapter::Families,
    /// By uplink.
    pub(super) uplinks: uplink::Families,
    /// What uplinks have to deliver.
    pub(super) backlogs: backlog::Metrics,
    /// Bytes this process has written to disk.
    pub(super) written: Gauge,
}

impl Metrics {
    /// Adds the metrics of everything that comes in numbers.
    pub(super) fn register(mut registry: Registry) -> Self {
        let adapters = adapter::Families::register(&mut registry);
        let uplinks = uplink::Families::register(&mut registry);
        let backlogs = backlog::Metrics::register(&mut registry);
        let written = Gauge::default();
        registry.register("process_written_bytes", "Bytes written to disk since the start", written.clone());
        Self { registry, adapters, uplinks, backlogs, written }
    }
}
