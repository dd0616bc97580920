//! The socket file: made with tight permissions, a stale one replaced, a live one left alone, removed at the end.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream as StdStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

/// Owner and group may connect.
const MODE: u32 = 0o660;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another daemon answers on it.
    #[error("{} is in use: another tidegate runs with the same [api] socket", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket stands there; it is not ours to remove.
    #[error("{} exists and is no socket", .0.display())]
    NotASocket(PathBuf),
    /// The file system refuses.
    #[error("cannot make the socket {}: {source}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A listening socket and its file, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    /// Where connections come in.
    pub(super) listener: UnixListener,
    /// The file, and its inode so that a successor's file is left alone.
    file: (PathBuf, Option<u64>),
}

impl Socket {
    /// Makes the file and listens.
    pub(super) fn bind(path: &Path) -> Result<Self, SocketError> {
        let io_error = |source| SocketError::Io { path: path.to_owned(), source };
        make_way(path)?;
        let listener = UnixListener::bind(path).map_err(io_error)?;
        fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(io_error)?;
        Ok(Self { listener, file: (path.to_owned(), inode(path)) })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let (path, ours) = &self.file;
        if inode(path) == *ours {
            // A file that is gone already is what we want; any other error leaves a stale file, which is replaced.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes the file of a daemon that is gone.
fn make_way(path: &Path) -> Result<(), SocketError> {
    let io_error = |source| SocketError::Io { path: path.to_owned(), source };
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error(error)),
    };
    if !kind.is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    match StdStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(io_error),
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) => Err(io_error(error)),
    }
}

/// The inode behind a path.
fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|metadata| metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_file_is_replaced_and_a_live_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());

        let socket = Socket::bind(&path).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(matches!(Socket::bind(&path), Err(SocketError::InUse(_))));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        fs::write(&path, "precious").unwrap();

        assert!(matches!(Socket::bind(&path), Err(SocketError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_successors_file_survives() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        let first = Socket::bind(&path).unwrap();
        fs::rename(&path, dir.path().join("old.sock")).unwrap();
        let second = Socket::bind(&path).unwrap();

        drop(first);

        assert!(path.exists());
        drop(second);
    }
}
