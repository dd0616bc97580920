//! Parts alone: the rule engine, and the encoder of messages.

use std::{sync::Arc, time::Duration};

use tidegate::{
    model::{Batch, Block, BlockBody, BlockId, Stream},
    supervisor::{Stage, Supervisor},
    uplink::Encoder,
};
use tokio::sync::mpsc;

use super::{block_on, readings};
use crate::{
    gateway::start_rules,
    load::Load,
    meter::Meter,
    report::Row,
    site::{ONE_RULE, Site, clock},
};

/// Readings through the rules.
const THROUGH_RULES: u64 = 500_000;
/// Readings in a batch.
const BATCH: usize = 50;
/// Blocks of 1 000 readings that are encoded.
const ENCODED: u64 = 2_000;

/// The rule thread with no rule, and with one that hears every reading.
pub(super) fn rules(_: &[&str]) -> Vec<Row> {
    let text = "processor time of the rule thread and its channels, batches of 50";
    let n = readings(THROUGH_RULES);
    let row = |name: &str, us| Row::new(name, "us/reading", us, n, text);
    vec![row("rules/none", through_rules(None, n)), row("rules/one", through_rules(Some(ONE_RULE), n))]
}

fn through_rules(rule: Option<&str>, n: u64) -> f64 {
    let clock = clock();
    let mut load = Load::new(Arc::clone(&clock));
    // Made before, so that making them is not measured.
    let batches: Vec<Batch> = (0..n / BATCH as u64).map(|_| load.batch(BATCH)).collect();
    block_on(async {
        let supervisor = Supervisor::new(mpsc::channel(1).0, Arc::clone(&clock));
        let (intake, input) = mpsc::channel(64);
        // It stays to the end: a rule whose file is gone would run no more.
        let site = Site::new(rule, "");
        let mut outputs = start_rules(&site.load().0.rules, input, &clock, &supervisor);
        let meter = Meter::start();
        let feeding = async move {
            for batch in batches {
                intake.send(batch).await.expect("rules that listen");
            }
        };
        let taking = async {
            let mut passed = 0;
            while let Some(output) = outputs.recv().await {
                passed += output.forward.len() as u64;
            }
            assert_eq!(passed, n, "readings were lost");
        };
        tokio::join!(feeding, taking);
        let used = meter.read();
        supervisor.stop_stage(Stage::Rules, Duration::from_secs(1)).await;
        used.cpu_us(n)
    })
}

/// The encoder of upstream messages.
pub(super) fn json(_: &[&str]) -> Vec<Row> {
    let (block, mut encoder) = (block(), Encoder::default());
    let bytes = encoder.encode(&block).len();
    let n = ENCODED * block.readings() as u64;
    let meter = Meter::start();
    for _ in 0..ENCODED {
        std::hint::black_box(encoder.encode(&block));
    }
    let text = format!("blocks of 1000 readings, {bytes} bytes each");
    vec![Row::new("json/encode", "ns/reading", meter.read().cpu_us(n) * 1e3, n, &text)]
}

fn block() -> Block {
    let clock = clock();
    let readings = Load::new(Arc::clone(&clock)).batch(1_000).readings;
    Block {
        id: BlockId(1),
        gateway: "bench".into(),
        store: "6f2c".into(),
        epoch: 1,
        stream: Stream::Data,
        seq: 1,
        clock: clock.quality(),
        boot: clock.boot(),
        uptime: clock.uptime(),
        body: BlockBody::Readings(readings.into()),
    }
}
