//! `tidegate reload`

use serde_json::json;

use super::{
    context::Context,
    error::{CliError, complain},
    table::cell,
};
use crate::api::ClientError;

/// Make the daemon read its configuration again. When it is wrong nothing changes, the report is printed, and the
/// exit code is 78.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(context: &mut Context) -> Result<(), CliError> {
    match context.send("POST", "/api/v1/reload", &json!({})) {
        Ok(answer) => context.print(&format!("{}\n", cell(&answer["summary"]).trim_end())),
        Err(CliError::Daemon(ClientError::Refused { status: 422, error, .. })) => {
            complain(&error);
            Err(CliError::Config("nothing was reloaded".to_owned()))
        }
        Err(error) => Err(error),
    }
}
