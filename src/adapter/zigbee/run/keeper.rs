//! When backups of the coordinator are made: a minute after the network changed, and once a day.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::{
    adapter::{
        memory::Memory,
        zigbee::{
            backup::{Backup, shelf::Shelf},
            config::Config,
        },
    },
    model::Timestamp,
};

/// How long after a change a backup is made: devices come in swarms.
const SETTLE: Duration = Duration::from_secs(60);

/// How often one is made although nothing changed but counters; they are what is lost without it.
const EVERY: Duration = Duration::from_secs(24 * 3600);

/// When it is tried again after it came to nothing.
const AGAIN: Duration = Duration::from_secs(3600);

/// When the next backup is due, and where it goes.
pub(super) struct Keeper {
    /// None when none are kept.
    shelf: Option<Shelf>,
    due: Option<Instant>,
    /// Whether the network changed since the last.
    is_changed: bool,
    /// When the last one was made.
    newest: Option<Timestamp>,
}

impl Keeper {
    /// With the backups of earlier runs.
    pub(super) async fn recall(config: &Config, memory: &Memory, now: Timestamp) -> Self {
        Self::of(config.backups.into(), memory, now).await
    }

    /// The same, with so many kept.
    async fn of(room: usize, memory: &Memory, now: Timestamp) -> Self {
        let shelf = memory.folder("backups").filter(|_| room > 0).map(|folder| Shelf::new(folder, room));
        let newest = match &shelf {
            Some(shelf) => shelf.newest().await.and_then(|backup| backup.made),
            None => None,
        };
        let rest = newest.map_or(SETTLE, |made| EVERY.saturating_sub(now.since(made)).max(SETTLE));
        Self { due: shelf.is_some().then(|| Instant::now() + rest), shelf, is_changed: newest.is_none(), newest }
    }

    /// Devices came or went.
    pub(super) fn changed(&mut self) {
        self.is_changed = true;
        if self.shelf.is_some() {
            self.due = Some(Instant::now() + SETTLE);
        }
    }

    /// When the next one is to be made.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the network changed since the last one, and another is wanted.
    pub(super) fn is_owed(&self) -> bool {
        self.is_changed && self.shelf.is_some()
    }

    /// When the last one was made.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Puts a backup on the shelf, unless nothing changed for as long as one is good for.
    pub(super) async fn keep(&mut self, backup: &Backup, now: Timestamp) {
        let Some(folder) = &self.shelf else { return };
        self.due = Some(Instant::now() + EVERY);
        let last = folder.newest().await;
        let is_old = last.as_ref().and_then(|last| last.made).is_none_or(|made| now.since(made) >= EVERY);
        if is_old || last.is_none_or(|last| !last.is_like(backup)) {
            if let Err(error) = folder.put(backup, now).await {
                warn!(%error, "A backup of the coordinator cannot be written, trying again");
                self.due = Some(Instant::now() + AGAIN);
                return;
            }
            self.newest = Some(now);
        }
        self.is_changed = false;
    }

    /// It came to nothing.
    pub(super) fn postpone(&mut self) {
        self.due = self.due.map(|_| Instant::now() + AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::*;
    use crate::adapter::{memory::Memories, zigbee::backup::sample};

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const DAY: Duration = EVERY;

    /// A keeper of three backups, as a run of the gateway begins with it.
    async fn keeper(folder: &tempfile::TempDir, now: Timestamp) -> Keeper {
        let memory = Memories::new(folder.path().to_owned()).of("zb", "zigbee", Arc::default());
        Keeper::of(3, &memory, now).await
    }

    /// How many backups there are.
    fn kept(folder: &tempfile::TempDir) -> usize {
        fs::read_dir(folder.path().join("zb.backups")).map_or(0, Iterator::count)
    }

    /// How long it is until the next one is made.
    fn left(keeper: &Keeper) -> Duration {
        keeper.due().unwrap().saturating_duration_since(Instant::now())
    }

    #[tokio::test(start_paused = true)]
    async fn a_backup_is_made_every_day_and_the_last_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder, START).await;
        assert_eq!(left(&keeper), SETTLE);

        let mut now = START;
        for day in 1..=5usize {
            tokio::time::advance(left(&keeper)).await;
            now = now.plus(DAY);
            keeper.keep(&sample(), now).await;
            assert_eq!((left(&keeper), kept(&folder)), (DAY, day.min(3)), "day {day}");
        }
        assert_eq!(keeper.newest(), Some(now));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_kept_a_minute_later_and_no_change_leaves_the_last_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder, START).await;
        keeper.keep(&sample(), START).await;
        assert!(!keeper.is_owed());

        keeper.changed();
        assert!(keeper.is_owed());
        assert_eq!(left(&keeper), SETTLE);
        let (mut other, later) = (sample(), START.plus(SETTLE));
        other.members.clear();
        keeper.keep(&other, later).await;
        keeper.keep(&other, later.plus(SETTLE)).await;

        assert_eq!((kept(&folder), keeper.newest()), (2, Some(later)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_day_goes_on_counting_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = keeper(&folder, START).await;
        first.keep(&Backup { made: Some(START), ..sample() }, START).await;

        let after = |time| keeper(&folder, START.plus(time));
        assert_eq!(left(&after(DAY / 4).await), DAY / 4 * 3);
        assert_eq!(left(&after(DAY * 3).await), SETTLE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = keeper(&folder, START).await;
        fs::write(folder.path().join("zb.backups"), "in the way").unwrap();

        keeper.keep(&sample(), START).await;

        assert_eq!((left(&keeper), keeper.newest()), (AGAIN, None));
        assert!(keeper.is_owed());
    }
}
