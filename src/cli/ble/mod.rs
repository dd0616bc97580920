//! `tidegate ble`: Bluetooth advertisements, looked at without a daemon.

mod add;
mod advert;
mod answer;
mod decode;
mod explain;
mod key;
mod listen;
mod scan;

use std::path::PathBuf;

use super::{context::Context, error::CliError};
use crate::{
    adapter::ble::{
        decode::Address,
        profiled::{Decoders, Profile},
    },
    config::report::Problems,
    profile::Library,
};

/// Look at Bluetooth advertisements.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Decode advertisements, one JSON object per line in and out.
    ///
    /// In: `address`, and `name`, `manufacturer_data` by company ("0x0499"), `service_data` by 128-bit UUID,
    /// `service_uuids` and `key`, whichever there are; data and key are hex. Out: `format`, `readings` with `point`,
    /// `value` and `unit`, and `why` when there are none or not all. Of earlier lines only names are remembered, since
    /// devices send them apart from their data; replay counters are not checked.
    Decode {
        /// The file; standard input when none is named.
        file: Option<PathBuf>,
        /// A folder of profiles whose decode.rhai reads what no format knows; again for more of them.
        #[arg(long = "dir", value_name = "DIR")]
        dirs: Vec<PathBuf>,
    },
    /// Show who advertises in reach, with format, values, and whether a key is needed.
    Scan(scan::Args),
    Explain(explain::Args),
    Add(add::Args),
}

/// An address as people type it.
fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| "it is no Bluetooth address, such as CB:B8:33:4C:88:4F".to_owned())
}

/// What profiles in these folders read; a mistake in one of them is an error, because they were named.
fn decoders(dirs: &[PathBuf]) -> Result<Decoders, CliError> {
    let mut problems = Problems::default();
    let profiles = Profile::all(&mut Library::new(dirs.to_vec()), &mut problems);
    let report = problems.into_report();
    if report.problems.is_empty() { Ok(Decoders::new(profiles)) } else { Err(CliError::Report(report.to_string())) }
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Decode { file, dirs } => decode::run(file.as_deref(), &decoders(dirs)?, context),
        Command::Scan(args) => scan::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Add(args) => add::run(args, context),
    }
}
