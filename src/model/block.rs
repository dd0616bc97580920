//! Blocks: the numbered units that are stored, sent and acknowledged. One block is one upstream message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;

use super::{BootId, ClockQuality, Reading, ResponseTo, Timestamp};

/// A numbered sequence of blocks within an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Readings.
    Data,
    /// Alarms, gaps, device and gateway events.
    Event,
    /// Answers to commands.
    Outcome,
    /// Readings that stay in the gateway: a rule keeps them, or no uplink wants them.
    Local,
    /// The readings that one uplink's filter lets through, under the stream's whole name: `data.<uplink>`.
    Filtered(Arc<str>),
}

impl Stream {
    /// The streams every gateway has.
    pub const ALL: [Self; 4] = [Self::Data, Self::Event, Self::Outcome, Self::Local];

    /// The stream of an uplink with a filter.
    pub fn filtered(uplink: &str) -> Self {
        Self::Filtered(format!("data.{uplink}").into())
    }

    /// The name used in messages.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Data => "data",
            Self::Event => "event",
            Self::Outcome => "outcome",
            Self::Local => "local",
            Self::Filtered(name) => name,
        }
    }

    /// Whether blocks of this stream leave the gateway.
    pub fn is_upstream(&self) -> bool {
        !matches!(self, Self::Local)
    }

    /// Whether its blocks hold readings; the others hold one message each.
    pub fn has_readings(&self) -> bool {
        !matches!(self, Self::Event | Self::Outcome)
    }
}

/// The end of an earlier epoch: the last `seq` each stream had, `None` where it had none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: u64,
    /// Last block of readings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<u64>,
    /// Last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// Last outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<u64>,
    /// For an uplink with a filter: the name of its own stream, and the last block of that.
    #[serde(flatten)]
    pub filtered: BTreeMap<Arc<str>, u64>,
}

/// The place of a block in the store, rising with time across streams and epochs. Not part of the upstream contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u64);

/// Which blocks an uplink asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// All of them.
    All,
    /// Events and outcomes.
    Messages,
    /// Readings.
    Readings,
}

impl Lane {
    /// Whether a stream's blocks travel in it.
    pub fn has(self, stream: &Stream) -> bool {
        match self {
            Self::All => true,
            Self::Messages => !stream.has_readings(),
            Self::Readings => stream.has_readings(),
        }
    }
}

/// A question for blocks: those of a lane in `after < id <= until`, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Which kind.
    pub lane: Lane,
    /// The place before the first.
    pub after: BlockId,
    /// The place of the last.
    pub until: BlockId,
}

impl Wanted {
    /// Every block after a place.
    pub fn all_after(after: BlockId) -> Self {
        Self { lane: Lane::All, after, until: BlockId(u64::MAX) }
    }
}

/// One block. Message id upstream is (`store`, `epoch`, `stream`, `seq`); nothing in it changes once it may have
/// left the gateway; until then, only [`Block::set_right`] does.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Place in the store.
    pub id: BlockId,
    /// The gateway's id when the block was cut.
    pub gateway: Arc<str>,
    /// Made with the database file.
    pub store: Arc<str>,
    /// Raised at each start of the daemon.
    pub epoch: u64,
    /// The stream it belongs to.
    pub stream: Stream,
    /// Number within stream and epoch, from 1, without holes.
    pub seq: u64,
    /// Quality of the clock when it was cut.
    pub clock: ClockQuality,
    /// The boot `uptime` counts from.
    pub boot: BootId,
    /// Uptime when it was cut.
    pub uptime: Duration,
    /// The content.
    pub body: BlockBody,
}

/// The content of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum BlockBody {
    /// Readings in the order they were accepted; never empty.
    Readings(Arc<[Reading]>),
    /// One event or outcome.
    Message {
        /// When it happened.
        ts: Timestamp,
        /// Its own fields as a JSON object, for example `{"type":"gap","gap":{…}}`, kept as text so that a message
        /// that is sent again is byte-identical.
        fields: Arc<str>,
        /// For an outcome: where an MQTT 5 sender wants it as well.
        response: Option<ResponseTo>,
    },
}

impl BlockBody {
    /// Its readings; an event or outcome has none.
    pub fn readings(&self) -> &[Reading] {
        match self {
            Self::Readings(readings) => readings,
            Self::Message { .. } => &[],
        }
    }
}

impl Block {
    /// How many readings are in the block; an event or outcome counts none.
    pub fn readings(&self) -> usize {
        self.body.readings().len()
    }

    /// The block as it is when its clock turns out to have been wrong by so many milliseconds: every moment is moved
    /// alike, and the clock counts as trusted. Only for a block that has not left the gateway.
    #[must_use]
    pub fn set_right(&self, by_ms: i64) -> Self {
        let body = match &self.body {
            BlockBody::Readings(readings) => {
                let moved = |reading: &Reading| Reading { ts: reading.ts.moved(by_ms), ..reading.clone() };
                BlockBody::Readings(readings.iter().map(moved).collect())
            }
            BlockBody::Message { ts, fields, response } => {
                BlockBody::Message { ts: ts.moved(by_ms), fields: Arc::clone(fields), response: response.clone() }
            }
        };
        Self { clock: ClockQuality::Ntp, body, ..self.clone() }
    }

    /// The oldest and newest moment in the block.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        match &self.body {
            BlockBody::Readings(readings) => {
                let times = || readings.iter().map(|reading| reading.ts);
                (times().min().unwrap_or_default(), times().max().unwrap_or_default())
            }
            BlockBody::Message { ts, .. } => (*ts, *ts),
        }
    }
}
