//! Delivery upstream: blocks out of the outbox to an MQTT broker, commands back.
//!
//! - The database is the session. Each connection starts clean and reads from the outbox what is not acknowledged.
//! - Every PUBACK is followed to its block; a block counts as delivered when the broker said so, never before.
//! - A block that is sent again is the same byte for byte, with a limit that `compression` names.
//! - A message the broker will never take is set aside with its reason; it does not stop the stream.
//! - What was sent can be asked for once more; that counts in no progress.
//! - Commands come over a session of their own and are acknowledged once the ledger holds them.
//!
//! With `order = "live-first"` what comes after a connection goes at once and what was owed before drains beside it;
//! with `strict` everything goes in block order. `delivery::source` is the one place that decides.

mod clip;
mod commands;
mod compression;
mod credentials;
mod delivery;
mod fresh_session;
mod link;
mod metrics;
mod mqtt311;
mod mqtt5;
mod payload;
mod replay;
mod reporter;
mod session;
mod state;
mod status;
mod suspects;
mod topic;
mod wire;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

pub use metrics::{Families, Metrics};
pub use payload::Encoder;
pub use status::{LaneName, LaneStatus, State, Status};

use self::replay::Replays;
use crate::{
    config::{self, MqttProtocol},
    model::{Block, BlockId, BootId, Envelope, EpochEnd, Outcome, Replay, SharedClock, Stream, Timestamp, Wanted},
    shutdown::Stop,
};

/// What an uplink needs of the buffer: its own view of the undelivered blocks.
pub trait Outbox: Send + Sync + 'static {
    /// At most `limit` undelivered blocks of those that are wanted, in order. Empty when there are none. Ids grow in
    /// the order in which blocks become visible: below the newest one, no new one appears.
    fn fetch(&self, wanted: Wanted, limit: usize)
    -> impl Future<Output = Result<Vec<Arc<Block>>, FetchError>> + Send;

    /// The broker has these blocks.
    fn delivered(&self, blocks: Vec<BlockId>) -> impl Future<Output = Result<(), OutboxClosed>> + Send;

    /// The newest block there is; a change means that fetching is worth while.
    fn newest(&self) -> watch::Receiver<BlockId>;

    /// Earlier epochs that no acknowledged `state` message has closed.
    fn open_epochs(&self) -> impl Future<Output = Result<Vec<EpochEnd>, OutboxClosed>> + Send;

    /// A `state` message that named these epochs was acknowledged.
    fn close_epochs(&self, up_to: u64) -> impl Future<Output = Result<(), OutboxClosed>> + Send;

    /// Store id and epoch of this run.
    fn identity(&self) -> (Arc<str>, u64);

    /// At most `limit` stored blocks of a range after a place, delivered or not, in order. Empty when there are none.
    fn replay(
        &self,
        what: &Replay,
        after: BlockId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Arc<Block>>, FetchError>> + Send;

    /// The broker will never take this block. It is recorded with the reason and counts as handled.
    fn refused(&self, block: BlockId, why: String) -> impl Future<Output = Result<(), OutboxClosed>> + Send;
}

/// The outbox is gone: the daemon is ending, or its storage failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outbox is closed")]
pub struct OutboxClosed;

/// Why the outbox gave no blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It never will again.
    #[error(transparent)]
    Closed(#[from] OutboxClosed),
    /// It could not look at this moment; there may be some.
    #[error("{0}")]
    Unreadable(String),
}

/// Who is speaking, for `state` messages.
#[derive(Debug, Clone)]
pub struct GatewayInfo {
    /// The gateway's id.
    pub id: Arc<str>,
    /// Version of this program.
    pub version: &'static str,
    /// The boot it runs in.
    pub boot: BootId,
    /// When it started.
    pub started: Timestamp,
}

/// What an uplink is given besides its configuration.
pub struct Context<O> {
    /// Where blocks come from.
    pub outbox: O,
    /// Where commands go; a full channel makes the broker wait.
    pub commands: mpsc::Sender<Envelope>,
    /// Where it goes what became of replays; the sender of a request waits when it is full.
    pub outcomes: mpsc::Sender<Outcome>,
    /// For `late` and for the status.
    pub clock: SharedClock,
    /// Raised once, at the end.
    pub stop: Stop,
    /// How long it may go on delivering after that.
    pub drain: Duration,
    /// What it tells about itself.
    pub status: watch::Sender<Status>,
    /// What it counts.
    pub metrics: Metrics,
    /// Who is speaking.
    pub gateway: GatewayInfo,
}

/// Why an uplink ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// There is nothing left to deliver from.
    #[error(transparent)]
    Outbox(#[from] OutboxClosed),
}

/// Delivers until it is asked to stop; then what it can within `drain`, says `offline` and disconnects. A broker that
/// is away, refuses or misbehaves never ends it.
pub async fn run<O: Outbox>(config: config::Uplink, context: Context<O>) -> Result<(), UplinkError> {
    match config.protocol {
        MqttProtocol::V5 => run_on::<mqtt5::Mqtt5, O>(config, context).await,
        MqttProtocol::V311 => run_on::<mqtt311::Mqtt311, O>(config, context).await,
    }
}

async fn run_on<U: link::Uplink, O: Outbox>(config: config::Uplink, context: Context<O>) -> Result<(), UplinkError> {
    let replays = Arc::new(Replays::new(context.clock.clone()));
    let commands = commands::Inbox {
        replays: Arc::clone(&replays),
        rules: replay::Rules { store: context.outbox.identity().0, data: data_stream(&config) },
        outcomes: context.outcomes.clone(),
        config: config.clone(),
        commands: context.commands.clone(),
        clock: context.clock.clone(),
        stop: context.stop.clone(),
    };
    let taking = async move {
        if commands.config.commands {
            commands.run::<U>().await;
        }
        Ok(())
    };
    tokio::try_join!(session::run::<U, O>(config, context, replays), taking).map(|_| ())
}

/// The stream in which an uplink gets its readings.
fn data_stream(config: &config::Uplink) -> Stream {
    if config.filter.is_some() { Stream::filtered(&config.name) } else { Stream::Data }
}
