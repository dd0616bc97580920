//! The way to the units: dialling, why a connection ended, and how long to wait before the next one.

use std::{fmt, io, time::Duration};

use tokio::{net::TcpStream, time::timeout};

use super::{config::Link, frame::mbap::FrameError};

/// Longest wait for a connection; a router that drops packets would hold us for minutes.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// First and longest wait before dialling again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// Nobody could be reached.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
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
    /// The connection may be dead without saying so.
    #[error("no answer to {0} requests in a row")]
    Silent(u32),
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Tcp { host, port } = self;
        if host.contains(':') { write!(f, "tcp://[{host}]:{port}") } else { write!(f, "tcp://{host}:{port}") }
    }
}

/// Dials once.
pub(super) async fn connect(link: &Link) -> Result<TcpStream, LinkError> {
    let Link::Tcp { host, port } = link;
    let dialling = timeout(CONNECT_LIMIT, TcpStream::connect((host.as_str(), *port)));
    let stream =
        dialling.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(LinkError::Connect)?;
    // A request is one small packet; waiting for more would only delay it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Exponential backoff with full jitter, so that gateways that lost the same server do not return in step.
#[derive(Debug)]
pub(super) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    /// Starts with the shortest wait.
    pub(super) fn new() -> Self {
        Self { ceiling: BACKOFF.0 }
    }

    /// The next wait; the one after may be twice as long.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.ceiling.mul_f64(fastrand::f64());
        self.ceiling = (self.ceiling * 2).min(BACKOFF.1);
        wait
    }

    /// Begins again with the shortest wait.
    pub(super) fn reset(&mut self) {
        self.ceiling = BACKOFF.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::new();
        for _ in 0..20 {
            assert!(backoff.wait() <= BACKOFF.1);
        }
        assert_eq!(backoff.ceiling, BACKOFF.1);

        backoff.reset();

        assert!(backoff.wait() <= BACKOFF.0);
    }

    #[test]
    fn a_link_prints_as_it_is_configured() {
        let link = |host: &str| Link::Tcp { host: host.into(), port: 502 }.to_string();
        assert_eq!(link("plc.example"), "tcp://plc.example:502");
        assert_eq!(link("fe80::1"), "tcp://[fe80::1]:502");
    }
}
