//! Where files of a backup go on this machine, and whose they become.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::manifest::{Manifest, Place, place};
use crate::host::{Root, identity};

/// The user and group of the service.
const SERVICE: &str = "tidegate";

/// The folders and files of this machine.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// The main file of the configuration.
    pub(super) config: PathBuf,
    /// The buffer's file; the state is beside it.
    pub(super) buffer: PathBuf,
}

impl Site {
    /// Where a file goes. The main file takes the name that this machine has for it.
    pub(super) fn target(&self, manifest: &Manifest, name: &str) -> Option<PathBuf> {
        Some(match place(name)? {
            Place::Config(path) if path == Path::new(&manifest.main) => self.config.clone(),
            Place::Config(path) => self.folder().join(path),
            Place::Learned(path) => self.buffer.with_file_name("adapters").join(path),
            Place::Ledger => self.buffer.with_file_name("commands.db"),
            Place::Buffer => self.buffer.clone(),
        })
    }

    /// The folder of the configuration.
    pub(super) fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new(""))
    }
}

/// Gives a file its mode, and to the service what is the service's; without the right to do that it stays ours.
/// The mode never lets others write, nor anybody act as its owner.
pub(super) fn own(path: &Path, mode: u32, is_state: bool) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o775))?;
    let root = Root::system();
    let passwd = root.text("/etc/passwd").unwrap_or_default();
    if !rustix::process::geteuid().is_root() || !passwd.lines().any(|line| line.starts_with("tidegate:")) {
        return Ok(());
    }
    let service = identity::service(&root, SERVICE, SERVICE);
    // Only root changes the configuration; the group reads it.
    let owner = if is_state { service.uid } else { 0 };
    chown(path, Some(owner), Some(service.gid))
}
