//! What a running script can reach: the reading at hand, last values, variables, and what it wants done.
//!
//! One lock guards it. It is never held while a script runs, only inside a function that a script calls, and only
//! the rule thread takes it; so it is never waited for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rhai::{EvalAltResult, FnPtr};

use super::{
    Output, RuleCommand,
    points::{Points, SlotId},
    state::Store,
};
use crate::model::{Event, Reading, Selector, SharedClock, Timestamp};

/// An error a script sees, with its place filled in by the engine.
pub(super) type Fault = Box<EvalAltResult>;

/// Most readings, events and commands of one call, each.
const MAX_EFFECTS: usize = 100;
/// Most handlers of one file, and most timers.
const MAX_HANDLERS: usize = 200;

/// The host behind its lock.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Host>>);

/// Everything scripts reach.
pub(super) struct Host {
    /// Every point seen.
    pub(super) points: Points,
    /// Variables of all rules.
    pub(super) store: Store,
    /// What the calls of this group want done.
    pub(super) effects: Effects,
    /// Handlers of the file whose top level runs now.
    pub(super) registration: Option<Registration>,
    /// The running call.
    pub(super) call: Option<Call>,
    /// Time outside of readings.
    pub(super) clock: SharedClock,
    /// Longest time of one call.
    pub(super) max_time: Duration,
    /// The second in which lines were logged last, and how many.
    pub(super) lines: (u64, u32),
    /// Number of the next call.
    serial: u64,
}

/// What rules want done beside the verdict on their reading.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Readings of virtual points.
    pub(super) emitted: Vec<Reading>,
    /// Alarms.
    pub(super) events: Vec<Event>,
    /// Commands.
    pub(super) commands: Vec<RuleCommand>,
}

/// Handlers as the top level of a file names them.
#[derive(Default)]
pub(super) struct Registration {
    /// `on(selector, …)`
    pub(super) handlers: Vec<(Selector, FnPtr)>,
    /// `every(interval, …)`
    pub(super) timers: Vec<(Duration, FnPtr)>,
}

/// One call of a handler or timer.
pub(super) struct Call {
    /// The rule it belongs to.
    pub(super) rule: Arc<str>,
    /// Told apart from every other call, so that a reading kept from an earlier one is noticed.
    pub(super) serial: u64,
    /// What `now()` says.
    pub(super) now: Timestamp,
    /// The reading of an `on` handler.
    pub(super) subject: Option<Subject>,
    /// When time was first looked at.
    watched_since: Option<Instant>,
    /// How many effects there were when it started.
    marks: (usize, usize, usize),
}

/// A reading on its way through the rules.
#[derive(Debug)]
pub(super) struct Subject {
    /// As the rules before left it.
    pub(super) reading: Reading,
    /// Where it goes so far.
    pub(super) verdict: Verdict,
    /// Its point.
    pub(super) slot: SlotId,
    /// Reading and verdict as the running call found them, once it is about to change them.
    found: Option<(Reading, Verdict)>,
}

/// Where a reading goes; the strongest word of all rules counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Upstream.
    Keep,
    /// Into the local history only.
    KeepLocal,
    /// Nowhere.
    Drop,
}

impl Shared {
    /// A host without a call.
    pub(super) fn new(clock: SharedClock, max_time: Duration, store: Store, points: Points) -> Self {
        let (effects, registration, call) = (Effects::default(), None, None);
        let host = Host { points, store, effects, registration, call, clock, max_time, lines: (0, 0), serial: 0 };
        Self(Arc::new(Mutex::new(host)))
    }

    /// The host. A panic under the lock left nothing half done that matters: the call is undone.
    pub(super) fn lock(&self) -> MutexGuard<'_, Host> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// Starts a call and gives its number.
    pub(super) fn begin(&mut self, rule: &Arc<str>, now: Timestamp, subject: Option<Subject>) -> u64 {
        self.serial += 1;
        let marks = (self.effects.emitted.len(), self.effects.events.len(), self.effects.commands.len());
        let call = Call { rule: rule.clone(), serial: self.serial, now, subject, watched_since: None, marks };
        self.call = Some(call);
        self.serial
    }

    /// Ends a call that went well; gives the reading back as it is now.
    pub(super) fn keep(&mut self) -> Option<Subject> {
        self.store.keep();
        let subject = self.call.take()?.subject?;
        Some(Subject { found: None, ..subject })
    }

    /// Ends a call that failed; nothing it did stays. Gives the reading back as it was.
    pub(super) fn undo(&mut self) -> Option<Subject> {
        self.store.undo();
        let call = self.call.take()?;
        let (emitted, events, commands) = call.marks;
        self.effects.emitted.truncate(emitted);
        self.effects.events.truncate(events);
        self.effects.commands.truncate(commands);
        call.subject.map(Subject::unchanged)
    }

    /// Moves what scripts asked for into the output.
    pub(super) fn hand_over(&mut self, output: &mut Output) {
        output.events.append(&mut self.effects.events);
        output.commands.append(&mut self.effects.commands);
        for reading in std::mem::take(&mut self.effects.emitted) {
            let slot = self.points.slot(&reading.point);
            self.points.remember(slot, reading.clone());
            output.forward.push(reading);
        }
    }

    /// The running call, or why there is none.
    pub(super) fn running(&mut self) -> Result<&mut Call, Fault> {
        self.call.as_mut().ok_or_else(|| "this works only inside on(..) and every(..)".into())
    }

    /// The reading at hand.
    pub(super) fn subject(&mut self) -> Result<&mut Subject, Fault> {
        self.running()?.subject.as_mut().ok_or_else(|| "this works only inside on(..): there is no reading".into())
    }

    /// The reading a handle stands for.
    pub(super) fn subject_of(&mut self, serial: u64) -> Result<&mut Subject, Fault> {
        if self.running()?.serial != serial {
            return Err("this reading belongs to an earlier call".into());
        }
        self.subject()
    }

    /// What the top level of a file registers into.
    pub(super) fn registration(&mut self) -> Result<&mut Registration, Fault> {
        self.registration.as_mut().ok_or_else(|| "on(..) and every(..) stand at the top level of a rule file".into())
    }

    /// Notes a reading of a virtual point.
    pub(super) fn emit(&mut self, reading: Reading) -> Result<(), Fault> {
        let before = self.running()?.marks.0;
        push(&mut self.effects.emitted, before, reading, "readings")
    }

    /// Notes an event.
    pub(super) fn tell(&mut self, event: Event) -> Result<(), Fault> {
        let before = self.running()?.marks.1;
        push(&mut self.effects.events, before, event, "events")
    }

    /// Notes a command.
    pub(super) fn command(&mut self, command: RuleCommand) -> Result<(), Fault> {
        let before = self.running()?.marks.2;
        push(&mut self.effects.commands, before, command, "commands")
    }

    /// Whether the running call has used up its time. Counted from the first look, so that a short call never
    /// reads the clock.
    pub(super) fn is_out_of_time(&mut self) -> bool {
        let max_time = self.max_time;
        let Some(call) = &mut self.call else { return false };
        let is_watched = call.watched_since.is_some();
        let since = *call.watched_since.get_or_insert_with(Instant::now);
        is_watched && since.elapsed() >= max_time
    }
}

impl Subject {
    /// A reading that no rule has looked at yet.
    pub(super) fn new(reading: Reading, slot: SlotId) -> Self {
        Self { reading, verdict: Verdict::Keep, slot, found: None }
    }

    /// To be called before each change, so that it can be undone. Most calls change nothing and keep no copy.
    pub(super) fn before_change(&mut self) {
        self.found.get_or_insert_with(|| (self.reading.clone(), self.verdict));
    }

    /// As the running call found it.
    fn unchanged(self) -> Self {
        match self.found {
            Some((reading, verdict)) => Self { reading, verdict, found: None, ..self },
            None => self,
        }
    }
}

impl Registration {
    /// Notes an `on` handler.
    pub(super) fn on(&mut self, selector: Selector, function: FnPtr) -> Result<(), Fault> {
        limit(self.handlers.len(), "on handlers")?;
        self.handlers.push((selector, function));
        Ok(())
    }

    /// Notes a timer.
    pub(super) fn every(&mut self, interval: Duration, function: FnPtr) -> Result<(), Fault> {
        limit(self.timers.len(), "timers")?;
        self.timers.push((interval, function));
        Ok(())
    }
}

/// Refuses one handler too many.
fn limit(count: usize, what: &str) -> Result<(), Fault> {
    if count < MAX_HANDLERS { Ok(()) } else { Err(format!("a file has at most {MAX_HANDLERS} {what}").into()) }
}

/// Appends within the limit of one call, which began with `before` items.
fn push<T>(list: &mut Vec<T>, before: usize, item: T, what: &str) -> Result<(), Fault> {
    if list.len() - before >= MAX_EFFECTS {
        return Err(format!("one call makes at most {MAX_EFFECTS} {what}").into());
    }
    list.push(item);
    Ok(())
}
