//! `tidegate profile sunspec`: asks a device what it offers and writes the profile that reads it.
//!
//! SunSpec devices say so at one of three places and list their models one behind the other. The walk reads them through
//! the Modbus adapter itself, so that every link it knows can be used; nothing is written to the device.

mod models;

use std::{collections::HashMap, path::PathBuf};

use self::models::Model;
use crate::{
    adapter::modbus::{
        Modbus, section,
        sunspec::{BASES, MAX_MODELS},
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
    },
    config,
    model::{PointName, Reading, Value},
    testing::rehearsal,
};

/// The id behind the last model.
const END: i64 = 0xffff;

/// Asks a SunSpec device what it offers, and prints the profile that reads it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// How the device is reached, as in the configuration: tcp://HOST:PORT.
    link: String,
    /// Its unit id.
    #[arg(long, value_name = "N", default_value_t = 1)]
    unit: u8,
    /// Write it to this folder's profile.toml; one that is there already is left alone.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

/// A model and where its id is.
struct Found {
    id: u16,
    start: u16,
}

/// A device that is asked register by register.
struct Asked<'a> {
    link: &'a str,
    unit: u8,
}

/// What points say, by name.
type Answers = HashMap<String, Reading>;

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let asked = Asked { link: &args.link, unit: args.unit };
    let profile = block_on(async {
        let found = asked.walk(asked.base().await?).await?;
        asked.profile(&found).await
    })?;
    super::save(args.into.as_deref(), &profile, context)
}

impl Asked<'_> {
    /// The register behind the mark.
    async fn base(&self) -> Result<u16, CliError> {
        let points = BASES.map(|base| {
            format!("[[device.point]]\nname = \"at-{base}\"\nregister = \"holding:{base}\"\ntype = \"string:4\"\n")
        });
        let answers = self.read(&points.concat()).await?;
        let is_marked = |base: &u16| answers.get(&format!("at-{base}")).and_then(text) == Some("SunS");
        BASES.into_iter().find(is_marked).map(|base| base + 2).ok_or_else(|| {
            let places = BASES.map(|base| base.to_string()).join(", ");
            CliError::Failed(format!(
                "unit {} has no \"SunS\" at {places} (help: is SunSpec turned on, and this its unit?)",
                self.unit
            ))
        })
    }

    /// The models from a register on.
    async fn walk(&self, first: u16) -> Result<Vec<Found>, CliError> {
        let (mut start, mut found) = (first, Vec::new());
        while found.len() < MAX_MODELS {
            let (id, length) = self.head(start).await?;
            if id == END {
                return Ok(found);
            }
            let id = u16::try_from(id).map_err(|_| broken(start))?;
            found.push(Found { id, start });
            let next = i64::from(start) + 2 + length;
            start = u16::try_from(next).map_err(|_| broken(start))?;
        }
        Err(broken(start))
    }

    /// A model's id and length.
    async fn head(&self, start: u16) -> Result<(i64, i64), CliError> {
        let behind = start.checked_add(1).ok_or_else(|| broken(start))?;
        let point =
            |name, at| format!("[[device.point]]\nname = \"{name}\"\nregister = \"holding:{at}\"\ntype = \"u16\"\n");
        let answers = self.read(&[point("id", start), point("length", behind)].concat()).await?;
        match (answers.get("id").and_then(number), answers.get("length").and_then(number)) {
            (Some(END), _) => Ok((END, 0)),
            (Some(id), Some(length)) => Ok((id, length)),
            _ => Err(broken(start)),
        }
    }

    /// The profile of the models we read.
    async fn profile(&self, found: &[Found]) -> Result<String, CliError> {
        let known = found.iter().filter_map(|found| Some((found, models::find(found.id)?)));
        let known: Vec<(&Found, Model)> = known.collect();
        if known.is_empty() {
            let ids = found.iter().map(|found| found.id.to_string()).collect::<Vec<_>>().join(", ");
            return Err(CliError::Failed(format!("the device has the models {ids}, none of which is read")));
        }
        let labels = known.iter().map(|(found, model)| format!("{} ({})", model.label, found.id));
        let mut text = format!(
            "name = \"SunSpec device\"\nvendor = \"SunSpec\"\nmodel = \"{}\"\nkind = \"modbus\"\n\
             source = [\"SunSpec information models, https://github.com/sunspec/models\"]\n\
             note = \"\"\"\nWritten by asking a device: the registers fit others of its model and firmware.\n\"\"\"\n",
            labels.collect::<Vec<_>>().join(", ")
        );
        let mut names = HashMap::new();
        for (found, model) in known {
            text += &self.model(found, &model, &mut names).await?;
        }
        Ok(text)
    }

    /// The points of a model that the device has.
    async fn model(&self, found: &Found, model: &Model, names: &mut HashMap<&str, u32>) -> Result<String, CliError> {
        let asked = model.points.iter().filter_map(|point| point.to_toml("device.point", point.name, found.start));
        let answers = self.read(&asked.collect::<String>()).await?;
        let has_value = |name: &str| answers.get(name).is_some_and(|reading| !reading.quality.is_bad());
        let mut text = String::new();
        for point in model.points.iter().filter(|point| point.is_needed || has_value(point.name)) {
            let count = names.entry(point.name).and_modify(|count| *count += 1).or_insert(1);
            let name = if *count == 1 { point.name.to_owned() } else { format!("{}_{count}", point.name) };
            text +=
                &point.to_toml("point", &name, found.start).map_or_else(String::new, |point| format!("\n{point}"));
        }
        Ok(text)
    }

    /// Reads points once. What the device refuses is a bad reading; one that does not answer ends the command.
    async fn read(&self, points: &str) -> Result<Answers, CliError> {
        let text = format!(
            "[[adapter]]\nname = \"sunspec\"\nkind = \"modbus\"\nlink = {:?}\n\
             [[device]]\nid = \"asked\"\nadapter = \"sunspec\"\naddress = {{ unit = {} }}\n{points}",
            self.link, self.unit
        );
        let mut draft = config::read_text("link".as_ref(), &text);
        let adapter = draft.adapters.remove(0);
        let planned = section::plan(adapter, &mut draft);
        draft.finish().map_err(|report| CliError::Usage(first(&report)))?;
        let adapter = Modbus::new(planned.expect("a draft without problems has a link"));
        let readings = rehearsal::read_all(&adapter).await;
        let silent = ["timeout", "device-offline", "gateway-target"].map(crate::model::Quality::bad);
        if readings.values().all(|reading| silent.contains(&reading.quality)) {
            return Err(CliError::Unavailable(format!("unit {} at {} does not answer", self.unit, self.link)));
        }
        Ok(readings.into_iter().map(|(address, reading)| (name(&address.point), reading)).collect())
    }
}

/// A point's name as text.
fn name(point: &PointName) -> String {
    point.as_str().to_owned()
}

/// The first problem of a report, without the place in a text that nobody typed.
fn first(report: &config::Report) -> String {
    report.problems.first().map_or_else(String::new, |problem| problem.message.clone())
}

/// A chain of models that leads nowhere.
fn broken(start: u16) -> CliError {
    CliError::Failed(format!("the models end without their mark at register {start}"))
}

/// A reading that is a whole number.
fn number(reading: &Reading) -> Option<i64> {
    match reading.value {
        Some(Value::Int(number)) => Some(number),
        _ => None,
    }
}

/// A reading that is text.
fn text(reading: &Reading) -> Option<&str> {
    match &reading.value {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
