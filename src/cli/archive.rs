//! A compressed tar that is being written: for its owner alone, and whole or not there.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, Header};

use crate::model::Timestamp;

/// An archive that is not whole yet. Dropped unfinished it leaves nothing behind.
pub(super) struct Archive {
    /// What is written to; `None` once it is finished.
    tar: Option<Builder<GzEncoder<File>>>,
    /// Where it is while it is written.
    part: PathBuf,
    /// Where it will be.
    path: PathBuf,
    /// The time its files bear, in seconds.
    moment: u64,
}

impl Archive {
    /// Begins an archive beside where it will be.
    pub(super) fn create(path: &Path, now: Timestamp) -> io::Result<Self> {
        let mut part = OsString::from(path);
        part.push(".part");
        let part = PathBuf::from(part);
        // One that was left behind by a power cut is in nobody's way.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let tar = Builder::new(GzEncoder::new(file, Compression::default()));
        let moment = u64::try_from(now.as_millis() / 1000).unwrap_or(0);
        Ok(Self { tar: Some(tar), part, path: path.to_owned(), moment })
    }

    /// Adds a file of `size` bytes. One that has become shorter meanwhile is an error, what has been added to it is
    /// left out.
    pub(super) fn add(&mut self, name: &str, mode: u32, size: u64, bytes: impl Read) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(self.moment);
        let mut bytes = bytes.take(size);
        self.writer().append_data(&mut header, name, &mut bytes)?;
        if bytes.limit() > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{name} became shorter while it was read"),
            ));
        }
        Ok(())
    }

    /// Makes it whole, in the place of what was there.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(tar) = self.tar.take() {
            tar.into_inner()?.finish()?.sync_all()?;
            fs::rename(&self.part, &self.path)?;
        }
        Ok(())
    }

    /// What is written to.
    fn writer(&mut self) -> &mut Builder<GzEncoder<File>> {
        self.tar.as_mut().expect("it is there until it is finished")
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        if self.tar.is_some() {
            // What cannot be removed is overwritten by the next one.
            let _ = fs::remove_file(&self.part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_archive_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let files = || fs::read_dir(folder.path()).unwrap().count();

        drop(Archive::create(&path, Timestamp::default()).unwrap());
        assert_eq!(files(), 0);

        let mut archive = Archive::create(&path, Timestamp::default()).unwrap();
        archive.add("a/b", 0o640, 2, &b"xyz"[..]).unwrap();
        assert!(archive.add("c", 0o640, 4, &b"xyz"[..]).is_err());
        archive.finish().unwrap();
        assert_eq!(files(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
