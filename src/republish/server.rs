//! Listens, lets in who is allowed, and keeps the seats.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tracing::{debug, info, warn};

use super::{Context, answer::Answers, client, seats::Seats};
use crate::{config::Republish, telemetry::Throttle};

/// Time between two lines in the log about addresses that are not allowed.
const TELL: Duration = Duration::from_secs(60);

/// Rest after the system could not accept, which it does for want of files: at once would be in vain.
const REST: Duration = Duration::from_millis(500);

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port belongs to root.
    #[error(
        "cannot listen on {0}: ports below 1024 need CAP_NET_BIND_SERVICE (help: choose one above, or add \
         AmbientCapabilities=CAP_NET_BIND_SERVICE to the unit)"
    )]
    Privileged(SocketAddr),
    /// The address is not of this host, or another program has it.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

/// Serves until stopping is asked for.
pub async fn run(config: Republish, context: Context) -> Result<(), ServeError> {
    let listener = listen(config.listen).await?;
    info!(republish = %config.name, listen = %config.listen, points = context.image.points(), "Modbus server is up");
    serve(listener, &config, context).await;
    Ok(())
}

/// Opens the port.
async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied if address.port() < 1024 => ServeError::Privileged(address),
        _ => ServeError::Listen { address, error },
    })
}

/// Serves clients on a listener.
pub(super) async fn serve(listener: TcpListener, config: &Republish, context: Context) {
    let Context { image, live, inbox, clock, mut stop, metrics } = context;
    let answers = Answers { config, image: &image, live: &live, inbox: &inbox, clock: &clock, metrics: &metrics };
    let mut door = Door { config, metrics: &metrics, told: Throttle::new(TELL) };
    let mut seats = Seats::new(config.max_clients);
    let mut clients = FuturesUnordered::new();
    loop {
        metrics.clients.set(i64::try_from(seats.len()).unwrap_or(i64::MAX));
        tokio::select! {
            biased;
            () = stop.requested() => break,
            Some(number) = clients.next() => seats.leave(number),
            stream = door.next(&listener) => {
                let (ticket, displaced) = seats.take();
                metrics.displaced.inc_by(displaced.into());
                clients.push(client::serve(stream, ticket, &answers));
            }
        }
    }
    metrics.clients.set(0);
}

/// Who may come in.
struct Door<'a> {
    config: &'a Republish,
    metrics: &'a super::Metrics,
    /// Of those who were turned away.
    told: Throttle,
}

impl Door<'_> {
    /// The next client that is allowed; all others are closed without an answer. Safe to cancel.
    async fn next(&mut self, listener: &TcpListener) -> TcpStream {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) if self.is_allowed(peer) => return stream,
                Ok((_, peer)) => self.turn_away(peer),
                Err(error) => {
                    debug!(republish = %self.config.name, %error, "Cannot accept a client");
                    sleep(REST).await;
                }
            }
        }
    }

    /// Whether the access list has an address.
    fn is_allowed(&self, peer: SocketAddr) -> bool {
        self.config.allow.iter().any(|net| net.has(peer.ip()))
    }

    /// Counts a client that is not allowed, and tells it once in a while.
    fn turn_away(&mut self, peer: SocketAddr) {
        self.metrics.refused.inc();
        if let Some(times) = self.told.count(Instant::now()) {
            warn!(republish = %self.config.name, %peer, times, "Client is not on the access list, refused");
        }
    }
}
