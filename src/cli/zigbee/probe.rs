//! `tidegate zigbee probe`: what a coordinator is and holds.

use serde_json::{Value, json};

use crate::{
    adapter::zigbee::{
        link::Link,
        radio::Radio as _,
        znp::coordinator::{Coordinator, ZnpError},
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
    },
};

pub(super) fn run(text: &str, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let link: Link = text.parse().map_err(|fault: crate::config::Fault| {
        let help = fault.help.map(|help| format!(" (help: {help})")).unwrap_or_default();
        CliError::Usage(format!("{}{help}", fault.message))
    })?;
    let found = block_on(async {
        let bytes = link.connect().await.map_err(|error| CliError::Unavailable(format!("{link}: {error}")))?;
        let probed = probe(Coordinator::new(bytes)).await;
        probed.map_err(|error| CliError::Unavailable(format!("{link}: {error}")))
    })?;
    let text = || {
        let holds = match &found["network"] {
            Value::Null => "holds no network".to_owned(),
            network => format!(
                "holds network {}, {} on channel {}",
                network["pan_id"].as_str().unwrap_or_default(),
                network["extended_pan_id"].as_str().unwrap_or_default(),
                network["channel"]
            ),
        };
        let (firmware, ieee) = (found["firmware"].as_str(), found["ieee"].as_str());
        format!("{} {}, {holds}\n", firmware.unwrap_or_default(), ieee.unwrap_or_default())
    };
    context.show(as_json, &found, text)
}

/// Starts the coordinator and looks into its memory. The key stays there.
async fn probe(
    mut coordinator: Coordinator<Box<dyn crate::adapter::zigbee::link::Bytes>>,
) -> Result<Value, ZnpError> {
    let stick = coordinator.start().await?;
    let held = coordinator.held().await?;
    let network = held.map(|held| {
        let network = held.network;
        let extended_pan = format!("{:016x}", network.extended_pan.0);
        json!({ "channel": network.channel, "pan_id": network.pan, "extended_pan_id": extended_pan })
    });
    Ok(json!({ "family": "znp", "firmware": stick.firmware, "ieee": stick.ieee, "network": network }))
}
