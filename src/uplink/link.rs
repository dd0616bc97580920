//! The border to the MQTT library: what a session can do, in words of ours.
//!
//! A link is one connection with a clean start. It holds nothing that must survive it; what was not acknowledged is
//! read again from the outbox.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::config::{SecretError, Uplink as Config};

/// How long files, name resolution, TCP, TLS and CONNACK may take together.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Largest packet that is taken from a broker. An MQTT 5 broker is told and keeps larger ones to itself; of other
/// brokers, `clip` cuts the end off.
pub(super) const MAX_INCOMING: u32 = 256 * 1024;

/// Commands that wait to be taken. At this number nothing more is read until one of them is, which makes a broker wait
/// that knows no limit of its own (3.1.1).
pub(super) const MAX_OPEN: usize = 256;

/// A connection of one MQTT version.
pub(super) trait Uplink: Sized + Send {
    /// Connects and waits for the CONNACK.
    fn connect(config: &Config, session: Session) -> impl Future<Output = Result<Self, LinkError>> + Send;

    /// What the broker allows.
    fn limits(&self) -> Limits;

    /// Queues a `QoS` 1 message; the future resolves with the broker's answer, or when the connection is over.
    fn publish(&mut self, message: Message) -> Result<Acking, LinkError>;

    /// Asks for messages of a topic, `QoS` 1.
    fn subscribe(&mut self, topic: &str) -> Result<(), LinkError>;

    /// Moves bytes and returns the next message, if one came. Must be polled for anything to happen; safe to cancel.
    fn poll(&mut self) -> impl Future<Output = Result<Option<Inbound>, LinkError>> + Send;

    /// Sends the PUBACK of a message.
    fn acknowledge(&mut self, token: Token) -> Result<(), LinkError>;

    /// Says goodbye, so that the broker drops the last will. Waits until it is sent.
    fn disconnect(self) -> impl Future<Output = ()> + Send;
}

/// What kind of session is asked for.
#[derive(Debug, Clone)]
pub(super) enum Session {
    /// Publishing: clean start, with a last will.
    Clean {
        /// Topic of the will.
        topic: String,
        /// Its payload, retained.
        will: Vec<u8>,
    },
    /// Commands: kept by the broker while the gateway is away, acknowledged by hand.
    Kept,
}

/// What the broker allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Unacknowledged messages (MQTT 5.0, 3.2.2.3.3).
    pub(super) receive_maximum: u16,
    /// Bytes of a packet (MQTT 5.0, 3.2.2.3.6).
    pub(super) packet: Option<u32>,
}

/// A message to publish with `QoS` 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    /// Where it goes.
    pub(super) topic: String,
    /// Its bytes.
    pub(super) payload: Bytes,
    /// Kept by the broker for later subscribers.
    pub(super) retain: bool,
    /// MQTT 5 user properties; without effect on 3.1.1.
    pub(super) user: Vec<(String, String)>,
    /// MQTT 5 correlation data of the request this answers.
    pub(super) correlation: Option<Arc<[u8]>>,
}

/// Bytes a packet may need besides topic, payload and user properties.
const PACKET_OVERHEAD: usize = 64;

impl Message {
    /// At least the bytes it needs on the wire.
    pub(super) fn size(&self) -> usize {
        let user: usize = self.user.iter().map(|(key, value)| key.len() + value.len() + 5).sum();
        let correlation = self.correlation.as_ref().map_or(0, |data| data.len());
        PACKET_OVERHEAD + self.topic.len() + self.payload.len() + user + correlation
    }
}

/// Resolves with the fate of a message.
pub(super) type Acking = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// The fate of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The broker has it.
    Taken,
    /// Not now (MQTT 5 reason 0x97): worth trying again.
    Later,
    /// Never, and why.
    Refused(String),
    /// The connection ended first; nothing is known.
    Lost,
}

/// A message that came in.
#[derive(Debug)]
pub(super) struct Inbound {
    /// Where it was sent.
    pub(super) topic: Bytes,
    /// Its bytes.
    pub(super) payload: Bytes,
    /// Whether the broker had kept it.
    pub(super) retained: bool,
    /// MQTT 5 response topic.
    pub(super) response_topic: Option<String>,
    /// MQTT 5 correlation data.
    pub(super) correlation: Option<Bytes>,
    /// For the PUBACK; `None` for `QoS` 0.
    pub(super) token: Option<Token>,
}

/// What a version needs to acknowledge a message.
#[derive(Debug)]
pub(super) enum Token {
    /// MQTT 5.
    V5(rumqttc_v5::ManualAck),
    /// MQTT 3.1.1.
    V311(rumqttc_v4::ManualAck),
}

/// Why there is no connection (any more).
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The password cannot be read.
    #[error("password: {0}")]
    Secret(#[from] SecretError),
    /// The host name gives no address.
    #[error("cannot resolve {host}: {error}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        error: std::io::Error,
    },
    /// TLS files, or the handshake.
    #[error("TLS: {0}")]
    Tls(String),
    /// CONNACK with a reason.
    #[error("broker refused the login: {0}")]
    Refused(String),
    /// Nothing in time.
    #[error("broker did not answer the login within {} s", CONNECT_TIMEOUT.as_secs())]
    NoAnswer,
    /// A PUBACK is missing.
    #[error("broker acknowledged nothing for {} s", .0.as_secs())]
    Silent(Duration),
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Unreachable(std::io::Error),
    /// Anything else that ended the connection.
    #[error("connection lost: {0}")]
    Lost(String),
    /// SUBACK with a failure.
    #[error("broker refused the subscription to commands")]
    Subscription,
}

/// The client id of a session.
pub(super) fn client_id(config: &Config, session: &Session) -> String {
    match session {
        Session::Clean { .. } => config.client_id.clone(),
        Session::Kept => format!("{}-cmd", config.client_id),
    }
}

/// Places between us and the client library. They are never all in use: blocks are bounded by the window, PUBACKs by
/// the commands that are open, and the rest is for a subscription, a `state` and the goodbye.
pub(super) fn capacity(config: &Config, session: &Session) -> usize {
    let most = match session {
        // A block may have an answer to its asker beside it.
        Session::Clean { .. } => 2 * usize::from(config.window),
        Session::Kept => MAX_OPEN,
    };
    most + 16
}

/// Whole seconds of the keep-alive, as MQTT wants them.
pub(super) fn keep_alive(config: &Config) -> u16 {
    u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX).max(1)
}

/// `Debug` names of reason codes as words: `BadUserNamePassword` -> `bad user name password`.
pub(super) fn words(reason: &impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for c in format!("{reason:?}").chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}
