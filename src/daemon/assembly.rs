//! Opening the parts and connecting them.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use prometheus_client::registry::Registry;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

use super::{
    core::{Core, Metrics, Running, Ways},
    republish::Servers,
};
use crate::{
    adapter::{Adapter, memory::Memories, registry::Loaded},
    api,
    buffer::{self, Buffer, Feed, History, damage::Salvage},
    command::{self, Desk, Routes},
    config::Config,
    live::Live,
    model::{Batch, Envelope, Event, Outcome, Point, SharedClock},
    pipeline::{self, Record},
    rules::{self, Kept, RuleThread},
    shutdown::StopSignal,
    supervisor::{Restart, Stage, Supervisor},
    telemetry::{self, logging::LogControl},
    uplink,
};

/// Batches between adapters and rules. When it is full the adapters wait: their polls are late, not lost.
const READING_QUEUE: usize = 64;
/// Outputs between rules and buffer. When it is full the rules wait.
const OUTPUT_QUEUE: usize = 16;
/// Events of adapters and supervisor. When it is full adapters wait; the supervisor only logs.
const EVENT_QUEUE: usize = 256;
/// Commands that are not looked at yet. When it is full their senders wait, the MQTT broker among them.
const INBOX: usize = 64;
/// Outcomes on their way to the buffer. When it is full the desk waits.
const OUTCOME_QUEUE: usize = 64;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The buffer could not be opened, not even anew.
    #[error("buffer: {0}")]
    Buffer(#[from] buffer::OpenError),
    /// The memory of commands could not be opened: without it none may be carried out.
    #[error("command ledger: {0}")]
    Ledger(#[from] command::LedgerError),
    /// The API's socket could not be made, most likely because another gateway runs on it.
    #[error("api: {0}")]
    Api(#[from] api::SocketError),
    /// The system gave no thread.
    #[error("thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl StartError {
    /// Whether it is the configuration that must change.
    pub(super) fn is_of_configuration(&self) -> bool {
        matches!(self, Self::Buffer(buffer::OpenError::Key { .. }))
    }
}

/// A running gateway.
pub struct Daemon {
    /// What its parts share.
    pub(super) core: Arc<Core>,
}

/// What the parts leave behind for the tasks that run them.
struct Ends {
    /// The thread that runs the rules.
    rules: RuleThread,
    /// Out of the rules.
    outputs: mpsc::Receiver<rules::Output>,
    /// Into the buffer besides readings.
    record: Record,
    /// What is carried over from files that were damaged.
    salvage: Salvage,
}

impl Daemon {
    /// Opens and connects everything. Nothing outside this machine has to be there.
    pub async fn start(path: &Path, loaded: Loaded, clock: SharedClock, log: LogControl) -> Result<Self, StartError> {
        let (config, adapters, _) = loaded;
        let (uplinks, servers) = (config.uplinks.clone(), config.republish.clone());
        let (core, ends) = open(path, config, &adapters, clock, log).await?;
        core.start_surface()?;
        core.start_middle(ends)?;
        core.start_desk();
        for section in uplinks {
            core.add_uplink(section);
        }
        for adapter in adapters {
            core.add_adapter(adapter);
        }
        core.apply_republish(&servers, &mut Vec::new()).await;
        Ok(Self { core })
    }
}

/// The channels between the parts, until each end has found its part.
struct Wires {
    batches: (mpsc::Sender<Batch>, mpsc::Receiver<Batch>),
    outputs: (mpsc::Sender<rules::Output>, mpsc::Receiver<rules::Output>),
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    inbox: (mpsc::Sender<Envelope>, mpsc::Receiver<Envelope>),
    outcomes: (mpsc::Sender<Outcome>, mpsc::Receiver<Outcome>),
    controls: (mpsc::Sender<rules::Control>, mpsc::Receiver<rules::Control>),
    rule_status: (watch::Sender<Vec<rules::RuleStatus>>, watch::Receiver<Vec<rules::RuleStatus>>),
    routes: watch::Sender<Arc<Routes>>,
}

impl Wires {
    /// Every channel with its bound.
    fn new() -> Self {
        Self {
            batches: mpsc::channel(READING_QUEUE),
            outputs: mpsc::channel(OUTPUT_QUEUE),
            events: mpsc::channel(EVENT_QUEUE),
            inbox: mpsc::channel(INBOX),
            outcomes: mpsc::channel(OUTCOME_QUEUE),
            controls: mpsc::channel(1),
            rule_status: watch::channel(Vec::new()),
            routes: watch::Sender::new(Arc::default()),
        }
    }
}

/// Opens every part. Only the buffer's writer works already: what it knows of the last run the others start from.
async fn open(
    path: &Path,
    config: Config,
    adapters: &[Arc<dyn Adapter>],
    clock: SharedClock,
    log: LogControl,
) -> Result<(Arc<Core>, Ends), StartError> {
    let mut registry = telemetry::metrics::registry();
    let wires = Wires::new();
    let supervisor = Supervisor::new(wires.events.0.clone(), Arc::clone(&clock));
    let (buffer, salvage) = open_buffer(&config, &clock, &supervisor, &mut registry)?;
    let kept = kept(&buffer, adapters).await;
    let live = Live::new(kept.last.clone());
    let (ways, running, ends) = connect(wires, &config, (kept, salvage), &clock, &mut registry)?;
    let memories = Memories::new(config.buffer.path.with_file_name("adapters"));
    let history = History::new(buffer.clone(), &config.buffer, Arc::clone(&clock));
    let core = Core {
        path: path.to_owned(),
        started: clock.now(),
        started_at: clock.uptime(),
        config: Mutex::new(config),
        servers: Servers::register(&mut registry),
        metrics: Metrics::register(registry),
        rate: Mutex::default(),
        clock,
        memories,
        history,
        buffer,
        live,
        supervisor,
        running,
        ways,
        log,
    };
    Ok((Arc::new(core), ends))
}

/// Opens desk and rules at the ends of the channels; gives the other ends.
fn connect(
    wires: Wires,
    config: &Config,
    (kept, salvage): (Kept, Salvage),
    clock: &SharedClock,
    registry: &mut Registry,
) -> Result<(Ways, Running, Ends), StartError> {
    let Wires { batches, outputs, events, inbox, outcomes, controls, rule_status, routes } = wires;
    let desk_context = command::Context {
        inbox: inbox.1,
        outcomes: outcomes.0.clone(),
        audit: events.0.clone(),
        routes: routes.subscribe(),
        clock: Arc::clone(clock),
        stop: StopSignal::pair().1,
        metrics: command::Metrics::register(registry),
    };
    let ledger = config.buffer.path.with_file_name("commands.db");
    let desk = Desk::open(&config.commands, config.grants.clone(), &ledger)?;
    let rule_context = rules::Context {
        runtime: Handle::current(),
        input: batches.1,
        output: outputs.0,
        control: controls.1,
        kept,
        clock: Arc::clone(clock),
        metrics: rules::Metrics::register(registry),
        status: rule_status.0,
    };
    let ends = Ends {
        rules: RuleThread::new(config.rules.clone(), rule_context),
        outputs: outputs.1,
        record: Record { events: events.1, outcomes: outcomes.1 },
        salvage,
    };
    let running = Running::new(batches.0, (desk, desk_context));
    let (inbox, events, outcomes, rules) = (inbox.0, events.0, outcomes.0, controls.0);
    let ways = Ways { inbox, events, outcomes, rules, rule_status: rule_status.1, routes };
    Ok((ways, running, ends))
}

/// What the last run left behind.
async fn kept(buffer: &Buffer, adapters: &[Arc<dyn Adapter>]) -> Kept {
    Kept { state: buffer.rule_state().await, last: buffer.last_values().await, points: points_of(adapters).into() }
}

/// Opens the buffer and starts its writer.
fn open_buffer(
    config: &Config,
    clock: &SharedClock,
    supervisor: &Supervisor,
    registry: &mut Registry,
) -> Result<(Buffer, Salvage), StartError> {
    let origin = buffer::Origin {
        gateway: Arc::clone(&config.gateway.id),
        uplinks: config.uplinks.iter().map(Feed::of).collect(),
        clock: Arc::clone(clock),
    };
    let (buffer, writer) = buffer::open(&config.buffer, origin, buffer::Metrics::register(registry))?;
    let salvage = writer.salvage()?;
    supervisor.spawn_thread(Stage::Store, "buffer writer", move || writer.run())?;
    Ok((buffer, salvage))
}

/// Every point the configuration knows.
pub(super) fn points_of(adapters: &[Arc<dyn Adapter>]) -> Vec<Arc<Point>> {
    adapters.iter().flat_map(|adapter| adapter.devices()).flat_map(|device| device.points).collect()
}

impl Core {
    /// Starts the rules and the tasks that carry on what they made.
    fn start_middle(self: &Arc<Self>, ends: Ends) -> Result<(), StartError> {
        let Ends { rules, outputs, record, salvage } = ends;
        self.start_salvage(salvage);
        self.supervisor.spawn_thread(Stage::Rules, "rules", move || rules.run())?;
        let (core, outputs) = (Arc::clone(self), Arc::new(tokio::sync::Mutex::new(outputs)));
        self.supervisor.spawn(Stage::Rules, "pipeline", Restart::WithBackoff, move |_stop| {
            let (core, outputs) = (Arc::clone(&core), Arc::clone(&outputs));
            async move {
                let mut outputs = outputs.lock().await;
                pipeline::run(&mut outputs, &core.live, &core.buffer, &core.ways.inbox, &core.clock).await
            }
        });
        self.start_memory();
        let (core, record) = (Arc::clone(self), Arc::new(tokio::sync::Mutex::new(record)));
        self.supervisor.spawn(Stage::Buffer, "recorder", Restart::WithBackoff, move |stop| {
            let (core, record) = (Arc::clone(&core), Arc::clone(&record));
            async move { pipeline::record(&mut *record.lock().await, &core.buffer, stop).await }
        });
        Ok(())
    }

    /// Starts the task that writes down what adapters learn; it outlives them.
    fn start_memory(self: &Arc<Self>) {
        let memories = Arc::clone(&self.memories);
        self.supervisor.spawn(Stage::Buffer, "adapter memory", Restart::WithBackoff, move |stop| {
            let memories = Arc::clone(&memories);
            async move { memories.run(stop).await }
        });
    }

    /// Starts the task that salvages damaged files, if there are any. It stops with the intake.
    fn start_salvage(self: &Arc<Self>, salvage: Salvage) {
        if salvage.is_empty() {
            return;
        }
        let core = Arc::clone(self);
        self.supervisor.spawn(Stage::Intake, "salvage", Restart::WithBackoff, move |stop| {
            let (core, salvage) = (Arc::clone(&core), salvage.clone());
            async move { salvage.run(&core.buffer, stop).await }
        });
    }

    /// Starts the task that decides on commands.
    pub(super) fn start_desk(self: &Arc<Self>) {
        let core = Arc::clone(self);
        let handle = self.supervisor.spawn(Stage::Intake, "command desk", Restart::WithBackoff, move |stop| {
            let core = Arc::clone(&core);
            async move {
                let mut desk = core.running.desk.lock().await;
                let (desk, context) = &mut *desk;
                context.stop = stop;
                desk.run(context).await
            }
        });
        *super::lock(&self.running.desk_task) = Some(handle);
    }

    /// What a `state` message says of this gateway.
    pub(super) fn gateway_info(&self) -> uplink::GatewayInfo {
        uplink::GatewayInfo {
            id: Arc::clone(&super::lock(&self.config).gateway.id),
            version: env!("CARGO_PKG_VERSION"),
            boot: self.clock.boot(),
            started: self.started,
        }
    }
}
