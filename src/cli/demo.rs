//! `tidegate demo`

use std::time::Duration;

use super::{error::CliError, seams};

/// Show the whole gateway at work: simulated Modbus units, the shipped rules, the buffer, and a broker of its own.
/// Nothing has to be installed and no network is needed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after this many seconds; without it, at Ctrl-C.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    seams::demo(args.seconds.map(Duration::from_secs))
}
