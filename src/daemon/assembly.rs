//! Opening the parts and connecting them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use prometheus_client::registry::Registry;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

use super::{
    adapters::{AdapterTask, Switchboard},
    uplinks::UplinkTask,
};
use crate::{
    adapter::{self, Adapter, registry::Loaded},
    api,
    buffer::{self, Buffer},
    command::{self, Desk, Routes},
    config::Config,
    live::Live,
    model::{Batch, Envelope, Event, Point, SharedClock, Timestamp},
    pipeline::{self, Record},
    rules::{self, Kept, RuleThread},
    shutdown::StopSignal,
    supervisor::{Restart, Stage, Supervisor, TaskHandle},
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

/// A running gateway.
pub struct Daemon {
    /// What its parts share.
    pub(super) core: Arc<Core>,
}

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
    /// The store.
    pub(super) buffer: Buffer,
    /// The last readings.
    pub(super) live: Live,
    /// The way in for commands.
    pub(super) inbox: mpsc::Sender<Envelope>,
    /// The way in for events.
    pub(super) events: mpsc::Sender<Event>,
    /// Who starts and ends tasks.
    pub(super) supervisor: Supervisor,
    /// Everything that is counted.
    pub(super) metrics: Metrics,
    /// Running adapters.
    pub(super) adapters: Mutex<Vec<AdapterTask>>,
    /// Running uplinks.
    pub(super) uplinks: Mutex<Vec<UplinkTask>>,
    /// The ways to devices, by adapter.
    pub(super) switchboard: Mutex<Switchboard>,
    /// The same by point, as the desk sees it.
    pub(super) routes: watch::Sender<Arc<Routes>>,
    /// The desk with what it works with; locked by the task that runs it.
    pub(super) desk: tokio::sync::Mutex<(Desk, command::Context)>,
    /// The task that runs the desk.
    pub(super) desk_task: Mutex<Option<TaskHandle>>,
    /// Words to the rule thread.
    pub(super) rules: mpsc::Sender<rules::Control>,
    /// How the rules do.
    pub(super) rule_status: watch::Receiver<Vec<rules::RuleStatus>>,
    /// The adapters' way into the rules; taken away at the stop, so that the rules end after the last adapter.
    pub(super) intake: Mutex<Option<mpsc::Sender<Batch>>>,
    /// Changes the log level.
    pub(super) log: LogControl,
    /// Held while a reload is under way: one at a time.
    pub(super) reloading: tokio::sync::Mutex<()>,
    /// Readings per second of late.
    pub(super) rate: Mutex<f64>,
}

/// Everything that is counted.
pub(super) struct Metrics {
    /// The registry behind `/metrics`.
    pub(super) registry: Registry,
    /// By adapter.
    pub(super) adapters: adapter::Families,
    /// By uplink.
    pub(super) uplinks: uplink::Families,
}

/// What the parts leave behind for the tasks that run them.
struct Ends {
    /// The thread that runs the rules.
    rules: RuleThread,
    /// Out of the rules.
    outputs: mpsc::Receiver<rules::Output>,
    /// Into the buffer besides readings.
    record: Record,
}

impl Daemon {
    /// Opens and connects everything. Nothing outside this machine has to be there.
    pub async fn start(path: &Path, loaded: Loaded, clock: SharedClock, log: LogControl) -> Result<Self, StartError> {
        let (config, adapters, _) = loaded;
        let uplinks = config.uplinks.clone();
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
        Ok(Self { core })
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
    let (events, event_queue) = mpsc::channel(EVENT_QUEUE);
    let supervisor = Supervisor::new(events.clone(), Arc::clone(&clock));
    let buffer = open_buffer(&config, &clock, &supervisor, &mut registry)?;
    let ledger = config.buffer.path.with_file_name("commands.db");
    let desk = Desk::open(&config.commands, config.grants.clone(), &ledger)?;

    let (intake, batches) = mpsc::channel(READING_QUEUE);
    let (outputs_in, outputs) = mpsc::channel(OUTPUT_QUEUE);
    let (inbox, inbox_queue) = mpsc::channel(INBOX);
    let (outcomes, outcome_queue) = mpsc::channel(OUTCOME_QUEUE);
    let (rules, control) = mpsc::channel(1);
    let (rule_board, rule_status) = watch::channel(Vec::new());
    let routes = watch::Sender::new(Arc::default());
    let kept = Kept {
        state: buffer.rule_state().await,
        last: buffer.last_values().await,
        points: points_of(adapters).into(),
    };

    let live = Live::new(kept.last.clone());
    let rule_context = rules::Context {
        runtime: Handle::current(),
        input: batches,
        output: outputs_in,
        control,
        kept,
        clock: Arc::clone(&clock),
        metrics: rules::Metrics::register(&mut registry),
        status: rule_board,
    };
    let rule_thread = RuleThread::new(config.rules.clone(), rule_context);
    let desk_context = command::Context {
        inbox: inbox_queue,
        outcomes,
        audit: events.clone(),
        routes: routes.subscribe(),
        clock: Arc::clone(&clock),
        stop: StopSignal::pair().1,
        metrics: command::Metrics::register(&mut registry),
    };
    let core = Core {
        path: path.to_owned(),
        config: Mutex::new(config),
        started: clock.now(),
        metrics: Metrics::register(registry),
        adapters: Mutex::default(),
        uplinks: Mutex::default(),
        switchboard: Mutex::default(),
        desk: tokio::sync::Mutex::new((desk, desk_context)),
        desk_task: Mutex::default(),
        intake: Mutex::new(Some(intake)),
        reloading: tokio::sync::Mutex::default(),
        rate: Mutex::default(),
        live,
        clock,
        buffer,
        inbox,
        events,
        supervisor,
        routes,
        rules,
        rule_status,
        log,
    };
    let record = Record { events: event_queue, outcomes: outcome_queue };
    Ok((Arc::new(core), Ends { rules: rule_thread, outputs, record }))
}

/// Opens the buffer and starts its writer.
fn open_buffer(
    config: &Config,
    clock: &SharedClock,
    supervisor: &Supervisor,
    registry: &mut Registry,
) -> Result<Buffer, StartError> {
    let origin = buffer::Origin {
        gateway: Arc::clone(&config.gateway.id),
        uplinks: config.uplinks.iter().map(|uplink| Arc::clone(&uplink.name)).collect(),
        clock: Arc::clone(clock),
    };
    let (buffer, writer) = buffer::open(&config.buffer, origin, buffer::Metrics::register(registry))?;
    supervisor.spawn_thread(Stage::Store, "buffer writer", move || writer.run())?;
    Ok(buffer)
}

/// Every point the configuration knows.
pub(super) fn points_of(adapters: &[Arc<dyn Adapter>]) -> Vec<Arc<Point>> {
    adapters.iter().flat_map(|adapter| adapter.devices()).flat_map(|device| device.points).collect()
}

impl Metrics {
    /// Adds the metrics of everything that comes in numbers.
    fn register(mut registry: Registry) -> Self {
        let adapters = adapter::Families::register(&mut registry);
        let uplinks = uplink::Families::register(&mut registry);
        Self { registry, adapters, uplinks }
    }
}

impl Core {
    /// Starts the rules and the tasks that carry on what they made.
    fn start_middle(self: &Arc<Self>, ends: Ends) -> Result<(), StartError> {
        let Ends { rules, outputs, record } = ends;
        self.supervisor.spawn_thread(Stage::Rules, "rules", move || rules.run())?;
        let (core, outputs) = (Arc::clone(self), Arc::new(tokio::sync::Mutex::new(outputs)));
        self.supervisor.spawn(Stage::Rules, "pipeline", Restart::WithBackoff, move |_stop| {
            let (core, outputs) = (Arc::clone(&core), Arc::clone(&outputs));
            async move {
                let mut outputs = outputs.lock().await;
                pipeline::run(&mut outputs, &core.live, &core.buffer, &core.inbox, &core.clock).await
            }
        });
        let (core, record) = (Arc::clone(self), Arc::new(tokio::sync::Mutex::new(record)));
        self.supervisor.spawn(Stage::Buffer, "recorder", Restart::WithBackoff, move |stop| {
            let (core, record) = (Arc::clone(&core), Arc::clone(&record));
            async move { pipeline::record(&mut *record.lock().await, &core.buffer, stop).await }
        });
        Ok(())
    }

    /// Starts the task that decides on commands.
    pub(super) fn start_desk(self: &Arc<Self>) {
        let core = Arc::clone(self);
        let handle = self.supervisor.spawn(Stage::Intake, "command desk", Restart::WithBackoff, move |stop| {
            let core = Arc::clone(&core);
            async move {
                let mut desk = core.desk.lock().await;
                let (desk, context) = &mut *desk;
                context.stop = stop;
                desk.run(context).await
            }
        });
        *super::lock(&self.desk_task) = Some(handle);
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
