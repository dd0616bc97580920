//! The way to a stick: `serial:///dev/…?baud=115200` or `tcp://host:6638`.

use std::{fmt, io, str::FromStr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::{
    adapter::serial::{self, DataBits, Defaults, OpenError, Parity, Port, StopBits},
    config::{Fault, host_port, report::suggest},
};

/// The port that network sticks have made usual.
const PORT: u16 = 6638;

/// Every ZNP firmware speaks 115 200 8N1 unless it was built otherwise.
const LINE: Defaults =
    Defaults { baud: 115_200, data: DataBits::Eight, parity: Parity::None, stop: Some(StopBits::One) };

/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How a stick is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A network stick.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A stick on a serial port.
    Serial(Port),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody could be reached.
    #[error("cannot connect: {0}")]
    Connect(#[from] io::Error),
    /// The serial port cannot be had.
    #[error("cannot open the port: {0}")]
    Port(#[from] OpenError),
}

/// Bytes both ways, whatever they travel over.
pub trait Bytes: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Bytes for S {}

impl Link {
    /// Makes the connection once.
    pub async fn connect(&self) -> Result<Box<dyn Bytes>, LinkError> {
        match self {
            Self::Serial(port) => Ok(Box::new(serial::open(port).await?)),
            Self::Tcp { host, port } => {
                let dialled = timeout(CONNECT_LIMIT, TcpStream::connect((host.as_str(), *port))).await;
                let stream = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
                // A request is one small packet; waiting for more would only delay it.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

impl FromStr for Link {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let help = "write serial:///dev/serial/by-id/…?baud=115200 or tcp://host:6638";
        let no_link = || Fault::new(format!("{text:?} is no link")).help(help);
        let (scheme, rest) = text.split_once("://").ok_or_else(no_link)?;
        match scheme {
            "serial" => Port::parse(rest, LINE).map(Self::Serial),
            "tcp" if rest.contains('?') => Err(Fault::new("tcp:// has no options").help("leave them out")),
            "tcp" => host_port(rest, PORT).map(|(host, port)| Self::Tcp { host, port }),
            _ => {
                let fault = Fault::new(format!("unknown link scheme {scheme:?}"));
                Err(fault.help(suggest(scheme, ["serial", "tcp"])))
            }
        }
    }
}

/// As it is configured, without options.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(port) => write!(f, "serial://{}", port.path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stick_is_on_a_port_or_a_host() {
        assert_eq!("tcp://slzb".parse(), Ok(Link::Tcp { host: "slzb".to_owned(), port: 6638 }));
        let Ok(Link::Serial(port)) = "serial:///dev/ttyUSB0".parse() else { panic!("a serial link") };
        assert_eq!(port.settings(), "115200 baud, 8 data bits, no parity, 1 stop bit");
        let Ok(Link::Serial(port)) = "serial:///dev/ttyUSB0?baud=230400".parse() else { panic!("a serial link") };
        assert_eq!(port.baud, 230_400);
    }

    #[test]
    fn what_is_no_link_says_what_one_looks_like() {
        let help = |text: &str| text.parse::<Link>().unwrap_err().help.unwrap_or_default();
        assert_eq!(help("/dev/ttyUSB0"), "write serial:///dev/serial/by-id/…?baud=115200 or tcp://host:6638");
        assert_eq!(help("seral:///dev/ttyUSB0"), "did you mean \"serial\"?");
        assert!("tcp://host?baud=1".parse::<Link>().is_err());
    }
}
