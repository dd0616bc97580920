//! `tidegate zigbee`: Zigbee frames, looked at without a daemon and without a radio.

mod decode;
mod line;

use std::path::PathBuf;

use super::{context::Context, error::CliError};

/// Look at Zigbee frames.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
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
        Command::Decode { file } => decode::run(file.as_deref(), context),
    }
}
