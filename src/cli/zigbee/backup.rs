//! `tidegate zigbee backup` and `restore`: the coordinator as a file, and another one in its place.

use std::{fs, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use serde_json::{Value, json};

use super::network::{Which, route};
use crate::{
    adapter::zigbee::backup::Backup,
    cli::{context::Context, error::CliError, format::count},
};

/// Largest file that is read; a backup of the most devices is far below.
const MAX_BYTES: u64 = 1 << 20;

/// What is to be restored, and what may go for it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Restore {
    /// A file in open-coordinator-backup form, of this gateway or another.
    #[arg(value_name = "FILE")]
    file: std::path::PathBuf,
    /// Yes, restore it.
    #[arg(long)]
    yes: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Throw away the network that the coordinator holds, named by its extended PAN id.
    #[arg(long, value_name = "EXTENDED_PAN_ID")]
    overwrite: Option<String>,
    #[command(flatten)]
    which: Which,
}

pub(super) fn backup(file: &Path, which: &Which, context: &mut Context) -> Result<(), CliError> {
    let route = route(which, context)?;
    let document = context.send("POST", &route, &json!({ "action": "backup" }))?;
    let told = |error| CliError::Failed(format!("{}: {error}", file.display()));
    write(file, &document).map_err(told)?;
    let devices = document["devices"].as_array().map_or(0, Vec::len) as u64;
    context.print(&format!(
        "{}: network {} with {}; it holds the network key, keep it safe\n",
        file.display(),
        document["extended_pan_id"].as_str().unwrap_or_default(),
        count(&devices, "device")
    ))
}

/// Writes a new file for its owner's eyes alone; one that is there is left as it is.
fn write(file: &Path, document: &Value) -> std::io::Result<()> {
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(out, "{document:#}")?;
    out.sync_all()
}

pub(super) fn restore(wanted: &Restore, context: &mut Context) -> Result<(), CliError> {
    let Restore { file, yes, dry_run, overwrite, which } = wanted;
    let document = read(file).map_err(|why| CliError::Usage(format!("{}: {why}", file.display())))?;
    if !yes && !dry_run {
        let text = "the coordinator takes the place of the one in the backup (help: say --yes, or --dry-run to look)";
        return Err(CliError::Usage(text.to_owned()));
    }
    let route = route(which, context)?;
    let act = json!({ "action": "restore", "backup": document, "overwrite": overwrite, "dry_run": dry_run });
    let sides = context.send("POST", &route, &act)?;
    context.print(&in_words(&sides, *dry_run))
}

/// A file that is a backup.
fn read(file: &Path) -> Result<Value, String> {
    let length = fs::metadata(file).map_err(|error| error.to_string())?.len();
    if length > MAX_BYTES {
        return Err(format!("{length} bytes are no backup"));
    }
    let text = fs::read(file).map_err(|error| error.to_string())?;
    let document = serde_json::from_slice(&text).map_err(|error| format!("no JSON: {error}"))?;
    Backup::read(&document).map_err(|error| error.to_string())?;
    Ok(document)
}

/// Both sides for people.
fn in_words(sides: &Value, is_trial: bool) -> String {
    let network = |side: &Value| {
        let text = |key: &str| side[key].as_str().unwrap_or_default().to_owned();
        format!("network {} ({}, channel {})", text("extended_pan_id"), text("pan_id"), side["channel"])
    };
    let backup = &sides["backup"];
    let held = match &sides["coordinator"] {
        Value::Null => "no network".to_owned(),
        held => network(held),
    };
    let devices = count(&backup["devices"].as_u64().unwrap_or(0), "device");
    let made = backup["made"].as_str().unwrap_or("at a time it does not tell");
    let end = if is_trial { "nothing was changed" } else { "restored" };
    format!(
        "the coordinator {}: {held}\nthe backup holds: {} with {devices}, made {made}\n{end}\n",
        if is_trial { "holds" } else { "held" },
        network(backup)
    )
}
