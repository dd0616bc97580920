//! Blocks on their way from the outbox into the window.

use std::{
    collections::{BTreeSet, VecDeque},
    future::{Future, pending},
    sync::Arc,
};

use tokio::sync::watch;

use super::super::{Outbox, OutboxClosed};
use crate::model::{Block, BlockId, Wanted};

/// What is fetched and not sent; at most two windows, and what the broker gave back.
pub(super) struct Source<O> {
    outbox: Arc<O>,
    newest: watch::Receiver<BlockId>,
    window: usize,
    ready: VecDeque<Arc<Block>>,
    /// The last block that was fetched. Looking only beyond it misses nothing: ids are given in the order in which
    /// blocks become visible, so none appears below one that was seen.
    cursor: BlockId,
    is_fetching: bool,
    /// The outbox had nothing after the cursor.
    is_exhausted: bool,
    /// Blocks the broker did not want yet and has not taken since.
    given_back: BTreeSet<BlockId>,
}

impl<O: Outbox> Source<O> {
    /// From the oldest undelivered block on.
    pub(super) fn new(outbox: Arc<O>, window: usize) -> Self {
        let newest = outbox.newest();
        Self {
            outbox,
            newest,
            window,
            ready: VecDeque::new(),
            cursor: BlockId(0),
            is_fetching: false,
            is_exhausted: false,
            given_back: BTreeSet::new(),
        }
    }

    /// A fetch, when there is little left and more to get.
    pub(super) fn refill(
        &mut self,
    ) -> Option<impl Future<Output = Result<Vec<Arc<Block>>, OutboxClosed>> + Send + use<O>> {
        if self.ready.len() >= self.window || self.is_fetching || self.is_exhausted {
            return None;
        }
        self.is_fetching = true;
        self.newest.mark_unchanged();
        let (outbox, wanted, limit) = (Arc::clone(&self.outbox), Wanted::all_after(self.cursor), self.window);
        Some(async move { outbox.fetch(wanted, limit).await })
    }

    /// The answer to a fetch.
    pub(super) fn fetched(&mut self, blocks: Vec<Arc<Block>>) {
        self.is_fetching = false;
        self.is_exhausted = blocks.is_empty();
        if let Some(last) = blocks.last() {
            self.cursor = last.id;
        }
        self.ready.extend(blocks);
    }

    /// Waits until there is more than there was; for ever while a fetch can tell.
    pub(super) async fn grown(&mut self) -> Result<(), OutboxClosed> {
        if !self.is_exhausted {
            return pending().await;
        }
        self.newest.changed().await.map_err(|_| OutboxClosed)?;
        self.is_exhausted = false;
        Ok(())
    }

    /// The next block to send. This is where `live-first` will pick from both ends of the outbox.
    pub(super) fn next(&mut self) -> Option<Arc<Block>> {
        self.ready.pop_front()
    }

    /// A block comes again, before all later ones.
    pub(super) fn give_back(&mut self, block: Arc<Block>) {
        self.given_back.insert(block.id);
        let place = self.ready.partition_point(|other| other.id < block.id);
        self.ready.insert(place, block);
    }

    /// A block's fate is known.
    pub(super) fn settled(&mut self, block: BlockId) {
        self.given_back.remove(&block);
    }

    /// Whether a block that was given back has not made its way since.
    pub(super) fn is_held_up(&self) -> bool {
        !self.given_back.is_empty()
    }

    /// Whether there is nothing more to send, not even a block that came since anybody looked.
    pub(super) fn is_dry(&self) -> bool {
        let has_grown = self.newest.has_changed().unwrap_or(false);
        self.is_exhausted && self.ready.is_empty() && !has_grown
    }
}
