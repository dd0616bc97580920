//! When the file turns out to be damaged while it is in use: what memory holds moves into a new store.

use tokio::time::Instant;
use tracing::error;

use super::Core;
use crate::{
    buffer::{Append, OpenError, Origin, opening, route::Track},
    config::Priority,
    model::{Block, BlockBody, StateChange, Stream},
};

impl Core {
    /// Whether SQLite has found the file damaged: nothing good comes of going on with it.
    pub(in crate::buffer) fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }

    /// Sets the damaged file aside, and commits everything that memory holds and somebody is owed, or that was never
    /// committed, to a new one. Its blocks get new numbers, since a number belongs to its store; what an uplink has
    /// sent and heard nothing of may so arrive twice. False when that did not work either.
    pub(in crate::buffer) fn replace(mut self) -> bool {
        let why = self.damage.take().unwrap_or_default();
        error!(%why, "Buffer file is damaged, a new one takes over");
        self.cut_all();
        match self.begin_anew(&why) {
            Ok(mut new) => new.finish(),
            Err(error) => {
                error!(%error, "No new buffer could be begun");
                false
            }
        }
    }

    fn begin_anew(self, why: &str) -> Result<Self, OpenError> {
        let Self {
            settings,
            metrics,
            store,
            encoder,
            cutter,
            router,
            ring,
            delivery,
            last,
            receipts,
            states,
            committed,
            ..
        } = self;
        let origin = Origin { uplinks: router.feeds(), ..cutter.origin().clone() };
        let (path, seal, now) = (settings.path.clone(), store.seal.clone(), cutter.now());
        // Variables of rules, as far as they can still be read, and then as they were changed.
        let stored = store.states().unwrap_or_default();
        let changed = states.into_iter().map(|((rule, key), value)| StateChange { rule, key, value });
        drop(store);
        let (store, notice) = opening::replace(&path, seal, now, why)?;
        let mut new = Self::new(settings, origin, metrics, store, encoder, notice)
            .map_err(|error| OpenError::Sqlite { path, error })?;
        new.last = last;
        let receipts = receipts.into_iter().map(|(_, receipt)| receipt).collect();
        new.take(Append { state: stored.into_iter().chain(changed).collect(), receipts, ..Append::default() });
        let is_safe = |block: &Block| delivery.is_safe(block.id.0, &block.stream);
        let is_wanted =
            |block: &Block| !delivery.is_settled(block.id.0) || (block.id.0 > committed && !is_safe(block));
        let blocks = ring.all().map(|entry| &entry.loose.block);
        blocks.filter(|block| is_wanted(block)).for_each(|block| new.carry(block));
        Ok(new)
    }

    /// Takes in a block of another store.
    fn carry(&mut self, block: &Block) {
        match &block.body {
            BlockBody::Readings(readings) => {
                let track = [Track { stream: block.stream.clone(), priority: Priority::Normal }];
                if !matches!(block.stream, Stream::Filtered(_)) {
                    // What is in the stream of a filter is in another one as well, as a rule, and counts once.
                    readings.iter().for_each(|reading| self.rollups.note(reading));
                }
                readings.iter().for_each(|reading| self.reading(&track, reading.clone(), Instant::now()));
            }
            BlockBody::Message { ts, fields, response } => {
                let cut = self.cutter.message(&block.stream, *ts, fields, response.clone());
                self.admit(cut);
            }
        }
    }
}
