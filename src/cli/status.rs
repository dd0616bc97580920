//! `tidegate status`

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;

use super::{
    context::{Context, known},
    error::CliError,
    format::span,
    table::{Table, cell, one_line},
};
use crate::api::view::Status;

/// Show what the gateway does at this moment.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show one adapter only.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let mut json = context.get("/api/v1/status")?;
    if let (Some(name), Some(Value::Array(adapters))) = (&args.adapter, json.get_mut("adapters")) {
        adapters.retain(|adapter| adapter["name"] == **name);
        if adapters.is_empty() {
            return Err(CliError::Usage(format!("there is no adapter {name:?}")));
        }
    }
    let status: Status = known(&json)?;
    context.show(args.json, &json, || text(&status))
}

/// The status for people.
fn text(status: &Status) -> String {
    let mut text = head(status);
    let mut adapters = Table::new(&["ADAPTER", "KIND", "STATE", "DEVICES"]);
    for adapter in &status.adapters {
        let (name, kind, state) = (adapter.name.clone(), adapter.kind.clone(), adapter.state.clone());
        adapters.push([name, kind, state, adapter.devices.to_string()]);
    }
    let _ = write!(text, "\n{adapters}");
    section(&mut text, "uplinks", &status.uplinks);
    section(&mut text, "buffer", std::slice::from_ref(&status.buffer));
    section(&mut text, "rules", &status.rules);
    section(&mut text, "tasks", &status.tasks);
    section(&mut text, "active alarms", &status.alarms);
    for warning in &status.warnings {
        let _ = write!(text, "\nwarning: {}", one_line(warning));
    }
    if !status.warnings.is_empty() {
        text.push('\n');
    }
    text
}

/// The lines at the top.
fn head(status: &Status) -> String {
    let Status { gateway, site, version, store, epoch, clock, started, .. } = status;
    let uptime = span(Duration::from_secs(status.uptime));
    let (total, rate) = (status.readings.total, status.readings.rate);
    format!(
        "gateway   {gateway} at {site}, version {version}\nstarted   {started}, {uptime} ago\n\
         store     {store}, epoch {epoch}\nclock     {clock}\nreadings  {total}, {rate:.1} per second\n"
    )
}

/// A table of another module's parts, if there are any.
fn section(text: &mut String, title: &str, parts: &[Value]) {
    // A single object of figures reads better down than across.
    match parts {
        [] | [Value::Null] => {}
        [Value::Object(one)] => {
            let mut table = Table::new(&[&title.to_uppercase(), ""]);
            for (key, value) in one {
                table.push([key.replace('_', " "), cell(value)]);
            }
            let _ = write!(text, "\n{table}");
        }
        many => {
            let _ = write!(text, "\n{title}\n{}", Table::of(many));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_shows_what_is_there_and_leaves_out_what_is_not() {
        let status = Status {
            gateway: "plant-7".into(),
            uptime: 61,
            buffer: json!({"blocks": 3}),
            warnings: vec!["the disk is nearly full".into()],
            ..Status::default()
        };

        let text = text(&status);

        assert!(text.starts_with("gateway   plant-7 at "), "{text}");
        assert!(text.contains("1 min 1 s ago") && text.contains("blocks  3\n"), "{text}");
        assert!(text.ends_with("warning: the disk is nearly full\n"), "{text}");
        assert!(!text.contains("alarms"), "{text}");
    }
}
