//! `tidegate profile`: which device profiles there are, what they say, and whether they are right.

#[cfg(feature = "zigbee")]
mod matching;
#[cfg(feature = "modbus")]
mod save;
mod show;
#[cfg(feature = "modbus")]
mod sunspec;
#[cfg(feature = "modbus")]
mod trial;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[cfg(feature = "modbus")]
pub(super) use self::save::save;
use super::{context::Context, error::CliError, seams, table::Table};
use crate::{
    config::{Fault, Place, report::Problems},
    profile::{Library, Pack, ProfileName},
};

/// What to do with device profiles.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the profiles a device can name.
    List {
        #[command(flatten)]
        places: Places,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Show a profile: its source, its notes, and its points.
    Show {
        /// The profile, as vendor/model.
        name: String,
        #[command(flatten)]
        places: Places,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Say which profile a Zigbee device takes by itself, by the names it gives for its maker and model.
    #[cfg(feature = "zigbee")]
    Match {
        /// The maker's name, such as `_TZE200_g9a3awaj`.
        manufacturer: String,
        /// The model's name, such as TS0601.
        model: String,
        #[command(flatten)]
        places: Places,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Ask a SunSpec device what it offers, and print the profile that reads it.
    #[cfg(feature = "modbus")]
    Sunspec(sunspec::Args),
    /// Try profiles on simulated units, with the register contents and readings of their vectors.toml.
    Test {
        /// Profiles as vendor/model, or folders that end in vendor/model; by default all there are.
        profiles: Vec<String>,
        #[command(flatten)]
        places: Places,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// Where to look for profiles.
#[derive(Debug, clap::Args)]
pub(super) struct Places {
    /// A folder of profiles, again for more of them; by default those of the configuration.
    #[arg(long = "dir", value_name = "DIR")]
    dirs: Vec<PathBuf>,
}

impl Places {
    /// The folders of the command line, or of the configuration.
    pub(super) fn library(&self, context: &Context) -> Library {
        let dirs = if self.dirs.is_empty() { seams::profile_dirs(context.config()) } else { self.dirs.clone() };
        Library::new(dirs)
    }
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::List { places, json } => list(&mut places.library(context), *json, context),
        Command::Show { name, places, json } => show(&mut places.library(context), name, *json, context),
        #[cfg(feature = "zigbee")]
        Command::Match { manufacturer, model, places, json } => {
            matching::run(&mut places.library(context), manufacturer, model, *json, context)
        }
        #[cfg(feature = "modbus")]
        Command::Sunspec(args) => sunspec::run(args, context),
        Command::Test { profiles, places, json } => test(places, profiles, *json, context),
    }
}

/// `tidegate profile list`
fn list(library: &mut Library, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for (name, folder) in library.list() {
        let pack = load(library, &name)?;
        let points = pack.points().count();
        rows.push(json!({
            "profile": name.as_str(), "kind": pack.kind, "points": points, "name": pack.name, "folder": folder,
        }));
    }
    let json = Value::Array(rows);
    let table = || {
        let rows = json.as_array().map_or(&[][..], Vec::as_slice);
        Table::of("profile", &["profile", "kind", "points", "name"], rows).to_string()
    };
    context.show(as_json, &json, table)
}

/// `tidegate profile show`
fn show(library: &mut Library, name: &str, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let name = parse(name)?;
    let pack = load(library, &name)?;
    let points: Vec<Value> = pack.points().collect();
    let json = json!({
        "profile": name.as_str(), "name": pack.name, "vendor": pack.vendor, "model": pack.model, "kind": pack.kind,
        "source": pack.sources, "note": pack.note, "file": pack.file, "device": pack.device_keys(), "points": points,
    });
    context.show(as_json, &json, || show::page(pack, &points))
}

/// The profile somebody asked for.
pub(super) fn load<'l>(library: &'l mut Library, name: &ProfileName) -> Result<&'l Pack, CliError> {
    library.find(name).map_err(|fault| usage(&fault))?;
    let mut problems = Problems::default();
    let place = Place::start_of(Path::new(name.as_str()));
    library.open(name, &place, &mut problems).ok_or_else(|| CliError::Report(problems.into_report().to_string()))
}

/// A profile's name on the command line.
pub(super) fn parse(text: &str) -> Result<ProfileName, CliError> {
    text.parse().map_err(|fault| usage(&fault))
}

/// A fault of the command line, in one sentence.
fn usage(fault: &Fault) -> CliError {
    let help = fault.help.as_ref().map_or_else(String::new, |help| format!(" (help: {help})"));
    CliError::Usage(format!("{}{help}", fault.message))
}

/// `tidegate profile test`
#[cfg(feature = "modbus")]
fn test(places: &Places, profiles: &[String], as_json: bool, context: &mut Context) -> Result<(), CliError> {
    trial::run(places, profiles, as_json, context)
}

/// A build without Modbus has no units to simulate.
#[cfg(not(feature = "modbus"))]
fn test(_: &Places, _: &[String], _: bool, _: &mut Context) -> Result<(), CliError> {
    Err(CliError::Unavailable("profiles are tried on Modbus units, and this build has no modbus".to_owned()))
}
