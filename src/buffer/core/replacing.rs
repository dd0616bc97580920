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
    model::{Block, Event, EventKind, StateChange},
};

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
        let Self {
            settings,
            metrics,
            store,
            encoder,
            cutter,
            router,
            ring,
            mut delivery,
            last,
            receipts,
            states,
            committed,
            ..
        } = self;
        let origin = Origin { uplinks: router.feeds(), ..cutter.origin().clone() };
        let (path, seal, now) = (settings.path.clone(), store.seal.clone(), cutter.now());
        let is_safe = |block: &Block| delivery.is_safe(block.id.0, &block.stream);
        let is_wanted =
            |block: &&Arc<Block>| !delivery.is_settled(block.id.0) || (block.id.0 > committed && !is_safe(block));
        let waiting = ring.all().map(|entry| &entry.loose).filter(|loose| is_wanted(&&loose.block));
        let (moving, cuts): (Vec<_>, Vec<_>) = waiting.map(|loose| (Arc::clone(&loose.block), loose.cut)).unzip();
        let had: Vec<_> = moving.iter().map(|block| delivery.had(block.id.0)).collect();
        // What moves from memory is not salvaged from the file as well.
        for block in &moving {
            delivery.forget(block.id.0, 0);
        }
        let sent = Sent::of(delivery.rows(cutter.last_id(), &Unstored::default()));
        // The others are taken over from the file.
        let changed = states.into_iter().map(|((rule, key), value)| StateChange { rule, key, value });
        drop(store);
        let (store, notice) = opening::replace(&path, seal, now, why, Some(sent))?;
        let mut new = Self::new(settings, origin, metrics, store, encoder, notice)
            .map_err(|error| OpenError::Sqlite { path, error })?;
        new.last = last;
        let receipts = receipts.into_iter().map(|(_, receipt)| receipt).collect();
        new.take(Append { state: changed.collect(), receipts, ..Append::default() });
        for ((block, at), had) in moving.iter().zip(cuts).zip(had) {
            new.sum_up(block);
            new.admit_again(block, Priority::Normal, at, &had);
        }
        new.tell_moved(&moving);
        new.tell_skipped();
        Ok(new)
    }

    /// Numbers of the old store that will not come, because their readings come under others.
    pub(super) fn tell_moved(&mut self, moved: &[Arc<Block>]) {
        let mut tracks = BTreeMap::<_, (Ranges, u64)>::new();
        for block in moved.iter().filter(|block| block.stream.is_upstream()) {
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
