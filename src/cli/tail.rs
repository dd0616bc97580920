//! `tidegate tail`

use std::{
    io::{self, Write as _},
    ops::ControlFlow,
};

use serde_json::{Value, from_slice};

use super::{
    context::{Context, block_on},
    error::CliError,
    format::measured,
    points::select_query,
    table::{cell, one_line},
};
use crate::api::view::{Live, Missed};

/// Show values as they come, until Ctrl-C.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which points: device/point, with * for any run of characters.
    selector: Option<String>,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
    /// End after this many readings.
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let path = format!("/api/v1/tail{}", select_query(args.selector.as_deref())?);
    warn_of_nothing(args, context)?;
    let client = context.client()?;
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut printed = Ok(());
    let on_line = |line: &[u8]| {
        let (text, is_reading) = shown(line, args.json);
        printed = context.print(&text);
        left -= u64::from(is_reading);
        if left == 0 || printed.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    block_on(async { Ok(client.lines(&path, on_line).await?) })?;
    printed
}

/// Says that no point is known that would be shown. It may still come, with a reload or from a rule.
fn warn_of_nothing(args: &Args, context: &Context) -> Result<(), CliError> {
    let Some(selector) = &args.selector else { return Ok(()) };
    let points = context.get(&format!("/api/v1/points{}", select_query(Some(selector))?))?;
    if points.as_array().is_some_and(Vec::is_empty) {
        // Nobody reads it, then nobody misses it.
        let _ =
            writeln!(io::stderr(), "tidegate: no point matches {selector} yet (help: tidegate points lists them)");
    }
    Ok(())
}

/// A line as it is printed, and whether it stands for a reading.
fn shown(line: &[u8], as_json: bool) -> (String, bool) {
    let missed = from_slice::<Missed>(line).ok();
    let text = match (as_json, &missed) {
        (true, _) => String::from_utf8_lossy(line).into_owned(),
        (false, Some(missed)) => format!("-- missed {} batches of readings", missed.missed_batches),
        (false, None) => from_slice::<Live>(line).map_or_else(|_| raw(line), |live| for_people(&live)),
    };
    (format!("{text}\n"), missed.is_none())
}

/// Time, place, value.
fn for_people(live: &Live) -> String {
    let value = measured(&cell(&live.value), live.unit.as_deref(), live.quality.as_deref());
    one_line(&format!("{}  {}/{}  {value}", live.ts, live.device, live.point))
}

/// A line of a daemon of another version, as far as it can be shown.
fn raw(line: &[u8]) -> String {
    from_slice::<Value>(line).map_or_else(|_| one_line(&String::from_utf8_lossy(line)), |json| json.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_and_misses_have_their_own_lines() {
        let reading =
            br#"{"ts":"2026-11-20T12:00:00.123Z","device":"meter-1","point":"voltage","value":230.1,"unit":"V"}"#;

        assert_eq!(shown(reading, false), ("2026-11-20T12:00:00.123Z  meter-1/voltage  230.1 V\n".to_owned(), true));
        assert!(!shown(br#"{"missed_batches":3}"#, false).1);
        assert!(shown(reading, true).0.starts_with("{\"ts\""));
    }
}
