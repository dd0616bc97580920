//! Where the system's own files are looked for: `/`, or a folder that stands for it in tests.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

/// Most bytes that are read of one file; those of `/proc` and `/sys` have no size to go by.
const MAX_TEXT: u64 = 1 << 20;

/// The root of the files that are looked at.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// The system's own.
    pub fn system() -> Self {
        Self::at("/")
    }

    /// A folder that stands for it.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Where a path of the system is.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Whether there is something.
    pub fn has(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// What a file says, without the space around it; `None` when it cannot be read.
    pub fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let mut bytes = Vec::new();
        File::open(self.path(path)).ok()?.take(MAX_TEXT).read_to_end(&mut bytes).ok()?;
        // The device tree ends its texts with a NUL.
        Some(String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    }

    /// A number in a file, in the form of C.
    pub fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        let text = self.text(path)?;
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// The names in a folder, in order; none when it cannot be read.
    pub fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The last name of what a link points to.
    pub fn target(&self, link: impl AsRef<Path>) -> Option<String> {
        Some(fs::read_link(self.path(link)).ok()?.file_name()?.to_string_lossy().into_owned())
    }

    /// The file or folder itself behind links, and the folders it is in, the nearest first.
    pub fn ancestors(&self, path: impl AsRef<Path>) -> Vec<PathBuf> {
        let Ok(real) = self.path(path).canonicalize() else { return Vec::new() };
        let inside = real.ancestors().take_while(|folder| *folder != self.0 && folder.parent().is_some());
        inside.map(|folder| Path::new("/").join(folder.strip_prefix(&self.0).unwrap_or(folder))).collect()
    }
}

/// A folder with these files in it, for tests.
#[cfg(test)]
pub(crate) fn fake(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::at(folder.path().canonicalize().unwrap());
    for (path, text) in files {
        let path = root.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None => fs::write(path, text).unwrap(),
        }
    }
    (folder, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_below_the_root() {
        let (_folder, root) =
            fake(&[("/sys/a", " 12\n"), ("/sys/b", "0x0b\n"), ("/sys/model", "Board\0"), ("/dev/x", "-> ../sys/a")]);

        assert_eq!((root.number("/sys/a"), root.number("/sys/b")), (Some(12), Some(11)));
        assert_eq!(root.text("/sys/model").as_deref(), Some("Board"));
        assert_eq!((root.names("/sys").len(), root.names("/none").len()), (3, 0));
        assert_eq!(root.target("/dev/x").as_deref(), Some("a"));
        assert_eq!(root.ancestors("/dev/x"), [Path::new("/sys/a"), Path::new("/sys")]);
        assert!(root.has("/dev/x") && !root.has("/dev/y"));
    }
}
