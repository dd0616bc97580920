//! As fast as it goes: intake, one rule, buffer, broker, until the last reading is acknowledged.

use super::{block_on, readings};
use crate::{
    broker::Broker,
    gateway::Gateway,
    load::{Load, PLANT_TEXT},
    meter::{Meter, Used},
    report::Row,
    site::{ONE_RULE, Site, clock},
};

/// Readings of one run.
const READINGS: u64 = 2_000_000;
/// Readings in a batch, as in one answer of a device.
const BATCH: usize = 50;

/// Every block is committed and synced before it is published.
pub(super) fn strict(_: &[&str]) -> Vec<Row> {
    measure("strict", "durability = \"strict\"\nexpress = false")
}

/// A block is published when it is cut, and committed beside that.
pub(super) fn express(_: &[&str]) -> Vec<Row> {
    measure("express", "durability = \"balanced\"\nexpress = true")
}

fn measure(name: &str, buffer: &str) -> Vec<Row> {
    let n = readings(READINGS);
    let used = block_on(run(buffer, n));
    let settings = buffer.replace('\n', ", ").replace('"', "");
    let text = format!("{settings}; one rule, {PLANT_TEXT}, batches of {BATCH}, MQTT 5 QoS 1");
    vec![used.rate(name, n, &text), used.cpu(name, n, &text), used.rss(name, n, &text), used.written(name, n, &text)]
}

async fn run(buffer: &str, n: u64) -> Used {
    let (broker, clock) = (Broker::start(), clock());
    let site = Site::new(Some(ONE_RULE), buffer).uplink(broker.port());
    let mut gateway = Gateway::start(&site.load().0, clock.clone());
    gateway.connected().await;
    let mut load = Load::new(clock);
    let meter = Meter::start();

    for _ in 0..n / BATCH as u64 {
        gateway.intake.send(load.batch(BATCH)).await.expect("rules that listen");
    }
    let mut drained = gateway.drain().await;
    drained.flush().await;
    drained.acknowledged(n).await;

    let used = meter.read();
    drained.stop().await;
    used
}
