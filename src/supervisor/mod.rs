//! Keeps every task of the gateway alive, and ends them in order.
//!
//! - Every task has a name and a [`Stage`]; this is the only module that spawns.
//! - A task that fails or panics is reported as an event and started again after a rest that grows from one second
//!   to a minute. A panic never leaves its task, and no task can end the process.
//! - [`Supervisor::stop`] raises the stop of one stage after the other, waits for each up to a limit, and names the
//!   tasks that were late.

mod backoff;
mod status;
mod task;

use std::{
    fmt::Display,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::AbortHandle,
    time::{Instant, timeout_at},
};
use tracing::warn;

pub use self::status::{Progress, Stage, TaskState, TaskStatus};
use self::{
    status::Board,
    task::{Fault, Life, Reporter, panic_text},
};
use crate::{
    model::{Event, SharedClock},
    shutdown::{Stop, StopSignal},
};

/// What happens to a task that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// It stays ended.
    Never,
    /// It is started again after a rest.
    WithBackoff,
}

/// Starts, watches and stops tasks.
pub struct Supervisor {
    /// Where faults are told.
    events: mpsc::Sender<Event>,
    /// When they happened.
    clock: SharedClock,
    /// What is shown of each task.
    board: Board,
    /// Every task that was started and not forgotten.
    tasks: Arc<Mutex<Vec<Entry>>>,
    /// The next task's number.
    next: AtomicU64,
}

/// What the supervisor keeps of a task.
struct Entry {
    /// The key on the board.
    number: u64,
    /// Its name.
    name: Arc<str>,
    /// When it is stopped.
    stage: Stage,
    /// Raised to stop it.
    stop: StopSignal,
    /// Its sign of life, when the watchdog shall look at it.
    progress: Option<Progress>,
    /// Closed when it is over; nothing is ever sent.
    ended: oneshot::Receiver<()>,
    /// Ends it by force; a thread cannot be.
    abort: Option<AbortHandle>,
}

/// One task's own switch, for a reload that ends one and starts another.
pub struct TaskHandle {
    /// The task's number.
    number: u64,
    /// Where it is listed.
    tasks: Arc<Mutex<Vec<Entry>>>,
    /// Where it is shown.
    board: Board,
}

impl Supervisor {
    /// A supervisor without tasks. `events` is bounded; a fault that finds it full is only logged.
    pub fn new(events: mpsc::Sender<Event>, clock: SharedClock) -> Self {
        let tasks = Arc::default();
        Self { events, clock, board: Board::new(), tasks, next: AtomicU64::new(1) }
    }

    /// Starts a task. `factory` makes a fresh future for each start.
    pub fn spawn<F, Fut, E>(&self, stage: Stage, name: &str, restart: Restart, factory: F) -> TaskHandle
    where
        F: Fn(Stop) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let progress = Progress::new(self.clock.clone());
        self.start(stage, name, restart, progress, false, move |stop, _| factory(stop))
    }

    /// As [`Supervisor::spawn`], for a task that promises to report progress: [`Supervisor::stalled`] names it when
    /// it does not.
    pub fn spawn_watched<F, Fut, E>(&self, stage: Stage, name: &str, restart: Restart, factory: F) -> TaskHandle
    where
        F: Fn(Stop, Progress) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        self.start(stage, name, restart, Progress::new(self.clock.clone()), true, factory)
    }

    /// Starts a thread of its own, for work that blocks. It ends when its channels close; it cannot be forced to.
    pub fn spawn_thread(
        &self,
        stage: Stage,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<TaskHandle> {
        let reporter = self.reporter(name);
        let (alive, ended) = oneshot::channel();
        let told = reporter.clone();
        self.board.add(reporter.number, reporter.name.clone(), stage, true);
        let body = move || {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
                told.fault(&Fault::Panic(panic_text(&*payload)));
            }
            told.state(TaskState::Ended);
            drop(alive);
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
            self.board.remove(reporter.number);
            return Err(error);
        }
        let (signal, _) = StopSignal::pair();
        Ok(self.enlist(&reporter, stage, signal, None, ended, None))
    }

    /// The status of every task, now and whenever one changes.
    pub fn status(&self) -> watch::Receiver<Vec<TaskStatus>> {
        self.board.watch()
    }

    /// Waits for a thread that ends, which none does before its stage is stopped unless it panicked or gave up; gives
    /// its name and what was its last fault. Safe to cancel.
    pub async fn thread_lost(&self) -> String {
        let is_lost = |task: &&TaskStatus| task.is_thread && task.state == TaskState::Ended;
        let mut board = self.board.watch();
        // The board outlives every look at it.
        let Ok(tasks) = board.wait_for(|tasks| tasks.iter().any(|task| is_lost(&task))).await else {
            return std::future::pending().await;
        };
        let lost = tasks.iter().find(is_lost);
        lost.map_or_else(String::new, |task| task.last_error.clone().unwrap_or_else(|| task.name.to_string()))
    }

    /// Names of watched tasks that run and gave no sign of life since this uptime. A task that rests after a fault
    /// is not stalled: what it waits for is outside the gateway.
    pub fn stalled(&self, since: Duration) -> Vec<String> {
        let is_stalled = |entry: &&Entry| {
            let is_silent = entry.progress.as_ref().is_some_and(|progress| progress.last() < since);
            is_silent && self.board.is_running(entry.number)
        };
        locked(&self.tasks).iter().filter(is_stalled).map(|entry| entry.name.to_string()).collect()
    }

    /// Stops stage after stage, each within `limit`. Tasks that are late are ended by force and named.
    pub async fn stop(&self, limit: Duration) -> Vec<String> {
        let mut late = Vec::new();
        for stage in Stage::ALL {
            late.extend(self.stop_stage(stage, limit).await);
        }
        late
    }

    /// Stops one stage; the names of those that were late.
    pub async fn stop_stage(&self, stage: Stage, limit: Duration) -> Vec<String> {
        let entries: Vec<Entry> = locked(&self.tasks).extract_if(.., |entry| entry.stage == stage).collect();
        for entry in &entries {
            entry.stop.raise();
        }
        let end = Instant::now() + limit;
        let mut late = Vec::new();
        for mut entry in entries {
            if !entry.ended_by(end).await {
                warn!(task = %entry.name, ?stage, "Task did not stop in time");
                self.board.set(entry.number, |status| {
                    // A thread goes on: nothing can force it.
                    status.state = if entry.abort.is_some() { TaskState::Ended } else { status.state };
                    status.last_error = Some("did not stop in time".to_owned());
                });
                late.push(entry.name.to_string());
            }
        }
        late
    }

    /// Starts the task's keeper.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts tasks")]
    fn start<F, Fut, E>(
        &self,
        stage: Stage,
        name: &str,
        restart: Restart,
        progress: Progress,
        is_watched: bool,
        factory: F,
    ) -> TaskHandle
    where
        F: Fn(Stop, Progress) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let reporter = self.reporter(name);
        let (signal, stop) = StopSignal::pair();
        let (alive, ended) = oneshot::channel();
        self.board.add(reporter.number, reporter.name.clone(), stage, false);
        let mut life = Life { reporter: reporter.clone(), restart, stop, progress: progress.clone(), factory };
        let keeper = tokio::spawn(async move {
            life.run().await;
            drop(alive);
        });
        let progress = is_watched.then_some(progress);
        self.enlist(&reporter, stage, signal, progress, ended, Some(keeper.abort_handle()))
    }

    /// A reporter for a new task.
    fn reporter(&self, name: &str) -> Reporter {
        Reporter {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            name: name.into(),
            board: self.board.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Lists a task that was started.
    fn enlist(
        &self,
        reporter: &Reporter,
        stage: Stage,
        signal: StopSignal,
        progress: Option<Progress>,
        ended: oneshot::Receiver<()>,
        abort: Option<AbortHandle>,
    ) -> TaskHandle {
        let (number, name) = (reporter.number, reporter.name.clone());
        let entry = Entry { number, name, stage, stop: signal, progress, ended, abort };
        locked(&self.tasks).push(entry);
        TaskHandle { number, tasks: self.tasks.clone(), board: self.board.clone() }
    }
}

impl Entry {
    /// Waits for the end of a task that was asked to stop. One that is late is ended by force, and false.
    async fn ended_by(&mut self, moment: Instant) -> bool {
        let is_over = timeout_at(moment, &mut self.ended).await.is_ok();
        if let Some(abort) = self.abort.as_ref().filter(|_| !is_over) {
            abort.abort();
        }
        is_over
    }
}

impl TaskHandle {
    /// Stops this task alone and forgets it. False when it was late and had to be ended by force.
    pub async fn stop(self, limit: Duration) -> bool {
        let entry = {
            let mut tasks = locked(&self.tasks);
            let place = tasks.iter().position(|entry| entry.number == self.number);
            place.map(|place| tasks.remove(place))
        };
        // The ordered stop may have taken it already.
        let Some(mut entry) = entry else { return true };
        entry.stop.raise();
        let was_in_time = entry.ended_by(Instant::now() + limit).await;
        self.board.remove(self.number);
        was_in_time
    }
}

/// The list, also after a holder panicked: every change to it is whole.
fn locked(tasks: &Mutex<Vec<Entry>>) -> MutexGuard<'_, Vec<Entry>> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
