//! `tidegate sim`: devices that are not there, for tests, demonstrations and rehearsals of a site.

#[cfg(feature = "modbus")]
mod modbus;
#[cfg(feature = "zigbee")]
mod zigbee;

use tokio::signal::unix::{SignalKind, signal};

use super::{context::Context, error::CliError};

/// What to simulate.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Serve the registers of device profiles with lifelike values, until Ctrl-C.
    #[cfg(feature = "modbus")]
    Modbus(modbus::Args),
    /// Serve a Zigbee coordinator whose devices join when they are let in, until Ctrl-C.
    #[cfg(feature = "zigbee")]
    Zigbee(zigbee::Args),
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        #[cfg(feature = "modbus")]
        Command::Modbus(args) => modbus::run(args, context),
        #[cfg(feature = "zigbee")]
        Command::Zigbee(args) => zigbee::run(args, context),
    }
}

/// Waits until somebody ends it.
async fn until_ended() -> Result<(), CliError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
