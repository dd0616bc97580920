//! The bound of what was set aside: damaged files stay for whoever wants to look at them, within the room that the
//! buffer may take and does not.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::warn;

use super::Core;
use crate::buffer::damage::{Aside, Past, Pending, asides, delete, excess};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);

impl Core {
    /// Looks at the files that were set aside, unless that was done a moment ago, and deletes the oldest that are
    /// salvaged while there are too many. On a disk that is nearly full all of them go: the store needs the room.
    pub(super) fn bound_asides(&mut self, now: Instant) {
        if self.asides_looked.is_some_and(|looked| now.duration_since(looked) < LOOK) {
            return;
        }
        self.asides_looked = Some(now);
        // A store that cannot say what it still waits for keeps everything.
        let Ok(pending) = self.waited_for() else { return };
        let mut kept = match asides(&self.settings.path, &pending) {
            Ok(kept) => kept,
            Err(error) => return warn!(%error, "Files that were set aside cannot be listed"),
        };
        for gone in excess(&mut kept, self.room_for_asides()) {
            self.delete_aside(&gone);
        }
        self.status.send_modify(|status| status.set_aside = kept);
    }

    /// The files that are not salvaged yet. On a disk that is nearly full nobody waits for the history.
    fn waited_for(&self) -> rusqlite::Result<Vec<Arc<str>>> {
        let pending: Vec<Arc<str>> =
            Pending::all(&self.store.db)?.iter().map(|pending| pending.name().into()).collect();
        let pasts = if self.status.borrow().disk_low { Vec::new() } else { Past::all(&self.store.db)? };
        Ok(pending.into_iter().chain(pasts.iter().map(|past| Arc::clone(past.name()))).collect())
    }

    fn room_for_asides(&self) -> u64 {
        let is_low = self.status.borrow().disk_low;
        let taken = self.store.lasting_size().unwrap_or(u64::MAX);
        if is_low { 0 } else { self.settings.max_size.saturating_sub(taken) }
    }

    fn delete_aside(&self, gone: &Aside) {
        match delete(&self.settings.path, gone) {
            Ok(()) => {
                self.metrics.asides_deleted.inc();
                warn!(file = %gone.file, bytes = gone.bytes,
                    "A damaged buffer was salvaged, and is deleted to make room");
            }
            Err(error) => warn!(file = %gone.file, %error, "A damaged buffer cannot be deleted"),
        }
    }
}
