//! `tidegate run`

use super::{context::Context, error::CliError, seams};

/// Run the gateway in the foreground until SIGTERM or SIGINT. The configuration is checked first; when it is wrong
/// the report goes to standard error and the exit code is 78.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(context: &Context) -> Result<(), CliError> {
    seams::run(context.config())
}
