//! The ledger: which command ids were acted on, so that none is acted on twice.
//!
//! - An entry is on the disk (WAL, `synchronous = FULL`) before its command goes to a device.
//! - It is a file of its own: a damaged buffer can never make a command run twice.
//! - Rows go [`Commands::remember`](crate::config::Commands) after their outcome, and the oldest finished
//!   ones earlier when there are more than a hundred thousand. An open row never goes.
//! - SQLite lives on a thread of its own; what waits for it is committed together.
//! - A file that is gone from its place, as after an unmount, is let go of. Until it is back no command is taken: a
//!   new file in its place would have forgotten what was done.

mod aside;
mod store;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{info, warn};

pub(super) use self::aside::SetAside;
pub use self::aside::{DamagedLedger, damaged_ledgers};
use self::store::Store;
use crate::model::{CommandId, OutcomeStatus, ResponseTo, Timestamp};

/// Steps waiting for the thread. When it is full the desk waits, and with it the inbox.
const QUEUE: usize = 64;

/// Transactions after which the thread tidies up, as soon as nobody waits: a few dozen commands, whose log is a fourth of
/// what SQLite lets it become.
const TIDY_AFTER: u32 = 128;

/// How often the thread looks whether its file is still at its place. A disk that is unmounted to be mended must not be
/// held by a ledger that has nothing to do.
const LOOK: Duration = Duration::from_secs(5);

/// Why the ledger could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The file could not be opened.
    #[error("command ledger {path}: {reason}")]
    Open {
        /// The file.
        path: String,
        /// What SQLite or the system said.
        reason: String,
    },
    /// A read or write failed; nothing of it counts.
    #[error("command ledger: {0}")]
    Storage(String),
    /// The ledger's thread is gone. Opening it again may mend it.
    #[error("command ledger has stopped")]
    Gone,
}

/// Copies the ledger as it is at this moment into a file that is not there yet; it may be in use.
pub fn copy(from: &Path, into: &Path) -> Result<(), LedgerError> {
    let failed =
        |error: rusqlite::Error| LedgerError::Open { path: from.display().to_string(), reason: error.to_string() };
    store::copy(from, into).map_err(failed)
}

/// A command's name in the ledger: ids are unique for each sender.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Who sent it.
    pub(super) source: String,
    /// The sender's id.
    pub(super) id: CommandId,
}

/// A new row.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its name.
    pub(super) key: Key,
    /// What it asked for.
    pub(super) target: String,
    /// When it arrived.
    pub(super) received: Timestamp,
    /// Where an MQTT 5 sender wants the outcome as well.
    pub(super) response: Option<ResponseTo>,
    /// The outcome, for a command that is refused at once.
    pub(super) verdict: Option<Verdict>,
}

/// The end of a row.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// What became of the command.
    pub(super) status: OutcomeStatus,
    /// Why it was not done.
    pub(super) error: Option<String>,
    /// When that was decided.
    pub(super) decided: Timestamp,
}

/// What the ledger knows of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing.
    Never,
    /// It is being acted on.
    Open,
    /// It ended so.
    Settled(OutcomeStatus),
}

/// A row that a crash left open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interrupted {
    /// Its name.
    pub(super) key: Key,
    /// Where an MQTT 5 sender wants the outcome as well.
    pub(super) response: Option<ResponseTo>,
}

/// A piece of work for the thread; gives back what to tell once the commit is known.
type Step = Box<dyn FnOnce(Result<&Store, LedgerError>) -> Told + Send>;
/// Tells the asker, who learns of success only after the commit.
type Told = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

/// A handle to the ledger's thread, which ends with the last handle.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    /// Work for the thread.
    steps: mpsc::Sender<Step>,
}

impl Ledger {
    /// Opens the file and starts the thread; blocks for a few milliseconds. A damaged file is set aside.
    pub(super) fn open(path: &Path, remember: Duration) -> Result<(Self, Option<SetAside>), LedgerError> {
        let failed = |reason: String| LedgerError::Open { path: path.display().to_string(), reason };
        let (store, set_aside) = store::open(path, remember).map_err(failed)?;
        let (steps, inbox) = mpsc::channel(QUEUE);
        let runtime =
            Builder::new_current_thread().enable_time().build().map_err(|error| failed(error.to_string()))?;
        let thread = thread::Builder::new().name("ledger".to_owned());
        let worker = Worker { store: Some(store), path: path.to_owned(), remember, runtime };
        thread.spawn(move || worker.work(inbox)).map_err(|error| failed(error.to_string()))?;
        Ok((Self { steps }, set_aside))
    }

    /// Whether the thread has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.steps.is_closed()
    }

    /// What is known of each of these ids.
    pub(super) async fn seen(&self, keys: Vec<Key>) -> Result<Vec<Seen>, LedgerError> {
        self.ask(move |store| keys.iter().map(|key| store.seen(key)).collect()).await
    }

    /// Writes rows for ids that were never seen, in one commit. Durable when it returns; gives the ids that were not
    /// taken, each with its reason.
    pub(super) async fn claim(
        &self,
        entries: Vec<Entry>,
        now: Timestamp,
    ) -> Result<HashMap<Key, LedgerError>, LedgerError> {
        self.ask(move |store| {
            let insert = |entry: Entry| store.insert(&entry).err().map(|error| (entry.key, storage(error)));
            let failed = entries.into_iter().filter_map(insert).collect();
            // The claims stand whether or not old rows could be dropped; the next one tries again.
            let _ = store.prune(now);
            Ok(failed)
        })
        .await
    }

    /// Records how a command ended.
    pub(super) async fn settle(&self, key: Key, verdict: Verdict) -> Result<(), LedgerError> {
        self.ask(move |store| store.settle(&key, &verdict)).await
    }

    /// The rows without an outcome, oldest first.
    pub(super) async fn interrupted(&self) -> Result<Vec<Interrupted>, LedgerError> {
        self.ask(Store::open_rows).await
    }

    /// Has the thread do a piece of work and waits until it is committed.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let step: Step = Box::new(move |store| {
            let result = store.and_then(|store| work(store).map_err(storage));
            // An asker that went away does not need to know.
            Box::new(move |committed| drop(reply.send(committed.and(result))))
        });
        self.steps.send(step).await.map_err(|_| LedgerError::Gone)?;
        answer.await.map_err(|_| LedgerError::Gone)?
    }
}

/// The thread: takes what waits, does it in one transaction, tells everybody.
struct Worker {
    /// None while its file is not at its place.
    store: Option<Store>,
    path: PathBuf,
    remember: Duration,
    runtime: Runtime,
}

impl Worker {
    fn work(mut self, mut inbox: mpsc::Receiver<Step>) {
        let mut untidy = 0;
        loop {
            let first = self.runtime.block_on(async { timeout(LOOK, inbox.recv()).await });
            self.follow_file();
            let first = match first {
                Ok(Some(first)) => first,
                Ok(None) => return,
                Err(_) => continue,
            };
            let waiting = std::iter::from_fn(|| inbox.try_recv().ok());
            let steps: Vec<Step> = std::iter::once(first).chain(waiting.take(QUEUE)).collect();
            commit(self.store.as_ref(), steps);
            untidy += 1;
            if untidy >= TIDY_AFTER && inbox.is_empty() {
                self.store.iter().for_each(Store::tidy);
                untidy = 0;
            }
        }
    }

    /// Lets go of a file that is not at its place any more, and takes one that is there again.
    fn follow_file(&mut self) {
        if self.store.as_ref().is_some_and(|store| !store.is_at(&self.path)) {
            warn!(file = %self.path.display(), "Command ledger is gone from its place, no command is taken until it is back");
            self.store = None;
        } else if self.store.is_none() && self.path.exists() {
            match Store::reopen(&self.path, self.remember) {
                Ok(store) => {
                    info!(file = %self.path.display(), "Command ledger is back at its place");
                    self.store = Some(store);
                }
                Err(error) => warn!(%error, "Command ledger is back and cannot be used yet"),
            }
        }
    }
}

/// Does the steps in one transaction. A step that fails alone leaves nothing of its own behind.
fn commit(store: Option<&Store>, steps: Vec<Step>) {
    let store = store.ok_or_else(|| LedgerError::Storage("its file is gone from its place".to_owned()));
    let begun = store.and_then(|store| store.begin().map_err(storage).map(|()| store));
    let told: Vec<Told> = steps.into_iter().map(|step| step(begun.clone())).collect();
    let committed = begun.and_then(|store| store.commit().map_err(storage));
    for tell in told {
        tell(committed.clone());
    }
}

/// SQLite's words, for people.
#[expect(clippy::needless_pass_by_value, reason = "used by name in map_err")]
fn storage(error: rusqlite::Error) -> LedgerError {
    LedgerError::Storage(error.to_string())
}

#[cfg(test)]
mod tests;
