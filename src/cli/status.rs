//! `tidegate status`

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;

use super::{
    buffer,
    context::{Context, known},
    error::CliError,
    format::{bytes, count, span},
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
const UPLINKS: &[&str] =
    &["name", "state", "url", "since", "acked", "in_flight", "latency", "owed", "reconnects", "error"];
/// What is shown of a Modbus server.
const SERVERS: &[&str] = &["name", "listen", "points", "clients", "requests", "exceptions", "refused"];
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
    let uplinks: Vec<_> = status.uplinks.iter().map(uplink).collect();
    section(&mut text, "uplink", UPLINKS, &uplinks);
    section(&mut text, "republish", SERVERS, &status.republish);
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

/// An uplink with its figures in words.
fn uplink(uplink: &Value) -> Value {
    let mut shown = uplink.clone();
    if let Some(millis) = uplink["latency_ms"].as_f64() {
        shown["latency"] = format!("{millis:.1} ms").into();
    }
    if let Some(blocks) = uplink["owed_blocks"].as_u64() {
        shown["owed"] = owed(uplink, blocks).into();
    }
    shown
}

/// `9000 readings in 1200 blocks, 3.0 MiB, the oldest 5 min old, 40/s, 30 s left, throttled`: what is known of it.
fn owed(uplink: &Value, blocks: u64) -> String {
    let rate = uplink["drain_rate"].as_f64().filter(|rate| *rate > 0.0);
    let seconds = |key: &str| uplink[key].as_u64().filter(|seconds| *seconds > 0);
    let time = |key: &str| seconds(key).map(|seconds| span(Duration::from_secs(seconds)));
    let blocks = count(&blocks, "block");
    let readings = uplink["owed_readings"].as_u64().filter(|readings| *readings > 0);
    let parts = [
        Some(
            readings
                .map_or_else(|| blocks.clone(), |readings| format!("{} in {blocks}", count(&readings, "reading"))),
        ),
        uplink["owed_bytes"].as_u64().filter(|owed| *owed > 0).map(bytes),
        time("owed_age_s").map(|age| format!("the oldest {age} old")),
        rate.map(|rate| format!("{rate:.1}/s")),
        time("drained_in_s").map(|left| format!("{left} left")),
        (uplink["throttled"] == true).then(|| "throttled".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
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
    fn an_uplink_tells_what_it_is_owed_and_when_that_is_done() {
        let shown = uplink(&json!({
            "latency_ms": 12.34, "owed_blocks": 1200, "owed_readings": 9000, "owed_bytes": 3 << 20, "owed_age_s": 60,
            "drain_rate": 40.0, "drained_in_s": 30, "throttled": true,
        }));
        assert_eq!(
            (&shown["latency"], &shown["owed"]),
            (
                &json!("12.3 ms"),
                &json!(
                    "9000 readings in 1200 blocks, 3.0 MiB, the oldest 1 min 0 s old, 40.0/s, 30 s left, throttled"
                )
            )
        );

        let idle = uplink(&json!({"owed_blocks": 1, "drain_rate": 0.0, "drained_in_s": null, "throttled": false}));
        assert_eq!(idle["owed"], json!("1 block"));
    }

    #[test]
    fn a_status_shows_what_is_there_and_leaves_out_what_is_not() {
        let status = Status {
            gateway: "plant-7".into(),
            uptime: 61,
            buffer: json!({"max_size": 1024}),
            uplinks: vec![json!({"name": "cloud", "state": "waiting", "error": "connection refused"})],
            republish: vec![
                json!({"name": "scada", "listen": "0.0.0.0:1502", "clients": 2, "requests": 9, "refused": 1}),
            ],
            warnings: vec!["the disk is nearly full".into()],
            ..Status::default()
        };

        let text = text(&status);

        assert!(text.starts_with("gateway   plant-7 at "), "{text}");
        assert!(text.contains("1 min 1 s ago") && text.contains("of 1.0 KiB\n"), "{text}");
        assert!(text.contains("\nscada ") && text.contains(" 0.0.0.0:1502 "), "{text}");
        assert!(text.contains("\ncloud   waiting ") && text.contains(" connection refused\n"), "{text}");
        assert!(text.ends_with("warning: the disk is nearly full\n"), "{text}");
        assert!(!text.contains("ALARM"), "{text}");
    }
}
