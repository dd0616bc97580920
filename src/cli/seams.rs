//! Where the command line meets the parts that do the work: the daemon and the checks.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{DEFAULT_CONFIG, error::CliError, format::count};
#[cfg(feature = "modbus")]
use crate::adapter::load::{Line, Load};
use crate::{
    adapter::{Adapter, registry},
    buffer, command, config,
    daemon::{self, RunError},
    host::SystemClock,
    model::Point,
    rules,
};

/// What a check found.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// `FILE:LINE:COL: error: … (help: …)`, one line each, for people.
    pub(super) text: String,
    /// The same for programs.
    pub(super) json: Value,
    /// How many errors.
    pub(super) errors: usize,
    /// How many warnings.
    pub(super) warnings: usize,
    /// What a valid configuration holds: `2 adapters, 5 devices, 40 points`.
    pub(super) summary: String,
}

/// The daemon's socket: what the configuration says, or the default when there is none in the default place or it is
/// not for everybody to read. A configuration that was asked for has to be there: a slip in its path must not send a
/// command to another gateway.
pub(super) fn socket_path(path: &Path) -> Result<PathBuf, CliError> {
    if path != Path::new(DEFAULT_CONFIG) {
        fs::File::open(path).map_err(|error| {
            CliError::Report(format!("{}:1:1: error: cannot read the file: {error}", path.display()))
        })?;
    }
    Ok(config::read(path).socket().to_owned())
}

/// The buffer's file, found as [`socket_path`] finds the socket.
pub(super) fn buffer(path: &Path) -> Result<config::Buffer, CliError> {
    socket_path(path)?;
    Ok(config::read(path).buffer().clone())
}

/// The folders of device profiles: what the configuration says, or the default places.
pub(super) fn profile_dirs(path: &Path) -> Vec<PathBuf> {
    config::read(path).profiles().dirs.clone()
}

/// The configuration as it may be shown to strangers, and the texts that must not be.
pub(super) fn redacted(path: &Path) -> config::Redacted {
    config::redacted(path, &registry::kinds())
}

/// The gateway's name, also when something else is wrong with its configuration.
pub(super) fn gateway(path: &Path) -> Arc<str> {
    Arc::clone(&config::read(path).gateway().id)
}

/// The folders of rules and profiles that are the administrator's own.
pub(super) fn named_folders(path: &Path) -> Vec<PathBuf> {
    let draft = config::read(path);
    let folders = draft.profiles().dirs.iter().chain([&draft.rules().dir]);
    folders.filter(|folder| !folder.starts_with("/usr")).cloned().collect()
}

/// Copies the memory of commands as it is at this moment, also while it is in use.
pub(super) fn copy_ledger(from: &Path, into: &Path) -> Result<(), String> {
    command::copy_ledger(from, into).map_err(|error| error.to_string())
}

/// Likewise the buffer.
pub(super) fn copy_buffer(from: &Path, into: &Path) -> Result<(), String> {
    buffer::copy(from, into).map_err(|error| error.to_string())
}

/// Makes a new store, where the configuration has it, of one that was copied.
pub(super) fn rebuild(config: &Path, from: &Path) -> Result<(), CliError> {
    let settings = buffer(config)?;
    let rebuilt = buffer::damage::rebuild(from, &settings.path, &settings, origin(config)?, &mut |_| ());
    rebuilt.map(|_| ()).map_err(|error| CliError::Failed(error.to_string()))
}

/// One problem for programs.
pub(super) fn problem_json(problem: &config::Problem) -> Value {
    json!({
        "file": problem.place.file, "line": problem.place.line, "column": problem.place.column,
        "level": problem.severity.to_string(), "text": problem.message, "help": problem.help,
    })
}

/// Runs the daemon until it is asked to stop.
pub(super) fn run(config: &Path) -> Result<(), CliError> {
    daemon::run(config).map_err(|error| match error {
        RunError::Config(report) => CliError::Report(report),
        RunError::Start(why) => CliError::Unavailable(why),
        lost @ RunError::Lost(_) => CliError::Failed(lost.to_string()),
    })
}

/// What blocks of this gateway are stamped with, and who is owed them; the whole configuration must be right for that.
pub(super) fn origin(path: &Path) -> Result<buffer::Origin, CliError> {
    let (config, _, _) = registry::load(path).map_err(|report| CliError::Report(report.to_string()))?;
    Ok(buffer::Origin {
        gateway: config.gateway.id,
        uplinks: config.uplinks.iter().map(buffer::Feed::of).collect(),
        clock: Arc::new(SystemClock::new()),
    })
}

/// What the adapters ask of their links.
#[cfg(feature = "modbus")]
pub(super) fn loads(path: &Path, behind: Option<Line>) -> Result<Vec<Load>, CliError> {
    let (_, adapters, _) = registry::load(path).map_err(|report| CliError::Report(report.to_string()))?;
    Ok(adapters.iter().filter_map(|adapter| adapter.load(behind)).collect())
}

/// Checks the whole configuration, with its rules.
pub(super) fn check(path: &Path) -> Report {
    let (config, adapters, warnings) = match registry::load(path) {
        Ok(loaded) => loaded,
        Err(report) => return Report::of(&report.problems, Vec::new(), String::new()),
    };
    let points = points_of(&adapters);
    // The folder is made by the first rule that is put there.
    let has_rules = config.rules.dir.exists();
    let found = has_rules.then(|| rules::check(&config.rules.dir, &config.rules, Some(&points)));
    let devices: usize = adapters.iter().map(|adapter| adapter.devices().len()).sum();
    let summary = format!(
        "{}, {}, {}, {}",
        count(&adapters.len(), "adapter"),
        count(&devices, "device"),
        count(&points.len(), "point"),
        count(&config.uplinks.len(), "uplink")
    );
    Report::of(&warnings, found.map(|found| found.problems).unwrap_or_default(), summary)
}

/// Compiles the rules of a folder, or of the configuration.
pub(super) fn check_rules(path: &Path, dir: Option<&Path>) -> Report {
    let limits = config::read(path).rules().clone();
    // A folder can be checked on a machine that has no gateway; then selectors are not compared with its points.
    let points = registry::load(path).ok().map(|(_, adapters, _)| points_of(&adapters));
    let dir = dir.unwrap_or(&limits.dir);
    let found = rules::check(dir, &limits, points.as_deref());
    let summary = count(&found.files, "rule file");
    Report::of(&[], found.problems, summary)
}

/// Every configured point.
fn points_of(adapters: &[Arc<dyn Adapter>]) -> Vec<Arc<Point>> {
    adapters.iter().flat_map(|adapter| adapter.devices()).flat_map(|device| device.points).collect()
}

/// The JSON Schema of the configuration.
pub(super) fn config_schema() -> Value {
    config::schema(&registry::kinds())
}

impl Report {
    /// Problems of the configuration and of the rules in one report.
    fn of(problems: &[config::Problem], rules: Vec<rules::Problem>, summary: String) -> Self {
        let is_error = |severity: &config::Severity| *severity == config::Severity::Error;
        let mut report = Self { summary, ..Self::default() };
        let mut entries = Vec::new();
        for problem in problems {
            // Writing to a string cannot fail.
            let _ = writeln!(report.text, "{problem}");
            report.count(is_error(&problem.severity));
            entries.push(problem_json(problem));
        }
        for problem in rules {
            let _ = writeln!(report.text, "{problem}");
            report.count(problem.level == rules::Level::Error);
            entries.push(json!(problem));
        }
        report.json = json!({ "ok": report.errors == 0, "problems": entries });
        report
    }

    /// Counts one problem.
    fn count(&mut self, is_error: bool) {
        if is_error { self.errors += 1 } else { self.warnings += 1 }
    }
}
