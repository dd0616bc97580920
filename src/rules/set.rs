//! All rules together: which of them hear a reading, in which order they run, and what becomes of one that fails.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use rhai::{Dynamic, Engine};

use super::{
    Kept, Output, engine,
    functions::ReadingHandle,
    host::{Shared, Subject, Verdict},
    points::{HandlerId, Listeners, Points, SlotId},
    report::{Metrics, RuleStatus},
    rule::Rule,
    script::{self, Entry},
    state::Store,
};
use crate::{
    config,
    model::{Event, Point, Reading, SharedClock, Timestamp},
};

/// The rules of one gateway.
pub(super) struct RuleSet {
    /// Runs the scripts.
    pub(super) engine: Engine,
    /// What scripts reach.
    pub(super) host: Shared,
    /// In file-name order, which is the order they run in.
    pub(super) rules: Vec<Rule>,
    /// What the current group made.
    pub(super) output: Output,
    /// Where time comes from.
    clock: SharedClock,
    /// Faults in a row that are too many.
    quarantine_after: u32,
    /// Points known before any reading, for remarks on selectors.
    pub(super) known: Arc<[Arc<Point>]>,
    /// What is counted.
    metrics: Metrics,
}

impl RuleSet {
    /// No rules yet; what was kept from the last run is there.
    pub(super) fn new(config: &config::Rules, kept: Kept, clock: SharedClock, metrics: Metrics) -> Self {
        let (store, points) = (Store::restore(kept.state), Points::restore(kept.last));
        let host = Shared::new(clock.clone(), config.max_time, store, points);
        let (engine, _) = engine::build(&host, config.max_operations);
        let (rules, output, known) = (Vec::new(), Output::default(), kept.points);
        let quarantine_after = config.quarantine_after.max(1);
        Self { engine, host, rules, output, clock, quarantine_after, known, metrics }
    }

    /// Runs a reading through every rule that hears it.
    pub(super) fn take(&mut self, reading: Reading) {
        let (slot, handlers) = self.listeners(&reading.point);
        if handlers.is_empty() {
            self.host.lock().points.remember(slot, reading.clone());
            return self.output.forward.push(reading);
        }
        let mut subject = Subject::new(reading, slot);
        for &(rule, handler) in handlers.iter() {
            subject = self.hear(rule, handler, subject);
        }
        self.finish(subject);
    }

    /// The slot of a point, and who hears it.
    fn listeners(&self, point: &Arc<Point>) -> (SlotId, Listeners) {
        let mut host = self.host.lock();
        let slot = host.points.slot(point);
        if let Some(handlers) = host.points.handlers(slot) {
            return (slot, handlers.clone());
        }
        let handlers = host.points.set_handlers(slot, self.handlers_of(point));
        (slot, handlers)
    }

    /// Every handler whose selector covers a point, in the order they run.
    fn handlers_of(&self, point: &Point) -> Vec<HandlerId> {
        let running = self.rules.iter().enumerate().filter(|(_, rule)| rule.is_running());
        let all = running.flat_map(|(rule_number, rule)| {
            let handlers = rule.script.iter().flat_map(|script| script.handlers.iter().enumerate());
            handlers.map(move |(number, handler)| (rule_number, number, handler))
        });
        let covering = all.filter(|(_, _, handler)| handler.selector.matches(&point.address));
        covering.map(|(rule, handler, _)| (rule, handler)).collect()
    }

    /// One handler's turn. When it fails, the reading is as it was before.
    fn hear(&mut self, rule: usize, handler: usize, subject: Subject) -> Subject {
        let now = subject.reading.ts;
        let heard = self.call(rule, Entry::Handler(handler), now, Some(subject));
        heard.expect("a call gives back the reading it was given")
    }

    /// Sends a reading where the rules want it, and what they made of it after it.
    fn finish(&mut self, subject: Subject) {
        let Subject { reading, verdict, slot, .. } = subject;
        let mut host = self.host.lock();
        if verdict == Verdict::Keep {
            host.points.remember_forwarded(slot, reading.clone());
        } else {
            host.points.remember(slot, reading.clone());
        }
        match verdict {
            Verdict::Keep => self.output.forward.push(reading),
            Verdict::KeepLocal => self.output.local.push(reading),
            Verdict::Drop => {
                self.metrics.dropped.inc();
                self.output.dropped.push(reading);
            }
        }
        host.hand_over(&mut self.output);
    }

    /// Runs every timer whose turn has come; true if there was one. Missed turns are skipped.
    pub(super) fn run_timers(&mut self) -> bool {
        let uptime = self.clock.uptime();
        let mut has_run = false;
        for rule in 0..self.rules.len() {
            for timer in 0..self.rules[rule].timers() {
                if let Some(late) = self.rules[rule].due(timer, uptime) {
                    self.call(rule, Entry::Timer(timer), before(self.clock.now(), late), None);
                    self.host.lock().hand_over(&mut self.output);
                    has_run = true;
                }
            }
        }
        has_run
    }

    /// Uptime of the next timer's turn.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        self.rules.iter().filter_map(Rule::next_timer).min()
    }

    /// Calls a function of a rule and gives its reading back, as it was when the call failed or must not be.
    fn call(&mut self, rule: usize, entry: Entry, now: Timestamp, subject: Option<Subject>) -> Option<Subject> {
        let called = &mut self.rules[rule];
        let Some(script) = called.script.as_ref().filter(|_| !called.quarantined) else { return subject };
        let with_reading = subject.is_some();
        let bad = subject.as_ref().map(|subject| &subject.reading.quality).filter(|quality| quality.is_bad());
        let bad = bad.map(ToString::to_string);
        let serial = self.host.lock().begin(&called.name, now, subject);
        let argument = with_reading.then(|| Dynamic::from(ReadingHandle(serial)));
        // The interpreter is not ours: should it panic, that is a fault of this rule and of nothing else.
        let outcome = catch_unwind(AssertUnwindSafe(|| script.call(&self.engine, entry, argument)));
        called.calls += 1;
        self.metrics.calls.inc();
        let text = match outcome {
            Ok(Ok(())) => {
                called.in_row.remove(&entry);
                return self.host.lock().keep();
            }
            Ok(Err(error)) => format!("{}{}", script::describe(&error), at(&error)),
            Err(_) => "the script engine panicked".to_owned(),
        };
        let subject = self.host.lock().undo();
        match bad {
            // It says nothing about the readings to come: a device with ten points that goes offline must not take
            // every rule on them out of service.
            Some(quality) => {
                self.count_fault(rule, entry, &format!("{text}: the reading is {quality} and has no value"));
            }
            None => self.fault(rule, entry, &text),
        }
        subject
    }

    /// Counts a fault, and takes the rule out of service when one of its functions had too many in a row: others of
    /// the file that work must not keep a broken one going.
    fn fault(&mut self, rule: usize, entry: Entry, text: &str) {
        self.count_fault(rule, entry, text);
        let failed = &mut self.rules[rule];
        let name = failed.name.to_string();
        let in_row = failed.in_row.entry(entry).or_default();
        *in_row += 1;
        let in_row = *in_row;
        if in_row < self.quarantine_after {
            return;
        }
        failed.quarantined = true;
        tracing::error!(rule = name, error = text, "Rule failed too often in a row and is out of service");
        let text = format!("rule {name} failed {in_row} times in a row: {text}");
        self.output.events.push(Event::gateway(self.clock.now(), "rule-quarantined", text));
        self.host.lock().points.forget_handlers();
        self.count_running();
    }

    /// Counts a fault and tells it once.
    fn count_fault(&mut self, rule: usize, entry: Entry, text: &str) {
        let uptime = self.clock.uptime();
        let failed = &mut self.rules[rule];
        let name = failed.name.to_string();
        self.metrics.faults.get_or_create(&vec![("rule".to_owned(), name.clone())]).inc();
        if failed.note_fault(entry, text, uptime) {
            tracing::warn!(rule = name, error = text, "Rule failed, the reading passes as it was");
        }
    }

    /// Tells how many rules run.
    pub(super) fn count_running(&self) {
        let running = self.rules.iter().filter(|rule| rule.is_running()).count();
        self.metrics.running.set(i64::try_from(running).unwrap_or(i64::MAX));
    }

    /// Every rule as it is now.
    pub(super) fn status(&self) -> Vec<RuleStatus> {
        self.rules.iter().map(Rule::status).collect()
    }

    /// What the group made, with the changes of variables.
    pub(super) fn take_output(&mut self) -> Output {
        let mut output = std::mem::take(&mut self.output);
        self.host.lock().store.take_changes(&mut output.state);
        output
    }

    /// Time since boot.
    pub(super) fn uptime(&self) -> Duration {
        self.clock.uptime()
    }

    /// Wall time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The moment that long before another.
fn before(now: Timestamp, span: Duration) -> Timestamp {
    let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(millis))
}

/// ` (line 3:5)`, or nothing when the engine does not know.
fn at(error: &rhai::EvalAltResult) -> String {
    let place = script::place(error);
    place.line().map_or_else(String::new, |line| format!(" (line {line}:{})", place.position().unwrap_or(1)))
}
