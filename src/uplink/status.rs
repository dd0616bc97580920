//! What an uplink tells about itself: a status for people and programs, and counters.

use std::sync::Arc;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use serde::Serialize;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::model::{SharedClock, Timestamp};

/// An uplink as `tidegate status` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Name in the configuration.
    pub name: Arc<str>,
    /// The broker.
    pub url: String,
    /// What it is doing.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why it is not connected.
    pub error: Option<String>,
    /// Messages without an answer.
    pub in_flight: usize,
    /// Blocks the broker acknowledged since the start.
    pub acked: u64,
    /// Messages handed to the broker since the start.
    pub published: u64,
    /// Connections made after the first.
    pub reconnects: u64,
}

/// What an uplink is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The broker has accepted us.
    Connected,
    /// On the way to the broker.
    Connecting,
    /// Until the next attempt.
    Waiting,
}

impl Status {
    /// An uplink before its first attempt.
    pub fn new(name: Arc<str>, url: String, since: Timestamp) -> Self {
        let (state, error) = (State::Connecting, None);
        Self { name, url, state, since, error, in_flight: 0, acked: 0, published: 0, reconnects: 0 }
    }
}

type Labels = Vec<(String, String)>;

/// The counters of every uplink.
#[derive(Debug, Clone, Default)]
pub struct Families {
    published: Family<Labels, Counter>,
    acked: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    connections: Family<Labels, Counter>,
    connected: Family<Labels, Gauge>,
}

impl Families {
    /// Adds the counters to the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Self::default();
        let f = &families;
        registry.register("uplink_published", "Messages handed to the broker", f.published.clone());
        registry.register("uplink_acked", "Blocks the broker acknowledged", f.acked.clone());
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
            refused: self.refused.get_or_create(&labels).clone(),
            connections: self.connections.get_or_create(&labels).clone(),
            connected: self.connected.get_or_create(&labels).clone(),
        }
    }
}

/// The counters of one uplink.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    published: Counter,
    acked: Counter,
    refused: Counter,
    connections: Counter,
    connected: Gauge,
}

/// Keeps status, counters and log in step.
pub(super) struct Reporter {
    pub(super) status: watch::Sender<Status>,
    pub(super) metrics: Metrics,
    pub(super) clock: SharedClock,
}

impl Reporter {
    /// An attempt starts; the last error stays visible until it succeeds.
    pub(super) fn connecting(&self) {
        self.enter(State::Connecting, |_| ());
    }

    /// The broker accepted us.
    pub(super) fn connected(&self) {
        let again = self.metrics.connections.inc() > 0;
        self.metrics.connected.set(1);
        self.enter(State::Connected, |status| {
            status.error = None;
            status.reconnects += u64::from(again);
            info!(uplink = %status.name, url = %status.url, "Connected to the broker");
        });
    }

    /// The connection ended, or never came to be. The same error twice in a row is logged once.
    pub(super) fn waiting(&self, error: String) {
        self.metrics.connected.set(0);
        self.enter(State::Waiting, |status| {
            if status.error.as_ref() != Some(&error) {
                warn!(uplink = %status.name, url = %status.url, %error, "Uplink is down, blocks wait in the buffer");
            }
            status.in_flight = 0;
            status.error = Some(error);
        });
    }

    /// A message was handed over.
    pub(super) fn published(&self, in_flight: usize) {
        self.metrics.published.inc();
        self.status.send_modify(|status| {
            status.published += 1;
            status.in_flight = in_flight;
        });
    }

    /// A block was acknowledged.
    pub(super) fn acked(&self, in_flight: usize) {
        self.metrics.acked.inc();
        self.status.send_modify(|status| {
            status.acked += 1;
            status.in_flight = in_flight;
        });
    }

    /// A block was refused for good; the first is logged, all are counted and recorded by the outbox.
    pub(super) fn refused(&self, why: &str) {
        if self.metrics.refused.inc() == 0 {
            let status = self.status.borrow();
            warn!(uplink = %status.name, why, "Broker refuses a message, it is set aside");
        }
    }

    fn enter(&self, state: State, change: impl FnOnce(&mut Status)) {
        let now = self.clock.now();
        self.status.send_modify(|status| {
            if status.state != state {
                (status.state, status.since) = (state, now);
            }
            change(status);
        });
    }
}
