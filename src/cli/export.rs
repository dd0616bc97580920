//! `tidegate buffer export`

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    context::Context,
    error::{CliError, complain},
    format::{self, count, span},
    seams,
};
use crate::{
    api::view::Live,
    buffer::{Archive, ArchiveError, Step, parse_time},
    host::clock::SystemClock,
    model::{Clock, Reading, Selector, Timestamp},
};

/// Time between two looks at how far it is.
const REPORT: Duration = Duration::from_millis(250);

/// Write the stored readings out, with the daemon at work or without.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to; standard output when absent. A file that is there already is left alone.
    file: Option<PathBuf>,
    /// How.
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// From when on: RFC 3339, or how long ago, such as -24h; everything when absent.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Until when.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Which points: device/point, with * for any run of characters; all when absent.
    #[arg(long, value_name = "SELECTOR")]
    point: Option<String>,
}

/// How readings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Comma-separated values under a line of names.
    Csv,
    /// One JSON object per line, as in a message upstream.
    Ndjson,
}

/// Which readings.
struct Wanted {
    from: Timestamp,
    to: Timestamp,
    point: Option<Selector>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let wanted = wanted(args)?;
    let archive = {
        let settings = seams::buffer(context.config())?;
        Archive::open(&settings.path, settings.key.as_ref()).map_err(|error| unreadable(&error))?
    };
    match &args.file {
        None => export(&archive, args.format, &wanted, &mut context.out()),
        Some(path) => {
            let file = File::create_new(path).map_err(|error| not_created(path, &error))?;
            export(&archive, args.format, &wanted, &mut BufWriter::new(file))
        }
    }
}

fn not_created(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{} is there already (help: choose another name, or move it away first)", path.display())
        }
        _ => format!("{}: {error}", path.display()),
    })
}

fn wanted(args: &Args) -> Result<Wanted, CliError> {
    let now = SystemClock::new().now();
    let time = |text: &Option<String>, end| match text {
        Some(text) => parse_time(text, now).map_err(CliError::Usage),
        None => Ok(Timestamp::from_millis(end)),
    };
    let selector = args.point.as_deref().map(Selector::parse).transpose();
    let point = selector.map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(Wanted { from: time(&args.from, i64::MIN)?, to: time(&args.to, i64::MAX)?, point })
}

fn unreadable(error: &ArchiveError) -> CliError {
    if matches!(error, ArchiveError::Key { .. }) {
        return CliError::Config(error.to_string());
    }
    let help = match error {
        ArchiveError::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => " (help: use sudo)",
        ArchiveError::Io { .. }
        | ArchiveError::Format { .. }
        | ArchiveError::Key { .. }
        | ArchiveError::Sqlite { .. } => "",
    };
    CliError::Unavailable(format!("{error}{help}"))
}

fn export(archive: &Archive, format: Format, wanted: &Wanted, out: &mut impl Write) -> Result<(), CliError> {
    if format == Format::Csv {
        out.write_all(b"ts,device,point,value,unit,quality\n")?;
    }
    let mut progress = Progress::new(io::stderr().is_terminal());
    let mut written = Ok(());
    let is_wanted =
        |reading: &&Reading| wanted.point.as_ref().is_none_or(|point| point.matches(&reading.point.address));
    let stepped = archive.each(wanted.from, wanted.to, |step| {
        for reading in step.readings.iter().filter(is_wanted) {
            progress.readings += 1;
            written = out.write_all(line(format, reading).as_bytes());
            if written.is_err() {
                return ControlFlow::Break(());
            }
        }
        progress.show(&step);
        ControlFlow::Continue(())
    });
    progress.clear();
    written?;
    stepped.map_err(|error| unreadable(&error))?;
    out.flush()?;
    progress.finish();
    Ok(())
}

/// A reading in a line.
fn line(format: Format, reading: &Reading) -> String {
    if format == Format::Ndjson {
        // Every reading has a JSON form.
        return serde_json::to_string(&Live::from(reading)).unwrap_or_default() + "\n";
    }
    let Reading { point, value, ts, quality } = reading;
    let value = value.as_ref().map(|value| format::csv(&value.to_string())).unwrap_or_default();
    let unit = format::csv(point.unit.as_deref().unwrap_or_default());
    let quality = format::csv(&quality.to_string());
    format!("{ts},{},{},{value},{unit},{quality}\n", point.device(), point.name())
}

/// Says how far it is, on a terminal.
struct Progress {
    is_shown: bool,
    started: Instant,
    said: Option<Instant>,
    readings: u64,
    damaged: u64,
}

impl Progress {
    fn new(is_shown: bool) -> Self {
        Self { is_shown, started: Instant::now(), said: None, readings: 0, damaged: 0 }
    }

    fn show(&mut self, step: &Step) {
        self.damaged = step.damaged;
        let now = Instant::now();
        if !self.is_shown || self.said.is_some_and(|said| now - said < REPORT) {
            return;
        }
        self.said = Some(now);
        // Nobody who could read it is there any more: the export goes on.
        let _ = write!(io::stderr(), "\r{}\x1b[K", progress(step, self.readings, now - self.started));
    }

    fn clear(&self) {
        if self.said.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn finish(&self) {
        if self.is_shown {
            let took = span(self.started.elapsed());
            complain(&format!("{} in {took}", count(&self.readings, "reading")));
        }
        if self.damaged > 0 {
            complain(&format!("tidegate: {} could not be read", count(&self.damaged, "damaged row")));
        }
    }
}

/// `45 %, block 450 of 1000, 12 readings, 3 s left`; blocks are counted by their ids.
fn progress(step: &Step, readings: u64, took: Duration) -> String {
    let (first, last) = step.span;
    let all = last.saturating_sub(first) + 1;
    let done = (step.block.saturating_sub(first) + 1).min(all);
    let left = took.as_millis() * u128::from(all - done) / u128::from(done);
    let left = span(Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)));
    let share = u128::from(done) * 100 / u128::from(all);
    format!("{share} %, block {done} of {all}, {}, {left} left", count(&readings, "reading"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{DeviceId, Point, PointName, PointType, Value};

    #[test]
    fn a_reading_is_one_line_in_both_forms() {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new("note").unwrap());
        let point = Arc::new(Point::new(device, name, PointType::Text, Some("V")));
        let ts = Timestamp::from_millis(0);
        let good = Reading::good(Arc::clone(&point), Value::Text("a \"b\",\nc".into()), ts);
        let bad = Reading::bad(point, "timeout", ts);

        let csv = line(Format::Csv, &good);
        assert_eq!(csv, "1970-01-01T00:00:00.000Z,meter-1,note,\"a \"\"b\"\",\nc\",V,good\n");
        assert_eq!(line(Format::Csv, &bad), "1970-01-01T00:00:00.000Z,meter-1,note,,V,bad:timeout\n");
        let json = line(Format::Ndjson, &bad);
        assert!(json.ends_with("\"value\":null,\"unit\":\"V\",\"quality\":\"bad:timeout\"}\n"), "{json}");
        assert_eq!(line(Format::Ndjson, &good).lines().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_told_with_what_to_do() {
        let told = not_created(Path::new("r.csv"), &io::ErrorKind::AlreadyExists.into()).to_string();
        assert_eq!(told, "r.csv is there already (help: choose another name, or move it away first)");
    }

    #[test]
    fn progress_counts_blocks_by_their_ids() {
        let step = Step { block: 299, span: (200, 599), ..Step::default() };
        let text = progress(&step, 1, Duration::from_secs(10));
        assert_eq!(text, "25 %, block 100 of 400, 1 reading, 30 s left");
    }
}
