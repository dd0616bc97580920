//! Disks: a private one whose every written sector is counted, and the page cache of the others.
//!
//! What a process is said to have written is pages; a card also sees the file system's journal and whatever is written
//! twice. So an ext4 of its own, mounted from a file over a loop device, is asked what it was really given.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::fs::{major, minor, sync, syncfs};
use tempfile::TempDir;

use crate::site::bench_dir;

/// Its size; the file behind it has holes where nothing was written.
const SIZE: &str = "1G";
/// The unit of `/sys/dev/block/*/stat`, whatever the device's own is (Linux, `Documentation/block/stat.rst`).
const SECTOR: u64 = 512;

/// A mounted file system in a file that has no name any more.
pub(crate) struct Disk {
    dir: TempDir,
}

impl Disk {
    /// Makes one and mounts it, or says why there is none.
    pub(crate) fn mount() -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("disk-").tempdir_in(bench_dir())?;
        let image = bench_dir().join(dir.path().file_name().expect("a name")).with_extension("ext4");
        let mounted = make(&image).and_then(|()| {
            // Unmounting it frees the loop device too: mount asks for that.
            run(Command::new("mount").args(["-o", "loop,noatime"]).arg(&image).arg(dir.path()))
        });
        // The loop device keeps what it needs of it; so nothing is left behind, however this process ends.
        let removed = fs::remove_file(&image);
        mounted.and(removed).map(|()| Self { dir })
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Bytes written to the device so far, after everything that waits has been.
    pub(crate) fn written(&self) -> u64 {
        syncfs(File::open(self.path()).expect("a mounted disk")).expect("a disk that takes what waits");
        let device = fs::metadata(self.path()).expect("a mounted disk").dev();
        let stat = format!("/sys/dev/block/{}:{}/stat", major(device), minor(device));
        let text = fs::read_to_string(stat).expect("the device's figures");
        let sectors: u64 = text.split_whitespace().nth(6).and_then(|n| n.parse().ok()).expect("sectors written");
        sectors * SECTOR
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a case that fails may still have files open. A failure is told by umount itself.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// An ext4 as a card would have it: nothing is left for the kernel to fill in later, which would be counted.
fn make(image: &Path) -> io::Result<()> {
    run(Command::new("truncate").args(["--size", SIZE]).arg(image))?;
    let eager = "lazy_itable_init=0,lazy_journal_init=0";
    run(Command::new(sbin("mkfs.ext4")).args(["-q", "-F", "-b", "4096", "-E", eager]).arg(image))
}

/// A command that runs this program in a mount namespace of its own, where that is allowed: whatever is mounted there
/// goes with its last process, also when that is killed.
pub(crate) fn contained() -> Command {
    let program = std::env::current_exe().expect("the path of this program");
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount");
    let is_allowed = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    if is_allowed.is_ok_and(|status| status.success()) {
        unshare.arg(program);
        unshare
    } else {
        Command::new(program)
    }
}

/// Writes everything out and has the kernel forget what it has read, as after a reboot.
pub(crate) fn drop_page_cache() -> io::Result<()> {
    sync();
    fs::write("/proc/sys/vm/drop_caches", "3")
}

/// Runs a tool; what it says is the error.
fn run(command: &mut Command) -> io::Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.output().map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {}", text.trim()))) }
}

/// Debian keeps some programs where an ordinary user's PATH does not look.
pub(crate) fn sbin(name: &str) -> PathBuf {
    let debian = Path::new("/usr/sbin").join(name);
    if debian.exists() { debian } else { name.into() }
}
