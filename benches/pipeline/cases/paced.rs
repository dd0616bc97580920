//! 1 000 readings a second, with a broker and without one: latency, and what reaches the disk.

use std::{path::Path, sync::mpsc, thread, time::Duration};

use rusqlite::Connection;
use tidegate::model::{SharedClock, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use super::{backlog::Content, block_on, is_long};
use crate::{
    broker::{Broker, free_port},
    disk::Disk,
    gateway::Gateway,
    load::Load,
    meter::{Meter, Used, float},
    mqtt::Client,
    report::Row,
    site::{ONE_RULE, Site, bench_dir, clock},
};

/// Readings in a batch, and how often one comes.
const BATCH: usize = 10;
const EVERY: Duration = Duration::from_millis(10);
const PER_SECOND: u64 = 1_000;
/// Seconds before anything is counted: what a start costs is paid once.
const LEAD: u64 = 5;
/// Blocks of the outage that went before, of 1 000 readings. Until the log has its size, each commit makes it grow,
/// which costs the file system's journal; a gateway goes through that once in its life.
const BEFORE: usize = 500;
/// How much longer than usual a patient run takes.
const LONGER: u64 = 4;

/// What is measured.
struct Form {
    name: &'static str,
    /// The lines of `[buffer]`.
    buffer: &'static str,
    is_up: bool,
    seconds: u64,
}

/// With a broker and a subscriber. What is delivered joins the history each minute, so a minute has one such commit,
/// and that has a minute's readings.
const UP: Form = Form { name: "paced-up", buffer: "history = \"7d\"", is_up: true, seconds: 60 };
/// The same without a history.
const UP_BARE: Form = Form { name: "paced-up-bare", buffer: "history = \"0\"", is_up: true, seconds: 60 };
/// Without a broker.
const DOWN: Form = Form { name: "paced-down", buffer: "durability = \"balanced\"", is_up: false, seconds: 30 };
/// Without a broker, each commit synced.
const DOWN_STRICT: Form =
    Form { name: "paced-down-strict", buffer: "durability = \"strict\"", is_up: false, seconds: 30 };

pub(super) fn up(_: &[&str]) -> Vec<Row> {
    measure(&UP)
}

pub(super) fn up_bare(_: &[&str]) -> Vec<Row> {
    measure(&UP_BARE)
}

pub(super) fn down(_: &[&str]) -> Vec<Row> {
    measure(&DOWN)
}

pub(super) fn down_strict(_: &[&str]) -> Vec<Row> {
    measure(&DOWN_STRICT)
}

impl Form {
    fn seconds(&self) -> u64 {
        if is_long() { self.seconds * LONGER } else { self.seconds }
    }

    fn readings(&self) -> u64 {
        self.seconds() * PER_SECOND
    }

    fn text(&self) -> String {
        let (buffer, link) = (self.buffer.replace('"', ""), if self.is_up { "up" } else { "down for long" });
        format!(
            "{buffer}; {PER_SECOND} readings/s for {} s after {LEAD} s, link {link}, with checkpoint",
            self.seconds()
        )
    }
}

/// On a private disk where there may be one, else on that of `target/`.
fn measure(form: &Form) -> Vec<Row> {
    let disk = Disk::mount();
    if let Err(error) = &disk {
        eprintln!("skipping {}/device: no private disk can be mounted: {error}", form.name);
    }
    let disk = disk.ok();
    let broker = form.is_up.then(Broker::start);
    let latencies = broker.as_ref().map(|broker| listen(broker.port(), form.readings() + LEAD * PER_SECOND));
    let port = broker.as_ref().map_or_else(free_port, Broker::port);
    let taken = block_on(run(form, disk.as_ref(), port));
    let mut rows = rows(form, &taken);
    if let Some(latencies) = latencies {
        rows.extend(percentiles(form, latencies.recv().expect("a subscriber")));
    }
    rows
}

/// What it takes.
struct Taken {
    /// From the first reading that counts until the last is acknowledged, or committed.
    used: Used,
    /// Bytes the private disk was given meanwhile, and then for the ordered stop.
    device: Option<[u64; 2]>,
}

fn rows(form: &Form, Taken { used, device }: &Taken) -> Vec<Row> {
    let (name, n, text) = (form.name, form.readings(), form.text());
    let to_device = device.map(|[running, stop]| {
        let text = "the same by the sectors that a private ext4 was given, with its journal and a sync";
        let stop_text = "what the ordered stop adds to that";
        [
            Row::new(format!("{name}/device"), "B/reading", float(running) / float(n), n, text),
            Row::new(format!("{name}/stop"), "KiB", float(stop) / 1024.0, 1, stop_text),
        ]
    });
    let others = [used.cpu(name, n, &text), used.rss(name, n, &text)];
    [used.written(name, n, &text)].into_iter().chain(to_device.into_iter().flatten()).chain(others).collect()
}

fn percentiles(form: &Form, mut latencies: Vec<Duration>) -> [Row; 2] {
    let n = latencies.len() as u64;
    latencies.sort_unstable();
    [50, 99].map(|share| {
        let millis = latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1e3;
        let name = format!("{}/p{share}", form.name);
        Row::new(name, "ms", millis, n, "measurement to subscriber, linger 50ms")
    })
}

async fn run(form: &Form, disk: Option<&Disk>, port: u16) -> Taken {
    let clock = clock();
    let folder = disk.map_or_else(bench_dir, |disk| disk.path().to_owned());
    let site = Site::on(&folder, Some(ONE_RULE), form.buffer).uplink(port);
    if !form.is_up {
        Content::Plant.leave(&site, BEFORE);
    }
    let mut gateway = Gateway::start(&site.load().0, clock.clone());
    if form.is_up {
        gateway.connected().await;
    }
    let mut load = Load::new(clock);
    feed(&gateway, &mut load, LEAD * PER_SECOND).await;
    checkpoint(&site.path("buffer.db"));
    let begun = disk.map(Disk::written);
    let meter = Meter::start();

    feed(&gateway, &mut load, form.readings()).await;
    let mut drained = gateway.drain().await;
    if form.is_up {
        drained.acknowledged(form.readings() + LEAD * PER_SECOND).await;
    } else {
        drained.flush().await;
    }
    checkpoint(&site.path("buffer.db"));
    let (used, done) = (meter.read(), disk.map(Disk::written));

    drained.stop().await;
    checkpoint(&site.path("buffer.db"));
    let stopped = disk.map(Disk::written);
    let between = |from: Option<u64>, to: Option<u64>| Some(to? - from?);
    let device = between(begun, done).zip(between(done, stopped)).map(<[u64; 2]>::from);
    Taken { used, device }
}

async fn feed(gateway: &Gateway, load: &mut Load, readings: u64) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for _ in 0..readings / BATCH as u64 {
        ticks.tick().await;
        gateway.intake.send(load.batch(BATCH)).await.expect("rules that listen");
    }
}

/// Moves the log into the database, so that what waits in it is counted as the flash will see it: twice.
fn checkpoint(path: &Path) {
    let db = Connection::open(path).expect("a database");
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).expect("a checkpoint");
}

/// Subscribes, and gives the time each reading took once all are there.
fn listen(port: u16, readings: u64) -> mpsc::Receiver<Vec<Duration>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let mut client = Client::connect(port, "listener").expect("a broker");
    client.subscribe("tidegate/bench/bench/data").expect("a subscription");
    let clock = clock();
    thread::spawn(move || {
        let mut latencies = Vec::new();
        while (latencies.len() as u64) < readings {
            let payload = client.message().expect("a message");
            note(&payload, &clock, &mut latencies);
        }
        // The case has failed if nobody waits for this any more.
        let _ = sender.send(latencies);
    });
    receiver
}

/// How old each reading of a message is.
fn note(payload: &[u8], clock: &SharedClock, latencies: &mut Vec<Duration>) {
    let now = clock.now();
    let text = std::str::from_utf8(payload).expect("JSON");
    let times = text.split(r#"{"ts":""#).skip(1).map(|rest| &rest[.."2026-11-20T12:00:00.123Z".len()]);
    latencies.extend(times.map(|ts| now.since(Timestamp::parse(ts).expect("a time"))));
}
