//! Where the command line meets the parts that do the work: the daemon, the checks, the demo.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::error::CliError;

/// The socket of a gateway whose configuration does not say otherwise.
const DEFAULT_SOCKET: &str = "/run/tidegate/api.sock";

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

/// The daemon's socket: what the configuration says, or the default when there is no configuration.
pub(super) fn socket_path(config: &Path) -> Result<PathBuf, CliError> {
    let wrong = |why: &dyn fmt::Display| CliError::Config(format!("{}: {why}", config.display()));
    let text = match fs::read_to_string(config) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(wrong(&error)),
    };
    let table: toml::Table = text.parse().map_err(|error| wrong(&error))?;
    let socket = table.get("api").and_then(|api| api.get("socket")).and_then(toml::Value::as_str);
    Ok(socket.unwrap_or(DEFAULT_SOCKET).into())
}

/// Runs the daemon until it is asked to stop.
pub(super) fn run(_config: &Path) -> Result<(), CliError> {
    Err(absent("daemon"))
}

/// Checks the whole configuration.
pub(super) fn check(_config: &Path) -> Result<Report, CliError> {
    Err(absent("configuration"))
}

/// Compiles the rules of a folder, or of the configuration.
pub(super) fn check_rules(_config: &Path, _dir: Option<&Path>) -> Result<Report, CliError> {
    Err(absent("rules"))
}

/// The JSON Schema of the configuration.
pub(super) fn config_schema() -> Result<Value, CliError> {
    Err(absent("configuration"))
}

/// Runs the demo.
pub(super) fn demo(_length: Option<Duration>) -> Result<(), CliError> {
    Err(absent("demo"))
}

/// A part that this build does not hold.
fn absent(part: &str) -> CliError {
    CliError::Unavailable(format!("this build has no {part}"))
}
