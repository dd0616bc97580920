//! `tidegate buffer check`, `salvage` and `repair`: the buffer's file itself, with or without a daemon.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    context::Context,
    error::CliError,
    format::count,
    seams,
    table::{Table, one_line},
};
use crate::{
    buffer::{
        OpenError,
        damage::{self, Checked, Progress, Rescued, SalvageError},
    },
    config,
};

/// Look through the whole file: pages, every row, and the numbers. It may be in use. Exit code 1 when it is damaged.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The file; the one of the configuration when none is given.
    file: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Read everything that can be read of a damaged file. The file itself is not changed.
#[derive(Debug, clap::Args)]
pub(super) struct Salvage {
    /// The damaged file.
    file: PathBuf,
    #[command(flatten)]
    to: To,
    /// Print what came of it as one JSON document; not with `--ndjson -`.
    #[arg(long)]
    json: bool,
}

/// Where it goes.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct To {
    /// A new store, which `[buffer] path` may name later.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// One line of JSON for each reading, event and outcome; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    ndjson: Option<PathBuf>,
}

/// Set a damaged file aside, begin a new one in its place and carry over what can be read. The daemon must not run.
#[derive(Debug, clap::Args)]
pub(super) struct Repair {
    /// The file; the one of the configuration when none is given.
    file: Option<PathBuf>,
    /// Repair it also when nothing is found to be wrong with it.
    #[arg(long)]
    force: bool,
    /// Print what came of it as one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn check(args: &Check, context: &mut Context) -> Result<(), CliError> {
    let settings = settings(context, args.file.as_deref())?;
    let checked = look(&settings)?;
    let path = settings.path.display();
    let mut json = json!(checked);
    (json["file"], json["ok"]) = (path.to_string().into(), checked.is_sound().into());
    context.show(args.json, &json, || report(&checked))?;
    if checked.is_sound() {
        return Ok(());
    }
    let help = "help: stop the daemon and run tidegate buffer repair";
    Err(CliError::Failed(if args.json { String::new() } else { format!("{path} is damaged ({help})") }))
}

pub(super) fn salvage(args: &Salvage, context: &mut Context) -> Result<(), CliError> {
    let settings = settings(context, None)?;
    let key = settings.key.as_ref();
    if !args.file.exists() {
        return Err(CliError::Usage(format!("there is no file {}", args.file.display())));
    }
    let mut bar = Bar::new();
    let tell = &mut |progress| bar.tell(progress);
    let rescued = match (&args.to.ndjson, &args.to.into) {
        (Some(path), _) if path == Path::new("-") => {
            let rescued = damage::read_out(&args.file, key, &mut BufWriter::new(io::stdout().lock()), tell);
            return rescued.map(|_| ()).map_err(refused);
        }
        (Some(path), _) => {
            let mut out = BufWriter::new(File::create_new(path)?);
            damage::read_out(&args.file, key, &mut out, tell)
        }
        (None, Some(into)) => damage::rebuild(&args.file, into, &settings, seams::origin(context.config())?, tell),
        (None, None) => return Err(CliError::Usage("say where to: --into FILE or --ndjson FILE".to_owned())),
    };
    drop(bar);
    told(&rescued.map_err(refused)?, args.json, context)
}

pub(super) fn repair(args: &Repair, context: &mut Context) -> Result<(), CliError> {
    let settings = settings(context, args.file.as_deref())?;
    if !args.force && look(&settings)?.is_sound() {
        return context.print(&format!("{} is sound, there is nothing to repair\n", settings.path.display()));
    }
    let origin = seams::origin(context.config())?;
    let mut bar = Bar::new();
    let rescued = damage::repair(&settings, origin, &mut |progress| bar.tell(progress));
    drop(bar);
    told(&rescued.map_err(refused)?, args.json, context)
}

/// The configuration's buffer, with another file if one was named.
fn settings(context: &Context, file: Option<&Path>) -> Result<config::Buffer, CliError> {
    let settings = seams::buffer(context.config())?;
    Ok(config::Buffer { path: file.map_or_else(|| settings.path.clone(), Path::to_owned), ..settings })
}

fn look(settings: &config::Buffer) -> Result<Checked, CliError> {
    if !settings.path.exists() {
        return Err(CliError::Usage(format!("there is no file {}", settings.path.display())));
    }
    let mut bar = Bar::new();
    damage::check(&settings.path, settings.key.as_ref(), &mut |progress| bar.tell(progress))
        .map_err(|error| refused(error.into()))
}

fn refused(error: SalvageError) -> CliError {
    match error {
        SalvageError::Open(error @ OpenError::Key { .. }) => CliError::Config(error.to_string()),
        SalvageError::Open(error @ OpenError::InUse(_)) => {
            CliError::Unavailable(format!("{error} (help: stop the daemon first: systemctl stop tidegate)"))
        }
        SalvageError::Output(error) => CliError::Output(error),
        error @ SalvageError::Exists(_) => CliError::Usage(error.to_string()),
        error @ (SalvageError::Open(_) | SalvageError::Refused { .. }) => CliError::Unavailable(error.to_string()),
    }
}

/// What a check found, for people.
fn report(checked: &Checked) -> String {
    let mut table = Table::new(&["STREAM", "EPOCH", "BLOCKS", "READINGS", "FIRST", "LAST"]);
    for seen in &checked.streams {
        let numbers =
            [seen.epoch, seen.blocks, seen.readings, seen.first, seen.last].map(|number| number.to_string());
        table.push([seen.stream.clone()].into_iter().chain(numbers));
    }
    let mut lines: Vec<String> = checked.pages.iter().map(|page| format!("pages: {}", one_line(page))).collect();
    lines.extend(checked.damaged.iter().map(|row| {
        format!("damaged: {} {}: it names {} of epoch {} from {}", row.table, row.id, row.stream, row.epoch, row.seq)
    }));
    if checked.damaged_rows > 0 {
        lines.push(format!("damaged: {} in all", count(&checked.damaged_rows, "row")));
    }
    lines.extend(checked.missing.iter().map(|gap| {
        format!(
            "unexplained: {} of epoch {}: {} to {} are owed and not there",
            gap.stream, gap.epoch, gap.from, gap.to
        )
    }));
    if checked.twice > 0 {
        lines.push(format!("numbers: {} came twice or fell", checked.twice));
    }
    if lines.is_empty() {
        lines.push("sound".to_owned());
    }
    format!("{table}\n{}\n", lines.join("\n"))
}

/// What came of a salvage.
fn told(rescued: &Rescued, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let Rescued { blocks, readings, damaged_rows, lost_blocks, file, letters, damaged_letters, .. } = rescued;
    context.show(as_json, &json!(rescued), || {
        format!(
            "carried over: {} in {}, {}\nlost: {} that were owed; {} and {} could not be read\nkept: {}\n",
            count(readings, "reading"),
            count(blocks, "block"),
            count(letters, "dead letter"),
            count(lost_blocks, "block"),
            count(damaged_rows, "row"),
            count(damaged_letters, "dead letter"),
            file.display()
        )
    })
}

/// One line on a terminal that says how far it is.
struct Bar {
    last: Option<Progress>,
    is_shown: bool,
}

impl Bar {
    fn new() -> Self {
        Self { last: None, is_shown: io::stderr().is_terminal() }
    }

    fn tell(&mut self, progress: Progress) {
        if !self.is_shown || self.last == Some(progress) {
            return;
        }
        self.last = Some(progress);
        // Progress that nobody can see is no reason to stop.
        let _ = match progress {
            Progress::Pages => write!(io::stderr(), "\rpages are checked …"),
            Progress::Rows(percent) => write!(io::stderr(), "\rrows are read: {percent:3} %"),
        };
        let _ = io::stderr().flush();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.last.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::damage::{DamagedRow, Missing, Seen};

    #[test]
    fn a_report_names_what_is_wrong_and_where() {
        let seen = Seen { stream: "data".to_owned(), epoch: 3, blocks: 9, readings: 90, first: 1, last: 10 };
        let row = DamagedRow { table: "pack", id: 7, stream: "data".to_owned(), epoch: 3, seq: 5 };
        let gap = Missing { stream: "data".to_owned(), epoch: 3, from: 5, to: 5 };
        let sound = Checked { streams: vec![seen], ..Checked::default() };
        assert_eq!(report(&sound).lines().next_back(), Some("sound"));

        let text = report(&Checked { damaged_rows: 1, damaged: vec![row], missing: vec![gap], ..sound });

        for line in [
            "data    3      9       90        1      10",
            "damaged: pack 7: it names data of epoch 3 from 5",
            "damaged: 1 row in all",
            "unexplained: data of epoch 3: 5 to 5 are owed and not there",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
    }
}
