//! Uplinks: each is a task of its own with its own cursor into the buffer.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::core::Core;
use crate::{
    buffer::{self, Stopped},
    config,
    model::{Block, BlockId, EpochEnd, Replay, Wanted},
    supervisor::{Restart, Stage, TaskHandle},
    uplink::{self, FetchError, Outbox, OutboxClosed},
};

/// How long an uplink may go on delivering after it was asked to stop; shorter than a stage's limit.
const DRAIN: Duration = Duration::from_secs(4);

/// A running uplink: what it was configured with, how to stop it, how it does.
pub(super) struct UplinkTask {
    /// The section it runs with; a reload compares it.
    pub(super) config: config::Uplink,
    /// Stops it alone.
    pub(super) handle: TaskHandle,
    /// How it does.
    pub(super) status: watch::Receiver<uplink::Status>,
}

impl Core {
    /// Starts one uplink.
    pub(super) fn add_uplink(self: &Arc<Self>, config: config::Uplink) {
        let first = uplink::Status::new(Arc::clone(&config.name), config.url.to_string(), self.clock.now());
        let (sender, status) = watch::channel(first);
        let (core, section) = (Arc::clone(self), config.clone());
        let name = format!("uplink {}", config.name);
        let handle = self.supervisor.spawn(Stage::Uplink, &name, Restart::WithBackoff, move |stop| {
            let context = uplink::Context {
                outbox: Cursor { core: Arc::clone(&core), uplink: Arc::clone(&section.name) },
                commands: core.ways.inbox.clone(),
                outcomes: core.ways.outcomes.clone(),
                clock: Arc::clone(&core.clock),
                stop,
                drain: DRAIN,
                status: sender.clone(),
                metrics: core.metrics.uplinks.of(&section.name),
                gateway: core.gateway_info(),
            };
            uplink::run(section.clone(), context)
        });
        super::lock(&self.running.uplinks).push(UplinkTask { config, handle, status });
    }
}

/// One uplink's view of the buffer.
struct Cursor {
    /// Where the buffer is.
    core: Arc<Core>,
    /// Whose delivered blocks are meant.
    uplink: Arc<str>,
}

/// The buffer's word for "gone" in the uplink's language.
fn closed(_: Stopped) -> OutboxClosed {
    OutboxClosed
}

/// The buffer's words for "no blocks" in the uplink's language.
fn no_blocks(error: buffer::FetchError) -> FetchError {
    match error {
        buffer::FetchError::Stopped(stopped) => closed(stopped).into(),
        buffer::FetchError::Unreadable(why) => FetchError::Unreadable(why),
    }
}

impl Outbox for Cursor {
    async fn fetch(&self, wanted: Wanted, limit: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        self.core.buffer.fetch(&self.uplink, wanted, limit).await.map_err(no_blocks)
    }

    async fn delivered(&self, blocks: Vec<BlockId>) -> Result<(), OutboxClosed> {
        self.core.buffer.delivered(&self.uplink, blocks).await.map_err(closed)
    }

    fn newest(&self) -> watch::Receiver<BlockId> {
        self.core.buffer.newest()
    }

    async fn open_epochs(&self) -> Result<Vec<EpochEnd>, OutboxClosed> {
        self.core.buffer.open_epochs(&self.uplink).await.map_err(closed)
    }

    async fn close_epochs(&self, up_to: u64) -> Result<(), OutboxClosed> {
        self.core.buffer.close_epochs(&self.uplink, up_to).await.map_err(closed)
    }

    fn identity(&self) -> (Arc<str>, u64) {
        let identity = self.core.buffer.identity();
        (Arc::clone(&identity.store), identity.epoch)
    }

    async fn replay(&self, what: &Replay, after: BlockId, limit: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        self.core.buffer.replay(what.clone(), after, limit).await.map_err(no_blocks)
    }

    async fn refused(&self, block: BlockId, why: String) -> Result<(), OutboxClosed> {
        self.core.buffer.refused(&self.uplink, block, why).await.map_err(closed)
    }
}
