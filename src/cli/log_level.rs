//! `tidegate log-level`

use serde_json::json;

use super::{context::Context, error::CliError};
use crate::telemetry;

/// Change the log level until the next start, for example `info,uplink=debug`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A level for all, and levels for single modules after commas.
    level: String,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    telemetry::parse_levels(&args.level).map_err(|error| CliError::Usage(error.to_string()))?;
    context.send("PUT", "/api/v1/log-level", &json!({ "level": args.level })).map(drop)
}
