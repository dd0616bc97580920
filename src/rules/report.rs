//! What people and programs are told about rules: problems, loads, the state of each rule, counters.

use std::fmt;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use serde::Serialize;

/// Something wrong in a rule file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, as it was found.
    pub file: String,
    /// Counted from 1; `None` where the problem is the whole file.
    pub line: Option<usize>,
    /// Counted from 1.
    pub column: Option<usize>,
    /// Whether the rule can run all the same.
    pub level: Level,
    /// What is wrong.
    pub text: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rule cannot run.
    Error,
    /// The rule runs, perhaps not as it was meant.
    Warning,
}

/// `FILE:LINE:COL: error: …`, the form editors jump to; what is of the file as a whole is at its start.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line.unwrap_or(1), self.column.unwrap_or(1));
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{}:{line}:{column}: {level}: {}", self.file, self.text)
    }
}

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// Rules that run in a new version.
    pub loaded: Vec<String>,
    /// Rules that run on as they were, without a change in their file.
    pub unchanged: Vec<String>,
    /// Rules whose file is gone.
    pub removed: Vec<String>,
    /// Why files were refused, and what looks wrong in the others.
    pub problems: Vec<Problem>,
}

/// One rule as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleStatus {
    /// The file's name, without `.rhai`.
    pub name: String,
    /// Whether it works.
    pub state: RuleState,
    /// Hash of the text that runs; `None` when none does.
    pub version: Option<String>,
    /// Calls of its handlers and timers since the start of the daemon.
    pub calls: u64,
    /// Calls that failed.
    pub faults: u64,
    /// The last fault, or why the file was refused.
    pub last_error: Option<String>,
    /// Selectors of its `on` handlers.
    pub handlers: Vec<String>,
    /// How many timers it has.
    pub timers: usize,
}

/// Whether a rule works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleState {
    /// It runs.
    Running,
    /// It failed too often in a row and waits for a new version or a reload.
    Quarantined,
    /// The file as it is now does not load; the last good version runs on, if there was one.
    Refused,
}

/// What the rule thread counts.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Calls of handlers and timers.
    pub calls: Counter,
    /// Failed calls by rule.
    pub faults: Family<Vec<(String, String)>, Counter>,
    /// Readings that a rule dropped.
    pub dropped: Counter,
    /// Rules that run.
    pub running: Gauge,
}

impl Metrics {
    /// Counters under the prefix of the registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("rule_calls", "Calls of rule handlers and timers", metrics.calls.clone());
        registry.register("rule_faults", "Rule calls that failed", metrics.faults.clone());
        registry.register("rule_dropped", "Readings that a rule dropped", metrics.dropped.clone());
        registry.register("rules_running", "Rules that run", metrics.running.clone());
        metrics
    }
}
