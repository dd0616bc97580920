//! `tidegate history`

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::{
    chart::{self, Chart},
    context::{Context, known},
    error::CliError,
    format::csv as quoted,
    screen,
    table::{Table, cell, one_line},
};
use crate::{
    buffer::Wish,
    config,
    host::clock::SystemClock,
    model::{Clock, DeviceId, PointAddress, PointName, Timestamp},
};

/// Show the past of a point.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The point.
    #[arg(value_name = "DEVICE/POINT")]
    point: String,
    /// From when on: RFC 3339, or how long ago, such as -24h.
    #[arg(long, value_name = "TIME", default_value = "-24h", allow_hyphen_values = true)]
    from: String,
    /// Until when: RFC 3339, how long ago, or now.
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    to: String,
    /// Length of a row: whole minutes such as 1m, 15m, 1h or 1d, raw for single readings, or auto.
    #[arg(long, value_name = "SPAN", default_value = "auto")]
    every: String,
    /// Print comma-separated values.
    #[arg(long, group = "form")]
    csv: bool,
    /// Print one JSON document.
    #[arg(long, group = "form")]
    json: bool,
    /// Draw it.
    #[arg(long, group = "form")]
    chart: bool,
}

/// The daemon's answer.
#[derive(Debug, Deserialize)]
struct Answer {
    from: String,
    to: String,
    every: String,
    unit: Option<String>,
    #[serde(default)]
    buckets: Vec<Bucket>,
    #[serde(default)]
    readings: Vec<Single>,
}

/// One span of time.
#[derive(Debug, Deserialize)]
struct Bucket {
    t: String,
    n: u64,
    bad: u64,
    min: Option<f64>,
    mean: Option<f64>,
    max: Option<f64>,
    last: Option<f64>,
}

/// One reading.
#[derive(Debug, Deserialize)]
struct Single {
    ts: String,
    value: Value,
    quality: Option<String>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let json = context.get(&query(args)?)?;
    if args.json {
        return context.print_json(&json);
    }
    let answer: Answer = known(&json)?;
    let text = match () {
        () if args.csv => csv(&answer),
        () if args.chart => draw(&args.point, &answer),
        () => table(&answer),
    };
    context.print(&text)
}

/// The question as a path. What is wrong with it is said here, before the daemon is asked.
fn query(args: &Args) -> Result<String, CliError> {
    let point = address(&args.point)?;
    let text = |text: &str| Some(text.to_owned());
    let wish = Wish { from: text(&args.from), to: text(&args.to), every: text(&args.every) };
    // How long minutes are kept decides about `auto` alone, which the daemon settles.
    let checked = wish.period(SystemClock::new().now(), std::time::Duration::MAX);
    checked.map_err(|error| CliError::Usage(error.to_string()))?;
    let values = [("from", &args.from), ("to", &args.to), ("every", &args.every)];
    let values = values.map(|(key, value)| format!("&{key}={}", escape(value)));
    Ok(format!("/api/v1/history?point={point}{}", values.concat()))
}

fn address(text: &str) -> Result<PointAddress, CliError> {
    let wrong = |why: String| CliError::Usage(format!("{text:?} is no point: {why}"));
    let (device, point) = text.split_once('/').ok_or_else(|| wrong("write DEVICE/POINT".to_owned()))?;
    let device = DeviceId::new(device).map_err(|error| wrong(error.to_string()))?;
    Ok(PointAddress { device, point: PointName::new(point).map_err(|error| wrong(error.to_string()))? })
}

/// Escapes the one sign of a time that means something else in a query: the `+` of an offset.
fn escape(text: &str) -> String {
    text.replace('+', "%2B")
}

/// For people.
fn table(answer: &Answer) -> String {
    let unit = answer.unit.as_deref().unwrap_or_default();
    if answer.buckets.is_empty() && answer.readings.is_empty() {
        return format!("nothing from {} to {}\n", answer.from, answer.to);
    }
    if answer.buckets.is_empty() {
        let mut table = Table::new(&["TIME", "VALUE", "QUALITY"]);
        for Single { ts, value, quality } in &answer.readings {
            table.push([ts.clone(), cell(value), quality.clone().unwrap_or_default()]);
        }
        return table.to_string();
    }
    let mut table = Table::new(&["TIME", "N", "BAD", "MIN", "MEAN", "MAX", "LAST", ""]);
    for bucket in &answer.buckets {
        let Bucket { t, n, bad, min, mean, max, last } = bucket;
        let [min, mean, max, last] = [min, mean, max, last].map(|value| value.map(chart::number).unwrap_or_default());
        let bad = if *bad > 0 { bad.to_string() } else { String::new() };
        table.push([t.clone(), n.to_string(), bad, min, mean, max, last, unit.to_owned()]);
    }
    table.to_string()
}

/// For spreadsheets.
fn csv(answer: &Answer) -> String {
    let number = |value: &Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let mut text = String::new();
    // Writing to a string cannot fail.
    if answer.every == "raw" {
        text.push_str("ts,value,quality\n");
        for Single { ts, value, quality } in &answer.readings {
            let (value, quality) = (quoted(&cell(value)), quality.as_deref().unwrap_or("good"));
            let _ = writeln!(text, "{ts},{value},{quality}");
        }
        return text;
    }
    text.push_str("t,n,bad,min,mean,max,last\n");
    for Bucket { t, n, bad, min, mean, max, last } in &answer.buckets {
        let [min, mean, max, last] = [min, mean, max, last].map(number);
        let _ = writeln!(text, "{t},{n},{bad},{min},{mean},{max},{last}");
    }
    text
}

/// For the eye.
fn draw(point: &str, answer: &Answer) -> String {
    let moment = |text: &str| Timestamp::parse(text).unwrap_or_default();
    let single = |reading: &Single| {
        let value = reading.value.as_f64().or_else(|| reading.value.as_bool().map(|on| f64::from(u8::from(on))));
        Some((moment(&reading.ts), value?))
    };
    let means = answer.buckets.iter().filter_map(|bucket| Some((moment(&bucket.t), bucket.mean?)));
    let values: Vec<_> = means.chain(answer.readings.iter().filter_map(single)).collect();
    let extremes = answer.buckets.iter().flat_map(|bucket| [bucket.min, bucket.max]).flatten();
    let chart = Chart {
        title: one_line(&format!("{point} {}", answer.unit.as_deref().unwrap_or_default())),
        period: (moment(&answer.from), moment(&answer.to)),
        every: config::duration(&answer.every).ok(),
        extremes: extremes.chain(values.iter().map(|(_, value)| *value)).collect(),
        values,
    };
    chart.draw(screen::size().0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn buckets() -> Answer {
        serde_json::from_value(json!({
            "point": "meter-1/voltage", "unit": "V", "every": "1h",
            "from": "2026-11-20T12:00:00Z", "to": "2026-11-20T14:00:00Z",
            "buckets": [
                {"t": "2026-11-20T12:00:00.000Z", "n": 60, "bad": 0, "min": 229.5, "mean": 230.0626, "max": 231, "last": 230},
                {"t": "2026-11-20T13:00:00.000Z", "n": 0, "bad": 3},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_bucket_without_a_value_has_empty_cells() {
        let text = table(&buckets());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1], "2026-11-20T12:00:00.000Z  60       229.5  230.063  231  230   V");
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["2026-11-20T13:00:00.000Z", "0", "3", "V"]);
        assert_eq!(csv(&buckets()).lines().nth(2).unwrap(), "2026-11-20T13:00:00.000Z,0,3,,,,");
    }

    #[test]
    fn single_readings_are_quoted_where_they_must_be() {
        let answer: Answer = serde_json::from_value(json!({
            "every": "raw", "from": "a", "to": "b", "unit": null,
            "readings": [{"ts": "t", "value": "a \"b\", c"}, {"ts": "u", "value": null, "quality": "bad:timeout"}],
        }))
        .unwrap();
        assert_eq!(csv(&answer), "ts,value,quality\nt,\"a \"\"b\"\", c\",good\nu,,bad:timeout\n");
    }

    #[test]
    fn a_wrong_question_is_refused_before_anybody_is_asked() {
        let args = |point: &str, from: &str, every: &str| Args {
            point: point.to_owned(),
            from: from.to_owned(),
            to: "now".to_owned(),
            every: every.to_owned(),
            csv: false,
            json: false,
            chart: false,
        };
        for wrong in [args("meter", "-1h", "auto"), args("m/v", "tea time", "auto"), args("m/v", "-1h", "7s")] {
            assert!(matches!(query(&wrong), Err(CliError::Usage(_))), "{wrong:?}");
        }
        let path = query(&args("m/v", "2026-11-20T12:00:00+01:00", "1h")).unwrap();
        assert_eq!(path, "/api/v1/history?point=m/v&from=2026-11-20T12:00:00%2B01:00&to=now&every=1h");
    }
}
