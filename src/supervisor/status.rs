//! What is known of each task, for `status`, `/health` and the watchdog.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use crate::model::SharedClock;

/// The stages of the ordered stop, in its order: what brings readings in ends first, so that everything behind it can
/// finish what it holds. Surfaces end last: whoever looks on sees the stop to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Adapters, and the desk that takes commands.
    Intake,
    /// The rule thread and what feeds it.
    Rules,
    /// What brings events and outcomes into the buffer; the last commit follows it.
    Buffer,
    /// Uplinks; they may still publish what the buffer wrote last.
    Uplink,
    /// The writer of the buffer; uplinks needed it to the end.
    Store,
    /// The local API and everything else that only looks.
    Surface,
}

impl Stage {
    /// Every stage in the order of the stop.
    pub const ALL: [Self; 6] = [Self::Intake, Self::Rules, Self::Buffer, Self::Uplink, Self::Store, Self::Surface];
}

/// Whether a task works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// It works.
    Running,
    /// It failed and rests before its next start.
    Waiting,
    /// It is over and will not be started again.
    Ended,
}

/// One task as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Tells two tasks of one name apart, as after a reload.
    #[serde(skip)]
    pub(super) number: u64,
    /// For people: `adapter line1`.
    pub name: Arc<str>,
    /// When it is stopped.
    pub stage: Stage,
    /// A thread, which is not started again when it ends.
    #[serde(skip)]
    pub(super) is_thread: bool,
    /// Whether it works.
    pub state: TaskState,
    /// Starts after the first.
    pub restarts: u64,
    /// Why it ended last.
    pub last_error: Option<String>,
}

/// A task's sign of life. Cheap to clone and to beat.
#[derive(Clone)]
pub struct Progress {
    /// Uptime of the last beat in milliseconds.
    beat_ms: Arc<AtomicU64>,
    /// Where uptime comes from.
    clock: SharedClock,
}

impl Progress {
    /// A sign of life given now.
    pub(super) fn new(clock: SharedClock) -> Self {
        let progress = Self { beat_ms: Arc::default(), clock };
        progress.made();
        progress
    }

    /// The task went once around its loop, or did a piece of its work.
    pub fn made(&self) {
        let now_ms = u64::try_from(self.clock.uptime().as_millis()).unwrap_or(u64::MAX);
        self.beat_ms.store(now_ms, Ordering::Relaxed);
    }

    /// The uptime of the last sign.
    pub(super) fn last(&self) -> Duration {
        Duration::from_millis(self.beat_ms.load(Ordering::Relaxed))
    }
}

/// The statuses of all tasks, seen by whoever subscribes.
#[derive(Debug, Clone)]
pub(super) struct Board(Arc<watch::Sender<Vec<TaskStatus>>>);

impl Board {
    /// A board without tasks.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    /// The end that is shown to others.
    pub(super) fn watch(&self) -> watch::Receiver<Vec<TaskStatus>> {
        self.0.subscribe()
    }

    /// Adds a task that starts now.
    pub(super) fn add(&self, number: u64, name: Arc<str>, stage: Stage, is_thread: bool) {
        let new =
            TaskStatus { number, name, stage, is_thread, state: TaskState::Running, restarts: 0, last_error: None };
        self.0.send_modify(|tasks| tasks.push(new));
    }

    /// Changes one task's status.
    pub(super) fn set(&self, number: u64, change: impl FnOnce(&mut TaskStatus)) {
        self.0.send_modify(|tasks| {
            if let Some(status) = tasks.iter_mut().find(|status| status.number == number) {
                change(status);
            }
        });
    }

    /// Forgets a task that was ended on purpose.
    pub(super) fn remove(&self, number: u64) {
        self.0.send_modify(|tasks| tasks.retain(|status| status.number != number));
    }

    /// Whether a task works at this moment.
    pub(super) fn is_running(&self, number: u64) -> bool {
        let tasks = self.0.borrow();
        tasks.iter().any(|status| status.number == number && status.state == TaskState::Running)
    }
}
