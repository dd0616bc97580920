//! A wall clock that jumps for the gateway alone, by libfaketime where it is installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// The library, and the file it reads the offset from.
pub(crate) struct WallClock {
    /// `libfaketimeMT.so.1`.
    library: PathBuf,
    /// Holds the offset.
    dir: TempDir,
}

impl WallClock {
    /// A clock that goes right; or why there is none. `LIBFAKETIME` names the library where it lies elsewhere.
    pub(crate) fn find() -> Result<Self, String> {
        let library = env::var_os("LIBFAKETIME").map(PathBuf::from).or_else(installed);
        let library = library.ok_or("libfaketime is not installed")?;
        let clock = Self { library, dir: TempDir::new().map_err(|error| error.to_string())? };
        clock.set("+0");
        Ok(clock)
    }

    /// Moves the clock to so much before or after the right time: `+2h`, `-3d`.
    pub(crate) fn set(&self, offset: &str) {
        let (new, file) = (self.dir.path().join("new"), self.file());
        fs::write(&new, offset).unwrap();
        // In one step, so that the library never reads half an offset.
        fs::rename(new, file).unwrap();
    }

    /// What makes a daemon go by it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Holds the offset.
    fn file(&self) -> PathBuf {
        self.dir.path().join("offset")
    }
}

/// Where Debian keeps it.
fn installed() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    let places = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    places.into_iter().find(|place| Path::exists(place))
}
