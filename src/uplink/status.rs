//! What an uplink tells about itself.

use std::sync::Arc;

use serde::Serialize;

use crate::model::Timestamp;

/// An uplink as `tidegate status` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// Why the last message that the broker will never take was set aside.
    pub refused: Option<String>,
    /// Milliseconds from handing a message over to its acknowledgement, of late.
    pub latency_ms: Option<f64>,
    /// Blocks per second that were owed at the connection and are acknowledged now; with `order = "strict"` of all.
    pub drain_rate: f64,
    /// Whether the backlog is held back, because messages became slow beside it.
    pub throttled: bool,
    /// What travels in which lane.
    pub lanes: Vec<LaneStatus>,
}

/// A lane of an uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LaneStatus {
    /// Which one.
    pub lane: LaneName,
    /// Blocks the broker acknowledged since the start.
    pub acked: u64,
    /// Messages without an answer.
    pub in_flight: usize,
    /// Whether it waits because the broker said that it does not want a message yet.
    pub paused: bool,
}

/// The lanes, in the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LaneName {
    /// Everything in its order, with `order = "strict"`.
    Strict,
    /// Events and outcomes.
    Messages,
    /// Readings that came since the connection was made.
    Live,
    /// Readings that were owed before.
    Backlog,
    /// What a receiver asked for once more.
    Replay,
}

impl LaneName {
    /// The word used in the status and as a label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Messages => "messages",
            Self::Live => "live",
            Self::Backlog => "backlog",
            Self::Replay => "replay",
        }
    }

    /// Whether it makes room for the others.
    pub(super) fn is_throttled(self) -> bool {
        matches!(self, Self::Backlog | Self::Replay)
    }

    /// Whether what is owed since before the connection travels in it.
    pub(super) fn drains(self) -> bool {
        matches!(self, Self::Strict | Self::Backlog)
    }
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
        Self {
            name,
            url,
            state,
            since,
            error,
            in_flight: 0,
            acked: 0,
            published: 0,
            reconnects: 0,
            refused: None,
            latency_ms: None,
            drain_rate: 0.0,
            throttled: false,
            lanes: Vec::new(),
        }
    }

    /// The row of a lane.
    pub(super) fn lane(&mut self, name: LaneName) -> &mut LaneStatus {
        let place = self.lanes.iter().position(|row| row.lane == name).unwrap_or_else(|| {
            self.lanes.push(LaneStatus { lane: name, acked: 0, in_flight: 0, paused: false });
            self.lanes.len() - 1
        });
        &mut self.lanes[place]
    }
}
