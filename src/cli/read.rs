//! `tidegate read`

use serde_json::json;

use super::{
    context::{Context, known},
    error::CliError,
    format::measured,
    table::{cell, one_line},
};
use crate::api::view::Live;

/// Ask a device for a value now. Exit code 1 when the reading is bad.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The point: device/point.
    target: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let (device, point) = target(&args.target)?;
    let json = context.send("POST", "/api/v1/read", &json!({ "device": device, "point": point }))?;
    let live: Live = known(&json)?;
    let quality = live.quality.as_deref();
    let value = measured(&cell(&live.value), live.unit.as_deref(), quality);
    context.show(args.json, &json, || format!("{}\n", one_line(&value)))?;
    let is_bad = quality.is_some_and(|quality| quality.starts_with("bad:"));
    if is_bad { Err(CliError::Failed(String::new())) } else { Ok(()) }
}

/// Device and point of an argument.
pub(super) fn target(text: &str) -> Result<(&str, &str), CliError> {
    let wrong = || CliError::Usage(format!("{text:?} is no point: write device/point"));
    text.split_once('/').filter(|(device, point)| !device.is_empty() && !point.is_empty()).ok_or_else(wrong)
}
