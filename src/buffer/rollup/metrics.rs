//! Figures of the rollups for the metrics page.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// Counters and gauges of the rollups.
#[derive(Debug, Clone, Default)]
pub(in crate::buffer) struct Metrics {
    pub(super) rows: Counter,
    pub(super) bytes: Counter,
    pub(super) open: Gauge,
    pub(super) stored: Gauge,
    pub(super) lost: Counter,
    pub(super) refused: Counter,
}

impl Metrics {
    /// Makes the figures known under `rollup_…`.
    pub(in crate::buffer) fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("rollup");
        let new = Self::default();
        registry.register("rows", "Rows of rollups written", new.rows.clone());
        registry.register("written_bytes", "Bytes of rollups written", new.bytes.clone());
        registry.register("open", "Sums of one point in one minute that are not written yet", new.open.clone());
        registry.register("stored_bytes", "What the stored rollups take", new.stored.clone());
        registry.register("lost", "Sums given up because the database did not take them", new.lost.clone());
        registry.register("refused", "Readings of points beyond the most that have rollups", new.refused.clone());
        new
    }
}
