//! `tidegate write`

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    context::{Context, known},
    error::CliError,
    format::parse_span,
    read::target,
    table::{cell, one_line},
};
use crate::{api::view::Outcome, model::Timestamp};

/// Set a point, if a grant allows it, and print the outcome. Exit code 0 only when it was done.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The point: device/point.
    target: String,
    /// The value, as JSON; what is no JSON is text.
    #[arg(allow_negative_numbers = true)]
    value: String,
    /// Do not carry it out later than this from now, for example 10s.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    expires: Option<Duration>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let body = body(args, now())?;
    let json = context.send("POST", "/api/v1/write", &body)?;
    let outcome: Outcome = known(&json)?;
    context.show(args.json, &json, || format!("{}\n", text(&outcome)))?;
    if outcome.status == "done" { Ok(()) } else { Err(CliError::Failed(String::new())) }
}

/// The request.
fn body(args: &Args, now: Timestamp) -> Result<Value, CliError> {
    let (device, point) = target(&args.target)?;
    let value = serde_json::from_str(&args.value).unwrap_or_else(|_| Value::String(args.value.clone()));
    let mut body = json!({ "device": device, "point": point, "value": value });
    if let Some(span) = args.expires {
        body["expires"] = json!(now.plus(span));
    }
    Ok(body)
}

/// The outcome for people: `done: 12`, `denied: no grant covers …`.
fn text(outcome: &Outcome) -> String {
    let waits = || "it waits for a device that sleeps; its end is told in the outcome stream".to_owned();
    let more = outcome.error.clone().or_else(|| outcome.value.as_ref().map(cell));
    let more = more.or_else(|| (outcome.status == "queued").then(waits));
    one_line(&more.map_or_else(|| outcome.status.clone(), |more| format!("{}: {more}", outcome.status)))
}

/// The machine's clock, which is also the daemon's.
fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_json_or_else_text() {
        let args = |value: &str| Args {
            target: "pump-1/speed".into(),
            value: value.into(),
            expires: Some(Duration::from_secs(10)),
            json: false,
        };
        let body = |value| body(&args(value), Timestamp::from_millis(0)).unwrap();

        assert_eq!(body("-12.5")["value"], json!(-12.5));
        assert_eq!(body("true")["value"], json!(true));
        assert_eq!(body("eco mode")["value"], json!("eco mode"));
        assert_eq!(body("1")["expires"], "1970-01-01T00:00:10.000Z");
    }

    #[test]
    fn an_outcome_is_one_line() {
        let denied = Outcome { status: "denied".into(), error: Some("no\ngrant".into()), ..Outcome::default() };
        assert_eq!(text(&denied), "denied: no grant");
    }
}
