//! `tidegate modbus plan`: what a configuration asks of its links, worked out without asking any device.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    adapter::load::{Line, Load, Request},
    cli::{context::Context, error::CliError, format::count, seams, table::Table},
};

/// Shows which requests the configuration leads to, and how much of each link's time they take.
///
/// Nothing is asked of any device. Exits with 78 when a link is asked for more than all its time.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only the devices of this adapter.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Count the time of this serial line, rtu:BAUD or ascii:BAUD, which is behind a TCP gateway.
    #[arg(long, value_name = "LINE")]
    behind: Option<Line>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let Args { adapter, behind, json } = args;
    let mut loads = seams::loads(context.config(), *behind)?;
    if let Some(name) = adapter {
        loads.retain(|load| load.adapter == **name);
        if loads.is_empty() {
            return Err(CliError::Usage(format!(
                "there is no Modbus adapter {name:?} (help: see the configuration)"
            )));
        }
    }
    let document = Value::Array(loads.iter().map(document).collect());
    context
        .show(*json, &json!({ "adapters": document }), || loads.iter().map(page).collect::<Vec<_>>().join("\n"))?;
    let overloaded: Vec<String> = loads.iter().filter(|load| load.need() > 1.0).map(too_much).collect();
    if overloaded.is_empty() { Ok(()) } else { Err(CliError::Config(overloaded.join("; "))) }
}

/// A link's load for programs.
fn document(load: &Load) -> Value {
    let fitting = load.fitting();
    let fitting =
        fitting.iter().map(|(every, fits)| json!({ "every_s": every.as_secs_f64(), "fits_s": fits.as_secs_f64() }));
    let devices = devices(load);
    let devices = devices.iter().map(|(device, sum)| {
        json!({
            "device": device, "requests": sum.requests, "bytes": sum.bytes,
            "time_s": sum.time.as_secs_f64(), "part": sum.part,
        })
    });
    let (devices, fitting): (Vec<Value>, Vec<Value>) = (devices.collect(), fitting.collect());
    let mut document = json!(load);
    document["part"] = json!(load.part());
    document["devices"] = Value::Array(devices);
    document["fitting"] = Value::Array(fitting);
    document
}

/// A link's load for people.
fn page(load: &Load) -> String {
    let mut requests = Table::new(&["DEVICE", "UNIT", "REQUEST", "POINTS", "EVERY", "BYTES", "TIME"]);
    for request in &load.requests {
        let Request { device, unit, function, table, start, count, .. } = request;
        requests.push([
            device.clone(),
            unit.to_string(),
            format!("FC {function} {table}:{start}+{count}"),
            request.points.len().to_string(),
            interval(request.every),
            request.bytes.to_string(),
            millis(request.time),
        ]);
    }
    let mut rounds = Table::new(&["DEVICE", "REQUESTS", "BYTES", "TIME", "LINK"]);
    for (device, sum) in devices(load) {
        let cells = [sum.requests.to_string(), sum.bytes.to_string(), millis(sum.time), percent(sum.part)];
        rounds.push(std::iter::once(device.to_owned()).chain(cells));
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} at {}: {}, {} of its time",
        load.adapter,
        load.link,
        count(&load.requests.len(), "request"),
        percent(load.part())
    );
    let _ = writeln!(
        text,
        "\n{requests}\nOne round of each device:\n\n{rounds}\nIt is taken for granted that {}.",
        load.assumes
    );
    text
}

/// What one round of a device's requests costs.
#[derive(Default)]
struct Sum {
    requests: usize,
    bytes: usize,
    time: Duration,
    /// Of the link's time.
    part: f64,
}

/// The sums of the devices, by name.
fn devices(load: &Load) -> BTreeMap<&str, Sum> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for request in &load.requests {
        let sum = sums.entry(&request.device).or_default();
        sum.requests += 1;
        sum.bytes += request.bytes;
        sum.time += request.time;
        sum.part += request.part();
    }
    sums
}

/// That a link or one of its units cannot do it, and what they can do.
fn too_much(load: &Load) -> String {
    let (part, advice) = (load.part(), load.advice());
    let what = match load.busiest() {
        Some((unit, busy)) if part <= 1.0 => {
            format!("{} of the time of unit {unit}, with its rest after each request,", percent(busy))
        }
        _ => format!("{} of the link's time", percent(part)),
    };
    format!("adapter {}: {what} is asked for (help: {advice})", load.adapter)
}

/// An interval as the configuration writes it.
fn interval(span: Duration) -> String {
    if span.subsec_millis() == 0 { format!("{}s", span.as_secs()) } else { format!("{}ms", span.as_millis()) }
}

/// A time on the line.
fn millis(span: Duration) -> String {
    format!("{:.1} ms", span.as_secs_f64() * 1000.0)
}

/// A part of a whole.
fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cli::tests::Sink;

    const SITE: &str = "[[adapter]]\nname = 'line1'\nkind = 'modbus'\nlink = 'tcp://192.0.2.1'\n\
        [[device]]\nid = 'meter-1'\nadapter = 'line1'\naddress = { unit = 3 }\n\
        [[device.point]]\nname = 'voltage'\nregister = 'input:0'\ntype = 'f32'\n\
        [[device.point]]\nname = 'current'\nregister = 'input:2'\ntype = 'f32'\n\
        [[device.point]]\nname = 'energy'\nregister = 'input:100'\ntype = 'f32'\npoll = '10s'\n";

    /// What `tidegate modbus plan` prints, and how it ends.
    fn plan(site: &str, adapter: Option<&str>, behind: Option<&str>, json: bool) -> (String, Result<(), CliError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidegate.toml");
        fs::write(&path, site).unwrap();
        let sink = Sink::default();
        let behind = behind.map(|line| line.parse().unwrap());
        let args = Args { adapter: adapter.map(str::to_owned), behind, json };
        let result = run(&args, &mut Context::writing_to(path, Box::new(sink.clone())));
        (sink.text(), result)
    }

    #[test]
    fn the_plan_names_every_request_and_what_it_costs() {
        let (text, result) = plan(SITE, None, Some("rtu:9600"), false);

        result.unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0].join(" "), "line1 at tcp://192.0.2.1:502: 2 requests, 4.6 % of its time");
        assert_eq!(lines[3].join(" "), "meter-1 3 FC 4 input:0+4 2 1s 21 42.1 ms");
        assert_eq!(lines[4].join(" "), "meter-1 3 FC 4 input:100+2 1 10s 17 37.5 ms");
        assert_eq!(lines[9].join(" "), "meter-1 2 38 79.6 ms 4.6 %");
        assert!(text.ends_with("that a unit answers after 10 ms.\n"), "{text}");
    }

    #[test]
    fn programs_are_told_the_same() {
        let (text, _) = plan(SITE, Some("line1"), None, true);
        let json: Value = serde_json::from_str(&text).unwrap();
        let line = &json["adapters"][0];
        assert_eq!(line["requests"][0]["points"], json!(["voltage", "current"]));
        assert_eq!((&line["requests"][1]["every_s"], &line["devices"][0]["requests"]), (&json!(10.0), &json!(2)));
        assert_eq!(line["fitting"], json!([]));
    }

    #[test]
    fn what_a_link_cannot_do_is_refused_with_what_it_can() {
        let site = SITE.replacen("[[device]]", "poll = '50ms'\n[[device]]", 1);
        let (text, result) = plan(&site, None, Some("rtu:1200"), false);

        let error = result.unwrap_err();
        assert!(matches!(error, CliError::Config(_)));
        let error = error.to_string();
        assert!(
            error.starts_with("adapter line1: 535.6 %") && error.contains("poll 50ms as 340ms, poll 10s as 67s"),
            "{error}"
        );
        assert!(text.contains("FC 4 input:0+4"), "the plan is shown all the same: {text}");
    }

    #[test]
    fn a_unit_that_needs_more_rest_than_there_is_is_refused() {
        let site = SITE.replacen("[[device]]", "pause_between_requests = '990ms'\n[[device]]", 1);
        assert!(plan(&site, None, None, false).1.is_err());
        let error = plan(&site.replace("990ms", "1200ms"), None, None, false).1.unwrap_err().to_string();
        assert!(
            error.starts_with(
                "adapter line1: 132.6 % of the time of unit 3, with its rest after each request, is asked"
            ),
            "{error}"
        );

        assert!(plan(&site.replace("990ms", "800ms"), None, None, false).1.is_ok());
    }

    #[test]
    fn an_adapter_that_is_not_there_is_a_mistake() {
        assert!(matches!(plan(SITE, Some("line2"), None, false).1, Err(CliError::Usage(_))));
    }
}
