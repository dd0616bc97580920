//! Messages once more: a receiver asks for a range of a stream, and gets the same bytes again while the store has them.
//!
//! ```text
//! command topic ── request ──> [queue of 5] ── one at a time ──> lane "replay" ── its end ──> outcome
//!                     \── denied: malformed, foreign, too much, or no room in the queue ──────^
//! ```
//! A replay outlives connections: after one was lost it goes on behind the last message before which all were
//! acknowledged. It does not outlive the process; a receiver that got no outcome asks again. What is sent again counts
//! in no progress, and a message the broker refuses then is not set aside.

mod request;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

pub(super) use self::request::{Asked, Denied, Rules, read};
use crate::model::{BlockId, Outcome, OutcomeStatus, Replay, SharedClock, Value};

/// Replays that are under way or wait; one more is denied.
const MOST: usize = 5;
/// Connections that may be lost in a row without one acknowledged message of a replay. Then it is given up: it may hold
/// the message over which the broker closes.
const LOSSES: u32 = 3;

/// The replays of one uplink.
pub(super) struct Replays {
    clock: SharedClock,
    jobs: Mutex<VecDeque<Job>>,
    arrived: Notify,
}

/// A replay and how far it is.
struct Job {
    asked: Asked,
    /// Every message up to here is done with.
    after: BlockId,
    /// Sent after that, and whether the broker answered.
    open: BTreeMap<BlockId, bool>,
    /// Messages the broker took.
    taken: u64,
    /// Messages it refused, and why the last.
    refused: Option<(u64, String)>,
    /// Connections lost in a row.
    losses: u32,
}

impl Replays {
    /// None yet.
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, jobs: Mutex::default(), arrived: Notify::new() }
    }

    /// Takes a replay into the queue; gives the refusal when there is no room.
    pub(super) fn ask(&self, asked: Asked) -> Option<Outcome> {
        let mut jobs = self.lock();
        if jobs.len() >= MOST {
            let why = format!("{} replays wait already, ask again after an outcome", jobs.len());
            return Some(asked.outcome(OutcomeStatus::Denied, &self.clock).because(why));
        }
        jobs.push_back(Job::new(asked));
        self.arrived.notify_one();
        None
    }

    /// Resolves when there is one more.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// The replay whose turn it is, and the block after which it goes on.
    pub(super) fn current(&self) -> Option<(Replay, BlockId)> {
        self.lock().front().map(|job| (job.asked.what.clone(), job.after))
    }

    /// A message of it was handed over.
    pub(super) fn sent(&self, block: BlockId) {
        self.change(|job| {
            job.open.insert(block, false);
        });
    }

    /// The broker took it.
    pub(super) fn taken(&self, block: BlockId) {
        self.change(|job| {
            job.losses = 0;
            job.taken += u64::from(job.answer(block));
        });
    }

    /// The broker will never take it.
    pub(super) fn refused(&self, block: BlockId, why: String) {
        self.change(|job| {
            if job.answer(block) {
                let count = job.refused.as_ref().map_or(0, |(count, _)| *count);
                job.refused = Some((count + 1, why));
            }
        });
    }

    /// The connection is gone, and with it what is known of messages in flight. Gives the outcome when it was the last
    /// attempt.
    pub(super) fn lost(&self) -> Option<Outcome> {
        let mut jobs = self.lock();
        let job = jobs.front_mut().filter(|job| job.open.values().any(|is_answered| !is_answered))?;
        job.losses += 1;
        job.rewind();
        if job.losses < LOSSES {
            return None;
        }
        let job = jobs.pop_front()?;
        let why = format!("the connection was lost {LOSSES} times before the next message was acknowledged");
        Some(job.outcome(OutcomeStatus::Failed, &self.clock).because(why))
    }

    /// The current one has come to its end; gives what became of it.
    pub(super) fn finish(&self) -> Option<Outcome> {
        let job = self.lock().pop_front()?;
        let clock = &self.clock;
        Some(match &job.refused {
            Some((count, why)) => {
                let why = format!("the broker refused {count} of the messages: {why}");
                job.outcome(OutcomeStatus::Failed, clock).because(why)
            }
            None if job.taken == 0 => {
                job.asked.outcome(OutcomeStatus::Failed, clock).because("nothing of the range is stored any more")
            }
            None => job.outcome(OutcomeStatus::Done, clock),
        })
    }

    fn change(&self, work: impl FnOnce(&mut Job)) {
        if let Some(job) = self.lock().front_mut() {
            work(job);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn new(asked: Asked) -> Self {
        Self { asked, after: BlockId(0), open: BTreeMap::new(), taken: 0, refused: None, losses: 0 }
    }

    /// Notes an answer and moves on over everything that is answered; false for what is not known.
    fn answer(&mut self, block: BlockId) -> bool {
        let Some(is_answered) = self.open.get_mut(&block) else { return false };
        *is_answered = true;
        while let Some(first) = self.open.first_entry().filter(|first| *first.get()) {
            self.after = first.remove_entry().0;
        }
        true
    }

    /// Forgets what was in flight. What was taken beyond the first unanswered message comes again and counts once.
    fn rewind(&mut self) {
        let again = self.open.values().filter(|is_answered| **is_answered).count() as u64;
        self.taken = self.taken.saturating_sub(again);
        self.open.clear();
    }

    /// The outcome with the number of messages sent again.
    fn outcome(&self, status: OutcomeStatus, clock: &SharedClock) -> Outcome {
        Outcome { value: Some(Value::from_u64(self.taken)), ..self.asked.outcome(status, clock) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        model::{CommandId, Stream},
        testing::clock::ManualClock,
    };

    fn replays(count: usize) -> Replays {
        let replays = Replays::new(Arc::new(ManualClock::default()));
        for n in 0..count {
            assert_eq!(replays.ask(asked(n)), None);
        }
        replays
    }

    fn asked(n: usize) -> Asked {
        let what = Replay { store: "6f2c".into(), stream: Stream::Data, epoch: 42, from: 1, to: 9 };
        Asked { id: CommandId::new(&format!("r{n}")).unwrap(), what, response: None }
    }

    #[test]
    fn one_more_than_there_is_room_for_is_denied() {
        let replays = replays(MOST);

        let denied = replays.ask(asked(9)).unwrap();

        assert_eq!((denied.status, denied.id), (OutcomeStatus::Denied, CommandId::new("r9")));
    }

    #[test]
    fn a_replay_goes_on_behind_the_last_message_before_which_all_were_taken() {
        let replays = replays(1);
        (1..=4).for_each(|block| replays.sent(BlockId(block)));
        for block in [1, 2, 4] {
            replays.taken(BlockId(block));
        }

        assert_eq!(replays.lost(), None);

        assert_eq!(replays.current().unwrap().1, BlockId(2));
        for block in [3, 4] {
            replays.sent(BlockId(block));
            replays.taken(BlockId(block));
        }
        let done = replays.finish().unwrap();
        assert_eq!((done.status, done.value), (OutcomeStatus::Done, Some(Value::from_u64(4))));
    }

    #[test]
    fn a_replay_that_loses_every_connection_is_given_up_and_the_next_has_its_turn() {
        let replays = replays(2);
        for _ in 1..LOSSES {
            replays.sent(BlockId(1));
            assert_eq!(replays.lost(), None);
        }
        // A connection that ends without a message of it in flight says nothing.
        assert_eq!(replays.lost(), None);
        replays.sent(BlockId(1));

        let failed = replays.lost().unwrap();

        assert_eq!((failed.status, failed.id), (OutcomeStatus::Failed, CommandId::new("r0")));
        assert!(replays.current().is_some());
    }

    #[test]
    fn a_range_that_is_gone_and_messages_that_are_refused_make_it_fail() {
        let replays = replays(2);
        let gone = replays.finish().unwrap();
        assert_eq!(gone.error.as_deref(), Some("nothing of the range is stored any more"));

        replays.sent(BlockId(1));
        replays.refused(BlockId(1), "not authorized".into());
        let failed = replays.finish().unwrap();

        assert_eq!(failed.error.as_deref(), Some("the broker refused 1 of the messages: not authorized"));
        assert_eq!(failed.value, Some(Value::from_u64(0)));
    }
}
