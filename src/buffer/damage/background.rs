//! Salvaging while the gateway works: a row at a time, with a rest after each, through the ordinary way in. What is
//! owed to uplinks comes first, of every file; the history after it, more slowly still.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tracing::{error, info};

use super::{
    Done, FoundLetter, Past, PastEnd, PastRow, Row,
    past::PastReader,
    pending::Pending,
    salvager::{Salvager, Step},
};
use crate::{
    buffer::{Buffer, OpenError, Stopped, seal::Seal},
    shutdown::Stop,
};

/// Between two steps: a damaged file may be large, and the live readings come first. Twenty steps a second of eight
/// rows carry some hundred thousand readings a second at most, and leave a core nearly idle.
const REST: Duration = Duration::from_millis(50);
/// How much longer than a row of the history took the rest behind it is: most of the writer's time stays for others,
/// also on a slow card.
const PATIENCE: u32 = 4;
/// How often the log tells how far it is.
const TELL: Duration = Duration::from_secs(30);

/// Files that were set aside and wait to be salvaged; none most of the time.
#[derive(Debug, Clone)]
pub struct Salvage {
    /// The folder of the store.
    folder: PathBuf,
    seal: Seal,
    pending: Vec<Pending>,
    /// Files of which the history alone is missing.
    pasts: Vec<Past>,
}

impl Salvage {
    /// What a store is still waiting for.
    pub(in crate::buffer) fn new(folder: PathBuf, seal: Seal, pending: Vec<Pending>, pasts: Vec<Past>) -> Self {
        Self { folder, seal, pending, pasts }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.pasts.is_empty()
    }

    /// Readers of the history of all of them.
    #[cfg(test)]
    pub(super) fn open_pasts(&self) -> Vec<PastReader> {
        let open = |past: &Past| PastReader::open(&self.folder, past.clone(), self.seal.clone()).unwrap();
        self.pasts.iter().map(open).collect()
    }

    /// Readers of all of them, for uplinks `a` and `b`.
    #[cfg(test)]
    pub(super) fn open_all(&self, folder: &std::path::Path) -> Vec<Salvager> {
        let uplinks = ["a".into(), "b".into()];
        let open = |pending: &Pending| Salvager::open(folder, pending.clone(), self.seal.clone(), &uplinks, false);
        self.pending.iter().map(|pending| open(pending).unwrap()).collect()
    }

    /// Carries over what can be read of each file. What is interrupted goes on at the next start.
    pub async fn run(&self, buffer: &Buffer, mut stop: Stop) -> Result<(), Stopped> {
        tokio::select! {
            biased;
            () = stop.requested() => Ok(()),
            done = self.carry_all(buffer) => done,
        }
    }

    async fn carry_all(&self, buffer: &Buffer) -> Result<(), Stopped> {
        let mut pasts = self.pasts.clone();
        for pending in &self.pending {
            pasts.extend(self.carry_over(pending, buffer).await?);
        }
        for past in pasts {
            self.carry_past(past, buffer).await?;
        }
        Ok(())
    }

    /// Carries over what is owed of a file; gives what is left of it for the history.
    async fn carry_over(&self, pending: &Pending, buffer: &Buffer) -> Result<Option<Past>, Stopped> {
        info!(file = pending.file, "Salvaging a damaged buffer in the background");
        let mut salvager = match self.open(pending, buffer).await {
            Ok(salvager) => salvager,
            Err(error) if self.is_gone(&pending.file) => {
                error!(%error, "Damaged buffer is gone before it was salvaged");
                return buffer.end_salvage(Box::new(Done::gone(pending))).await;
            }
            Err(error) => {
                // The file stays, and the next start tries again.
                error!(%error, "Damaged buffer cannot be salvaged");
                return Ok(None);
            }
        };
        let mut told = Instant::now();
        loop {
            let (back, step) = blocking(move || {
                let step = salvager.step();
                (salvager, step)
            })
            .await?;
            salvager = back;
            match step {
                Step::Rows(rows) => {
                    let percent = rows.last().map(|row| row.percent);
                    take_in(rows, buffer).await?;
                    if let Some(percent) = percent.filter(|_| told.elapsed() >= TELL) {
                        info!(file = pending.file, percent, "Damaged buffer is being salvaged");
                        told = Instant::now();
                    }
                }
                Step::Letters(letters) => take_in_letters(letters, buffer).await?,
                Step::Done(done) => return buffer.end_salvage(done).await,
            }
            sleep(REST).await;
        }
    }

    /// Carries over the history of a file. It ends early when the file is gone; what holds it open would hold its room.
    async fn carry_past(&self, past: Past, buffer: &Buffer) -> Result<(), Stopped> {
        let (folder, seal, file) = (self.folder.clone(), self.seal.clone(), Arc::clone(past.name()));
        let mut reader = match blocking(move || PastReader::open(&folder, past, seal)).await? {
            Ok(reader) => reader,
            Err(_) if self.is_gone(&file) => return buffer.end_past(file, PastEnd::Gone).await,
            Err(error) => {
                // The file stays, and the next start tries again.
                error!(%error, "History of a damaged buffer cannot be read");
                return Ok(());
            }
        };
        loop {
            let (back, rows) = blocking(move || {
                let rows = reader.step();
                (reader, rows)
            })
            .await?;
            reader = back;
            let Some(rows) = rows else { return buffer.end_past(file, PastEnd::Read).await };
            for row in rows {
                if !self.take_in_past(row, buffer).await? {
                    return buffer.end_past(file, PastEnd::Gone).await;
                }
            }
            sleep(REST).await;
        }
    }

    /// Hands a row of the history over when there is room for it; false when the file is gone.
    async fn take_in_past(&self, row: PastRow, buffer: &Buffer) -> Result<bool, Stopped> {
        let mut waiting = Some(Box::new(row));
        while let Some(row) = waiting.take() {
            if self.is_gone(&row.file) {
                return Ok(false);
            }
            let begun = Instant::now();
            waiting = buffer.carry_past(row).await?;
            sleep(REST.max(begun.elapsed() * PATIENCE)).await;
        }
        Ok(true)
    }

    fn is_gone(&self, file: &str) -> bool {
        self.folder.join(file).try_exists().is_ok_and(|is_there| !is_there)
    }

    async fn open(&self, pending: &Pending, buffer: &Buffer) -> Result<Salvager, OpenError> {
        let uplinks: Vec<Arc<str>> =
            buffer.status().borrow().uplinks.iter().map(|owed| Arc::clone(&owed.uplink)).collect();
        let (folder, pending, seal) = (self.folder.clone(), pending.clone(), self.seal.clone());
        let path = folder.join(&pending.file);
        let opened = blocking(move || Salvager::open(&folder, pending, seal, &uplinks, false)).await;
        opened.unwrap_or_else(|Stopped| {
            Err(OpenError::Io { path, error: std::io::Error::other("the thread that opens it has ended") })
        })
    }
}

/// Hands rows over, each when there is room for it.
async fn take_in(rows: Vec<Row>, buffer: &Buffer) -> Result<(), Stopped> {
    for row in rows {
        let mut waiting = Some(Box::new(row));
        while let Some(row) = waiting.take() {
            waiting = buffer.carry_over(row).await?;
            if waiting.is_some() {
                sleep(REST).await;
            }
        }
    }
    Ok(())
}

/// Hands dead letters over, each when the store takes it.
async fn take_in_letters(letters: Vec<FoundLetter>, buffer: &Buffer) -> Result<(), Stopped> {
    for letter in letters {
        let mut waiting = Some(Box::new(letter));
        while let Some(letter) = waiting.take() {
            waiting = buffer.carry_letter(letter).await?;
            if waiting.is_some() {
                sleep(REST).await;
            }
        }
    }
    Ok(())
}

/// Runs what reads the file where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stopped> {
    // It panics only for a fault of ours, and ends early only with the runtime.
    tokio::task::spawn_blocking(work).await.map_err(|_| Stopped)
}
