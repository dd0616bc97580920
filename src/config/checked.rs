//! Configuration as meant: every value checked, every default filled in.
//!
//! Each part of the gateway is given its own section and nothing else.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use super::{net::Net, section::At};
use crate::model::{Grant, PointAddress, Rate, Selector};

/// Everything but the adapters, which read their own sections (`adapter::registry`).
#[derive(Debug, Clone)]
pub struct Config {
    /// `[gateway]`
    pub gateway: Gateway,
    /// `[buffer]`
    pub buffer: Buffer,
    /// `[[uplink]]`, names unique.
    pub uplinks: Vec<Uplink>,
    /// `[profiles]`
    pub profiles: Profiles,
    /// `[rules]`
    pub rules: Rules,
    /// `[commands]`
    pub commands: Commands,
    /// `[[grant]]`
    pub grants: Vec<Grant>,
    /// `[[republish]]`, names unique.
    pub republish: Vec<Republish>,
    /// `[api]`
    pub api: Api,
    /// `[log]`
    pub log: Log,
}

/// Who this gateway is.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// A slug, unique among the gateways of a cloud.
    pub id: Arc<str>,
    /// A slug for the place; `default` when none is given.
    pub site: Arc<str>,
}

/// How the buffer keeps readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    /// The database file.
    pub path: PathBuf,
    /// Most bytes of database and write-ahead log together.
    pub max_size: u64,
    /// Undelivered blocks older than this are dropped, with a gap record.
    pub max_age: Duration,
    /// When a commit is on the disk.
    pub durability: Durability,
    /// How long delivered blocks stay.
    pub history: Duration,
    /// Longest time readings wait for their commit; follows `durability` when it is not set.
    pub commit: Duration,
    /// Longest time readings wait for their block to be cut when `express` is on.
    pub linger: Duration,
    /// Publish a block when it is cut, before it is committed.
    pub express: bool,
    /// What becomes of which points when there is no room for all; the first that covers a point counts.
    pub policies: Vec<Policy>,
    /// Where the key is kept that bodies are sealed with.
    pub key: Option<Secret>,
}

/// What goes first when there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Given up before all else.
    Low,
    /// As it is unless something else is said.
    #[default]
    Normal,
    /// Given up last.
    High,
}

/// What becomes of some points when there is no room for all.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Which points.
    pub points: Vec<Selector>,
    /// When their turn comes.
    pub priority: Priority,
    /// Whether means take their place before they are dropped.
    pub thin: bool,
}

/// What happens to an adapter's readings while there is no room for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// The adapter waits: what it can ask for again later is late, not lost.
    Wait,
    /// The oldest go, counted and named by a gap: for devices that do not wait either.
    Shed,
}

/// When a commit is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced before it counts: a power cut takes at most one commit interval.
    Strict,
    /// Synced every 10 s.
    Balanced,
    /// Synced when the write-ahead log is full; committed every 30 s.
    Wear,
}

impl Durability {
    /// The word used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Balanced => "balanced",
            Self::Wear => "wear",
        }
    }

    /// The commit interval when `commit` is not set.
    pub fn default_commit(self) -> Duration {
        match self {
            Self::Strict | Self::Balanced => Duration::from_secs(1),
            Self::Wear => Duration::from_secs(30),
        }
    }
}

/// One `[[uplink]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplink {
    /// A slug, unique among uplinks.
    pub name: Arc<str>,
    /// Which readings it gets; all when there is none.
    pub filter: Option<Arc<[Selector]>>,
    /// Where the broker is.
    pub url: UplinkUrl,
    /// MQTT version.
    pub protocol: MqttProtocol,
    /// MQTT client id; `tidegate-<gateway>-<uplink>` when none is given.
    pub client_id: String,
    /// Login name.
    pub username: Option<String>,
    /// Login password.
    pub password: Option<Secret>,
    /// TLS settings; used with `mqtts` only.
    pub tls: Tls,
    /// Form of the messages.
    pub encoding: Encoding,
    /// Whether messages are made smaller.
    pub compression: Compression,
    /// Which goes first after an outage.
    pub order: Order,
    /// How fast the backlog drains.
    pub backlog: Backlog,
    /// Unacknowledged messages at most.
    pub window: u16,
    /// Topic prefix with the placeholders filled in, without a slash at its end.
    pub topic_prefix: String,
    /// Whether commands are taken from this uplink.
    pub commands: bool,
    /// MQTT keep-alive.
    pub keep_alive: Duration,
    /// A PUBACK later than this ends the connection.
    pub ack_timeout: Duration,
    /// First and longest wait before a reconnect.
    pub reconnect: (Duration, Duration),
}

/// A broker's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UplinkUrl {
    /// Plain or TLS.
    pub transport: Transport,
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port; 1883 or 8883 when none is given.
    pub port: u16,
}

impl fmt::Display for UplinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.transport {
            Transport::Tcp => "mqtt",
            Transport::Tls => "mqtts",
        };
        let host = &self.host;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{}", self.port)
        } else {
            write!(f, "{scheme}://{host}:{}", self.port)
        }
    }
}

/// How bytes travel to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS 1.2 or 1.3, always verified.
    Tls,
}

/// MQTT version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MqttProtocol {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

/// TLS files; all are read when a connection is made, so that a renewed certificate needs no restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Trusted roots in PEM; the system's when none is given.
    pub ca: Option<PathBuf>,
    /// Client certificate chain in PEM.
    pub cert: Option<PathBuf>,
    /// Client key in PEM; given exactly when `cert` is.
    pub key: Option<PathBuf>,
    /// ALPN protocol names.
    pub alpn: Vec<String>,
}

/// Form of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object per block.
    Json,
}

/// How fast the backlog drains beside live messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    /// Most messages in a time; `None` for any number.
    pub rate: Option<Rate>,
    /// Most of the window, above 0 and at most 1.
    pub share: f64,
}

/// Whether messages are made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Sent as they are.
    None,
    /// One zstd frame, where that is smaller.
    Zstd,
}

/// Which goes first after an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// New blocks at once, the backlog beside them.
    LiveFirst,
    /// Blocks in their order, new ones last.
    Strict,
}

/// Where a secret is kept. The text itself is read when it is needed and never logged.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// A systemd credential of this name (`$CREDENTIALS_DIRECTORY`).
    Credential(String),
    /// A file; one line end at its end is not part of the secret.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// Where device profiles are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles {
    /// Folders, the one that counts first.
    pub dirs: Vec<PathBuf>,
}

/// Rules on this gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Folder of `*.rhai` files.
    pub dir: PathBuf,
    /// Most operations of one call.
    pub max_operations: u64,
    /// Longest time of one call.
    pub max_time: Duration,
    /// Faults in a row after which a rule is quarantined.
    pub quarantine_after: u32,
}

/// Commands on this gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Commands {
    /// Life of a command that names no end.
    pub expires: Duration,
    /// Longest wait for a device's answer.
    pub timeout: Duration,
    /// How long ids are remembered, so that a repeated command is not carried out twice.
    pub remember: Duration,
}

/// One `[[republish]]`: a Modbus TCP server of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Republish {
    /// A slug, unique among servers.
    pub name: Arc<str>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whom it serves; never empty.
    pub allow: Vec<Net>,
    /// The unit id it answers to, besides 0 and 255.
    pub unit: u8,
    /// Number of the first register, 0 or 1.
    pub base: At<u8>,
    /// Most clients at a time.
    pub max_clients: usize,
    /// Most requests of one client.
    pub max_rate: Rate,
    /// A client that asks nothing for so long is let go.
    pub idle: Duration,
    /// Longest wait of a write for its outcome.
    pub write_timeout: Duration,
    /// What a point without a value looks like.
    pub on_bad: OnBad,
    /// Whether registers that no point has read as zero.
    pub fill: bool,
    /// What it shows.
    pub points: Vec<At<RepublishPoint>>,
}

/// One point of a [`Republish`]. Its registers, type and order are read by who speaks Modbus.
#[derive(Debug, Clone, PartialEq)]
pub struct RepublishPoint {
    /// The point.
    pub source: At<PointAddress>,
    /// Whether a rule makes it.
    pub made_by_rule: bool,
    /// Where it is shown.
    pub register: At<String>,
    /// Which bytes show it.
    pub data: At<String>,
    /// In which order they come.
    pub order: At<String>,
    /// Factor from the number in the registers to the value.
    pub scale: f64,
    /// Added after the scale.
    pub offset: f64,
    /// Where its quality is shown.
    pub quality: Option<At<String>>,
    /// Where its age is shown.
    pub age: Option<At<String>>,
}

/// What a point without a value looks like to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBad {
    /// A number that its type keeps for that.
    Marker,
    /// Exception 4, for the whole read.
    Exception,
}

/// The local API.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// The unix socket the CLI uses.
    pub socket: PathBuf,
}

/// Logging.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// Level per module: `info` or `info,tidegate::uplink=debug`.
    pub level: String,
}

/// Never prints where a log could keep the secret itself; the place is harmless and helps.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "credential {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}
