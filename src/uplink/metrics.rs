//! What an uplink counts.

use std::time::Duration;

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use super::status::LaneName;

type Labels = Vec<(String, String)>;

/// From 1 ms to 33 s, each bound twice the one before.
fn latencies() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// The counters of every uplink.
#[derive(Debug, Clone)]
pub struct Families {
    published: Family<Labels, Counter>,
    acked: Family<Labels, Counter>,
    lanes: Family<Labels, Counter>,
    latency: Family<Labels, Histogram, fn() -> Histogram>,
    places: Family<Labels, Gauge>,
    refused: Family<Labels, Counter>,
    connections: Family<Labels, Counter>,
    connected: Family<Labels, Gauge>,
}

impl Default for Families {
    fn default() -> Self {
        Self {
            published: Family::default(),
            acked: Family::default(),
            lanes: Family::default(),
            latency: Family::new_with_constructor(latencies),
            places: Family::default(),
            refused: Family::default(),
            connections: Family::default(),
            connected: Family::default(),
        }
    }
}

impl Families {
    /// Adds the counters to the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Self::default();
        let f = &families;
        registry.register("uplink_published", "Messages handed to the broker", f.published.clone());
        registry.register("uplink_acked", "Blocks the broker acknowledged", f.acked.clone());
        registry.register("uplink_lane_acked", "Blocks the broker acknowledged, by lane", f.lanes.clone());
        registry.register("uplink_ack_seconds", "From a message to its acknowledgement", f.latency.clone());
        registry.register("uplink_backlog_places", "Unanswered messages the backlog may have", f.places.clone());
        registry.register("uplink_refused", "Blocks the broker will never take", f.refused.clone());
        registry.register("uplink_connections", "Connections made", f.connections.clone());
        registry.register("uplink_connected", "1 while connected", f.connected.clone());
        families
    }

    /// The counters of one uplink.
    pub fn of(&self, name: &str) -> Metrics {
        let labels = vec![("uplink".to_owned(), name.to_owned())];
        Metrics {
            published: self.published.get_or_create(&labels).clone(),
            acked: self.acked.get_or_create(&labels).clone(),
            latency: self.latency.get_or_create(&labels).clone(),
            places: self.places.get_or_create(&labels).clone(),
            refused: self.refused.get_or_create(&labels).clone(),
            connections: self.connections.get_or_create(&labels).clone(),
            connected: self.connected.get_or_create(&labels).clone(),
            lanes: self.lanes.clone(),
            labels,
        }
    }
}

/// The counters of one uplink.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Messages handed to the broker.
    pub(super) published: Counter,
    acked: Counter,
    latency: Histogram,
    /// Unanswered messages the backlog may have.
    pub(super) places: Gauge,
    /// Blocks the broker will never take.
    pub(super) refused: Counter,
    /// Connections made.
    pub(super) connections: Counter,
    /// 1 while connected.
    pub(super) connected: Gauge,
    lanes: Family<Labels, Counter>,
    labels: Labels,
}

impl Default for Metrics {
    /// Counters that nobody reads.
    fn default() -> Self {
        Families::default().of("")
    }
}

impl Metrics {
    /// A block of a lane was acknowledged after this time.
    pub(super) fn acked(&self, lane: LaneName, latency: Duration) {
        self.acked.inc_by(u64::from(lane != LaneName::Replay));
        self.latency.observe(latency.as_secs_f64());
        let mut labels = self.labels.clone();
        labels.push(("lane".to_owned(), lane.as_str().to_owned()));
        self.lanes.get_or_create(&labels).inc();
    }
}
