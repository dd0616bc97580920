//! `tidegate demo`: the whole gateway on a simulated site and a broker of its own.
//!
//! Nothing in it is special: the gateway is the one that `run` starts, with the configuration `demo.toml`, in a folder
//! that is removed at the end. Only what is outside a gateway is simulated: Modbus units, and a broker whose messages
//! a small consumer checks for completeness. The units speak Modbus, so a build without it says that there is no demo.

#[cfg(feature = "modbus")]
mod show;
#[cfg(feature = "modbus")]
mod site;
#[cfg(feature = "modbus")]
mod units;
#[cfg(feature = "modbus")]
mod watch;

use super::error::CliError;

/// Show the whole gateway at work: simulated Modbus units, the shipped rules, the buffer, and a broker of its own.
/// Nothing has to be installed and no network is needed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End after this many seconds; without it, at Ctrl-C.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

#[cfg(feature = "modbus")]
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    show::run(args.seconds.map(std::time::Duration::from_secs))
}

#[cfg(not(feature = "modbus"))]
pub(super) fn run(_args: &Args) -> Result<(), CliError> {
    Err(CliError::Unavailable(
        "the demo's devices speak Modbus, which is not in this build (help: build with --features modbus)".to_owned(),
    ))
}
