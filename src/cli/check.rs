//! `tidegate check`

use super::{
    context::Context,
    error::{CliError, complain},
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
    conclude(seams::check(context.config()), args.strict, args.json, "configuration is valid", context)
}

/// Shows a report, and fails when it has errors, or warnings where `strict` counts them. `praise` is said of one that
/// is well, before what was looked at.
pub(super) fn conclude(
    mut report: Report,
    strict: bool,
    as_json: bool,
    praise: &str,
    context: &mut Context,
) -> Result<(), CliError> {
    let is_valid = report.errors == 0 && !(strict && report.warnings > 0);
    report.json["ok"] = is_valid.into();
    tell(&report, as_json, context)?;
    if !is_valid {
        return Err(CliError::Config(String::new()));
    }
    if as_json { Ok(()) } else { context.print(&format!("{praise}: {}\n", report.summary)) }
}

/// The report: JSON on standard output, text on standard error.
fn tell(report: &Report, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    if as_json {
        return context.print_json(&report.json);
    }
    if !report.text.is_empty() {
        complain(&report.text);
    }
    Ok(())
}
