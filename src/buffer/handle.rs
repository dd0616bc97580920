//! The handle that everybody else holds.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Identity, Letter, Letters, Metrics, OpenError, Status, Writer,
    codec::Encoder,
    core::Core,
    damage::{Done, FoundLetter, Past, PastEnd, PastRow, Row},
    opening::{self, is_damaged},
    rollup::Unwritten,
    seal::Seal,
    writer::{self, APPENDS, LetterAct, REQUESTS, Request},
};
use crate::{
    config,
    model::{
        Block, BlockId, EpochEnd, Event, Outcome, PointAddress, Reading, Receipt, Replay, Selector, SharedClock,
        StateChange, Stream, Wanted,
    },
};

/// What blocks are stamped with, and who is owed them.
#[derive(Clone)]
pub struct Origin {
    /// The gateway's id.
    pub gateway: Arc<str>,
    /// The configured uplinks.
    pub uplinks: Vec<Feed>,
    /// Where time comes from.
    pub clock: SharedClock,
}

/// What one uplink wants of the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The uplink's name.
    pub name: Arc<str>,
    /// Which readings it wants; `None` for all of them, in the stream that such uplinks share.
    pub filter: Option<Arc<[Selector]>>,
}

impl Feed {
    /// What a configured uplink wants.
    pub fn of(uplink: &config::Uplink) -> Self {
        Self { name: Arc::clone(&uplink.name), filter: uplink.filter.clone() }
    }

    /// The stream of its own, if it has a filter.
    pub(super) fn stream(&self) -> Option<Stream> {
        self.filter.as_ref().map(|_| Stream::filtered(&self.name))
    }

    /// Whether its filter lets a point through.
    pub(super) fn wants(&self, address: &PointAddress) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.iter().any(|selector| selector.matches(address)))
    }
}

/// What is appended together is committed together.
#[derive(Debug, Default)]
pub struct Append {
    /// Readings for the uplinks.
    pub forward: Vec<Reading>,
    /// Readings a rule keeps in the gateway.
    pub local: Vec<Reading>,
    /// Events, one message each.
    pub events: Vec<Event>,
    /// Outcomes, one message each.
    pub outcomes: Vec<Outcome>,
    /// Changes of rule variables.
    pub state: Vec<StateChange>,
    /// Spoken after the commit that holds all of this.
    pub receipts: Vec<Receipt>,
}

impl Append {
    /// Whether there is nothing to commit and nobody who waits for it.
    fn is_empty(&self) -> bool {
        let Self { forward, local, events, outcomes, state, receipts } = self;
        let has_messages = !forward.is_empty() || !local.is_empty() || !events.is_empty() || !outcomes.is_empty();
        !has_messages && state.is_empty() && receipts.is_empty()
    }
}

/// The writer has ended, or the database refused what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("buffer has stopped or cannot write")]
pub struct Stopped;

/// Why there are no blocks to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There never will be.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The database could not be read at this moment; there may be some.
    #[error("buffer cannot be read: {0}")]
    Unreadable(String),
}

/// The way to the buffer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Buffer {
    appends: mpsc::Sender<Append>,
    requests: mpsc::Sender<Request>,
    newest: watch::Receiver<BlockId>,
    status: watch::Receiver<Status>,
    identity: Arc<Identity>,
    seal: Seal,
}

/// Opens the store in milliseconds, whatever it holds. Nothing moves before [`Writer::run`].
pub fn open(config: &config::Buffer, origin: Origin, metrics: Metrics) -> Result<(Buffer, Writer), OpenError> {
    let io = |error| OpenError::Io { path: config.path.clone(), error };
    let seal = Seal::of(config.key.as_ref()).map_err(|error| OpenError::Key { path: config.path.clone(), error })?;
    let now = origin.clock.now();
    let take_over = |origin, metrics, (store, notice)| {
        let encoder = Encoder::new().map_err(io)?;
        Core::new(config.clone(), origin, metrics, store, encoder, notice)
            .map_err(|error| OpenError::Sqlite { path: config.path.clone(), error })
    };
    let found = opening::open(&config.path, seal.clone(), now)?;
    let core = match take_over(origin.clone(), metrics.clone(), found) {
        // What opening did not look at shows when the store is taken over.
        Err(OpenError::Sqlite { error, .. }) if is_damaged(&error) => {
            let fresh = opening::replace(&config.path, seal.clone(), now, &error.to_string(), None)?;
            take_over(origin, metrics, fresh)?
        }
        taken => taken?,
    };
    let identity = Arc::new(core.store().identity.clone());
    let (append_sender, appends) = mpsc::channel(APPENDS);
    let (request_sender, requests) = mpsc::channel(REQUESTS);
    let buffer = Buffer {
        appends: append_sender,
        requests: request_sender,
        newest: core.newest(),
        status: core.status.subscribe(),
        identity,
        seal,
    };
    Ok((buffer, Writer { core, appends, requests, runtime: writer::runtime().map_err(io)? }))
}

impl Buffer {
    /// Hands over readings, events and what belongs to them. Waits while the queue is full; of nothing there is no
    /// commit.
    pub async fn append(&self, append: Append) -> Result<(), Stopped> {
        if append.is_empty() {
            return Ok(());
        }
        self.appends.send(append).await.map_err(|_| Stopped)
    }

    /// Publishable blocks of those that are wanted and that this uplink has not delivered, ascending. At most 256 come
    /// at once.
    pub async fn fetch(
        &self,
        uplink: &Arc<str>,
        wanted: Wanted,
        limit: usize,
    ) -> Result<Vec<Arc<Block>>, FetchError> {
        let uplink = Arc::clone(uplink);
        self.ask(|reply| Request::Fetch { uplink, wanted, limit, reply }).await?
    }

    /// The uplink's broker has acknowledged these blocks. Known at once, persisted within 500 ms and at close.
    pub async fn delivered(&self, uplink: &Arc<str>, blocks: Vec<BlockId>) -> Result<(), Stopped> {
        self.tell(Request::Delivered { uplink: Arc::clone(uplink), blocks }).await
    }

    /// The uplink's broker will never take this block: it becomes a dead letter, and a gap says so.
    pub async fn refused(&self, uplink: &Arc<str>, block: BlockId, why: String) -> Result<(), Stopped> {
        self.tell(Request::Refused { uplink: Arc::clone(uplink), block, why }).await
    }

    /// The dead letters that are meant, oldest first.
    pub async fn letters(&self, which: Letters) -> Result<Vec<Letter>, Stopped> {
        self.ask(|reply| Request::Letters { which, act: LetterAct::Show, reply }).await
    }

    /// Throws dead letters away; gives what they were.
    pub async fn drop_letters(&self, which: Letters) -> Result<Vec<Letter>, Stopped> {
        self.ask(|reply| Request::Letters { which, act: LetterAct::Drop, reply }).await
    }

    /// Owes dead letters to their uplinks again; gives what they were. An uplink finds them at its next connection.
    pub async fn retry_letters(&self, which: Letters) -> Result<Vec<Letter>, Stopped> {
        self.ask(|reply| Request::Letters { which, act: LetterAct::Retry, reply }).await
    }

    /// Blocks that are asked for again and still stored, after a place, ascending; at most 256 come at once.
    pub async fn replay(&self, what: Replay, after: BlockId, limit: usize) -> Result<Vec<Arc<Block>>, FetchError> {
        self.ask(|reply| Request::Replay { what, after, limit, reply }).await?
    }

    /// The newest publishable block: changes wake uplinks.
    pub fn newest(&self) -> watch::Receiver<BlockId> {
        self.newest.clone()
    }

    /// Every epoch before this one that the uplink has not closed.
    pub async fn open_epochs(&self, uplink: &Arc<str>) -> Result<Vec<EpochEnd>, Stopped> {
        let uplink = Arc::clone(uplink);
        self.ask(|reply| Request::OpenEpochs { uplink, reply }).await
    }

    /// A `state` that names every epoch up to this one was acknowledged.
    pub async fn close_epochs(&self, uplink: &Arc<str>, up_to: u64) -> Result<(), Stopped> {
        self.tell(Request::CloseEpochs { uplink: Arc::clone(uplink), up_to }).await
    }

    /// Which store and epoch this is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What bodies are sealed with.
    pub(super) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// A look at the buffer that renews itself.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Commits everything that was appended before.
    pub async fn flush(&self) -> Result<(), Stopped> {
        self.ask(Request::Flush).await
    }

    /// Commits everything, persists progress and ends the writer.
    pub async fn close(&self) {
        // A writer that has ended already has committed everything.
        let _ = self.ask(Request::Close).await;
    }

    /// Every persisted variable of every rule; none when the writer has ended.
    pub async fn rule_state(&self) -> Vec<StateChange> {
        self.ask(Request::RuleState).await.unwrap_or_default()
    }

    /// The last reading of every point, also of the run before; none when the writer has ended.
    pub async fn last_values(&self) -> Vec<Reading> {
        self.ask(Request::LastValues).await.unwrap_or_default()
    }

    /// Exactly these uplinks from now on: a new one is owed everything the store holds, one that left is forgotten.
    pub async fn set_uplinks(&self, feeds: Vec<Feed>) {
        // A writer that has ended has no uplinks to change.
        let _ = self.ask(|reply| Request::SetUplinks { feeds, reply }).await;
    }

    /// What of a point is not in its rollups yet.
    pub(super) async fn unwritten(&self, address: PointAddress) -> Result<Unwritten, Stopped> {
        self.ask(|reply| Request::Unwritten { address, reply }).await
    }

    /// Hands over a row of a file that is being salvaged; gives it back when there is no room now.
    pub(super) async fn carry_over(&self, row: Box<Row>) -> Result<Option<Box<Row>>, Stopped> {
        self.ask(|reply| Request::CarryOver { row, reply }).await
    }

    /// Hands over a dead letter of such a file; gives it back when it cannot be stored now.
    pub(super) async fn carry_letter(&self, letter: Box<FoundLetter>) -> Result<Option<Box<FoundLetter>>, Stopped> {
        self.ask(|reply| Request::CarryLetter { letter, reply }).await
    }

    /// Hands over a row of the history of such a file; gives it back when there is no room now.
    pub(super) async fn carry_past(&self, row: Box<PastRow>) -> Result<Option<Box<PastRow>>, Stopped> {
        self.ask(|reply| Request::CarryPast { row, reply }).await
    }

    /// Nothing more comes of the history of a file.
    pub(super) async fn end_past(&self, file: Arc<str>, end: PastEnd) -> Result<(), Stopped> {
        self.ask(|reply| Request::EndPast { file, end, reply }).await
    }

    /// Everything that was owed and could be read of a file is handed over; gives what is wanted of it for the history.
    pub(super) async fn end_salvage(&self, done: Box<Done>) -> Result<Option<Past>, Stopped> {
        self.ask(|reply| Request::EndSalvage { done, reply }).await
    }

    /// Whether the writer still answers.
    pub async fn ping(&self) -> Result<(), FetchError> {
        self.fetch(&"".into(), Wanted::all_after(BlockId(u64::MAX)), 0).await.map(drop)
    }

    async fn tell(&self, request: Request) -> Result<(), Stopped> {
        self.requests.send(request).await.map_err(|_| Stopped)
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.tell(request(reply)).await?;
        answer.await.map_err(|_| Stopped)
    }
}
