//! Salvaging by hand: out of a file into lines of JSON or a new store, or a store into its own successor.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    FoundLetter, Progress,
    pending::Pending,
    salvager::{Done, Row, Salvager, Step},
};
use crate::{
    buffer::{Metrics, OpenError, Origin, codec::Encoder, core::Core, opening, seal::Seal},
    config,
    model::{Block, BlockBody, Gap, Reading},
};

/// Why nothing could be salvaged.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// The damaged file or the new one cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The lines cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// There is a file in the place of the new store.
    #[error("{} is there already (help: give the name of a file that is not)", .0.display())]
    Exists(PathBuf),
    /// The new store cannot be written.
    #[error("{}: cannot be written: {reason}", .path.display())]
    Refused {
        /// The new store.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
}

/// What came of it.
#[derive(Debug, Default, serde::Serialize)]
pub struct Rescued {
    /// Blocks that were read.
    pub blocks: u64,
    /// Readings in them.
    pub readings: u64,
    /// Rows that were there and could not be read.
    pub damaged_rows: u64,
    /// Dead letters that were read.
    pub letters: u64,
    /// Dead letters that were there and could not be read.
    pub damaged_letters: u64,
    /// Undelivered blocks that are lost.
    pub lost_blocks: u64,
    /// Their numbers, and those that moved to a new store.
    pub gaps: Vec<Gap>,
    /// Where the damaged file is.
    pub file: PathBuf,
}

/// What is read.
enum Piece {
    Row(Row),
    Letter(Box<FoundLetter>),
}

/// Writes everything that can be read as lines of JSON: one for each reading, event and outcome.
pub fn read_out(
    path: &Path,
    key: Option<&config::Secret>,
    out: &mut dyn Write,
    tell: &mut dyn FnMut(Progress),
) -> Result<Rescued, SalvageError> {
    let mut salvager = open(path, seal(path, key)?, &[])?;
    let mut rescued = Rescued { file: path.to_owned(), ..Rescued::default() };
    let mut write = |piece: Piece| match piece {
        Piece::Row(row) => row.blocks.iter().try_for_each(|block| lines(block, out).map_err(SalvageError::from)),
        Piece::Letter(letter) if letter.is_stored => Ok(()),
        Piece::Letter(letter) => lines(&letter.block, out).map_err(SalvageError::from),
    };
    let done = run(&mut salvager, &mut rescued, tell, &mut write)?;
    out.flush()?;
    Ok(rescued.with(&done))
}

/// Reads everything that can be read into a new store, which keeps who had what.
pub fn rebuild(
    path: &Path,
    into: &Path,
    settings: &config::Buffer,
    origin: Origin,
    tell: &mut dyn FnMut(Progress),
) -> Result<Rescued, SalvageError> {
    if into.exists() {
        return Err(SalvageError::Exists(into.to_owned()));
    }
    let seal = seal(path, settings.key.as_ref())?;
    let uplinks: Vec<_> = origin.uplinks.iter().map(|feed| feed.name.clone()).collect();
    let salvager = open(path, seal.clone(), &uplinks)?;
    // The bounds are those of whoever opens it later.
    let (max_size, ever) = (u64::MAX >> 1, Duration::MAX);
    let settings =
        config::Buffer { path: into.to_owned(), max_size, max_age: ever, history: ever, ..settings.clone() };
    let opened = opening::open(into, seal, origin.clock.now())?;
    move_into(&settings, origin, opened, salvager, path.to_owned(), tell)
}

/// Sets a store aside, begins a new one in its place and salvages into it. Nobody may be using it.
pub fn repair(
    settings: &config::Buffer,
    origin: Origin,
    tell: &mut dyn FnMut(Progress),
) -> Result<Rescued, SalvageError> {
    let path = &settings.path;
    let seal = seal(path, settings.key.as_ref())?;
    // A key that does not fit is told before anything is moved.
    drop(super::look::look(path, seal.clone())?);
    let opened = opening::replace(path, seal.clone(), origin.clock.now(), "it was repaired by hand", None)?;
    let failed = |error| OpenError::Sqlite { path: path.clone(), error };
    let pending = Pending::all(&opened.0.db).map_err(failed)?.pop().unwrap_or_default();
    let uplinks: Vec<_> = origin.uplinks.iter().map(|feed| feed.name.clone()).collect();
    let aside = folder(path).join(&pending.file);
    let salvager = Salvager::open(folder(path), pending, seal, &uplinks, true)?;
    move_into(settings, origin, opened, salvager, aside, tell)
}

fn move_into(
    settings: &config::Buffer,
    origin: Origin,
    (store, notice): (crate::buffer::store::Store, Option<opening::Notice>),
    mut salvager: Salvager,
    file: PathBuf,
    tell: &mut dyn FnMut(Progress),
) -> Result<Rescued, SalvageError> {
    let path = settings.path.clone();
    let encoder = Encoder::new().map_err(|error| OpenError::Io { path: path.clone(), error })?;
    let failed = |error| OpenError::Sqlite { path: path.clone(), error };
    let core = Core::new(settings.clone(), origin, Metrics::default(), store, encoder, notice);
    let mut core = core.map_err(failed)?;
    let mut rescued = Rescued { file, ..Rescued::default() };
    let done = run(&mut salvager, &mut rescued, tell, &mut |piece| take_in(&mut core, piece))?;
    core.end_salvage(&done);
    if core.finish() { Ok(rescued.with(&done)) } else { Err(refused(&core)) }
}

fn take_in(core: &mut Core, piece: Piece) -> Result<(), SalvageError> {
    let row = match piece {
        Piece::Row(row) => row,
        Piece::Letter(letter) => return core.carry_letter(letter).map_err(|_| refused(core)),
    };
    let Err(row) = core.carry_over(row) else { return Ok(()) };
    let is_done = core.commit_history();
    if is_done && core.carry_over(row).is_ok() { Ok(()) } else { Err(refused(core)) }
}

fn refused(core: &Core) -> SalvageError {
    let status = core.status.borrow();
    let reason = status.failing.clone().unwrap_or_else(|| "it has no room".to_owned());
    SalvageError::Refused { path: status.path.clone(), reason }
}

/// Reads all of it, handing each piece to `take`.
fn run(
    salvager: &mut Salvager,
    rescued: &mut Rescued,
    tell: &mut dyn FnMut(Progress),
    take: &mut dyn FnMut(Piece) -> Result<(), SalvageError>,
) -> Result<Box<Done>, SalvageError> {
    tell(Progress::Rows(0));
    loop {
        match salvager.step() {
            Step::Rows(rows) => {
                for row in rows {
                    tell(Progress::Rows(row.percent));
                    rescued.blocks += row.blocks.len() as u64;
                    rescued.readings += row.blocks.iter().map(|block| block.readings() as u64).sum::<u64>();
                    take(Piece::Row(row))?;
                }
            }
            Step::Letters(letters) => {
                letters.into_iter().try_for_each(|letter| take(Piece::Letter(Box::new(letter))))?;
            }
            Step::Done(done) => return Ok(done),
        }
    }
}

impl Rescued {
    fn with(self, done: &Done) -> Self {
        let (letters, damaged_letters) = done.letters;
        Self {
            letters,
            damaged_letters,
            damaged_rows: done.damaged,
            lost_blocks: done.lost(),
            gaps: done.gaps.clone(),
            ..self
        }
    }
}

fn seal(path: &Path, key: Option<&config::Secret>) -> Result<Seal, OpenError> {
    Seal::of(key).map_err(|error| OpenError::Key { path: path.to_owned(), error })
}

fn open(path: &Path, seal: Seal, uplinks: &[std::sync::Arc<str>]) -> Result<Salvager, OpenError> {
    let pending = Pending::new(path, None, None);
    Salvager::open(folder(path), pending, seal, uplinks, true)
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn lines(block: &Block, out: &mut dyn Write) -> io::Result<()> {
    match &block.body {
        BlockBody::Readings(readings) => {
            readings.iter().try_for_each(|reading| line(block, of_reading(reading), out))
        }
        BlockBody::Message { ts, fields, .. } => {
            let mut json: Value = serde_json::from_str(fields).unwrap_or_else(|_| json!({ "text": fields }));
            json["ts"] = json!(ts);
            line(block, json, out)
        }
    }
}

/// One line, with where it comes from.
fn line(block: &Block, mut json: Value, out: &mut dyn Write) -> io::Result<()> {
    json["store"] = json!(block.store);
    json["epoch"] = json!(block.epoch);
    json["stream"] = json!(block.stream.as_str());
    json["seq"] = json!(block.seq);
    writeln!(out, "{json}")
}

fn of_reading(reading: &Reading) -> Value {
    let point = &reading.point;
    let mut json = json!({
        "ts": reading.ts, "device": point.device(), "point": point.name(), "value": reading.value,
    });
    if let Some(unit) = &point.unit {
        json["unit"] = json!(unit);
    }
    if !reading.quality.is_good() {
        json["quality"] = json!(reading.quality.to_string());
    }
    json
}
