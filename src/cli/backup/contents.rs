//! What goes into a backup: files of the configuration and what it names below its folder, and the state.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    super::{error::CliError, seams},
    manifest::{BUFFER, LEARNED, LEDGER, MAX_FILES},
};

/// Largest file of the configuration: it is read into memory, so that it cannot change between checksum and copy.
const MAX_FILE: u64 = 64 << 20;
/// Deepest folder below rules and profiles.
const MAX_DEPTH: usize = 8;

/// What goes into a backup.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// The files in the order of their names.
    pub(super) files: Vec<Content>,
    /// The name of the main file.
    pub(super) main: String,
    /// What is named by the configuration and left out, and why.
    pub(super) left_out: Vec<String>,
}

/// One file.
#[derive(Debug)]
pub(super) struct Content {
    /// Its name in the archive.
    pub(super) name: String,
    /// Who may read and write it.
    pub(super) mode: u32,
    /// Where its bytes are.
    pub(super) source: Source,
}

/// Where bytes are that do not change any more.
#[derive(Debug)]
pub(super) enum Source {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a copy of our own.
    Copy(PathBuf),
}

impl Content {
    /// The bytes from their start.
    pub(super) fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match &self.source {
            Source::Bytes(bytes) => Box::new(&**bytes),
            Source::Copy(path) => Box::new(File::open(path)?),
        })
    }
}

/// Reads all of it; databases are copied to `scratch` as they are at one moment, while they may be in use.
pub(super) fn gather(config: &Path, with_buffer: bool, scratch: &Path) -> Result<Contents, CliError> {
    let mut gathering =
        Gathering { folder: config.parent().unwrap_or(Path::new("")).to_owned(), ..Gathering::default() };
    let redacted = seams::redacted(config);
    for (file, _) in &redacted.files {
        gathering.take(file)?;
    }
    for file in redacted.secret_files.iter().chain(&redacted.public_files) {
        gathering.take_if_there(file)?;
    }
    for folder in seams::named_folders(config) {
        gathering.take_folder(&folder, MAX_DEPTH)?;
    }
    let mut contents = gathering.finish(config);
    contents.add_state(&seams::buffer(config)?.path, with_buffer, scratch)?;
    Ok(contents)
}

/// Files of the configuration while they are being collected.
#[derive(Debug, Default)]
struct Gathering {
    /// The folder of the main file.
    folder: PathBuf,
    /// By the path below it; each once.
    files: BTreeMap<PathBuf, Content>,
    /// What is elsewhere.
    left_out: BTreeSet<String>,
}

impl Gathering {
    /// A file that may be missing: `check` tells so, a backup takes what there is.
    fn take_if_there(&mut self, file: &Path) -> Result<(), CliError> {
        if file.exists() { self.take(file) } else { Ok(()) }
    }

    /// Reads one file, if it is below the folder.
    fn take(&mut self, file: &Path) -> Result<(), CliError> {
        let Ok(path) = file.strip_prefix(&self.folder) else {
            let shown = file.display();
            self.left_out.insert(format!("{shown}: it is not below {}", self.folder.display()));
            return Ok(());
        };
        let Some(path_text) = path.to_str() else {
            self.left_out.insert(format!("{}: its name is no UTF-8", file.display()));
            return Ok(());
        };
        if self.files.len() >= MAX_FILES {
            return Err(CliError::Failed(format!(
                "there are more than {MAX_FILES} files below {}",
                self.folder.display()
            )));
        }
        let content = read(file, format!("config/{path_text}"))?;
        self.files.insert(path.to_owned(), content);
        Ok(())
    }

    /// Reads a folder of rules or profiles with all in it. Links are not followed: they may lead in a circle.
    fn take_folder(&mut self, folder: &Path, depth: usize) -> Result<(), CliError> {
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        if !folder.starts_with(&self.folder) {
            self.left_out.insert(format!("{}: it is not below {}", folder.display(), self.folder.display()));
            return Ok(());
        }
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(folder, &error))?;
            let kind = entry.file_type().map_err(|error| unreadable(folder, &error))?;
            if kind.is_file() {
                self.take(&entry.path())?;
            } else if kind.is_dir() && depth > 0 {
                self.take_folder(&entry.path(), depth - 1)?;
            } else {
                self.left_out.insert(format!("{}: it is a link, or too deep", entry.path().display()));
            }
        }
        Ok(())
    }

    /// All that was collected.
    fn finish(self, config: &Path) -> Contents {
        let main = config.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Contents { files: self.files.into_values().collect(), main, left_out: self.left_out.into_iter().collect() }
    }
}

impl Contents {
    /// Adds what lies beside the buffer, and the buffer itself if it is wanted.
    fn add_state(&mut self, buffer: &Path, with_buffer: bool, scratch: &Path) -> Result<(), CliError> {
        let folder = buffer.with_file_name("adapters");
        let mut names = crate::host::Root::system().names(&folder);
        names.retain(|name| Path::new(name).extension().is_some_and(|ending| ending == "json"));
        for name in names {
            self.files.push(read(&folder.join(&name), format!("{LEARNED}{name}"))?);
        }
        let ledger = buffer.with_file_name("commands.db");
        if ledger.exists() {
            self.files.push(copied(LEDGER, scratch.join("commands.db"), |into| seams::copy_ledger(&ledger, into))?);
        }
        if with_buffer && buffer.exists() {
            self.files.push(copied(BUFFER, scratch.join("buffer.db"), |into| seams::copy_buffer(buffer, into))?);
        }
        Ok(())
    }
}

/// A database as it is at one moment.
fn copied(name: &str, into: PathBuf, copy: impl FnOnce(&Path) -> Result<(), String>) -> Result<Content, CliError> {
    copy(&into).map_err(|why| CliError::Failed(format!("cannot copy {name}: {why}")))?;
    Ok(Content { name: name.to_owned(), mode: 0o600, source: Source::Copy(into) })
}

/// Reads a file whole.
fn read(path: &Path, name: String) -> Result<Content, CliError> {
    let open = || -> io::Result<(u32, Vec<u8>)> {
        let file = File::open(path)?;
        let mode = file.metadata()?.mode() & 0o777;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        Ok((mode, bytes))
    };
    let (mode, bytes) = open().map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(CliError::Failed(format!("{} has more than {MAX_FILE} bytes", path.display())));
    }
    Ok(Content { name, mode, source: Source::Bytes(bytes) })
}

/// A file or folder that cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot read {}: {error} (help: use sudo)", path.display()))
}
