//! `tidegate rules check`: every file of a folder, every problem with its place. Nothing that a rule does there has an
//! effect.

use std::{path::Path, sync::Arc, time::Duration};

use rhai::{Dynamic, Engine, EvalAltResult, Position};
use serde::Serialize;

use super::{
    engine,
    functions::ReadingHandle,
    host::{Shared, Subject},
    points::{self, Points},
    report::{Level, Problem},
    script::{self, Entry, Script, Source},
    state::Store,
};
use crate::{
    config,
    model::{BootId, Clock, ClockQuality, Point, PointType, Reading, Selector, Timestamp, Value},
};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Rule files that were looked at.
    pub files: usize,
    /// In file order.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether every rule can run.
    pub fn is_ok(&self) -> bool {
        self.problems.iter().all(|problem| problem.level == Level::Warning)
    }
}

/// Checks every rule file of a folder; with a list of points also whether each selector covers one of them.
pub fn check(dir: &Path, limits: &config::Rules, points: Option<&[Arc<Point>]>) -> CheckReport {
    if !dir.is_dir() {
        let text = "is no folder that can be read".to_owned();
        let problem =
            Problem { file: dir.display().to_string(), line: None, column: None, level: Level::Error, text };
        return CheckReport { files: 0, problems: vec![problem] };
    }
    let host = Shared::new(Arc::new(StoppedClock), limits.max_time, Store::default(), Points::default());
    let (engine, _) = engine::build(&host, limits.max_operations);
    let (sources, mut problems) = script::read_folder(dir);
    for source in &sources {
        problems.extend(check_source(source, &engine, &host, points));
    }
    CheckReport { files: sources.len(), problems }
}

/// Checks one file.
fn check_source(source: &Source, engine: &Engine, host: &Shared, points: Option<&[Arc<Point>]>) -> Vec<Problem> {
    match source.load(engine, host, Duration::ZERO) {
        Ok(script) => {
            let mut problems = remarks(source, &script, points);
            problems.extend(try_out(source, &script, engine, host, points.unwrap_or_default()));
            problems
        }
        Err(problem) => vec![problem],
    }
}

/// What looks wrong in a file that loads.
pub(super) fn remarks(source: &Source, script: &Script, points: Option<&[Arc<Point>]>) -> Vec<Problem> {
    if script.handlers.is_empty() && script.timers.is_empty() {
        return vec![source.warning("has neither on(..) nor every(..), so it never runs".to_owned(), Position::NONE)];
    }
    let Some(points) = points else { return Vec::new() };
    let covers = |selector: &Selector| points.iter().any(|point| selector.matches(&point.address));
    let idle = script.handlers.iter().filter(|handler| !covers(&handler.selector));
    let remark = |selector: &Selector| format!("{:?} covers no known point", selector.to_string());
    idle.map(|handler| source.warning(remark(&handler.selector), Position::NONE)).collect()
}

/// Calls each handler and timer once, because the language looks a function up only when it is called. Nothing the
/// call does is kept, and errors that depend on values are none of a check.
fn try_out(source: &Source, script: &Script, engine: &Engine, host: &Shared, points: &[Arc<Point>]) -> Vec<Problem> {
    let handlers = script.handlers.iter().enumerate().map(|(number, handler)| {
        let known = points.iter().find(|point| handler.selector.matches(&point.address));
        (Entry::Handler(number), known.cloned().or_else(any_point).and_then(|point| sample(&point)))
    });
    let timers = (0..script.timers.len()).map(|number| (Entry::Timer(number), None));
    let tries =
        handlers.chain(timers).filter(|(entry, subject)| matches!(entry, Entry::Timer(_)) || subject.is_some());
    tries.filter_map(|(entry, subject)| missing_function(source, script, engine, host, entry, subject)).collect()
}

/// Calls one function, and tells if it calls another one that does not exist.
fn missing_function(
    source: &Source,
    script: &Script,
    engine: &Engine,
    host: &Shared,
    entry: Entry,
    subject: Option<Subject>,
) -> Option<Problem> {
    let with_reading = subject.is_some();
    let serial = host.lock().begin(&source.name, Timestamp::default(), subject);
    let outcome = script.call(engine, entry, with_reading.then(|| Dynamic::from(ReadingHandle(serial))));
    host.lock().undo();
    let error = outcome.err()?;
    let is_missing = matches!(script::origin(&error), EvalAltResult::ErrorFunctionNotFound(..));
    is_missing.then(|| source.warning(format!("tried out: {}", script::describe(&error)), script::place(&error)))
}

/// A point for handlers whose points are not known.
fn any_point() -> Option<Arc<Point>> {
    let address = points::address("device/point").ok()?;
    Some(Arc::new(Point::new(address.device, address.point, PointType::Float, None)))
}

/// A reading to try a handler with; none for types that have no plain value.
fn sample(point: &Arc<Point>) -> Option<Subject> {
    let value = match point.kind {
        PointType::Float => Value::Float(0.0),
        PointType::Int => Value::Int(0),
        PointType::Bool => Value::Bool(false),
        PointType::Text => Value::Text("".into()),
        PointType::Bytes | PointType::Json => return None,
    };
    let reading = Reading::good(point.clone(), value, Timestamp::default());
    Some(Subject::new(reading, None))
}

/// A check has no time: nothing that would ask for it runs.
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }

    fn quality(&self) -> ClockQuality {
        ClockQuality::None
    }

    fn boot(&self) -> BootId {
        BootId::new("")
    }
}
