//! `tidegate zigbee`: the network of a running gateway, a coordinator without one, and frames without either.

mod backup;
mod decode;
mod energy;
mod line;
mod map;
mod network;
mod ota;
mod probe;

use std::path::PathBuf;

use super::{context::Context, error::CliError};

/// Look after Zigbee networks.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Let devices join for some time, 0 ends it.
    PermitJoin {
        /// For how long.
        #[arg(value_name = "SECONDS")]
        seconds: u32,
        /// A device that joins with the install code on its label: its address, a colon, the code. It is kept secret.
        #[arg(long, value_name = "IEEE:CODE")]
        install_code: Option<String>,
        #[command(flatten)]
        which: network::Which,
    },
    /// Make a network on a coordinator that holds none.
    Form {
        /// Yes, make it.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        which: network::Which,
    },
    /// Show the network: its channel and names, who may join, and how many devices there are.
    Status {
        #[command(flatten)]
        which: network::Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Ask the coordinator and all routers whom they hear, and show or draw it.
    Map {
        /// In which form.
        #[arg(long, value_enum, default_value = "table")]
        format: map::Format,
        /// As `--format json`.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        which: network::Which,
    },
    /// Measure how busy each channel is, as the coordinator hears it; nothing is changed.
    ///
    /// The coordinator is away from its own channel for one channel's time at once, and listens for as long before the next.
    EnergyScan(energy::Args),
    /// Write everything that devices know the coordinator by into a new file, with the network key.
    Backup {
        /// The file, in open-coordinator-backup form.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        which: network::Which,
    },
    /// Put the coordinator in the place of the one that a backup was made of.
    Restore(backup::Restore),
    /// Give devices new firmware.
    #[command(subcommand)]
    Ota(ota::Command),
    /// List the devices of the network.
    Devices {
        #[command(flatten)]
        which: network::Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Say what a coordinator is and holds, without a daemon; nothing is changed, but the coordinator restarts.
    Probe {
        /// `serial:///dev/…` or `tcp://host:6638`.
        #[arg(value_name = "LINK")]
        link: String,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Decode frames, one JSON object per line in and out.
    ///
    /// In, one of: `unpi` with the hex of what a TI coordinator sends; `zcl` with the hex of a frame of the cluster
    /// library and its `cluster`; `zdo` with the hex of a frame of endpoint 0, transaction first, and its `cluster`.
    /// With `known`, attributes that scales depend on: {"0x0302": 1000}. Out: `format`, the `frame` with its names,
    /// `readings` with `point`, `value` and `unit`, and `why` when not everything could be read. Nothing is remembered
    /// from line to line.
    Decode {
        /// The file; standard input when none is named.
        file: Option<PathBuf>,
    },
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::PermitJoin { seconds, install_code, which } => {
            network::permit_join(*seconds, install_code.as_deref(), which, context)
        }
        Command::Ota(command) => ota::run(command, context),
        Command::Form { yes, which } => network::form(*yes, which, context),
        Command::Status { which, json } => network::status(which, *json, context),
        Command::Map { which, json: true, .. } => map::map(which, map::Format::Json, context),
        Command::Map { which, format, .. } => map::map(which, *format, context),
        Command::EnergyScan(args) => energy::run(args, context),
        Command::Backup { file, which } => backup::backup(file, which, context),
        Command::Restore(wanted) => backup::restore(wanted, context),
        Command::Devices { which, json } => network::devices(which, *json, context),
        Command::Probe { link, json } => probe::run(link, *json, context),
        Command::Decode { file } => decode::run(file.as_deref(), context),
    }
}
