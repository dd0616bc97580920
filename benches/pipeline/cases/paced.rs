//! 1 000 readings a second, with a broker and without one: latency, and what reaches the disk.

use std::{sync::mpsc, thread, time::Duration};

use rusqlite::Connection;
use tidegate::model::{SharedClock, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use super::block_on;
use crate::{
    broker::{Broker, free_port},
    gateway::Gateway,
    load::Load,
    meter::{Meter, Used},
    mqtt::Client,
    report::Row,
    site::{ONE_RULE, Site, clock},
};

/// Readings in a batch, and how often one comes.
const BATCH: usize = 10;
const EVERY: Duration = Duration::from_millis(10);
/// Batches of a run of ten seconds.
const BATCHES: u64 = 1_000;
const READINGS: u64 = BATCHES * BATCH as u64;

/// With a broker and a subscriber.
pub(super) fn up(_: &[&str]) -> Vec<Row> {
    let broker = Broker::start();
    let latencies = listen(broker.port());
    let used = block_on(run("durability = \"balanced\"", broker.port(), true));
    let text = "balanced, express, history 7d; 1000 readings/s for 10 s, link up, with checkpoint";
    let mut sorted = latencies.recv().expect("a subscriber");
    sorted.sort_unstable();
    let at = |share: usize| {
        let millis = sorted[(sorted.len() - 1) * share / 100];
        let name = format!("paced-up/p{share}");
        Row::new(name, "ms", millis.as_secs_f64() * 1e3, READINGS, "measurement to subscriber, linger 50ms")
    };
    let mut rows = rows("paced-up", &used, text);
    rows.extend([at(50), at(99)]);
    rows
}

/// Without a broker.
pub(super) fn down(_: &[&str]) -> Vec<Row> {
    let used = block_on(run("durability = \"balanced\"", free_port(), false));
    rows("paced-down", &used, "balanced; 1000 readings/s for 10 s, link down, with checkpoint")
}

/// Without a broker, each commit synced.
pub(super) fn down_strict(_: &[&str]) -> Vec<Row> {
    let used = block_on(run("durability = \"strict\"", free_port(), false));
    rows("paced-down-strict", &used, "strict; 1000 readings/s for 10 s, link down, with checkpoint")
}

fn rows(name: &str, used: &Used, text: &str) -> Vec<Row> {
    let (n, cpu) = (READINGS, used.cpu(name, READINGS, text));
    vec![used.written(name, n, text), cpu, used.rss(name, n, text)]
}

async fn run(buffer: &str, port: u16, is_up: bool) -> Used {
    let clock = clock();
    let site = Site::new(Some(ONE_RULE), buffer).uplink(port);
    let mut gateway = Gateway::start(&site.load().0, clock.clone());
    if is_up {
        gateway.connected().await;
    }
    let mut load = Load::new(clock);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let meter = Meter::start();

    for _ in 0..BATCHES {
        ticks.tick().await;
        gateway.intake.send(load.batch(BATCH)).await.expect("rules that listen");
    }
    let mut drained = gateway.drain().await;
    drained.flush().await;
    if is_up {
        drained.acknowledged(READINGS).await;
    }
    drained.stop().await;
    checkpoint(&site);
    meter.read()
}

/// Moves the log into the database, so that what waits in it is counted as the flash will see it: twice.
fn checkpoint(site: &Site) {
    let db = Connection::open(site.path("buffer.db")).expect("a database");
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).expect("a checkpoint");
}

/// Subscribes, and gives the time each reading took once all are there.
fn listen(port: u16) -> mpsc::Receiver<Vec<Duration>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let mut client = Client::connect(port, "listener").expect("a broker");
    client.subscribe("tidegate/bench/bench/data").expect("a subscription");
    let clock = clock();
    thread::spawn(move || {
        let mut latencies = Vec::new();
        while (latencies.len() as u64) < READINGS {
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
