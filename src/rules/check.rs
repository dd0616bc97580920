//! `tidegate rules check`: every file of a folder, every problem with its place, nothing run but the top level.

use std::{path::Path, sync::Arc, time::Duration};

use rhai::Engine;
use serde::Serialize;

use super::{
    engine,
    host::Shared,
    points::Points,
    report::{Level, Problem},
    script::{self, Script, Source},
    state::Store,
};
use crate::{
    config,
    model::{BootId, Clock, ClockQuality, Point, Timestamp},
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
        Ok(script) => remarks(source, &script, points),
        Err(problem) => vec![problem],
    }
}

/// What looks wrong in a file that loads.
pub(super) fn remarks(source: &Source, script: &Script, points: Option<&[Arc<Point>]>) -> Vec<Problem> {
    if script.handlers.is_empty() && script.timers.is_empty() {
        return vec![source.warning("has neither on(..) nor every(..), so it never runs".to_owned())];
    }
    let Some(points) = points else { return Vec::new() };
    let covers = |selector: &crate::model::Selector| points.iter().any(|point| selector.matches(&point.address));
    let idle = script.handlers.iter().filter(|handler| !covers(&handler.selector));
    idle.map(|handler| source.warning(format!("{:?} covers no known point", handler.selector.to_string()))).collect()
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
