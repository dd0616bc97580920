//! `tidegate modbus`: what links are asked for, and the tools with which a device is brought into service.

mod plan;

use super::{context::Context, error::CliError};

/// What to do about Modbus.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show which requests the configuration leads to, and how much of each link's time they take.
    Plan(plan::Args),
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Plan(args) => plan::run(args, context),
    }
}
