//! The rule thread: waits for readings, timers, changed files and questions, and hands on what rules make of them.
//!
//! Scripts compute, so they have a thread of their own instead of a place on the runtime's; it waits on the runtime's
//! channels and timers all the same, and so never polls.

use std::{path::PathBuf, time::Duration};

use tokio::{
    runtime::Handle,
    sync::{mpsc, watch as latest},
    time::{Instant, sleep_until},
};

use super::{Context, Control, LoadReport, Output, RuleStatus, reload::Scope, set::RuleSet, watch::FolderWatch};
use crate::{config, model::Batch};

/// Readings after which a group is closed.
const GROUP: usize = 1_000;
/// How long files may go on changing before they are read.
const SETTLE: Duration = Duration::from_millis(200);
/// Shortest time between two reports of counts.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Longest wait, so that a clock that was suspended is looked at again.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The rules at work.
pub struct RuleThread {
    /// Where rule files are.
    dir: PathBuf,
    /// The rules.
    set: RuleSet,
    /// Waits for us.
    runtime: Handle,
    /// Channels and moments to wait for.
    ears: Ears,
    /// Where groups go.
    output: mpsc::Sender<Output>,
    /// Where the state of rules goes.
    status: latest::Sender<Vec<RuleStatus>>,
}

/// Everything the thread listens to.
struct Ears {
    /// Readings.
    input: mpsc::Receiver<Batch>,
    /// Questions; `None` once nobody is left to ask.
    control: Option<mpsc::Receiver<Control>>,
    /// Changed files.
    files: Option<FolderWatch>,
    /// When changed files are read.
    reload_at: Option<Instant>,
    /// When counts are reported.
    report_at: Option<Instant>,
}

/// What the thread woke for.
enum Wake {
    /// Readings came.
    Batch(Batch),
    /// No more readings will come.
    Closed,
    /// Somebody asks.
    Control(Control),
    /// A moment has come; which, the clocks tell.
    Moment,
}

impl RuleThread {
    /// Loads the rules; those that do not load are reported and refused.
    pub fn new(config: config::Rules, context: Context) -> Self {
        let Context { runtime, input, output, control, kept, clock, metrics, status } = context;
        let mut set = RuleSet::new(&config, kept, clock, metrics);
        let files = FolderWatch::start(&config.dir);
        set.reload(&config.dir, Scope::Asked);
        status.send_replace(set.status());
        let ears = Ears { input, control: Some(control), files, reload_at: None, report_at: None };
        Self { dir: config.dir, set, runtime, ears, output, status }
    }

    /// Works until the input is closed and everything in it is handed on. Blocks; it wants a thread of its own,
    /// outside of the runtime.
    pub fn run(mut self) {
        // What loading the rules had to say.
        let mut is_heard = self.hand_on();
        while is_heard {
            let timer = self.set.next_timer().map(|at| at.saturating_sub(self.set.uptime()));
            match self.runtime.block_on(self.ears.wait(timer)) {
                Wake::Batch(batch) => self.take_group(batch),
                Wake::Closed => break,
                Wake::Control(control) => self.answer(control),
                Wake::Moment => {}
            }
            self.look_at_the_clock();
            is_heard = self.hand_on();
        }
        self.status.send_replace(self.set.status());
    }

    /// Runs a batch and what else is there already, up to a group.
    fn take_group(&mut self, first: Batch) {
        self.ears.expect_report();
        let (mut next, mut taken) = (Some(first), 0);
        while let Some(batch) = next {
            taken += batch.readings.len();
            self.set.output.receipts.extend(batch.receipt);
            self.set.output.forward.reserve(batch.readings.len());
            for reading in batch.readings {
                self.set.take(reading);
            }
            next = if taken < GROUP { self.ears.input.try_recv().ok() } else { None };
        }
    }

    /// Answers a question.
    fn answer(&mut self, control: Control) {
        match control {
            Control::Reload { reply } => {
                // The folder may have been made since the start.
                if self.ears.files.is_none() {
                    self.ears.files = FolderWatch::start(&self.dir);
                }
                // Somebody who stopped waiting does not need the report.
                let _ = reply.send(self.reload(Scope::Asked));
            }
        }
    }

    /// Does what the time has come for.
    fn look_at_the_clock(&mut self) {
        if self.set.run_timers() {
            self.ears.expect_report();
        }
        if self.ears.reload_at.is_some_and(|at| at <= Instant::now()) {
            self.reload(Scope::Changed);
        }
        if self.ears.report_at.is_some_and(|at| at <= Instant::now()) {
            self.report();
        }
    }

    /// Reads the folder. It is watched anew first: another folder may have taken its place.
    fn reload(&mut self, scope: Scope) -> LoadReport {
        self.ears.reload_at = None;
        self.ears.files = FolderWatch::start(&self.dir);
        let report = self.set.reload(&self.dir, scope);
        self.report();
        report
    }

    /// Tells the state of every rule.
    fn report(&mut self) {
        self.ears.report_at = None;
        self.status.send_replace(self.set.status());
    }

    /// Hands on what the group made; false when nobody takes it any more.
    fn hand_on(&mut self) -> bool {
        let output = self.set.take_output();
        if output.is_empty() {
            return true;
        }
        if !output.events.is_empty() {
            self.report();
        }
        // No limit: when the buffer is slow, waiting here is what slows the adapters down.
        self.runtime.block_on(self.output.send(output)).is_ok()
    }
}

impl Ears {
    /// Waits for the next thing to do, `timer` being the time until the next timer's turn.
    async fn wait(&mut self, timer: Option<Duration>) -> Wake {
        let until = self.next_moment(timer);
        tokio::select! {
            biased;
            Some(control) = next_control(&mut self.control) => Wake::Control(control),
            () = sleep_until(until) => Wake::Moment,
            batch = self.input.recv() => batch.map_or(Wake::Closed, Wake::Batch),
            () = FolderWatch::changed(&mut self.files) => {
                self.reload_at.get_or_insert_with(|| Instant::now() + SETTLE);
                Wake::Moment
            }
        }
    }

    /// Counts have changed: they are reported within a second.
    fn expect_report(&mut self) {
        self.report_at.get_or_insert_with(|| Instant::now() + REPORT_EVERY);
    }

    /// The earliest moment that something is due.
    fn next_moment(&self, timer: Option<Duration>) -> Instant {
        let now = Instant::now();
        let timer = timer.map(|wait| now + wait.min(MAX_WAIT));
        let due = [timer, self.reload_at, self.report_at].into_iter().flatten().min();
        due.unwrap_or(now + MAX_WAIT)
    }
}

/// The next question; never resolves once nobody is left to ask. Safe to cancel.
async fn next_control(control: &mut Option<mpsc::Receiver<Control>>) -> Option<Control> {
    let Some(receiver) = control else { return std::future::pending().await };
    let asked = receiver.recv().await;
    if asked.is_none() {
        *control = None;
    }
    asked
}
