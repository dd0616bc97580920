//! The disk's side of a case: the page cache, and programs that only root has in the PATH.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::sync;

/// Writes everything out and has the kernel forget what it has read, as after a reboot.
pub(crate) fn drop_page_cache() -> io::Result<()> {
    sync();
    fs::write("/proc/sys/vm/drop_caches", "3")
}

/// Debian keeps some programs where an ordinary user's PATH does not look.
pub(crate) fn sbin(name: &str) -> PathBuf {
    let debian = Path::new("/usr/sbin").join(name);
    if debian.exists() { debian } else { name.into() }
}
