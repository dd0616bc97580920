//! `tidegate schema`

use super::{context::Context, error::CliError, seams};
use crate::api;

/// Print a machine-readable schema.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of what.
    #[arg(value_enum, default_value = "config")]
    of: Kind,
}

/// What there is a schema of.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// The configuration, as JSON Schema for editors.
    Config,
    /// The local API, as an OpenAPI document.
    Api,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let schema = match args.of {
        Kind::Config => seams::config_schema(),
        Kind::Api => api::openapi(),
    };
    context.print(&format!("{schema:#}\n"))
}
