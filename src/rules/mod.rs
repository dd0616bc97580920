//! Rules: scripts that look at every reading before it is stored, and act on it.
//!
//! A rule may keep a reading (the default), keep it locally only, change it, drop it, make readings of virtual
//! points, raise alarms and wish for commands. Rules on one reading run in file-name order, each sees what the ones
//! before made of it, and the strongest verdict counts: drop, keep locally, keep.
//!
//! What is promised: a rule can do no harm beyond its own verdicts. An error, a limit, even a panic of the
//! interpreter is a fault of that call: nothing the call did stays, the reading passes as it was, and a rule that
//! fails too often in a row is out of service until its file changes or a reload is asked for. A file that does not
//! load leaves its last good version running. Order is kept, and no reading waits for a file or a device.
//!
//! What is never done: an emitted reading does not run through rules again, so rules cannot feed themselves.

mod check;
mod convert;
mod engine;
mod functions;
mod host;
mod points;
mod reload;
mod report;
mod rule;
mod script;
mod set;
mod state;
mod thread;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch as latest},
};

pub use check::{CheckReport, check};
pub use report::{Level, LoadReport, Metrics, Problem, RuleState, RuleStatus};
pub use thread::RuleThread;

use crate::model::{Batch, Event, Point, Reading, Receipt, SharedClock, StateChange};

/// What the rules made of a group of batches. It is committed as one.
#[derive(Debug, Default)]
pub struct Output {
    /// Readings for uplinks and history, in the order they came, each followed by what rules emitted because of it.
    pub forward: Vec<Reading>,
    /// Readings for the local history alone.
    pub local: Vec<Reading>,
    /// Readings that a rule dropped: for whoever looks at the gateway now, not to be stored.
    pub dropped: Vec<Reading>,
    /// Alarms, and rules that were refused or quarantined.
    pub events: Vec<Event>,
    /// What rules want set. The policy decides.
    pub commands: Vec<RuleCommand>,
    /// Variables that changed, each once.
    pub state: Vec<StateChange>,
    /// Of the senders that wait for these readings.
    pub receipts: Vec<Receipt>,
}

impl Output {
    /// Whether there is nothing to store, nothing to show and nobody to tell.
    pub fn is_empty(&self) -> bool {
        let has_readings = !self.forward.is_empty() || !self.local.is_empty() || !self.dropped.is_empty();
        let has_others = !self.events.is_empty() || !self.commands.is_empty() || !self.state.is_empty();
        !has_readings && !has_others && self.receipts.is_empty()
    }
}

/// A command as a rule wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleCommand {
    /// The rule file's name, without `.rhai`; a grant names it as `rule:<name>`.
    pub rule: Arc<str>,
    /// `device/point`
    pub target: String,
    /// Whole numbers have no fraction, so that they fit integer points too.
    pub value: serde_json::Value,
}

/// What the rule thread is asked while it runs.
#[derive(Debug)]
pub enum Control {
    /// Read the folder now, and give quarantined rules another chance.
    Reload {
        /// What came of it.
        reply: oneshot::Sender<LoadReport>,
    },
}

/// What the rule thread is given to work with.
pub struct Context {
    /// The runtime whose timers and channels it waits on.
    pub runtime: Handle,
    /// Readings from adapters. The thread ends when this is closed and empty.
    pub input: mpsc::Receiver<Batch>,
    /// Where they go. Bounded; the thread waits when it is full, and so do the adapters.
    pub output: mpsc::Sender<Output>,
    /// Questions, answered at once.
    pub control: mpsc::Receiver<Control>,
    /// What is known from the last run.
    pub kept: Kept,
    /// Time, and the schedule of timers.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
    /// The latest state of each rule, for people: after each change at once, counts once a second.
    pub status: latest::Sender<Vec<RuleStatus>>,
}

/// What is known before the first reading.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Variables of rules.
    pub state: Vec<StateChange>,
    /// The last reading of each point.
    pub last: Vec<Reading>,
    /// Points of configured devices; a selector that covers none of them is remarked on.
    pub points: Arc<[Arc<Point>]>,
}
