//! Scripts beside a profile: what a table of points cannot say.
//!
//! `decode.rhai` has a function `decode`, `encode.rhai` a function `encode`. Each takes one map and gives one back. They
//! reach nothing: no files, no network, no clock, no memory from one call to the next. A call that takes too many
//! operations, too long or too much memory ends with an error, as any other mistake does, and concerns nobody else: it
//! is counted by the caller, told at most once a minute, and a script that fails always is left alone for a while.

mod engine;
mod runner;

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::runner::{Answer, Argument, CallError, Runner};
use crate::config::{Fault, Place, report::Problems};

/// Longest script. A longer one is refused whole.
const MAX_FILE: u64 = 64 * 1024;

/// A script as it was written. Two are equal when they say the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// Its file.
    pub file: PathBuf,
    /// Its text.
    pub text: Arc<str>,
    /// The function that is called.
    function: &'static str,
}

/// The script of a name in a profile's folder, if there is one; what is wrong with it is in `problems`.
pub(super) fn find(folder: &Path, function: &'static str, problems: &mut Problems) -> Option<Script> {
    let file = folder.join(function).with_extension("rhai");
    let text = match read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            problems.unreadable(&Place::start_of(&file), format!("cannot read the file: {error}"));
            return None;
        }
    };
    let script = Script { file, text: text.into(), function };
    if let Err((line, column, text)) = Runner::new(&script) {
        let place = Place { line, column, ..Place::start_of(&script.file) };
        problems.fault(&place, Fault::new(text));
    }
    Some(script)
}

/// The text of a file of a reasonable length.
fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(file)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
impl Script {
    /// A script of this text.
    pub fn of(function: &'static str, text: &str) -> Self {
        Self { file: format!("{function}.rhai").into(), text: text.into(), function }
    }
}

#[cfg(test)]
mod tests;
