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

/// Runs a task until it is done, was asked to stop, or failed for good.
pub(super) async fn keep_running<F, Fut, E>(
    reporter: Reporter,
    restart: Restart,
    mut stop: Stop,
    progress: Progress,
    factory: F,
) where
    F: Fn(Stop, Progress) -> Fut + Send,
    Fut: Future<Output = Result<(), E>> + Send,
    E: Display,
{
    let mut backoff = Backoff::default();
    loop {
        let start = Instant::now();
        progress.made();
        let run = async { factory(stop.clone(), progress.clone()).await };
        let Some(fault) = fault_of(AssertUnwindSafe(run).catch_unwind().await) else { break };
        reporter.fault(&fault);
        let is_over = restart == Restart::Never || stop.is_requested();
        // On the heap: there are hundreds of tasks, and hardly one of them ever rests.
        if is_over || !Box::pin(rest(&reporter, backoff.after(start.elapsed()), &mut stop)).await {
            break;
        }
    }
    reporter.state(TaskState::Ended);
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
