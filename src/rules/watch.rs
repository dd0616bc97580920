//! Watching the rule folder.
//!
//! A change only rings a bell; what changed is found out by reading the folder. The bell holds one stroke, further
//! ones before it is heard are lost on purpose. Where no watch can be had, rules reload on request.

use std::path::Path;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Rings when a file in a folder changed.
pub(super) struct FolderWatch {
    /// Rings.
    changes: mpsc::Receiver<()>,
    /// Ends the watch when it is dropped.
    _watcher: RecommendedWatcher,
}

impl FolderWatch {
    /// Starts watching, or says in the log why not.
    pub(super) fn start(dir: &Path) -> Option<Self> {
        if !dir.is_dir() {
            tracing::info!(dir = %dir.display(), "There is no rule folder; a reload looks for it again");
            return None;
        }
        match Self::try_start(dir) {
            Ok(watch) => Some(watch),
            Err(error) => {
                tracing::warn!(dir = %dir.display(), %error, "Rule folder is not watched, rules reload on request only");
                None
            }
        }
    }

    /// Starts watching.
    fn try_start(dir: &Path) -> notify::Result<Self> {
        // Capacity 1: when it is full, the change that waits there stands for this one too.
        let (bell, changes) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().is_ok_and(is_change) {
                let _ = bell.try_send(());
            }
        })?;
        watcher.watch(dir, RecursiveMode::NonRecursive)?;
        Ok(Self { changes, _watcher: watcher })
    }

    /// Resolves when something changed; never when there is no watch. Safe to cancel.
    pub(super) async fn changed(watch: &mut Option<Self>) {
        let heard = match watch {
            Some(watch) => watch.changes.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reading a file is no change: our own reload would ring the bell again.
fn is_change(event: &Event) -> bool {
    !matches!(event.kind, EventKind::Access(_))
}
