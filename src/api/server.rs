//! Connections: accepted while there is room, served side by side in one task, ended in order.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::{
    Gateway,
    routes::{Context, router},
    socket::{Socket, SocketError},
};
use crate::shutdown::Stop;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// Live streams at once. One more is refused, so that streams that nobody ends leave room for everybody else.
pub(super) const MAX_LISTENERS: usize = 48;

/// How long a client may take for a request's head, and how long an idle connection is kept.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// How long requests that run at the stop may take to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);

/// Wait after a failed accept: the usual cause is too many open files, which does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The API on its socket, listening but not answering yet.
pub struct Server {
    /// The socket and its file.
    socket: Socket,
    /// What is shown and asked.
    gateway: Arc<dyn Gateway>,
    /// Names the unix user behind a connection.
    user_name: fn(u32) -> String,
    /// Places for live streams.
    listeners: Arc<Semaphore>,
}

impl Server {
    /// Takes the socket. A start with the socket of a running daemon ends here, before anything else is touched.
    pub fn bind(path: &Path, gateway: Arc<dyn Gateway>, user_name: fn(u32) -> String) -> Result<Self, SocketError> {
        let listeners = Arc::new(Semaphore::new(MAX_LISTENERS));
        Ok(Self { socket: Socket::bind(path)?, gateway, user_name, listeners })
    }

    /// Answers until stopping is asked for; then lets running requests end within a limit.
    pub async fn run(self, mut stop: Stop) {
        let mut connections = FuturesUnordered::new();
        loop {
            let has_room = connections.len() < MAX_CONNECTIONS;
            tokio::select! {
                biased;
                () = stop.requested() => break,
                Some(()) = connections.next(), if !connections.is_empty() => {}
                stream = accept(&self.socket.listener), if has_room => {
                    connections.push(serve_connection(stream, self.context(&stop)));
                }
            }
        }
        drop(self.socket);
        if timeout(DRAIN_LIMIT, async { while connections.next().await.is_some() {} }).await.is_err() {
            tracing::debug!(open = connections.len(), "Connections did not end in time and were closed");
        }
    }

    /// What every handler of a connection is given, but for the user.
    fn context(&self, stop: &Stop) -> ContextParts {
        let (gateway, listeners) = (Arc::clone(&self.gateway), Arc::clone(&self.listeners));
        ContextParts { gateway, user_name: self.user_name, listeners, stop: stop.clone() }
    }
}

/// Binds and runs in one go.
pub async fn serve(
    socket: &Path,
    gateway: Arc<dyn Gateway>,
    user_name: fn(u32) -> String,
    stop: Stop,
) -> Result<(), SocketError> {
    Server::bind(socket, gateway, user_name)?.run(stop).await;
    Ok(())
}

/// The parts of a connection's context that are known before its peer.
struct ContextParts {
    /// What is shown and asked.
    gateway: Arc<dyn Gateway>,
    /// Names the unix user behind a connection.
    user_name: fn(u32) -> String,
    /// Places for live streams.
    listeners: Arc<Semaphore>,
    /// Ends live streams and idle connections.
    stop: Stop,
}

/// The next connection. Safe to cancel.
async fn accept(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "Cannot accept a connection, trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers the requests of one connection.
async fn serve_connection(stream: UnixStream, parts: ContextParts) {
    // The kernel refuses to name a peer only when it is gone already.
    let Ok(peer) = stream.peer_cred() else { return };
    let ContextParts { gateway, user_name, listeners, mut stop } = parts;
    let context = Context { gateway, user: user_name(peer.uid()).into(), listeners, stop: stop.clone() };
    let service = TowerToHyperService::new(router(context));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "Connection ended early");
    }
}
