//! `tidegate zigbee ota`: firmware images, and devices that are given one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::network::{Which, route};
use crate::cli::{context::Context, error::CliError, table::Table};

/// What is shown of an image.
const IMAGES: &[&str] = &["file", "manufacturer", "image_type", "version", "size", "name", "why"];
/// What is shown of an update.
const UPDATES: &[&str] = &["device", "state", "percent", "bytes", "size", "from", "to", "error"];

/// Look after the firmware of Zigbee devices.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List the images in the folder `firmware` of the adapter, and how far updates are.
    List {
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Give a device the newest image of its maker and type; it loads it by itself, which may take an hour.
    Update {
        /// The device.
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Also the same version as it has, or an older one. Another maker's or type's is never given.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Stop an update that is under way or waits; a device that loads is told when it asks for the next part.
    Cancel {
        /// The device.
        #[arg(value_name = "DEVICE")]
        device: String,
        #[command(flatten)]
        which: Which,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    let (which, as_json, act) = match command {
        Command::List { which, json } => (which, *json, json!({ "action": "firmware" })),
        Command::Update { device, force, which, json } => {
            (which, *json, json!({ "action": "update", "device": device, "force": force }))
        }
        Command::Cancel { device, which, json } => {
            (which, *json, json!({ "action": "cancel-update", "device": device }))
        }
    };
    let route = route(which, context)?;
    let firmware = context.send("POST", &route, &act)?;
    let text = || match command {
        Command::List { .. } => listed(&firmware),
        Command::Update { device, .. } => {
            format!("{device}: it is told that there is firmware (tidegate zigbee ota list shows how far it is)\n")
        }
        Command::Cancel { device, .. } => format!("{device}: its update is cancelled\n"),
    };
    context.show(as_json, &firmware, text)
}

/// Images and updates for people.
fn listed(firmware: &Value) -> String {
    let rows = |key: &str| firmware[key].as_array().cloned().unwrap_or_default();
    let images: Vec<Value> = rows("images").into_iter().map(in_hex).collect();
    let updates = rows("updates");
    let mut text = match (&firmware["folder"], images.as_slice()) {
        (Value::Null, _) => "no folder of images (help: firmware = \"PATH\" at the adapter)\n".to_owned(),
        (folder, []) => format!("no images in {}\n", folder.as_str().unwrap_or_default()),
        (_, images) => Table::of("image", IMAGES, images).to_string(),
    };
    if !updates.is_empty() {
        write!(text, "\n{}", Table::of("update", UPDATES, &updates)).expect("writing to a string does not fail");
    }
    text
}

/// An image with its numbers as its maker writes them.
fn in_hex(mut image: Value) -> Value {
    for (key, digits) in [("image_type", 4), ("version", 8)] {
        if let Some(number) = image[key].as_u64() {
            image[key] = json!(format!("{number:#0width$x}", width = digits + 2));
        }
    }
    image
}
