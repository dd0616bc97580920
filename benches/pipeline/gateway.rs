//! The parts of the gateway, connected as the daemon connects them, with an open end where adapters would be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::registry::Registry;
use tidegate::{
    buffer::{self, Buffer, Owed, Stopped},
    config::{self, Config},
    live::Live,
    model::{Batch, Block, BlockId, Envelope, EpochEnd, Replay, SharedClock, Wanted},
    pipeline,
    rules::{self, Kept, RuleThread},
    supervisor::{Restart, Stage, Supervisor},
    uplink::{self, FetchError, GatewayInfo, Outbox, OutboxClosed},
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc, watch},
};

/// As in the daemon.
const READING_QUEUE: usize = 64;
/// As in the daemon.
const OUTPUT_QUEUE: usize = 16;
/// How long anything may take to stop.
const STOP: Duration = Duration::from_secs(60);

/// A running gateway.
pub(crate) struct Gateway {
    /// Takes readings, as from an adapter.
    pub(crate) intake: mpsc::Sender<Batch>,
    /// What the uplink had to deliver when the buffer was opened.
    pub(crate) owed: Owed,
    buffer: Buffer,
    supervisor: Supervisor,
    status: watch::Receiver<uplink::Status>,
    fetched: Arc<Fetched>,
    /// Kept open, as the daemon's desk does.
    _commands: mpsc::Receiver<Envelope>,
}

/// What the uplink has taken from the buffer.
#[derive(Default)]
struct Fetched {
    blocks: AtomicU64,
    readings: AtomicU64,
}

/// The uplink's view of the buffer.
struct Cursor {
    buffer: Buffer,
    uplink: Arc<str>,
    fetched: Arc<Fetched>,
}

impl Gateway {
    /// Opens and connects everything, on the runtime it is called from. The configuration has one uplink.
    pub(crate) fn start(config: &Config, clock: SharedClock) -> Self {
        let (events, _) = mpsc::channel(256);
        let supervisor = Supervisor::new(events, Arc::clone(&clock));
        let buffer = open_buffer(config, &clock, &supervisor);
        let owed = buffer.status().borrow().uplinks[0].clone();
        let (intake, batches) = mpsc::channel(READING_QUEUE);
        let (inbox, commands) = mpsc::channel(64);
        let live = Live::new(Vec::new());
        let outputs = start_rules(&config.rules, batches, &clock, &supervisor);
        start_pipeline(&supervisor, outputs, (live, buffer.clone(), inbox.clone(), Arc::clone(&clock)));
        let fetched = Arc::new(Fetched::default());
        let section = config.uplinks[0].clone();
        let cursor =
            Cursor { buffer: buffer.clone(), uplink: Arc::clone(&section.name), fetched: Arc::clone(&fetched) };
        let status = start_uplink(&supervisor, section, cursor, (inbox, clock));
        Self { intake, owed, buffer, supervisor, status, fetched, _commands: commands }
    }

    /// Waits until the uplink is connected.
    pub(crate) async fn connected(&mut self) {
        let is_connected = |status: &uplink::Status| status.state == uplink::State::Connected;
        self.status.wait_for(is_connected).await.expect("an uplink");
    }

    /// Lets everything that was taken in go through, up to the buffer.
    pub(crate) async fn drain(self) -> Drained {
        let Self { intake, buffer, supervisor, status, fetched, .. } = self;
        drop(intake);
        let late = supervisor.stop_stage(Stage::Rules, STOP).await;
        assert!(late.is_empty(), "{late:?} did not end");
        Drained { buffer, supervisor, status, fetched }
    }
}

/// A gateway that takes nothing in any more.
pub(crate) struct Drained {
    buffer: Buffer,
    supervisor: Supervisor,
    status: watch::Receiver<uplink::Status>,
    fetched: Arc<Fetched>,
}

impl Drained {
    /// Commits what the buffer has.
    pub(crate) async fn flush(&self) {
        self.buffer.flush().await.expect("a buffer that commits");
    }

    /// Waits until the broker has acknowledged so many readings.
    pub(crate) async fn acknowledged(&mut self, readings: u64) {
        let Self { fetched, status, .. } = self;
        let is_done = |status: &uplink::Status| {
            let taken = fetched.readings.load(Ordering::Relaxed);
            taken == readings && status.acked == fetched.blocks.load(Ordering::Relaxed)
        };
        let status = status.wait_for(is_done).await.expect("an uplink");
        assert_eq!(status.reconnects, 0, "the connection was lost: {:?}", status.error);
    }

    /// Stops the rest in the daemon's order.
    pub(crate) async fn stop(self) {
        self.supervisor.stop_stage(Stage::Uplink, STOP).await;
        self.buffer.close().await;
        self.supervisor.stop(STOP).await;
    }
}

/// Opens the buffer and starts its writer.
fn open_buffer(config: &Config, clock: &SharedClock, supervisor: &Supervisor) -> Buffer {
    let (buffer, writer) =
        buffer::open(&config.buffer, origin(config, clock), buffer::Metrics::default()).expect("a buffer");
    supervisor.spawn_thread(Stage::Store, "buffer writer", move || writer.run()).expect("a thread");
    buffer
}

/// Who writes blocks and who is owed them.
pub(crate) fn origin(config: &Config, clock: &SharedClock) -> buffer::Origin {
    let uplinks = config.uplinks.iter().map(buffer::Feed::of).collect();
    buffer::Origin { gateway: Arc::clone(&config.gateway.id), uplinks, clock: Arc::clone(clock) }
}

/// Starts the rule thread.
pub(crate) fn start_rules(
    config: &config::Rules,
    input: mpsc::Receiver<Batch>,
    clock: &SharedClock,
    supervisor: &Supervisor,
) -> mpsc::Receiver<rules::Output> {
    let (output, outputs) = mpsc::channel(OUTPUT_QUEUE);
    let context = rules::Context {
        runtime: Handle::current(),
        input,
        output,
        control: mpsc::channel(1).1,
        kept: Kept::default(),
        clock: Arc::clone(clock),
        metrics: rules::Metrics::register(&mut Registry::default()),
        status: watch::channel(Vec::new()).0,
    };
    let thread = RuleThread::new(config.clone(), context);
    supervisor.spawn_thread(Stage::Rules, "rules", move || thread.run()).expect("a thread");
    outputs
}

/// Starts what carries the rules' output on.
fn start_pipeline(
    supervisor: &Supervisor,
    outputs: mpsc::Receiver<rules::Output>,
    parts: (Live, Buffer, mpsc::Sender<Envelope>, SharedClock),
) {
    let shared = Arc::new((Mutex::new(outputs), parts));
    supervisor.spawn(Stage::Rules, "pipeline", Restart::Never, move |_stop| {
        let shared = Arc::clone(&shared);
        async move {
            let (outputs, (live, buffer, inbox, clock)) = &*shared;
            pipeline::run(&mut *outputs.lock().await, live, buffer, inbox, clock).await
        }
    });
}

/// Starts the uplink.
fn start_uplink(
    supervisor: &Supervisor,
    section: config::Uplink,
    cursor: Cursor,
    (inbox, clock): (mpsc::Sender<Envelope>, SharedClock),
) -> watch::Receiver<uplink::Status> {
    let first = uplink::Status::new(Arc::clone(&section.name), section.url.to_string(), clock.now());
    let (sender, status) = watch::channel(first);
    let cursor = Arc::new(cursor);
    supervisor.spawn(Stage::Uplink, "uplink cloud", Restart::Never, move |stop| {
        let (id, version) = ("bench".into(), env!("CARGO_PKG_VERSION"));
        let context = uplink::Context {
            outbox: cursor.share(),
            commands: inbox.clone(),
            outcomes: mpsc::channel(1).0,
            clock: Arc::clone(&clock),
            stop,
            drain: STOP,
            status: sender.clone(),
            metrics: uplink::Metrics::default(),
            gateway: GatewayInfo { id, version, boot: clock.boot(), started: clock.now() },
        };
        uplink::run(section.clone(), context)
    });
    status
}

/// The buffer's word for "gone" in the uplink's language.
fn closed(_: Stopped) -> OutboxClosed {
    OutboxClosed
}

impl Cursor {
    fn share(&self) -> Self {
        let Self { buffer, uplink, fetched } = self;
        Self { buffer: buffer.clone(), uplink: Arc::clone(uplink), fetched: Arc::clone(fetched) }
    }
}

impl Outbox for Cursor {
    async fn fetch(&self, wanted: Wanted, limit: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        let blocks = self.buffer.fetch(&self.uplink, wanted, limit).await;
        let blocks = blocks.map_err(|error| FetchError::Unreadable(error.to_string()))?;
        let readings: usize = blocks.iter().map(|block| block.readings()).sum();
        self.fetched.blocks.fetch_add(blocks.len() as u64, Ordering::Relaxed);
        self.fetched.readings.fetch_add(readings as u64, Ordering::Relaxed);
        Ok(blocks)
    }

    async fn delivered(&self, blocks: Vec<BlockId>) -> Result<(), OutboxClosed> {
        self.buffer.delivered(&self.uplink, blocks).await.map_err(closed)
    }

    fn newest(&self) -> watch::Receiver<BlockId> {
        self.buffer.newest()
    }

    async fn open_epochs(&self) -> Result<Vec<EpochEnd>, OutboxClosed> {
        Ok(Vec::new())
    }

    async fn close_epochs(&self, _: u64) -> Result<(), OutboxClosed> {
        Ok(())
    }

    fn identity(&self) -> (Arc<str>, u64) {
        let identity = self.buffer.identity();
        (Arc::clone(&identity.store), identity.epoch)
    }

    async fn replay(&self, _: &Replay, _: BlockId, _: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        Ok(Vec::new())
    }

    async fn refused(&self, block: BlockId, why: String) -> Result<(), OutboxClosed> {
        panic!("block {} was refused: {why}", block.0)
    }
}
