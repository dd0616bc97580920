//! The way to the units: making the connection, and why it ended.

mod text;

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    config::{Config, Link},
    frame::{Framing, mbap::FrameError},
};
use crate::{
    adapter::serial,
    config::{Fault, Tls},
    tls,
};

/// Longest wait for a connection; a router that drops packets would hold us for minutes.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// Nobody could be reached.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The serial port cannot be had.
    #[error("cannot open the port: {0}")]
    Port(#[from] serial::OpenError),
    /// Nobody whom we trust, or who trusts us.
    #[error("cannot connect with TLS: {0}")]
    Tls(#[from] tls::TlsError),
    /// The other end hung up.
    #[error("the other end closed the connection")]
    Closed,
    /// The network took it away.
    #[error("connection was lost: {0}")]
    Io(#[from] io::Error),
    /// What came is no Modbus, and the next frame's place is unknown.
    #[error("received no Modbus: {0}")]
    Garbage(#[from] FrameError),
    /// The network does not take the bytes of a request.
    #[error("request could not be sent in time")]
    Stuck,
    /// Somebody sends without end.
    #[error("the line did not fall silent within {0:?}")]
    Restless(Duration),
    /// The connection may be dead without saying so.
    #[error("no answer to {0} requests in a row")]
    Silent(u32),
}

/// Bytes both ways, whatever they travel over.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

/// A connection.
pub(super) type Stream = Box<dyn Bytes>;

impl Link {
    /// In which form PDUs travel.
    pub fn framing(&self) -> Framing {
        match self {
            Self::Tcp { .. } | Self::Tls { .. } => Framing::Mbap,
            Self::Gateway { mode, .. } | Self::Serial { mode, .. } => Framing::Line(*mode),
        }
    }

    /// Opens a serial line for one who answers on it.
    pub async fn open(&self) -> Result<serial::SerialStream, serial::OpenError> {
        match self {
            Self::Serial { port, .. } => serial::open(port).await,
            Self::Tcp { .. } | Self::Tls { .. } | Self::Gateway { .. } => {
                Err(serial::OpenError::Open(io::ErrorKind::Unsupported.into()))
            }
        }
    }

    /// Makes a pseudo-terminal where a serial line would have its device, for one who answers on it.
    pub fn make_terminal(&self) -> io::Result<serial::Terminal> {
        match self {
            Self::Serial { port, .. } => serial::Terminal::make(&port.path),
            Self::Tcp { .. } | Self::Tls { .. } | Self::Gateway { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Bits per second, where the line is ours.
    pub fn baud(&self) -> Option<u32> {
        match self {
            Self::Serial { port, .. } => Some(port.baud),
            Self::Tcp { .. } | Self::Tls { .. } | Self::Gateway { .. } => None,
        }
    }

    /// Whether it is a port of this machine.
    pub(super) fn is_serial(&self) -> bool {
        matches!(self, Self::Serial { .. })
    }

    /// The same line at another speed.
    pub fn at_baud(&self, baud: u32) -> Result<Self, Fault> {
        let Self::Serial { mode, port } = self else {
            let help = "a serial port has one, such as rtu:///dev/ttyUSB0";
            return Err(Fault::new(format!("{self} has no baud rate of ours")).help(help));
        };
        Ok(Self::Serial { mode: *mode, port: port.at_baud(baud)? })
    }

    /// Time of one character on the line; zero where the line is not ours.
    pub(super) fn character(&self) -> Duration {
        match self {
            Self::Serial { port, .. } => port.character(),
            Self::Tcp { .. } | Self::Tls { .. } | Self::Gateway { .. } => Duration::ZERO,
        }
    }
}

/// Makes the connection once, and lets the other end rest if it needs to.
pub(super) async fn connect(config: &Config) -> Result<Stream, LinkError> {
    let stream: Stream = match &config.link {
        Link::Tcp { host, port } | Link::Gateway { host, port, .. } => Box::new(dial(host, *port).await?),
        Link::Tls { host, port } => {
            limited(secure(host, *port, &config.connect.tls)).await.map_err(LinkError::Connect)??
        }
        Link::Serial { port, .. } => Box::new(serial::open(port).await?),
    };
    sleep(config.connect.pause).await;
    Ok(stream)
}

/// Dials.
async fn dial(host: &str, port: u16) -> Result<TcpStream, LinkError> {
    let dialled = limited(TcpStream::connect((host, port))).await;
    let stream = dialled.and_then(|dialled| dialled).map_err(LinkError::Connect)?;
    // A request is one small packet; waiting for more would only delay it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Dials, and lets both ends prove who they are. The files are read each time, so that a renewed one is used.
async fn secure(host: &str, port: u16, files: &Tls) -> Result<Stream, LinkError> {
    let client = tls::read(files.clone()).await?;
    let stream = dial(host, port).await?;
    Ok(Box::new(tls::connect(client, host, stream).await?))
}

/// Waits no longer than a connection may take.
async fn limited<T>(work: impl Future<Output = T>) -> io::Result<T> {
    timeout(CONNECT_LIMIT, work).await.map_err(|_| io::ErrorKind::TimedOut.into())
}
