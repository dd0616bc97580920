//! The writer: the thread that owns the database, and the queues into it.

use std::{mem, sync::Arc};

use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, oneshot},
    time::{Duration, Instant, sleep_until},
};
use tracing::error;

use super::{
    Append, Feed, FetchError, Letter, Letters, OpenError,
    core::Core,
    damage::{Done, FoundLetter, Past, PastEnd, PastRow, Row, Salvage},
    rollup::Unwritten,
};
use crate::model::{Block, BlockId, EpochEnd, PointAddress, Reading, Replay, StateChange, Wanted};

/// Appends that wait; when it is full the sender waits.
pub(super) const APPENDS: usize = 64;
/// Most appends that what is urgent takes along, so that it does not wait for ever itself: as many as can wait.
const MAX_ALONG: usize = APPENDS;
/// Questions that wait; when it is full the asker waits.
pub(super) const REQUESTS: usize = 64;
/// Most blocks in one answer to who asks for them again.
const MAX_REPLAY: usize = 256;
/// Longest sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// Where an answer goes.
type Reply<T> = oneshot::Sender<T>;
/// The blocks that were looked for.
type Found = Result<Vec<Arc<Block>>, FetchError>;

/// A question to the writer.
pub(super) enum Request {
    Fetch { uplink: Arc<str>, wanted: Wanted, limit: usize, reply: Reply<Found> },
    Delivered { uplink: Arc<str>, blocks: Vec<BlockId> },
    Refused { uplink: Arc<str>, block: BlockId, why: String },
    Letters { which: Letters, act: LetterAct, reply: Reply<Vec<Letter>> },
    Replay { what: Replay, after: BlockId, limit: usize, reply: Reply<Found> },
    OpenEpochs { uplink: Arc<str>, reply: Reply<Vec<EpochEnd>> },
    CloseEpochs { uplink: Arc<str>, up_to: u64 },
    SetUplinks { feeds: Vec<Feed>, reply: Reply<()> },
    RuleState(Reply<Vec<StateChange>>),
    LastValues(Reply<Vec<Reading>>),
    Unwritten { address: PointAddress, reply: Reply<Unwritten> },
    CarryOver { row: Box<Row>, reply: Reply<Option<Box<Row>>> },
    CarryLetter { letter: Box<FoundLetter>, reply: Reply<Option<Box<FoundLetter>>> },
    EndSalvage { done: Box<Done>, reply: Reply<Option<Past>> },
    CarryPast { row: Box<PastRow>, reply: Reply<Option<Box<PastRow>>> },
    EndPast { file: Arc<str>, end: PastEnd, reply: Reply<()> },
    Flush(Reply<()>),
    Close(Reply<()>),
}

/// What is to be done with dead letters.
#[derive(Clone, Copy)]
pub(super) enum LetterAct {
    Show,
    Drop,
    Retry,
}

/// The end of the queues; [`Writer::run`] belongs on a thread of its own.
pub struct Writer {
    pub(super) core: Core,
    pub(super) appends: mpsc::Receiver<Append>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) runtime: Runtime,
}

/// A runtime for one thread that only waits.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().build()
}

impl Writer {
    /// What can be salvaged while it runs: files that were found damaged and set aside, now or earlier.
    pub fn salvage(&self) -> Result<Salvage, OpenError> {
        self.core.salvage()
    }

    /// Works until the buffer is closed or every handle is gone, and commits everything first. It also ends when the
    /// file turns out to be damaged: then a new one holds what memory held, for the next start to find.
    pub fn run(self) {
        let Self { mut core, mut appends, mut requests, runtime } = self;
        core.restore_last();
        let closed = runtime.block_on(serve(&mut core, &mut appends, &mut requests));
        drain(&mut core, &mut appends);
        // File and queues are released before anybody is told, so that the file can be opened again at once.
        if !end(core) {
            error!("Buffer could not commit at its end, the last readings are lost");
        }
        drop((appends, requests));
        if let Some(reply) = closed {
            let _ = reply.send(());
        }
    }
}

/// The last commit; into a new file when this one is damaged.
fn end(mut core: Core) -> bool {
    let is_done = !core.is_damaged() && core.finish();
    if core.is_damaged() { core.replace() } else { is_done }
}

async fn serve(
    core: &mut Core,
    appends: &mut mpsc::Receiver<Append>,
    requests: &mut mpsc::Receiver<Request>,
) -> Option<Reply<()>> {
    let mut parked = Vec::new();
    loop {
        let due = core.next_due().unwrap_or_else(|| Instant::now() + IDLE);
        tokio::select! {
            biased;
            request = requests.recv() => match request? {
                Request::Close(reply) => return Some(reply),
                Request::Flush(reply) => {
                    drain(core, appends);
                    // Dropped unspoken when the database refuses.
                    if core.commit() {
                        let _ = reply.send(());
                    }
                }
                other => parked.extend(answer(core, other)),
            },
            Some(append) = appends.recv(), if core.has_room() => {
                core.take(append);
                take_along(core, appends);
            }
            () = sleep_until(due) => {}
        }
        core.tick();
        // Each lane of an uplink asks one question at a time, so there are few.
        parked = mem::take(&mut parked).into_iter().filter_map(|request| answer(core, request)).collect();
        if core.is_damaged() {
            return None;
        }
    }
}

/// What has to be on the disk at once takes along what waits behind it: a hundred events that come together cost a few
/// syncs and not a hundred.
fn take_along(core: &mut Core, appends: &mut mpsc::Receiver<Append>) {
    for _ in 0..MAX_ALONG {
        if !core.is_urgent() || !core.has_room() {
            break;
        }
        let Ok(append) = appends.try_recv() else { break };
        core.take(append);
    }
}

/// Takes in what waits in the queue.
fn drain(core: &mut Core, appends: &mut mpsc::Receiver<Append>) {
    while let Ok(append) = appends.try_recv() {
        core.take(append);
    }
}

/// Answers a question; an asker that has gone does not need it. Gives a question back that must wait for its answer.
fn answer(core: &mut Core, request: Request) -> Option<Request> {
    match request {
        Request::Fetch { uplink, wanted, limit, reply } if !reply.is_closed() => {
            let blocks = core.fetch(&uplink, wanted, limit);
            if core.is_withholding() {
                return Some(Request::Fetch { uplink, wanted, limit, reply });
            }
            let _ = reply.send(blocks.map_err(|error| unreadable(&error)));
        }
        Request::Replay { what, after, limit, reply } if !reply.is_closed() => {
            let blocks = core.replay(&what, after, limit.min(MAX_REPLAY));
            if core.is_withholding() {
                return Some(Request::Replay { what, after, limit, reply });
            }
            let _ = reply.send(blocks.map_err(|error| unreadable(&error)));
        }
        other => answer_at_once(core, other),
    }
    None
}

/// Answers what never has to wait.
fn answer_at_once(core: &mut Core, request: Request) {
    match request {
        Request::Delivered { uplink, blocks } => core.delivered(&uplink, &blocks),
        Request::Refused { uplink, block, why } => core.refused(&uplink, block, &why),
        Request::Letters { which, act, reply } => drop(reply.send(letters(core, &which, act))),
        Request::OpenEpochs { uplink, reply } => {
            let ends = core.open_epochs(&uplink);
            let ends = ends.inspect_err(|error| error!(%error, "Ends of epochs cannot be read"));
            let _ = reply.send(ends.unwrap_or_default());
        }
        Request::CloseEpochs { uplink, up_to } => {
            // Not closed, the next state names the epoch again, which does no harm.
            let closed = core.store().close_epochs(&uplink, up_to);
            let _ = closed.inspect_err(|error| error!(%error, "End of an epoch cannot be written"));
        }
        Request::SetUplinks { feeds, reply } => {
            core.set_uplinks(feeds);
            let _ = reply.send(());
        }
        Request::RuleState(reply) => drop(reply.send(core.rule_state())),
        Request::LastValues(reply) => drop(reply.send(core.last_values())),
        Request::Unwritten { address, reply } => drop(reply.send(core.unwritten(&address))),
        Request::CarryOver { row, reply } => drop(reply.send(core.carry_over(*row).err().map(Box::new))),
        Request::CarryLetter { letter, reply } => drop(reply.send(core.carry_letter(letter).err())),
        Request::EndSalvage { done, reply } => {
            let past = core.end_salvage(&done);
            let _ = reply.send(past);
        }
        Request::CarryPast { row, reply } => drop(reply.send(core.carry_past(row).err())),
        Request::EndPast { file, end, reply } => {
            core.end_past(&file, end);
            let _ = reply.send(());
        }
        // Askers that have gone; and what the loop itself sees to.
        Request::Fetch { .. } | Request::Replay { .. } | Request::Flush(_) | Request::Close(_) => {}
    }
}

fn letters(core: &mut Core, which: &Letters, act: LetterAct) -> Vec<Letter> {
    match act {
        LetterAct::Show => core.letters(which),
        LetterAct::Drop => core.drop_letters(which),
        LetterAct::Retry => core.retry_letters(which),
    }
}

/// What SQLite says, for those who know nothing of it.
fn unreadable(error: &rusqlite::Error) -> FetchError {
    FetchError::Unreadable(error.to_string())
}
