//! Figures of the buffer for the metrics page.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{Status, rollup};

/// Name and value of each label.
type Labels = Vec<(String, String)>;

/// Counters and gauges of the one buffer.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(super) appended: Counter,
    pub(super) too_large: Counter,
    pub(super) cut: Counter,
    pub(super) express: Counter,
    pub(super) history_shed: Counter,
    pub(super) memory_shed: Counter,
    pub(super) thinned: Counter,
    pub(super) letters: Counter,
    pub(super) letters_dropped: Counter,
    pub(super) rollup: rollup::Metrics,
    pub(super) committed: Counter,
    pub(super) body_bytes: Counter,
    pub(super) commits: Counter,
    pub(super) commit_failures: Counter,
    pub(super) commit_seconds: Counter<f64, AtomicU64>,
    pub(super) evicted: Counter,
    pub(super) clock_steps: Counter,
    pub(super) retimed: Counter,
    pub(super) untold: Counter,
    pub(super) salvaged_blocks: Counter,
    pub(super) salvaged_readings: Counter,
    pub(super) salvage_lost: Counter,
    pub(super) asides_deleted: Counter,
    asides: Gauge,
    aside_bytes: Gauge,
    size: Gauge,
    loss_window: Gauge,
    owed_blocks: Family<Labels, Gauge>,
    owed_readings: Family<Labels, Gauge>,
    owed_bytes: Family<Labels, Gauge>,
}

impl Metrics {
    /// Makes the figures known under `buffer_…`.
    pub fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("buffer");
        let new = Self { rollup: rollup::Metrics::register(registry), ..Self::default() };
        registry.register("readings_appended", "Readings taken in", new.appended.clone());
        registry.register("readings_too_large", "Readings replaced by bad:too-large", new.too_large.clone());
        registry.register("blocks_cut", "Blocks that got their number", new.cut.clone());
        registry.register("blocks_express", "Blocks delivered before their commit was due", new.express.clone());
        let text = "Delivered readings left out of the history while the database refused";
        registry.register("history_shed", text, new.history_shed.clone());
        let text = "Readings given up because the database refused and memory was full";
        registry.register("memory_shed", text, new.memory_shed.clone());
        registry.register(
            "thinned",
            "Means that took the place of readings there was no room for",
            new.thinned.clone(),
        );
        registry.register("deadletters", "Blocks a broker will never take", new.letters.clone());
        let text = "Dead letters that gave way to newer ones";
        registry.register("deadletters_dropped", text, new.letters_dropped.clone());
        registry.register("blocks_committed", "Blocks written to the database", new.committed.clone());
        registry.register("body_bytes", "Bytes of block bodies written", new.body_bytes.clone());
        registry.register("commits", "Commits that succeeded", new.commits.clone());
        registry.register("commit_failures", "Commits that failed and are tried again", new.commit_failures.clone());
        registry.register("commit_seconds", "Time spent in commits", new.commit_seconds.clone());
        registry.register("evicted_blocks", "Undelivered blocks lost to the bounds", new.evicted.clone());
        registry.register("clock_steps", "Jumps of the wall clock", new.clock_steps.clone());
        registry.register("retimed", "Readings and messages set right before they were sent", new.retimed.clone());
        let text = "Settings of an untrusted clock that were forgotten because there were too many";
        registry.register("clock_settings_forgotten", text, new.untold.clone());
        registry.register("salvaged_blocks", "Blocks carried over from a damaged file", new.salvaged_blocks.clone());
        registry.register("salvaged_readings", "Readings in them", new.salvaged_readings.clone());
        registry.register("salvage_lost_blocks", "Blocks of a damaged file that are lost", new.salvage_lost.clone());
        let text = "Damaged files that were deleted after their salvage to make room";
        registry.register("set_aside_deleted", text, new.asides_deleted.clone());
        registry.register("set_aside_files", "Damaged files that lie beside the buffer", new.asides.clone());
        registry.register("set_aside_bytes", "What they take", new.aside_bytes.clone());
        registry.register("size_bytes", "Pages in use and write-ahead log", new.size.clone());
        registry.register("loss_window_ms", "What a power cut may take at most", new.loss_window.clone());
        registry.register("owed_blocks", "Blocks an uplink has to deliver", new.owed_blocks.clone());
        registry.register("owed_readings", "Readings an uplink has to deliver", new.owed_readings.clone());
        let text = "Bytes of the messages an uplink has to deliver, before compression";
        registry.register("owed_bytes", text, new.owed_bytes.clone());
        new
    }

    /// A commit has written so many blocks and bytes.
    pub(super) fn wrote(&self, (blocks, bytes): (u64, u64), took: Duration) {
        self.committed.inc_by(blocks);
        self.body_bytes.inc_by(bytes);
        self.commit_seconds.inc_by(took.as_secs_f64());
    }

    /// Takes over what the status says.
    pub(super) fn show(&self, status: &Status) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.size.set(gauge(status.size_bytes));
        self.asides.set(gauge(status.set_aside.len() as u64));
        self.aside_bytes.set(gauge(status.set_aside.iter().map(|aside| aside.bytes).sum()));
        self.loss_window.set(gauge(status.loss_window_ms));
        for owed in &status.uplinks {
            let labels = vec![("uplink".to_owned(), owed.uplink.to_string())];
            self.owed_blocks.get_or_create(&labels).set(gauge(owed.blocks));
            self.owed_readings.get_or_create(&labels).set(gauge(owed.readings));
            self.owed_bytes.get_or_create(&labels).set(gauge(owed.bytes));
        }
    }
}
