//! One rule over its life: the version that runs, how it fares, and why a newer one was refused.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    report::{RuleState, RuleStatus},
    script::{Entry, Script},
};

/// Shortest time between two lines in the log about faults of one rule.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A rule by its file name.
pub(super) struct Rule {
    /// The file's name, without `.rhai`.
    pub(super) name: Arc<str>,
    /// Hash of the text that runs.
    pub(super) version: Option<String>,
    /// What runs; `None` when no version ever loaded.
    pub(super) script: Option<Script>,
    /// Hash of the text that was refused, if the file as it is now was.
    pub(super) refused: Option<String>,
    /// Failed too often in a row.
    pub(super) quarantined: bool,
    /// Calls so far.
    pub(super) calls: u64,
    /// Failed calls so far.
    faults: u64,
    /// Failed calls of a function since its last good one; only functions that failed are in it.
    pub(super) in_row: BTreeMap<Entry, u32>,
    /// The last fault, or why the file was refused.
    last_error: Option<String>,
    /// Uptime when a fault was told last.
    told: Option<Duration>,
}

impl Rule {
    /// A rule whose file was just found.
    pub(super) fn new(name: Arc<str>) -> Self {
        let (calls, faults, in_row) = (0, 0, BTreeMap::new());
        let (version, script, refused, last_error, told) = (None, None, None, None, None);
        Self { name, version, script, refused, quarantined: false, calls, faults, in_row, last_error, told }
    }

    /// Runs a new version from now on.
    pub(super) fn accept(&mut self, version: String, script: Script) {
        self.version = Some(version);
        self.script = Some(script);
        self.refused = None;
        self.quarantined = false;
        self.in_row.clear();
        self.last_error = None;
        self.told = None;
    }

    /// Notes that the file as it is now does not load.
    pub(super) fn refuse(&mut self, version: String, error: String) {
        self.refused = Some(version);
        self.last_error = Some(error);
    }

    /// Whether its handlers are called.
    pub(super) fn is_running(&self) -> bool {
        self.script.is_some() && !self.quarantined
    }

    /// Counts a fault; true when it is worth a line in the log: it is another one than before, or the first since a
    /// good call, and the last line is a while ago.
    pub(super) fn note_fault(&mut self, entry: Entry, text: &str, uptime: Duration) -> bool {
        self.faults += 1;
        let is_new = !self.in_row.contains_key(&entry) || self.last_error.as_deref() != Some(text);
        let is_quiet = self.told.is_none_or(|told| uptime.saturating_sub(told) >= TELL_EVERY);
        self.last_error = Some(text.to_owned());
        if is_new && is_quiet {
            self.told = Some(uptime);
        }
        is_new && is_quiet
    }

    /// How many timers it has.
    pub(super) fn timers(&self) -> usize {
        self.script.as_ref().map_or(0, |script| script.timers.len())
    }

    /// How late a timer is if its turn has come; its next turn is the next one that is not over yet.
    pub(super) fn due(&mut self, timer: usize, uptime: Duration) -> Option<Duration> {
        let timer = self.script.as_mut()?.timers.get_mut(timer)?;
        let late = uptime.checked_sub(timer.next)?;
        let missed = late.as_millis() / timer.interval.as_millis().max(1);
        let turns = u32::try_from(missed).unwrap_or(u32::MAX).saturating_add(1);
        let scheduled = timer.next + timer.interval.saturating_mul(turns - 1);
        timer.next = scheduled + timer.interval;
        Some(uptime.saturating_sub(scheduled))
    }

    /// Uptime of its next timer's turn.
    pub(super) fn next_timer(&self) -> Option<Duration> {
        let script = self.script.as_ref().filter(|_| !self.quarantined)?;
        script.timers.iter().map(|timer| timer.next).min()
    }

    /// The rule as people and programs see it.
    pub(super) fn status(&self) -> RuleStatus {
        let state = match (self.quarantined, &self.refused) {
            (_, Some(_)) => RuleState::Refused,
            (true, None) => RuleState::Quarantined,
            (false, None) => RuleState::Running,
        };
        let handlers = self.script.iter().flat_map(|script| &script.handlers);
        RuleStatus {
            name: self.name.to_string(),
            state,
            version: self.version.clone(),
            calls: self.calls,
            faults: self.faults,
            last_error: self.last_error.clone(),
            handlers: handlers.map(|handler| handler.selector.to_string()).collect(),
            timers: self.timers(),
        }
    }
}
