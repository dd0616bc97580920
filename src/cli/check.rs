//! `tidegate check`

use super::{
    context::Context,
    error::CliError,
    seams::{self, Report},
};

/// Prove configuration, rules and files without touching any device, and report every problem at once.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Fail on warnings too.
    #[arg(long)]
    strict: bool,
    /// Print the report as one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let report = seams::check(context.config());
    tell(&report, args.json, context)?;
    let is_valid = report.errors == 0 && !(args.strict && report.warnings > 0);
    if !is_valid {
        return Err(CliError::Config(String::new()));
    }
    if args.json { Ok(()) } else { context.print(&format!("configuration is valid: {}\n", report.summary)) }
}

/// The report: JSON on standard output, text on standard error.
pub(super) fn tell(report: &Report, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    if as_json {
        return context.print_json(&report.json);
    }
    eprint!("{}", report.text);
    Ok(())
}
