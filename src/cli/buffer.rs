//! `tidegate buffer`

use super::{
    context::Context,
    error::CliError,
    table::{Table, cell},
};

/// What to do with the buffer.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show how much it holds and what is still owed to each uplink.
    Status {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    let Command::Status { json: as_json } = command;
    let json = context.get("/api/v1/buffer")?;
    context.show(*as_json, &json, || {
        let mut table = Table::new(&["BUFFER", ""]);
        for (key, value) in json.as_object().into_iter().flatten() {
            table.push([key.replace('_', " "), cell(value)]);
        }
        table.to_string()
    })
}
