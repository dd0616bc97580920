//! `tidegate status`

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;

use super::{
    buffer,
    context::{Context, known},
    error::CliError,
    format::span,
    rules,
    table::{Table, one_line},
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

/// What is shown of an uplink.
const UPLINKS: &[&str] = &["name", "state", "url", "since", "published", "acked", "in_flight", "reconnects", "error"];
/// What is shown of a task.
const TASKS: &[&str] = &["name", "state", "stage", "restarts", "last_error"];
/// What is shown of an active alarm.
const ALARMS: &[&str] = &["id", "severity", "rule", "text"];

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
    section(&mut text, "uplink", UPLINKS, &status.uplinks);
    let _ = write!(text, "\n{}", buffer::text(&status.buffer));
    if !status.rules.is_empty() {
        let _ = write!(text, "\n{}", rules::table(&status.rules));
    }
    section(&mut text, "task", TASKS, &status.tasks);
    section(&mut text, "alarm", ALARMS, &status.alarms);
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

/// A table of parts, if there are any.
fn section(text: &mut String, title: &str, keys: &[&str], parts: &[Value]) {
    if !parts.is_empty() {
        let _ = write!(text, "\n{}", Table::of(title, keys, parts));
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
            buffer: json!({"max_size": 1024}),
            uplinks: vec![json!({"name": "cloud", "state": "waiting", "error": "connection refused"})],
            warnings: vec!["the disk is nearly full".into()],
            ..Status::default()
        };

        let text = text(&status);

        assert!(text.starts_with("gateway   plant-7 at "), "{text}");
        assert!(text.contains("1 min 1 s ago") && text.contains("of 1.0 KiB\n"), "{text}");
        assert!(text.contains("\ncloud   waiting ") && text.contains(" connection refused\n"), "{text}");
        assert!(text.ends_with("warning: the disk is nearly full\n"), "{text}");
        assert!(!text.contains("ALARM"), "{text}");
    }
}
