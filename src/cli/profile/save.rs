//! Where a profile goes that was made by asking a device.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use crate::cli::{context::Context, error::CliError};

/// Prints a profile, or writes it to a folder's `profile.toml` and prints where that is. What somebody may have worked on
/// is never written over.
pub(in crate::cli) fn save(folder: Option<&Path>, profile: &str, context: &mut Context) -> Result<(), CliError> {
    let Some(folder) = folder else { return context.print(profile) };
    fs::create_dir_all(folder)?;
    let file = folder.join("profile.toml");
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&file)
        .and_then(|mut new| new.write_all(profile.as_bytes()));
    written.map_err(|error| unwritten(&file, &error))?;
    context.print(&format!("{}\n", file.display()))
}

/// Why there is no new file.
fn unwritten(file: &Path, error: &io::Error) -> CliError {
    let file = file.display();
    CliError::Failed(match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{file} is there already and is left alone (help: choose another folder)")
        }
        _ => format!("cannot write {file}: {error}"),
    })
}
