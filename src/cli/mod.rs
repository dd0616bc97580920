//! The command line: one file per command, tables for people, `--json` for programs.
//!
//! Exit codes: 0 done, 1 not done, 64 the command line is wrong, 69 the daemon cannot be reached or refuses,
//! 78 the configuration is wrong.

mod archive;
mod backup;
#[cfg(feature = "ble")]
mod ble;
mod buffer;
mod chart;
mod check;
mod completions;
mod context;
mod damage;
mod deadletter;
mod demo;
mod devices;
mod doctor;
mod error;
mod export;
mod format;
mod history;
#[cfg(feature = "zigbee")]
mod lines;
pub mod live_view;
mod log_level;
mod man;
#[cfg(feature = "modbus")]
mod modbus;
#[cfg(any(feature = "modbus", feature = "zigbee", feature = "ble"))]
mod object;
mod points;
mod profile;
mod programs;
mod read;
mod reload;
mod rules;
mod run;
mod schema;
pub mod screen;
mod seams;
mod setup;
#[cfg(any(feature = "modbus", feature = "zigbee"))]
mod sim;
mod status;
mod support;
mod table;
mod tail;
#[cfg(test)]
mod tests;
mod write;
#[cfg(feature = "zigbee")]
mod zigbee;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use context::Context;
use error::CliError;

/// Where the configuration is when nothing else is said.
pub const DEFAULT_CONFIG: &str = "/etc/tidegate/tidegate.toml";

/// Tidegate, an edge gateway that loses nothing it accepted and says exactly what it could not keep.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, max_term_width = 100, subcommand_required = true)]
pub(crate) struct Cli {
    /// The configuration file; the daemon's socket is found through it.
    #[arg(long, global = true, value_name = "PATH", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Run(run::Args),
    /// Prove the configuration without touching any device.
    Check(check::Args),
    /// Show the whole gateway on simulated devices and a broker of its own.
    Demo(demo::Args),
    /// Show what the gateway does at this moment.
    Status(status::Args),
    /// Show values as they come.
    Tail(tail::Args),
    /// List devices.
    Devices(devices::Args),
    /// List points with their last values.
    Points(points::Args),
    /// Ask a device for a value now.
    Read(read::Args),
    /// Set a point, if a grant allows it.
    Write(write::Args),
    /// Show the past of a point.
    History(history::Args),
    /// Look into the buffer, or write it out.
    #[command(subcommand)]
    Buffer(buffer::Command),
    /// Look at Bluetooth advertisements.
    #[cfg(feature = "ble")]
    #[command(subcommand)]
    Ble(ble::Command),
    /// List, check and reload rules.
    #[command(subcommand)]
    Rules(rules::Command),
    /// List, show and try device profiles.
    #[command(subcommand)]
    Profile(profile::Command),
    /// Simulate devices that are not there.
    #[cfg(any(feature = "modbus", feature = "zigbee"))]
    #[command(subcommand)]
    Sim(sim::Command),
    /// Ask Modbus devices directly (scan, identify, read, find-order, dump), or show which requests are planned.
    #[cfg(feature = "modbus")]
    #[command(subcommand)]
    Modbus(modbus::Command),
    /// Look after Zigbee networks, and look at frames.
    #[cfg(feature = "zigbee")]
    #[command(subcommand)]
    Zigbee(zigbee::Command),
    /// Make the daemon read its configuration again.
    Reload(reload::Args),
    /// Change the log level until the next start.
    LogLevel(log_level::Args),
    /// Ask for what a first start needs, and show the first reading.
    Setup(setup::Args),
    /// Write what makes this gateway this gateway into one file.
    Backup(backup::Args),
    /// Put back what a backup holds.
    Restore(backup::RestoreArgs),
    /// Look at what surrounds the gateway, and say how to mend what is wrong.
    Doctor(doctor::Args),
    /// Collect what helps to find a fault into one file, without secrets.
    SupportBundle(support::Args),
    /// Print the completions for a shell.
    Completions(completions::Args),
    /// Print the manual page, or write all of them.
    Man(man::Args),
    /// Print a machine-readable schema.
    Schema(schema::Args),
}

/// Parses, carries out, and says how it went.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match cli.command.carry_out(&mut Context::new(cli.config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell();
            error.exit_code()
        }
    }
}

/// Carries out another command line of ours in the same surroundings.
fn run_also(args: &[&str], context: &mut Context) -> Result<(), CliError> {
    let cli = Cli::try_parse_from(std::iter::once(&"tidegate").chain(args));
    cli.map_err(|error| CliError::Usage(error.to_string()))?.command.carry_out(context)
}

/// Help and version go to standard output with 0, everything else to standard error with 64.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed output leaves nothing to tell anybody.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(error::USAGE) } else { ExitCode::SUCCESS }
}

impl Command {
    /// Hands over to the command's own file.
    fn carry_out(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Run(run::Args {}) => run::run(context),
            Self::Check(args) => check::run(args, context),
            Self::Demo(args) => demo::run(args),
            Self::Status(args) => status::run(args, context),
            Self::Tail(args) => tail::run(args, context),
            Self::Devices(args) => devices::run(args, context),
            Self::Points(args) => points::run(args, context),
            Self::Read(args) => read::run(args, context),
            Self::Write(args) => write::run(args, context),
            Self::History(args) => history::run(args, context),
            Self::Buffer(command) => buffer::run(command, context),
            #[cfg(feature = "ble")]
            Self::Ble(command) => ble::run(command, context),
            Self::Rules(command) => rules::run(command, context),
            Self::Profile(command) => profile::run(command, context),
            #[cfg(any(feature = "modbus", feature = "zigbee"))]
            Self::Sim(command) => sim::run(command, context),
            #[cfg(feature = "modbus")]
            Self::Modbus(command) => modbus::run(command, context),
            #[cfg(feature = "zigbee")]
            Self::Zigbee(command) => zigbee::run(command, context),
            Self::Reload(reload::Args {}) => reload::run(context),
            Self::LogLevel(args) => log_level::run(args, context),
            Self::Setup(args) => setup::run(args, context),
            Self::Backup(args) => backup::run(args, context),
            Self::Restore(args) => backup::restore(args, context),
            Self::Doctor(args) => doctor::run(args, context),
            Self::SupportBundle(args) => support::run(args, context),
            Self::Completions(args) => completions::run(args, context),
            Self::Man(args) => man::run(args, context),
            Self::Schema(args) => schema::run(args, context),
        }
    }
}
