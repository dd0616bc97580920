//! `tidegate backup` and `tidegate restore`: what makes this gateway this gateway, in one file.
//!
//! An archive holds a [`Manifest`] first, with size and checksum of everything behind it. Names in it begin with
//! `config/` or `state/` and stay below those folders; nothing but plain files is taken. A restore puts everything
//! beside its place, proves it, and only then moves it there.

mod contents;
mod manifest;
mod place;
mod restore;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf, absolute},
};

pub(super) use self::restore::{Args as RestoreArgs, run as restore};
use self::{
    contents::Content,
    manifest::{Listed, MANIFEST, Manifest, checksum},
};
use super::{
    archive::Archive,
    context::Context,
    error::{CliError, complain},
    format::{bytes, count},
    seams,
};
use crate::{
    host::SystemClock,
    model::{Clock as _, Timestamp},
};

/// Write the configuration with its secrets, rules and profiles, what adapters have learned (a Zigbee network's devices
/// among it), and the memory of commands into one file that only its owner can read. The daemon may be at work.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file.
    file: PathBuf,
    /// The stored readings too; those that are not delivered yet are then delivered from where they are restored.
    #[arg(long)]
    with_buffer: bool,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let path = &args.file;
    if !args.force && path.exists() {
        return Err(CliError::Usage(format!("{} is there already (help: --force replaces it)", path.display())));
    }
    let config = absolute(context.config())?;
    let scratch = Scratch::beside(path).map_err(|error| failed(path, &error))?;
    let contents = contents::gather(&config, args.with_buffer, &scratch.0)?;
    for left_out in &contents.left_out {
        complain(&format!("not in the backup: {left_out}"));
    }
    let now = SystemClock::new().now();
    let size = write(path, &contents, now, &seams::gateway(&config)).map_err(|error| failed(path, &error))?;
    let files = count(&contents.files.len(), "file");
    context.print(&format!("{}: {files}, {}, for its owner alone\n", path.display(), bytes(size)))
}

/// Writes the archive and gives the size of what is in it.
fn write(path: &Path, contents: &contents::Contents, now: Timestamp, gateway: &str) -> io::Result<u64> {
    let files = contents.files.iter().map(list).collect::<io::Result<Vec<_>>>()?;
    let size = files.iter().map(|file| file.size).sum();
    let manifest = Manifest::new(now, gateway, &contents.main, files);
    let text = serde_json::to_vec_pretty(&manifest)?;

    let mut archive = Archive::create(path, now)?;
    archive.add(MANIFEST, 0o600, text.len() as u64, &*text)?;
    for (content, listed) in contents.files.iter().zip(&manifest.files) {
        archive.add(&listed.name, listed.mode, listed.size, content.open()?)?;
    }
    archive.finish()?;
    Ok(size)
}

/// What the manifest says of a file.
fn list(content: &Content) -> io::Result<Listed> {
    let (size, sha256) = checksum(content.open()?)?;
    Ok(Listed { name: content.name.clone(), size, mode: content.mode, sha256 })
}

/// An archive that cannot be written.
fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::Failed(format!("cannot write {}: {error}", path.display()))
}

/// A folder for copies that are still in use elsewhere, gone again at the end.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes one beside a file, for this user alone.
    fn beside(path: &Path) -> io::Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::make(path.with_file_name(format!("{name}.copies")))
    }

    /// Makes a folder anew; what a power cut has left there goes.
    fn make(folder: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next one.
        let _ = fs::remove_dir_all(&self.0);
    }
}
