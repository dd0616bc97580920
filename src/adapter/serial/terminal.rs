//! A pseudo-terminal that plays a serial port: the simulator has one end, whoever opens the path the other.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt as _, unix::fs::symlink},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, unix::AsyncFd};

/// Our end. The path goes when it is dropped.
#[derive(Debug)]
pub struct Terminal {
    path: PathBuf,
    /// What the path leads to.
    device: PathBuf,
    master: AsyncFd<OwnedFd>,
    /// The other end, too: without it ours would be hung up whenever the other program closes its own.
    _kept: File,
}

impl Terminal {
    /// Makes a terminal and a link to it at this path, where nothing may be yet.
    pub fn make(path: &Path) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let device = PathBuf::from(ptsname(&master, Vec::new())?.into_string().map_err(io::Error::other)?);
        let kept = open(&device)?;
        // No echo and no line editing: bytes are bytes, also before somebody sets the port.
        let mut settings = tcgetattr(&kept)?;
        settings.make_raw();
        tcsetattr(&kept, OptionalActions::Now, &settings)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        let master = watched(master)?;
        symlink(&device, path)?;
        Ok(Self { path: path.to_owned(), device, master, _kept: kept })
    }
}

/// Lets the runtime watch our end.
#[expect(deprecated, reason = "its successor is unsafe code, for owners that can close early; an OwnedFd never does")]
fn watched(master: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(master)
}

/// Opens the other end without making it anybody's controlling terminal.
fn open(device: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOCTTY.bits()).expect("the kernel's flags are ints");
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(device)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Somebody may have put something else there meanwhile, which is not ours to remove.
        if fs::read_link(&self.path).is_ok_and(|target| target == self.device) {
            // A link that stays leads nowhere; there is nobody left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl AsyncRead for Terminal {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.master.poll_read_ready(cx))?;
            let read = ready.try_io(|master| Ok(rustix::io::read(master.get_ref(), buf.initialize_unfilled())?));
            // It was not ready after all, which is known now.
            let Ok(read) = read else { continue };
            buf.advance(read?);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.master.poll_write_ready(cx))?;
            // As above.
            let Ok(written) = ready.try_io(|master| Ok(rustix::io::write(master.get_ref(), buf)?)) else { continue };
            return Poll::Ready(written);
        }
    }

    /// Nothing is held back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A port has no end to announce.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::adapter::serial::{self, DataBits, Defaults, Parity, Port};

    #[tokio::test]
    async fn every_byte_goes_both_ways_and_the_path_goes_with_the_terminal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter");
        let mut near = Terminal::make(&path).unwrap();
        let defaults = Defaults { baud: 9600, data: DataBits::Eight, parity: Parity::Even, stop: None };
        let port = Port::parse(path.to_str().unwrap(), defaults).unwrap();
        let all: Vec<u8> = (0..=255).collect();

        for _ in 0..2 {
            // The second program finds the port as the first one did.
            let mut far = serial::open(&port).await.unwrap();
            let mut received = vec![0; all.len()];
            far.write_all(&all).await.unwrap();
            near.read_exact(&mut received).await.unwrap();
            assert_eq!(received, all);
            near.write_all(&all).await.unwrap();
            far.read_exact(&mut received).await.unwrap();
            assert_eq!(received, all);
        }

        assert!(Terminal::make(&path).is_err(), "what is there is left alone");
        drop(near);
        assert!(fs::symlink_metadata(&path).is_err());
    }
}
