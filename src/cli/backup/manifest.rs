//! The first file of a backup: what is in it, with checksums. What it says is believed only as far as it is checked.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// Its name in the archive.
pub(super) const MANIFEST: &str = "manifest.json";
/// The form of the archive; another one is refused.
const FORMAT: u32 = 1;
/// What the program calls itself in it.
const PROGRAM: &str = "tidegate";
/// Most bytes of a manifest.
pub(super) const MAX_BYTES: u64 = 4 << 20;
/// Most files; a gateway has some dozens.
pub(super) const MAX_FILES: usize = 10_000;
/// Longest name, and most folders in it.
const MAX_NAME: usize = 512;
const MAX_DEPTH: usize = 12;
/// The buffer and the memory of commands, by their names in the archive.
pub(super) const BUFFER: &str = "state/buffer.db";
pub(super) const LEDGER: &str = "state/commands.db";
/// What adapters have learned.
pub(super) const LEARNED: &str = "state/adapters/";

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The form of the archive.
    pub(super) format: u32,
    /// The program that wrote it.
    pub(super) program: String,
    /// Its version.
    pub(super) version: String,
    /// When.
    pub(super) created: String,
    /// The gateway it is of.
    pub(super) gateway: String,
    /// The name of the configuration's main file, below `config/`.
    pub(super) main: String,
    /// The files, in the order of the archive.
    pub(super) files: Vec<Listed>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Its name in the archive.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    /// Who may read and write it.
    pub(super) mode: u32,
    /// SHA-256 in hex.
    pub(super) sha256: String,
}

/// Where a file belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Below the folder of the configuration.
    Config(PathBuf),
    /// What an adapter has learned.
    Learned(PathBuf),
    /// The memory of commands.
    Ledger,
    /// The stored readings.
    Buffer,
}

impl Manifest {
    /// Of a backup that is written now.
    pub(super) fn new(now: Timestamp, gateway: &str, main: &str, files: Vec<Listed>) -> Self {
        let (format, program, version) = (FORMAT, PROGRAM.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let (created, gateway, main) = (now.to_string(), gateway.to_owned(), main.to_owned());
        Self { format, program, version, created, gateway, main, files }
    }

    /// Reads what an archive holds first.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| format!("not understood: {error}"))?;
        if manifest.program != PROGRAM {
            return Err(format!("it is of {:?}, not of {PROGRAM}", manifest.program));
        }
        if manifest.format != FORMAT {
            return Err(format!("it has format {}, this version knows {FORMAT}", manifest.format));
        }
        if manifest.files.len() > MAX_FILES {
            return Err(format!("it lists {} files, more than {MAX_FILES}", manifest.files.len()));
        }
        manifest.check_names()?;
        Ok(manifest)
    }

    /// Every name has a place, and no place two names.
    fn check_names(&self) -> Result<(), String> {
        let mut places = BTreeSet::new();
        for listed in &self.files {
            let place = place(&listed.name).ok_or_else(|| format!("{:?} is no name of a backup", listed.name))?;
            if !places.insert(place) {
                return Err(format!("{:?} is listed twice", listed.name));
            }
        }
        match place(&format!("config/{}", self.main)) {
            Some(place) if places.contains(&place) => Ok(()),
            _ => Err(format!("its main file {:?} is not listed", self.main)),
        }
    }
}

/// Where a name of the archive belongs; `None` for one that could lead anywhere else.
pub(super) fn place(name: &str) -> Option<Place> {
    match name {
        BUFFER => return Some(Place::Buffer),
        LEDGER => return Some(Place::Ledger),
        _ => {}
    }
    if let Some(rest) = name.strip_prefix(LEARNED) {
        let path = below(rest)?;
        let is_document = path.components().count() == 1 && path.extension().is_some_and(|ending| ending == "json");
        return is_document.then_some(Place::Learned(path));
    }
    Some(Place::Config(below(name.strip_prefix("config/")?)?))
}

/// A path that stays below the folder it is put in.
fn below(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    // Written in one way only: `a//b` and `a/./b` would be other names for one place.
    let is_canonical = path.components().collect::<PathBuf>().as_os_str() == text;
    let is_short = text.len() <= MAX_NAME && path.components().count() <= MAX_DEPTH;
    (!text.is_empty() && !text.contains('\0') && is_plain && is_canonical && is_short).then(|| path.to_owned())
}

/// Bytes and SHA-256 of all that can be read.
pub(super) fn checksum(mut from: impl Read) -> io::Result<(u64, String)> {
    let mut digest = Digest::default();
    io::copy(&mut from, &mut digest)?;
    Ok(digest.finish())
}

/// A checksum that is being made.
pub(super) struct Digest {
    /// What was taken in so far.
    context: Context,
    /// How much that was.
    size: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self { context: Context::new(&SHA256), size: 0 }
    }
}

impl Digest {
    /// Bytes and checksum of all that was taken in.
    pub(super) fn finish(self) -> (u64, String) {
        let mut hex = String::with_capacity(64);
        for byte in self.context.finish().as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        (self.size, hex)
    }
}

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.context.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
