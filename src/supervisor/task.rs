//! The life of one task: run, fail, rest, run again.
//!
//! ```text
//!            start            error or panic
//!   (spawn) ──────> running ────────────────> waiting
//!                    │  ^                      │  │
//!                    │  └── the rest is over ──┘  │ stop
//!   done, stop, or   v                            v
//!   failed for good  ended <──────────────────────┘
//! ```

use std::{any::Any, fmt::Display, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tracing::{debug, error, warn};

use super::{
    Restart,
    backoff::Backoff,
    status::{Board, Progress, TaskState},
};
use crate::{
    model::{Event, SharedClock},
    shutdown::Stop,
};

/// Why a task ended although nobody asked it to.
pub(super) enum Fault {
    /// It returned an error.
    Error(String),
    /// It panicked with this message.
    Panic(String),
}

/// Tells log, events and board what happens to one task.
#[derive(Clone)]
pub(super) struct Reporter {
    /// The task's key on the board.
    pub(super) number: u64,
    /// The task's name.
    pub(super) name: Arc<str>,
    /// The statuses of all tasks.
    pub(super) board: Board,
    /// Where events go.
    pub(super) events: mpsc::Sender<Event>,
    /// When it happened.
    pub(super) clock: SharedClock,
}

impl Reporter {
    /// A task failed. The event is dropped when the queue is full: waiting could hold up the very task that empties
    /// it, and the log has it in any case.
    pub(super) fn fault(&self, fault: &Fault) {
        let name = &self.name;
        let (what, text) = match fault {
            Fault::Error(why) => {
                warn!(task = %name, error = %why, "Task failed");
                ("task-restarted", format!("{name}: {why}"))
            }
            Fault::Panic(why) => {
                error!(task = %name, error = %why, "Task panicked");
                ("task-panicked", format!("{name}: {why}"))
            }
        };
        self.board.set(self.number, |status| status.last_error = Some(text.clone()));
        if self.events.try_send(Event::gateway(self.clock.now(), what, text)).is_err() {
            debug!(task = %name, "No room for the event of a failed task");
        }
    }

    /// The task's state changed.
    pub(super) fn state(&self, state: TaskState) {
        self.board.set(self.number, |status| status.state = state);
    }
}

/// The life of one task. Hundreds of tasks have one each: it stands in the task once, where a function that is handed
/// its parts would hold them twice.
pub(super) struct Life<F> {
    /// Who tells of it.
    pub(super) reporter: Reporter,
    /// What happens when it failed.
    pub(super) restart: Restart,
    /// When it shall end.
    pub(super) stop: Stop,
    /// Its sign of life.
    pub(super) progress: Progress,
    /// Makes a fresh future for each start.
    pub(super) factory: F,
}

impl<F> Life<F> {
    /// Runs the task until it is done, was asked to stop, or failed for good.
    pub(super) async fn run<Fut, E>(&mut self)
    where
        F: Fn(Stop, Progress) -> Fut + Send + Sync,
        Fut: Future<Output = Result<(), E>> + Send,
        E: Display,
    {
        let mut backoff = Backoff::default();
        loop {
            let start = Instant::now();
            self.progress.made();
            let run = async { (self.factory)(self.stop.clone(), self.progress.clone()).await };
            let Some(fault) = fault_of(AssertUnwindSafe(run).catch_unwind().await) else { break };
            self.reporter.fault(&fault);
            let is_over = self.restart == Restart::Never || self.stop.is_requested();
            // On the heap: hardly one task ever rests.
            if is_over || !Box::pin(rest(&self.reporter, backoff.after(start.elapsed()), &mut self.stop)).await {
                break;
            }
        }
        self.reporter.state(TaskState::Ended);
    }
}

/// Waits before the next start. False when stopping was asked for meanwhile.
async fn rest(reporter: &Reporter, span: Duration, stop: &mut Stop) -> bool {
    reporter.state(TaskState::Waiting);
    tokio::select! {
        biased;
        () = stop.requested() => return false,
        () = sleep(span) => {}
    }
    reporter.board.set(reporter.number, |status| {
        status.state = TaskState::Running;
        status.restarts += 1;
    });
    true
}

/// The fault in the way a run ended, if there is one.
fn fault_of<E: Display>(end: Result<Result<(), E>, Box<dyn Any + Send>>) -> Option<Fault> {
    match end {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Fault::Error(error.to_string())),
        Err(payload) => Some(Fault::Panic(panic_text(&*payload))),
    }
}

/// The message of a panic; `panic!` gives a `&str` or a `String`.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}
