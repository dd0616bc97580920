//! Keeps what an uplink tells about itself in step: status, counters and log.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    metrics::Metrics,
    status::{LaneName, State, Status},
};
use crate::model::{BlockId, SharedClock};

/// Part of a new latency in the average.
const SMOOTHING: f64 = 1.0 / 16.0;

/// How the lanes of a connection do at a moment.
#[derive(Debug)]
pub(super) struct Progress {
    /// Messages in flight and whether it waits, of each lane.
    pub(super) lanes: Vec<(LaneName, usize, bool)>,
    /// Whether the backlog is held back.
    pub(super) throttled: bool,
    /// Messages of the backlog that may be in flight.
    pub(super) places: usize,
    /// Blocks per second that the backlog loses.
    pub(super) drain_rate: f64,
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
            status.error = Some(error);
            (status.in_flight, status.drain_rate, status.throttled) = (0, 0.0, false);
            for row in &mut status.lanes {
                (row.in_flight, row.paused) = (0, false);
            }
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
    pub(super) fn acked(&self, lane: LaneName, in_flight: usize, latency: Duration) {
        self.metrics.acked(lane, latency);
        self.status.send_modify(|status| {
            // What is sent again was counted when it was owed.
            status.acked += u64::from(lane != LaneName::Replay);
            status.lane(lane).acked += 1;
            status.in_flight = in_flight;
            let millis = latency.as_secs_f64() * 1000.0;
            let average = status.latency_ms.unwrap_or(millis);
            status.latency_ms = Some(average + (millis - average) * SMOOTHING);
        });
    }

    /// Blocks of a lane acknowledged since the start.
    pub(super) fn acked_in(&self, is_wanted: impl Fn(LaneName) -> bool) -> u64 {
        let status = self.status.borrow();
        status.lanes.iter().filter(|row| is_wanted(row.lane)).map(|row| row.acked).sum()
    }

    /// How the lanes do.
    pub(super) fn progress(&self, progress: &Progress) {
        self.metrics.places.set(i64::try_from(progress.places).unwrap_or(i64::MAX));
        self.status.send_modify(|status| {
            for &(name, in_flight, paused) in &progress.lanes {
                let row = status.lane(name);
                (row.in_flight, row.paused) = (in_flight, paused);
            }
            (status.throttled, status.drain_rate) = (progress.throttled, progress.drain_rate);
        });
    }

    /// The broker does not want a message of a lane yet. Told once until it takes one again.
    pub(super) fn pauses(&self, lane: LaneName) {
        let status = self.status.borrow();
        warn!(
            uplink = %status.name, lane = lane.as_str(),
            "Broker has no quota for a message, trying it again with longer and longer pauses"
        );
    }

    /// A block was refused for good. All are counted and recorded by the outbox; the log has each reason once in a
    /// row, because a broker that refuses one message often refuses the next for the same.
    pub(super) fn refused(&self, block: BlockId, why: &str) {
        self.metrics.refused.inc();
        self.status.send_if_modified(|status| {
            if status.refused.as_deref() != Some(why) {
                warn!(uplink = %status.name, block = block.0, why, "Broker refuses a message, it is set aside");
                status.refused = Some(why.to_owned());
            }
            true
        });
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
