//! When the file turns out to be damaged while it is in use: what memory holds moves into a new store.

use std::{collections::BTreeMap, sync::Arc};

use tracing::error;

use super::Core;
use crate::{
    buffer::{
        Append, OpenError, Origin,
        damage::{self, Sent},
        delivery::Unstored,
        opening,
        ranges::Ranges,
    },
    config::Priority,
    model::{Block, Event, EventKind, StateChange, Timestamp},
};

/// A block on its way from memory into a new store.
struct Moving {
    block: Arc<Block>,
    /// When it was cut.
    cut: Timestamp,
    /// Uplinks that have it already.
    had: Vec<Arc<str>>,
}

impl Core {
    /// Whether SQLite has found the file damaged: nothing good comes of going on with it.
    pub(in crate::buffer) fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }

    /// Sets the damaged file aside, and commits everything that memory holds and somebody is owed, or that was never
    /// committed, to a new one. Its blocks get new numbers, since a number belongs to its store; what an uplink has
    /// sent and heard nothing of may so arrive twice, what it knows to have arrived does not. False when that did not work either.
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
        let moving = self.moving();
        let Self { settings, metrics, store, encoder, cutter, router, mut delivery, last, receipts, states, .. } =
            self;
        let origin = Origin { uplinks: router.feeds(), ..cutter.origin().clone() };
        let (path, seal, now) = (settings.path.clone(), store.seal.clone(), cutter.now());
        // What moves from memory is not salvaged from the file as well.
        for moved in &moving {
            delivery.forget(moved.block.id.0, 0);
        }
        let sent = Sent::of(delivery.rows(cutter.last_id(), &Unstored::default()));
        drop(store);
        let (store, notice) = opening::replace(&path, seal, now, why, Some(sent))?;
        let mut new = Self::new(settings, origin, metrics, store, encoder, notice)
            .map_err(|error| OpenError::Sqlite { path, error })?;
        new.last = last;
        // Variables that did not change are taken over from the file.
        let changed = states.into_iter().map(|((rule, key), value)| StateChange { rule, key, value });
        let receipts = receipts.into_iter().map(|(_, receipt)| receipt).collect();
        new.take(Append { state: changed.collect(), receipts, ..Append::default() });
        for Moving { block, cut, had } in &moving {
            new.sum_up(block);
            new.admit_again(block, Priority::Normal, *cut, had);
        }
        new.tell_moved(moving.iter().map(|moved| &moved.block));
        new.tell_skipped();
        Ok(new)
    }

    /// Blocks in memory that somebody is owed, or that were never committed and are not safe elsewhere.
    fn moving(&self) -> Vec<Moving> {
        let is_wanted = |block: &Block| {
            !self.delivery.is_settled(block.id.0) || (block.id.0 > self.committed && !self.is_safe(block))
        };
        let wanted = self.ring.all().map(|entry| &entry.loose).filter(|loose| is_wanted(&loose.block));
        let moving = wanted.map(|loose| Moving {
            block: Arc::clone(&loose.block),
            cut: loose.cut,
            had: self.delivery.had(loose.block.id.0),
        });
        moving.collect()
    }

    /// Numbers of the old store that will not come, because their readings come under others.
    pub(super) fn tell_moved<'a>(&mut self, moved: impl Iterator<Item = &'a Arc<Block>>) {
        let mut tracks = BTreeMap::<_, (Ranges, u64)>::new();
        for block in moved.filter(|block| block.stream.is_upstream()) {
            let track = tracks.entry((&block.store, (block.stream.clone(), block.epoch))).or_default();
            track.0.insert(block.seq);
            track.1 += block.readings() as u64;
        }
        let now = self.cutter.now();
        for ((store, track), (numbers, readings)) in tracks {
            for gap in damage::moved(store, &track, &numbers, readings) {
                self.event(&Event { ts: now, kind: EventKind::Gap { gap } });
            }
        }
    }
}
