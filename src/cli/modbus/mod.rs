//! `tidegate modbus`: what links are asked for, and the tools with which a device is brought into service.

mod candidate;
mod decode;
mod dump;
mod find_order;
#[cfg(test)]
mod fixtures;
mod forms;
mod guess;
mod identify;
mod plan;
mod progress;
mod question;
mod read;
mod scan;
mod target;

pub(super) use self::target::told;
use super::{context::Context, error::CliError};

/// What to do about Modbus.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show which requests the configuration leads to, and how much of each link's time they take.
    Plan(plan::Args),
    /// Show a block of registers raw and in every type and byte order, or in those asked for.
    Read(read::Args),
    /// Find which type, byte order, base and scale give a value that is known.
    FindOrder(find_order::Args),
    /// Find the units that answer on a link.
    Scan(scan::Args),
    /// Ask a unit what it is: vendor, product, revision, and whatever else it says of itself.
    Identify(identify::Args),
    /// Find what can be read of a table, and write the draft of a profile.
    Dump(dump::Args),
    /// Explain frames: lines {"frame":"hex","mode"?:"tcp|rtu|ascii","request"?:"hex"} in, a line for each out.
    ///
    /// With the request an answer is checked against it. A line that cannot be explained says why; the exit code is 0.
    Decode(decode::Args),
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Plan(args) => plan::run(args, context),
        Command::Read(args) => read::run(args, context),
        Command::FindOrder(args) => find_order::run(args, context),
        Command::Scan(args) => scan::run(args, context),
        Command::Identify(args) => identify::run(args, context),
        Command::Dump(args) => dump::run(args, context),
        Command::Decode(args) => decode::run(args, context),
    }
}
