//! The way to the broker: name, TCP, TLS. A link is one connection, so the stream is made once and handed over.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    clip::Clip,
    link::{LinkError, MAX_INCOMING, Session},
};
use crate::{
    config::Uplink as Config,
    tls::{self, TlsError},
};

/// The longest fixed header.
const HEADER: usize = 5;

/// Bytes both ways, plain or not.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Bytes for S {}

/// A connection to a broker, before the first packet.
pub(super) type Stream = Clip<Box<dyn Bytes>>;

/// Connects, with TLS when there is a configuration for it. The caller limits the time.
pub(super) async fn dial(config: &Config, session: &Session, tls: Option<tls::Client>) -> Result<Stream, LinkError> {
    let (host, port) = (config.url.host.as_str(), config.url.port);
    // Resolved on its own first, so that a wrong name can be told from a closed port.
    let resolved = tokio::net::lookup_host((host, port)).await;
    drop(resolved.map_err(|error| LinkError::Resolve { host: host.to_owned(), error })?);
    let address = format!("{host}:{port}");
    let tcp = rumqttc_v5::default_socket_connect(address, rumqttc_v5::NetworkOptions::new());
    let tcp = tcp.await.map_err(LinkError::Unreachable)?;
    let stream: Box<dyn Bytes> = match tls {
        None => Box::new(tcp),
        Some(client) => Box::new(tls::connect(client, host, tcp).await.map_err(|error| match error {
            TlsError::Settings(what) => LinkError::Tls(what),
            TlsError::Handshake(error) => LinkError::Tls(handshake(&error, port)),
        })?),
    };
    let is_new = matches!(session, Session::Clean { .. });
    Ok(Clip::new(stream, MAX_INCOMING as usize - HEADER, is_new))
}

/// Why there was no handshake. A broker that ends the connection over the first packet mostly expects plain MQTT there.
fn handshake(error: &io::Error, port: u16) -> String {
    let is_ended = matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof
    );
    let is_plain =
        matches!(error.kind(), io::ErrorKind::InvalidData) && error.to_string().contains("corrupt message");
    if is_ended || is_plain {
        format!("{error} (help: does port {port} speak TLS? brokers have it on 8883, mqtt:// is without)")
    } else {
        error.to_string()
    }
}

/// Gives the stream to the client library, which asks again when it wants to reconnect: that is ours to do.
pub(super) fn once(stream: Stream) -> impl Fn() -> io::Result<Stream> + Send + Sync + 'static {
    let stream = Mutex::new(Some(stream));
    move || {
        let taken = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| io::Error::other("a link is one connection"))
    }
}
