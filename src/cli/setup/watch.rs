//! What a person wants to see after the first setup: that something is read, and that it arrives.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::super::{
    context::{Context, block_on},
    error::CliError,
    format::measured,
    table::cell,
};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// Waits for a good reading, and for the broker's word on it.
pub(super) fn first_reading(context: &mut Context, has_uplink: bool, limit: Duration) -> Result<(), CliError> {
    let end = Instant::now() + limit;
    context.print("waiting for the first reading …\n")?;
    let point = until(context, end, "/api/v1/points", good_point)?;
    let Some(point) = point else { return Err(none_came(context, limit)) };
    context.print(&format!("first reading: {point}\n"))?;
    if !has_uplink {
        return context.print("no broker is configured: it is kept here and can be seen with tidegate tail\n");
    }
    match until(context, end, "/api/v1/status", acknowledged)? {
        Some(uplink) => context.print(&format!("acknowledged by {uplink}\n")),
        None => Err(not_acknowledged(context, limit)),
    }
}

/// Looks until there is something to see. A daemon that does not answer may be starting.
fn until(
    context: &Context,
    end: Instant,
    path: &str,
    look: impl Fn(&Value) -> Option<String>,
) -> Result<Option<String>, CliError> {
    let client = context.client()?;
    block_on(async {
        loop {
            let answer = client.get(path).await;
            if let Some(found) = answer.as_ref().ok().and_then(&look) {
                return Ok(Some(found));
            }
            if Instant::now() >= end {
                return answer.map(|_| None).map_err(CliError::from);
            }
            sleep(INTERVAL).await;
        }
    })
}

/// The first point with a good value: `meter-1/voltage 230.1 V`.
pub(super) fn good_point(points: &Value) -> Option<String> {
    let point = points.as_array()?.iter().find(|point| !point["value"].is_null() && point["quality"] == "good")?;
    let value = measured(&cell(&point["value"]), point["unit"].as_str(), None);
    Some(format!("{}/{} {value}", cell(&point["device"]), cell(&point["point"])))
}

/// The first uplink that has acknowledged something.
pub(super) fn acknowledged(status: &Value) -> Option<String> {
    let mut uplinks = status["uplinks"].as_array()?.iter();
    let uplink = uplinks.find(|uplink| uplink["acked"].as_u64() > Some(0))?;
    let latency = uplink["latency_ms"].as_f64().map_or_else(String::new, |millis| format!(" in {millis:.0} ms"));
    Some(format!("{} at {}{latency}", cell(&uplink["name"]), cell(&uplink["url"])))
}

/// Nothing was read.
fn none_came(context: &Context, limit: Duration) -> CliError {
    let why = context.get("/api/v1/points").ok().and_then(|points| {
        let bad = points
            .as_array()?
            .iter()
            .find(|point| point["quality"].as_str().is_some_and(|quality| quality != "good"))?;
        Some(format!("{}/{} is {}", cell(&bad["device"]), cell(&bad["point"]), cell(&bad["quality"])))
    });
    let why = why.unwrap_or_else(|| "no device has said anything".to_owned());
    CliError::Failed(format!(
        "no good reading within {} s: {why} (help: tidegate doctor, tidegate status)",
        limit.as_secs()
    ))
}

/// It was read and did not arrive.
fn not_acknowledged(context: &Context, limit: Duration) -> CliError {
    let why = context.get("/api/v1/status").ok().and_then(|status| {
        let error = status["uplinks"].as_array()?.iter().find_map(|uplink| uplink["error"].as_str())?;
        Some(error.to_owned())
    });
    let why = why.unwrap_or_else(|| "the broker says nothing".to_owned());
    CliError::Failed(format!("not acknowledged within {} s: {why} (help: tidegate doctor)", limit.as_secs()))
}
