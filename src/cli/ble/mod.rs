//! `tidegate ble`: Bluetooth advertisements, looked at without a daemon.

mod advert;
mod decode;
mod scan;

use std::path::PathBuf;

use super::{context::Context, error::CliError};

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
    },
    /// Show who advertises in reach, with format, values, and whether a key is needed.
    Scan(scan::Args),
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Decode { file } => decode::run(file.as_deref(), context),
        Command::Scan(args) => scan::run(args, context),
    }
}
