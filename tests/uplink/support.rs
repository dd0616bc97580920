//! What the uplink tests share: an outbox in memory, blocks, brokers.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tidegate::{
    config::{Backlog, Compression, Encoding, MqttProtocol, Order, Tls, Transport, Uplink, UplinkUrl},
    model::{
        Block, BlockBody, BlockId, BootId, ClockQuality, DeviceId, Envelope, EpochEnd, Outcome, Point, PointName,
        PointType, Reading, Replay, ResponseTo, Stream, Timestamp, Value, Wanted,
    },
    shutdown::{Stop, StopSignal},
    testing::{
        broker::{self, Broker},
        clock::ManualClock,
    },
    uplink::{self, Context, FetchError, GatewayInfo, Metrics, Outbox, OutboxClosed, Status},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// Longest wait for anything a test waits for.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Fails a test that waits for what never comes.
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, what).await.expect("waited too long")
}

/// An outbox in memory.
#[derive(Clone)]
pub(crate) struct Memory {
    inner: Arc<Mutex<Inner>>,
    newest: watch::Sender<BlockId>,
    /// Raised with each report.
    pub(crate) reports: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    /// How many blocks before the wanted place are given as well.
    repeats: u64,
    /// How many fetches still fail.
    unreadable: u32,
    owed: BTreeMap<BlockId, Arc<Block>>,
    /// What a replay finds.
    history: BTreeMap<BlockId, Arc<Block>>,
    delivered: Vec<BlockId>,
    refused: Vec<(BlockId, String)>,
    epochs: Vec<EpochEnd>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let (inner, newest, reports) = (Arc::default(), watch::channel(BlockId(0)).0, watch::channel(0).0);
        Self { inner, newest, reports }
    }

    pub(crate) fn push(&self, block: Block) {
        let id = block.id;
        let block = Arc::new(block);
        let mut inner = self.inner.lock().unwrap();
        inner.owed.insert(id, Arc::clone(&block));
        inner.history.insert(id, block);
        drop(inner);
        self.newest.send_replace(id);
    }

    pub(crate) fn fill(&self, count: u64) {
        (1..=count).for_each(|seq| self.push(data(seq)));
    }

    /// Blocks up to this one are not stored any more.
    pub(crate) fn forget(&self, up_to: u64) {
        self.inner.lock().unwrap().history.retain(|id, _| id.0 > up_to);
    }

    /// Gives blocks that were fetched before once more with each fetch.
    pub(crate) fn repeat(&self, count: u64) {
        self.inner.lock().unwrap().repeats = count;
    }

    /// Cannot be read at the next so many fetches.
    pub(crate) fn fail(&self, count: u32) {
        self.inner.lock().unwrap().unreadable = count;
    }

    pub(crate) fn leave_open(&self, epoch: EpochEnd) {
        self.inner.lock().unwrap().epochs.push(epoch);
    }

    pub(crate) fn delivered(&self) -> Vec<u64> {
        self.inner.lock().unwrap().delivered.iter().map(|id| id.0).collect()
    }

    pub(crate) fn refusals(&self) -> Vec<(BlockId, String)> {
        self.inner.lock().unwrap().refused.clone()
    }

    pub(crate) fn has_open_epochs(&self) -> bool {
        !self.inner.lock().unwrap().epochs.is_empty()
    }

    /// Waits until nothing is owed.
    pub(crate) async fn until(&self, claim: impl Fn(&Self) -> bool) {
        let mut reports = self.reports.subscribe();
        while !claim(self) {
            within(reports.changed()).await.unwrap();
        }
    }

    pub(crate) async fn drained(&self) {
        self.until(|outbox| outbox.inner.lock().unwrap().owed.is_empty()).await;
    }

    fn change(&self, work: impl FnOnce(&mut Inner)) {
        work(&mut self.inner.lock().unwrap());
        self.reports.send_modify(|count| *count += 1);
    }
}

impl Outbox for Memory {
    async fn fetch(&self, wanted: Wanted, limit: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.unreadable > 0 {
            inner.unreadable -= 1;
            return Err(FetchError::Unreadable("disk I/O error".to_owned()));
        }
        if wanted.after >= wanted.until {
            return Ok(Vec::new());
        }
        let after = wanted.after.0.saturating_sub(inner.repeats);
        let owed = inner.owed.range(BlockId(after + 1)..=wanted.until);
        let blocks = owed.map(|(_, block)| block).filter(|block| wanted.lane.has(&block.stream));
        Ok(blocks.take(limit).cloned().collect())
    }

    async fn delivered(&self, blocks: Vec<BlockId>) -> Result<(), OutboxClosed> {
        self.change(|inner| {
            for id in blocks {
                assert!(inner.owed.remove(&id).is_some(), "{id:?} was reported twice");
                inner.delivered.push(id);
            }
        });
        Ok(())
    }

    fn newest(&self) -> watch::Receiver<BlockId> {
        self.newest.subscribe()
    }

    async fn open_epochs(&self) -> Result<Vec<EpochEnd>, OutboxClosed> {
        Ok(self.inner.lock().unwrap().epochs.clone())
    }

    async fn close_epochs(&self, up_to: u64) -> Result<(), OutboxClosed> {
        self.change(|inner| inner.epochs.retain(|end| end.epoch > up_to));
        Ok(())
    }

    fn identity(&self) -> (Arc<str>, u64) {
        ("6f2c".into(), 42)
    }

    async fn replay(&self, what: &Replay, after: BlockId, limit: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        let is_wanted = |block: &Block| {
            (&*block.store, &block.stream, block.epoch) == (&*what.store, &what.stream, what.epoch)
                && (what.from..=what.to).contains(&block.seq)
        };
        let inner = self.inner.lock().unwrap();
        let found = inner.history.range(BlockId(after.0 + 1)..).map(|(_, block)| block);
        Ok(found.filter(|block| is_wanted(block)).take(limit).cloned().collect())
    }

    async fn refused(&self, block: BlockId, why: String) -> Result<(), OutboxClosed> {
        self.change(|inner| {
            inner.owed.remove(&block);
            inner.refused.push((block, why));
        });
        Ok(())
    }
}

/// A block with one reading whose value is its number.
pub(crate) fn data(seq: u64) -> Block {
    data_at(seq, NOW)
}

/// The same, read at another time.
pub(crate) fn data_at(seq: u64, ts: Timestamp) -> Block {
    let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new("count").unwrap());
    let point = Arc::new(Point::new(device, name, PointType::Int, None));
    let reading = Reading::good(point, Value::from_u64(seq), ts);
    block(seq, Stream::Data, BlockBody::Readings([reading].into()))
}

/// A block with so many readings.
pub(crate) fn large(seq: u64, readings: u64) -> Block {
    let one = data(seq);
    let BlockBody::Readings(first) = &one.body else { unreachable!("data blocks hold readings") };
    let many = (0..readings).map(|n| Reading { value: Some(Value::from_u64(n)), ..first[0].clone() });
    Block { body: BlockBody::Readings(many.collect()), ..one }
}

/// An event with nothing to say.
pub(crate) fn event(seq: u64) -> Block {
    let fields = r#"{"type":"gateway"}"#.into();
    block(seq, Stream::Event, BlockBody::Message { ts: NOW, fields, response: None })
}

/// An outcome that somebody asked for.
pub(crate) fn outcome(seq: u64, response: ResponseTo) -> Block {
    let fields = r#"{"id":"c1","status":"done"}"#.into();
    block(seq, Stream::Outcome, BlockBody::Message { ts: NOW, fields, response: Some(response) })
}

fn block(seq: u64, stream: Stream, body: BlockBody) -> Block {
    Block {
        id: BlockId(seq),
        gateway: "plant-7".into(),
        store: "6f2c".into(),
        epoch: 42,
        stream,
        seq,
        clock: ClockQuality::Ntp,
        boot: BootId::new("b"),
        uptime: Duration::ZERO,
        body,
    }
}

/// What the clock shows.
pub(crate) const NOW: Timestamp = ManualClock::START;

pub(crate) fn config(port: u16, protocol: MqttProtocol) -> Uplink {
    Uplink {
        name: "cloud".into(),
        filter: None,
        url: UplinkUrl { transport: Transport::Tcp, host: "127.0.0.1".into(), port },
        protocol,
        client_id: "gw".into(),
        username: None,
        password: None,
        tls: Tls::default(),
        encoding: Encoding::Json,
        compression: Compression::None,
        order: Order::Strict,
        backlog: Backlog { rate: None, share: 0.5 },
        window: 10,
        topic_prefix: "t".into(),
        commands: false,
        keep_alive: Duration::from_secs(30),
        ack_timeout: Duration::from_secs(20),
        reconnect: (Duration::from_millis(10), Duration::from_millis(50)),
    }
}

/// An uplink at work.
pub(crate) struct Running {
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) commands: mpsc::Receiver<Envelope>,
    pub(crate) outcomes: mpsc::Receiver<Outcome>,
    stop: StopSignal,
    task: JoinHandle<Result<(), uplink::UplinkError>>,
}

#[expect(clippy::disallowed_methods, reason = "the test stands in for the supervisor")]
pub(crate) fn start(config: Uplink, outbox: Memory) -> Running {
    let (stop, stopping) = StopSignal::pair();
    let (commands, taken) = mpsc::channel(16);
    let (outcomes, answers) = mpsc::channel(16);
    let (status, seen) = watch::channel(Status::new("cloud".into(), config.url.to_string(), NOW));
    let context = Context {
        outbox,
        commands,
        outcomes,
        clock: Arc::new(ManualClock::default()),
        stop: stopping,
        drain: LIMIT,
        status,
        metrics: Metrics::default(),
        gateway: GatewayInfo { id: "plant-7".into(), version: "0.1.0", boot: BootId::new("b"), started: NOW },
    };
    Running {
        status: seen,
        commands: taken,
        outcomes: answers,
        stop,
        task: tokio::spawn(uplink::run(config, context)),
    }
}

impl Running {
    /// Waits for an error that says this.
    pub(crate) async fn error(&mut self, part: &str) -> String {
        let status = within(self.status.wait_for(|status| status.error.as_ref().is_some_and(|e| e.contains(part))));
        status.await.unwrap().error.clone().unwrap()
    }

    /// Waits until the status is as it is claimed to be.
    pub(crate) async fn shows(&mut self, claim: impl Fn(&Status) -> bool) -> Status {
        within(self.status.wait_for(|status| claim(status))).await.unwrap().clone()
    }

    /// Waits until so many messages are unanswered.
    pub(crate) async fn in_flight(&mut self, count: usize) {
        within(self.status.wait_for(|status| status.in_flight >= count)).await.unwrap();
    }

    pub(crate) async fn stop(self) {
        self.stop.raise();
        within(self.task).await.unwrap().unwrap();
    }
}

/// The embedded broker on a free port.
#[expect(clippy::disallowed_methods, reason = "the test stands in for the supervisor")]
pub(crate) async fn embedded() -> (Broker, u16, StopSignal) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, broker) = (listener.local_addr().unwrap().port(), Broker::default());
    let (stop, stopping): (StopSignal, Stop) = StopSignal::pair();
    tokio::spawn(broker::serve(listener, broker.clone(), stopping));
    (broker, port, stop)
}

/// A mosquitto that ends with the test.
pub(crate) struct Mosquitto(Child);

impl Mosquitto {
    /// Starts it with these settings and waits until it listens.
    pub(crate) async fn start(folder: &Path, port: u16, settings: &str) -> Self {
        let file = folder.join("mosquitto.conf");
        std::fs::write(&file, format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{settings}"))
            .unwrap();
        let mut command = Command::new("/usr/sbin/mosquitto");
        let child = command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let listening = async { while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {} };
        within(listening).await;
        Self(child)
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback port that nobody has. It lies below those that the kernel gives away by itself (`ip_local_port_range` of
/// ip(7)), so that nothing takes it before its server has started, or while that is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Other test programs may run at the same time: each begins somewhere else.
        let place = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_000 + place % 20_000).unwrap();
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
