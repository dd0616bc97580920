//! `tidegate rules`

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{check, context::Context, error::CliError, reload, seams, table::Table};

/// What to do with the rules.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the rules that run, with what they did.
    List {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Compile the rules and report every problem; nothing is run.
    Check {
        /// The folder of rules; by default the one in the configuration.
        dir: Option<PathBuf>,
        /// Fail on warnings too.
        #[arg(long)]
        strict: bool,
        /// Print the report as one JSON document on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Make the daemon read its rules again, with the rest of its configuration.
    Reload,
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::List { json } => list(*json, context),
        Command::Check { dir, strict, json } => check_rules(dir.as_deref(), *strict, *json, context),
        Command::Reload => reload::run(context),
    }
}

/// `tidegate rules list`
fn list(as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let json = context.get("/api/v1/rules")?;
    context.show(as_json, &json, || table(json.as_array().map_or(&[], Vec::as_slice)).to_string())
}

/// The rules with what they did; `status` shows the same.
pub(super) fn table(rules: &[Value]) -> Table {
    Table::of("rule", &["name", "state", "calls", "faults", "timers", "handlers", "last_error"], rules)
}

/// `tidegate rules check`
fn check_rules(dir: Option<&Path>, strict: bool, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    check::conclude(seams::check_rules(context.config(), dir), strict, as_json, "rules are valid", context)
}
