//! `tidegate devices`

use serde_json::Value;

use super::{
    context::{Context, known},
    error::CliError,
    table::Table,
};
use crate::api::view::Device;

/// List devices.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only the devices of this adapter.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let mut json = context.get("/api/v1/devices")?;
    if let (Some(name), Value::Array(devices)) = (&args.adapter, &mut json) {
        context.require_adapter(name)?;
        devices.retain(|device| device["adapter"] == **name);
    }
    let devices: Vec<Device> = known(&json)?;
    context.show(args.json, &json, || table(devices).to_string())
}

/// The devices for people.
fn table(devices: Vec<Device>) -> Table {
    let mut table = Table::new(&["DEVICE", "ADAPTER", "STATE", "POINTS", "ADDRESS"]);
    for device in devices {
        table.push([device.id, device.adapter, device.state, device.points.to_string(), device.address]);
    }
    table
}
