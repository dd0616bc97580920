//! `tidegate setup`: from an empty configuration to the first reading that a broker has acknowledged.
//!
//! Answers come from a person ([`interview`]) or from a file ([`Answers`]); what becomes of them is the same: files in
//! `conf.d`, which are checked before they stay, a reload, and a look at what happens. Files that are there are never
//! replaced unless that is said.

mod answers;
mod ask;
mod files;
mod interview;
// The answers name devices of both kinds.
#[cfg(all(test, feature = "modbus", feature = "ble"))]
mod tests;
mod watch;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use self::{
    answers::Answers,
    ask::Asker,
    files::{Placed, Written},
};
use super::{
    context::Context,
    error::{CliError, complain},
    format::parse_span,
    programs::order,
    seams,
    table::cell,
};
use crate::{daemon::NEEDS_RESTART, host::Root};

/// Ask for what a first start needs (a broker, devices on the serial ports and radios of this machine), write it into
/// conf.d, check it, put it in force, and show the first reading and its acknowledgement.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A TOML file with the answers; nothing is asked then.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Replace files that an earlier run has written.
    #[arg(long)]
    force: bool,
    /// Longest wait for the first reading and its acknowledgement.
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = parse_span)]
    wait: Duration,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let config = std::path::absolute(context.config())?;
    let (answers, may_replace) = answers(args, &config, context)?;
    let written = write(&answers, &config, may_replace)?;
    for path in written.paths() {
        context.print(&format!("written: {}\n", path.display()))?;
    }
    put_in_force(&answers, args.wait, context)
}

/// The answers, and whether files that are there may be replaced.
fn answers(args: &Args, config: &Path, context: &mut Context) -> Result<(Answers, bool), CliError> {
    if let Some(file) = &args.answers {
        return Ok((Answers::read(file)?, args.force));
    }
    let mut asker = Asker::new(io::stdin().lock());
    let answers = interview::hold(&mut asker, context, &Root::system())?;
    let taken = files::taken(&answers, config);
    let may_replace = args.force || may_replace(&mut asker, context, &taken)?;
    Ok((answers, may_replace))
}

/// Asks whether files that are there may be replaced.
fn may_replace(
    asker: &mut Asker<impl io::BufRead>,
    context: &mut Context,
    taken: &[PathBuf],
) -> Result<bool, CliError> {
    let Some(first) = taken.first() else { return Ok(false) };
    let question = format!(
        "{} is there already. Replace it{}?",
        first.display(),
        if taken.len() > 1 { ", and the others" } else { "" }
    );
    asker.yes_or_no(context, &question, false)
}

/// Writes the files, and takes them back when the configuration is not valid with them.
fn write(answers: &Answers, config: &Path, may_replace: bool) -> Result<Written, CliError> {
    let files = files::render(answers, config)?;
    let taken = files::taken(answers, config);
    if let (Some(first), false) = (taken.first(), may_replace) {
        let text = format!("{} is there already (help: --force replaces it)", first.display());
        return Err(CliError::Usage(text));
    }
    let written = Placed::put(files).map_err(|error| CliError::Failed(format!("{error} (help: use sudo)")))?;
    let report = seams::check(config);
    if report.errors > 0 {
        written.take_back();
        complain(&report.text);
        return Err(CliError::Config("nothing was changed: these answers make no valid configuration".to_owned()));
    }
    Ok(written.keep())
}

/// A broker or the gateway's name come into force with a restart, devices with a reload.
fn reload_or_restart(context: &mut Context) -> Result<(), CliError> {
    let answer = context.send("POST", "/api/v1/reload", &json!({}))?;
    let summary = cell(&answer["summary"]);
    context.print(&format!("reloaded: {}\n", summary.trim_end()))?;
    if !summary.contains(NEEDS_RESTART) {
        return Ok(());
    }
    match order("systemctl", &["restart", "tidegate.service"]) {
        Ok(()) => context.print("restarted\n"),
        Err(why) => context.print(&format!("restart it by hand, it could not be done from here: {why}\n")),
    }
}

/// Lets a daemon that runs read it, and shows what comes of it.
fn put_in_force(answers: &Answers, wait: Duration, context: &mut Context) -> Result<(), CliError> {
    if context.get("/api/v1/status").is_err() {
        return context.print("the gateway does not run; start it: systemctl start tidegate\n");
    }
    reload_or_restart(context)?;
    if !answers.has_devices() {
        return context
            .print("nothing is read yet: see docs/modbus.md, ble.md and zigbee.md in /usr/share/doc/tidegate\n");
    }
    watch::first_reading(context, answers.uplink.is_some(), wait)
}
