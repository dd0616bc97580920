//! Opening a port, and its bytes as a stream.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rustix::{
    fs::{FlockOperation, OFlags},
    io::Errno,
};
use serial2_tokio::{
    CharSize, KeepSettings, SerialPort, Settings,
    rs4xx::{Rs485Config, TransceiverMode},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{DataBits, Parity, Port, Rs485, StopBits};

/// Why a port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there, or not for us.
    #[error("{0}")]
    Open(io::Error),
    /// It is there, and we may not.
    #[error("{0} (help: add the gateway's user to the group that owns the device, mostly dialout)")]
    Denied(io::Error),
    /// Another program has it.
    #[error("another program uses it")]
    InUse,
    /// The driver does not do what is asked of it.
    #[error("the driver does not take {settings}: {error}")]
    Settings {
        /// What was asked.
        settings: String,
        /// What it says.
        error: io::Error,
    },
    /// The driver cannot switch an RS-485 driver.
    #[error("the kernel cannot switch RS-485 on this port: {0} (help: leave rs485 out if the adapter does it)")]
    Rs485(io::Error),
}

/// A port that is open.
#[derive(Debug)]
pub struct SerialStream {
    port: SerialPort,
    /// The same port once more, which holds the claim: the crate does not let its own descriptor be seen.
    _claim: File,
}

/// Opens a port away from the runtime's threads: a USB adapter may take its time.
pub async fn open(port: &Port) -> Result<SerialStream, OpenError> {
    let port = port.clone();
    let opening = tokio::task::spawn_blocking(move || open_now(&port));
    opening.await.map_err(|error| OpenError::Open(io::Error::other(error)))?
}

/// Opens and sets a port.
fn open_now(port: &Port) -> Result<SerialStream, OpenError> {
    let claim = claim(&port.path)?;
    let mut opened = SerialPort::open(&port.path, KeepSettings).map_err(OpenError::Open)?;
    close_to_others(&claim, &port.path)?;
    set(&mut opened, port)?;
    switch(&opened, port.rs485).map_err(OpenError::Rs485)?;
    // What came before us answers none of our questions.
    opened.discard_buffers().map_err(OpenError::Open)?;
    Ok(SerialStream { port: opened, _claim: claim })
}

/// Locks the port against the programs that ask for the lock, as most do.
fn claim(path: &Path) -> Result<File, OpenError> {
    let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).expect("the kernel's flags are ints");
    let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    let claim = opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => OpenError::Denied(error),
        io::ErrorKind::ResourceBusy => OpenError::InUse,
        _ => OpenError::Open(error),
    })?;
    match rustix::fs::flock(&claim, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(claim),
        Err(Errno::WOULDBLOCK) => Err(OpenError::InUse),
        Err(error) => Err(OpenError::Open(error.into())),
    }
}

/// Lets the kernel keep out the programs that do not ask, but for root's. A pseudo-terminal would stay closed after we
/// have gone, so there the lock must do.
fn close_to_others(claim: &File, path: &Path) -> Result<(), OpenError> {
    if is_pseudo_terminal(path) {
        return Ok(());
    }
    rustix::termios::ioctl_tiocexcl(claim).map_err(|error| OpenError::Open(error.into()))
}

/// Sets speed and form of the characters. A pseudo-terminal has neither, and takes what it can.
fn set(opened: &mut SerialPort, port: &Port) -> Result<(), OpenError> {
    let set = opened.get_configuration().and_then(|mut settings| {
        fill(&mut settings, port)?;
        opened.set_configuration(&settings)
    });
    match set {
        Err(error) if !is_pseudo_terminal(&port.path) => {
            Err(OpenError::Settings { settings: port.settings(), error })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The settings of a port, as the kernel wants them.
fn fill(settings: &mut Settings, port: &Port) -> io::Result<()> {
    settings.set_raw();
    settings.set_baud_rate(port.baud)?;
    settings.set_char_size(match port.data {
        DataBits::Seven => CharSize::Bits7,
        DataBits::Eight => CharSize::Bits8,
    });
    settings.set_parity(match port.parity {
        Parity::None => serial2_tokio::Parity::None,
        Parity::Even => serial2_tokio::Parity::Even,
        Parity::Odd => serial2_tokio::Parity::Odd,
    });
    settings.set_stop_bits(match port.stop {
        StopBits::One => serial2_tokio::StopBits::One,
        StopBits::Two => serial2_tokio::StopBits::Two,
    });
    Ok(())
}

/// Lets the kernel switch an RS-485 driver, if it shall.
fn switch(opened: &SerialPort, rs485: Rs485) -> io::Result<()> {
    let is_inverted = match rs485 {
        Rs485::Hardware => return Ok(()),
        Rs485::Kernel => false,
        Rs485::KernelInverted => true,
    };
    let mut config = Rs485Config::new();
    config.set_invert_rts(is_inverted);
    opened.set_rs4xx_mode(TransceiverMode::Rs485(config))
}

/// Whether the path leads to the end of a pipe that only looks like a terminal.
fn is_pseudo_terminal(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|device| device.starts_with("/dev/pts"))
}

impl AsyncRead for SerialStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.port).poll_read(cx, buf))?;
        // A terminal does not end; it is hung up.
        let is_gone = buf.filled().len() == before && buf.remaining() > 0;
        Poll::Ready(if is_gone {
            Err(io::Error::new(io::ErrorKind::NotConnected, "the port is gone"))
        } else {
            Ok(())
        })
    }
}

impl AsyncWrite for SerialStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.port).poll_write(cx, buf)
    }

    /// Does not wait until the last bit is sent: the kernel could only do so by holding the thread.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A port has no end to announce.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
