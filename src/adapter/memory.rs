//! What an adapter learns and wants to know again after a restart: block limits, replay counters, names.
//!
//! One JSON document per adapter, `adapters/<name>.json` beside the buffer, always whole: it is replaced at once or
//! not at all. It is written a few seconds after a change, at most once a minute, and at an ordered stop; what was
//! learned in the last minute before a power cut is learned again. What a person ordered is not: that is kept at once
//! ([`Memory::keep_now`]).
//! A document that cannot be read is set aside as `<name>.json.bad`, and the adapter begins anew.

mod file;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    sync::{Notify, Semaphore},
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};
use tracing::{info, warn};

use self::file::Found;
pub use self::file::replace;
use super::Metrics;
use crate::shutdown::Stop;

/// Largest document. A larger one is refused and counted: the last one that fitted stays.
pub const MAX_BYTES: usize = 1 << 20;

/// Changes come in swarms; they are written together when the first is so old.
const SETTLE: Duration = Duration::from_secs(5);

/// Shortest time between two writes of a document: flash wears out.
const REST: Duration = Duration::from_secs(60);

/// How long who keeps something at once waits for the disk. A slower one gets it as any other change.
const PATIENCE: Duration = Duration::from_secs(2);

/// Documents that are read at a time: at the start hundreds of adapters want theirs, and each read has a thread.
const READERS: usize = 4;

/// The documents of all adapters. One task writes them: [`Memories::run`].
#[derive(Debug)]
pub struct Memories {
    folder: PathBuf,
    /// Whose turn it is to read.
    readers: Semaphore,
    /// By adapter; as many as there are adapters.
    documents: Mutex<BTreeMap<String, Document>>,
    /// Told after each change.
    changed: Notify,
    /// Told after each try to write.
    tried: Notify,
}

/// What is known of one document.
#[derive(Debug, Default)]
struct Document {
    /// Text that is not on disk yet.
    unwritten: Option<Unwritten>,
    /// The end of the rest after the last try to write.
    rests_until: Option<Instant>,
    /// Whether the last try failed, which was told.
    has_failed: bool,
}

/// Text that is not on disk yet.
#[derive(Debug, Clone)]
struct Unwritten {
    text: Arc<Vec<u8>>,
    /// When it may be written, as far as it alone is concerned.
    settled: Instant,
    metrics: Arc<Metrics>,
}

/// One adapter's memory.
#[derive(Debug, Clone)]
pub struct Memory(Option<Place>);

/// Where an adapter's document is.
#[derive(Debug, Clone)]
struct Place {
    memories: Arc<Memories>,
    adapter: String,
    kind: &'static str,
    metrics: Arc<Metrics>,
}

impl Memory {
    /// Forgets everything, for tests and the demo.
    pub fn none() -> Self {
        Self(None)
    }

    /// A folder beside the document for files that the adapter writes itself; `None` where everything is forgotten. It
    /// need not be there.
    pub fn folder(&self, what: &str) -> Option<PathBuf> {
        let Place { memories, adapter, .. } = self.0.as_ref()?;
        Some(memories.folder.join(format!("{adapter}.{what}")))
    }

    /// What was kept last; `None` when there is nothing, or nothing that this kind of adapter understands.
    pub async fn recall<T: DeserializeOwned>(&self) -> Option<T> {
        let Some(Place { memories, adapter, kind, .. }) = &self.0 else { return None };
        let text = memories.text(adapter).await?;
        match parse(&text, kind) {
            Ok(Some(learned)) => Some(learned),
            Ok(None) => {
                info!(adapter, "What was learned is of an adapter of another kind, beginning anew");
                None
            }
            Err(error) => {
                memories.set_aside(adapter, &error.to_string()).await;
                None
            }
        }
    }

    /// Keeps what was learned, instead of what was kept before. It is on disk some time later.
    pub fn keep<T: Serialize>(&self, learned: &T) {
        let Some(Place { memories, adapter, kind, metrics }) = &self.0 else { return };
        let text = serde_json::to_vec(&serde_json::json!({ "kind": kind, "learned": learned }));
        match text {
            Ok(text) if text.len() <= MAX_BYTES => memories.put(adapter, text, Arc::clone(metrics)),
            Ok(text) => {
                metrics.memory_refused.inc();
                warn!(adapter, bytes = text.len(), limit = MAX_BYTES, "Too much was learned to be kept");
            }
            Err(error) => {
                metrics.memory_refused.inc();
                warn!(adapter, %error, "What was learned cannot be written as JSON");
            }
        }
    }

    /// The same for what must not be lost: it is on disk when this returns, unless the disk refuses or takes too long.
    pub async fn keep_now<T: Serialize>(&self, learned: &T) {
        self.keep(learned);
        if let Some(Place { memories, adapter, .. }) = &self.0
            && timeout(PATIENCE, memories.write_now(adapter)).await.is_err()
        {
            warn!(adapter, "The disk is slow, what was ordered is written later");
        }
    }
}

/// What a document holds for a kind of adapter; `None` when it is of another kind.
fn parse<T: DeserializeOwned>(text: &[u8], kind: &str) -> serde_json::Result<Option<T>> {
    let mut document: Value = serde_json::from_slice(text)?;
    if document["kind"] != kind {
        return Ok(None);
    }
    serde_json::from_value(document["learned"].take()).map(Some)
}

impl Memories {
    /// The documents of a folder, which is made with the first of them.
    pub fn new(folder: PathBuf) -> Arc<Self> {
        let readers = Semaphore::new(READERS);
        Arc::new(Self { folder, readers, documents: Mutex::default(), changed: Notify::new(), tried: Notify::new() })
    }

    /// The memory of one adapter.
    pub fn of(self: &Arc<Self>, adapter: &str, kind: &'static str, metrics: Arc<Metrics>) -> Memory {
        Memory(Some(Place { memories: Arc::clone(self), adapter: adapter.to_owned(), kind, metrics }))
    }

    /// Writes what is to be written until stopping is asked for, and then everything.
    pub async fn run(&self, mut stop: Stop) -> Result<(), Infallible> {
        loop {
            let next = self.documents().values().filter_map(Document::due).min();
            let due = async {
                match next {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.requested() => break,
                () = self.changed.notified() => {}
                () = due => self.write(|document, now| document.due().is_some_and(|due| due <= now)).await,
            }
        }
        self.write(|document, _| document.unwritten.is_some()).await;
        Ok(())
    }

    /// Writes the documents chosen.
    async fn write(&self, is_chosen: impl Fn(&Document, Instant) -> bool) {
        let now = Instant::now();
        let chosen: Vec<(String, Unwritten)> = {
            let documents = self.documents();
            let chosen = documents.iter().filter(|(_, document)| is_chosen(document, now));
            chosen.filter_map(|(name, document)| Some((name.clone(), document.unwritten.clone()?))).collect()
        };
        for (name, unwritten) in chosen {
            let (path, text) = (self.path(&name), Arc::clone(&unwritten.text));
            let written = blocking(move || file::replace(&path, &text)).await;
            self.settle(&name, &unwritten, written);
        }
    }

    /// Has a document written without rest, and waits until it was tried.
    async fn write_now(&self, adapter: &str) {
        let mut is_tried = false;
        loop {
            let tried = self.tried.notified();
            match self.documents().get_mut(adapter) {
                Some(document) if document.unwritten.is_some() && !(is_tried && document.has_failed) => {
                    document.hurry();
                }
                _ => return,
            }
            self.changed.notify_one();
            tried.await;
            is_tried = true;
        }
    }

    /// Notes how a write went. What could not be written is tried again after the rest, or its successor is.
    fn settle(&self, name: &str, unwritten: &Unwritten, written: io::Result<()>) {
        let mut documents = self.documents();
        let document = documents.entry(name.to_owned()).or_default();
        document.rests_until = Some(Instant::now() + REST);
        match written {
            Ok(()) => {
                document.unwritten.take_if(|later| Arc::ptr_eq(&later.text, &unwritten.text));
                document.has_failed = false;
            }
            Err(error) => {
                unwritten.metrics.memory_failures.inc();
                if !std::mem::replace(&mut document.has_failed, true) {
                    warn!(adapter = name, %error, "What was learned cannot be written, trying again");
                }
            }
        }
        drop(documents);
        self.tried.notify_waiters();
    }

    /// Takes a text to be written.
    fn put(&self, adapter: &str, text: Vec<u8>, metrics: Arc<Metrics>) {
        let mut documents = self.documents();
        let document = documents.entry(adapter.to_owned()).or_default();
        let settled = document.unwritten.as_ref().map_or_else(|| Instant::now() + SETTLE, |earlier| earlier.settled);
        document.unwritten = Some(Unwritten { text: Arc::new(text), settled, metrics });
        drop(documents);
        self.changed.notify_one();
    }

    /// An adapter's text: the one to be written, else the one on disk.
    async fn text(&self, adapter: &str) -> Option<Arc<Vec<u8>>> {
        let unwritten = self.documents().get(adapter).and_then(|document| document.unwritten.clone());
        if let Some(unwritten) = unwritten {
            return Some(unwritten.text);
        }
        let path = self.path(adapter);
        // It is never closed.
        let _turn = self.readers.acquire().await.ok();
        match blocking(move || file::read(&path, MAX_BYTES)).await {
            Ok(Found::Text(text)) => Some(Arc::new(text)),
            Ok(Found::Nothing) => None,
            Ok(Found::TooLong) => {
                self.set_aside(adapter, "it is too long").await;
                None
            }
            Err(error) => {
                warn!(adapter, %error, "What was learned cannot be read, beginning anew");
                None
            }
        }
    }

    /// Moves a document that cannot be understood out of the way, where a person may look at it.
    async fn set_aside(&self, adapter: &str, why: &str) {
        let path = self.path(adapter);
        let moved = path.with_extension("json.bad");
        warn!(adapter, why, moved = %moved.display(), "What was learned is damaged, setting it aside and beginning anew");
        if let Err(error) = blocking(move || std::fs::rename(&path, &moved)).await {
            // The next document replaces it then.
            warn!(adapter, %error, "The damaged document stays where it is");
        }
    }

    /// Where an adapter's document is. Names of adapters are slugs, which the configuration has checked.
    fn path(&self, adapter: &str) -> PathBuf {
        path(&self.folder, adapter)
    }

    /// The documents; a holder that panicked left them whole.
    fn documents(&self) -> MutexGuard<'_, BTreeMap<String, Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the document of an adapter is in a folder.
fn path(folder: &Path, adapter: &str) -> PathBuf {
    folder.join(format!("{adapter}.json"))
}

impl Document {
    /// When it is to be written, if it is.
    fn due(&self) -> Option<Instant> {
        let settled = self.unwritten.as_ref()?.settled;
        Some(self.rests_until.map_or(settled, |rested| rested.max(settled)))
    }

    /// Makes it due.
    fn hurry(&mut self) {
        self.rests_until = None;
        if let Some(unwritten) = &mut self.unwritten {
            unwritten.settled = Instant::now();
        }
    }
}

/// Runs file work on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests;
