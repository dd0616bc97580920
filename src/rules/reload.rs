//! Loading and reloading: a file that loads replaces its older version, one that does not leaves it running.

use std::path::Path;

use super::{
    check,
    report::{LoadReport, Problem},
    rule::Rule,
    script::{self, Source},
    set::RuleSet,
};
use crate::model::Event;

/// What a reload takes up besides files that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Nothing: a file changed.
    Changed,
    /// Quarantined and refused rules as well: somebody asked.
    Asked,
}

impl RuleSet {
    /// Makes the rules those of the folder.
    pub(super) fn reload(&mut self, dir: &Path, scope: Scope) -> LoadReport {
        let (sources, problems) = script::read_folder(dir);
        let mut report = LoadReport { problems, ..LoadReport::default() };
        self.remove_missing(dir, &sources, &mut report);
        for source in &sources {
            self.load(source, scope, &mut report);
        }
        self.rules.sort_by(|a, b| a.name.cmp(&b.name));
        self.host.lock().points.forget_handlers();
        self.count_running();
        log(&report);
        report
    }

    /// Drops rules whose file is gone. One that is there but cannot be read keeps its last good version.
    fn remove_missing(&mut self, dir: &Path, sources: &[Source], report: &mut LoadReport) {
        self.rules.retain(|rule| {
            let is_read = sources.iter().any(|source| source.name == rule.name);
            let stays = is_read || dir.join(format!("{}.rhai", rule.name)).exists();
            if !stays {
                report.removed.push(rule.name.to_string());
            }
            stays
        });
    }

    /// Takes up one file.
    fn load(&mut self, source: &Source, scope: Scope, report: &mut LoadReport) {
        let version = source.version();
        let number = self.rule_of(source);
        if is_current(&self.rules[number], &version, scope) {
            return report.unchanged.push(source.name.to_string());
        }
        match source.load(&self.engine, &self.host, self.uptime()) {
            Ok(script) => {
                report.problems.extend(check::remarks(
                    source,
                    &script,
                    Some(&*self.known).filter(|known| !known.is_empty()),
                ));
                self.rules[number].accept(version, script);
                report.loaded.push(source.name.to_string());
            }
            Err(problem) => {
                self.refuse(number, version, &problem);
                report.problems.push(problem);
            }
        }
    }

    /// The rule of a file, made if it is new.
    fn rule_of(&mut self, source: &Source) -> usize {
        if let Some(number) = self.rules.iter().position(|rule| rule.name == source.name) {
            return number;
        }
        self.rules.push(Rule::new(source.name.clone()));
        self.rules.len() - 1
    }

    /// Keeps what runs, and says why the file as it is now does not; once for each version of it.
    fn refuse(&mut self, number: usize, version: String, problem: &Problem) {
        let is_known = self.rules[number].refused.as_ref() == Some(&version);
        self.rules[number].refuse(version, problem.to_string());
        if !is_known {
            let event = Event::gateway(self.now(), "rule-refused", problem.to_string());
            self.output.events.push(event);
        }
    }
}

/// Whether a file is what runs, or was refused, already.
fn is_current(rule: &Rule, version: &String, scope: Scope) -> bool {
    let is_settled = rule.is_running() && rule.refused.is_none();
    match scope {
        Scope::Asked => is_settled && rule.version.as_ref() == Some(version),
        Scope::Changed if rule.refused.is_some() => rule.refused.as_ref() == Some(version),
        Scope::Changed => rule.version.as_ref() == Some(version),
    }
}

/// Tells what a reload did, if it did anything.
fn log(report: &LoadReport) {
    for problem in &report.problems {
        tracing::warn!("{problem}");
    }
    if !report.loaded.is_empty() || !report.removed.is_empty() {
        tracing::info!(loaded = ?report.loaded, removed = ?report.removed, "Rules are loaded");
    }
}
