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
use crate::{api::view::Outcome, config::report::nearest, model::Timestamp};

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
    if outcome.status == "done" {
        return Ok(());
    }
    let help = if args.json { None } else { outcome.error.as_deref().and_then(|error| help(error, args, context)) };
    Err(CliError::Failed(help.unwrap_or_default()))
}

/// What to do about a refusal that has a remedy. The words are the policy's; where they change, only this help is lost.
fn help(error: &str, args: &Args, context: &Context) -> Option<String> {
    let target = &args.target;
    if let Some(rest) = error.strip_prefix("no grant allows ") {
        let (from, _) = rest.split_once(" to set ")?;
        return Some(format!(
            "to allow it, add to the configuration and reload:\n\n[[grant]]\nfrom = {from:?}\ntargets = [{target:?}]\n"
        ));
    }
    if error.starts_with("no device has the point ") {
        // Without the list there is no suggestion; the refusal was told.
        let points = context.get("/api/v1/points").ok()?;
        return near(target, &points).map(|near| format!("did you mean {near}?"));
    }
    let is_name = error.ends_with(" is no text");
    is_name.then(|| {
        format!("{target} takes text; where that is the name of a state, a wrong one is answered with all names")
    })
}

/// The point that can be set whose name is nearest to a mistyped one.
fn near(target: &str, points: &Value) -> Option<String> {
    let is_set = |point: &&Value| point["access"].as_str().is_some_and(|access| access.contains('w'));
    let name = |point: &Value| Some(format!("{}/{}", point["device"].as_str()?, point["point"].as_str()?));
    let names: Vec<String> = points.as_array()?.iter().filter(is_set).filter_map(name).collect();
    nearest(target, names.iter().map(String::as_str)).map(str::to_owned)
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
    fn a_refusal_is_told_with_its_remedy() {
        let args = Args { target: "pm-1/mode".into(), value: "1".into(), expires: None, json: false };
        let context = Context::new("none".into());
        let help = |error| help(error, &args, &context).unwrap_or_default();

        let grant = help("no grant allows api:ada to set pm-1/mode");
        assert!(grant.ends_with("[[grant]]\nfrom = \"api:ada\"\ntargets = [\"pm-1/mode\"]\n"), "{grant}");
        assert!(help("1 is no text").contains("answered with all names"));
        assert_eq!(help("3 commands wait for pm-1 already"), "");
    }

    #[test]
    fn only_points_that_can_be_set_are_suggested() {
        let points = json!([
            { "device": "pm-1", "point": "ct_primary", "access": "rw" },
            { "device": "pm-1", "point": "ct_ratings", "access": "r" },
        ]);
        assert_eq!(near("pm-1/ct_rating", &points).as_deref(), Some("pm-1/ct_primary"));
        assert_eq!(near("x/y", &points), None);
    }

    #[test]
    fn an_outcome_is_one_line() {
        let denied = Outcome { status: "denied".into(), error: Some("no\ngrant".into()), ..Outcome::default() };
        assert_eq!(text(&denied), "denied: no grant");
    }
}
