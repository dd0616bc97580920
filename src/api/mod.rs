//! The local API: what the command line and monitoring see of a running gateway.
//!
//! HTTP/1.1 with JSON on a unix socket. The file's permissions decide who may connect, the kernel says who did
//! (`SO_PEERCRED`), and every write goes through the grants like any other command. The API never waits for a slow
//! client: connections, bodies and live streams are bounded, and what a slow reader misses it is told.
//!
//! The daemon is met through [`Gateway`]; nothing here knows another module.

mod body;
mod client;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod handlers;
mod openapi;
mod routes;
mod schemas;
mod server;
mod socket;
mod tail;
#[cfg(test)]
mod tests;
pub mod view;

use std::{future::Future, pin::Pin, sync::Arc};

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::model::{NetworkWish, Outcome, PointAddress, Reading, Selector, Timestamp};

pub use client::{Client, ClientError};
pub use error::ApiError;
pub use openapi::document as openapi;
pub use server::{Server, serve};
pub use socket::SocketError;

/// A future that the gateway answers with.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the API asks of the daemon. The plain methods answer from memory at once.
pub trait Gateway: Send + Sync + 'static {
    /// Everything `tidegate status` shows.
    fn status(&self) -> view::Status;

    /// Every device, in name order.
    fn devices(&self) -> Vec<view::Device>;

    /// Points with their last value, in name order; all of them without a selector.
    fn points(&self, select: Option<&Selector>) -> Vec<view::Point>;

    /// Readings as they come. The channel is bounded: a receiver that falls behind loses the oldest and is told.
    fn watch(&self) -> broadcast::Receiver<Arc<[Reading]>>;

    /// Asks a device for a value now.
    fn read(&self, target: PointAddress) -> BoxFuture<'_, Result<Reading, ApiError>>;

    /// Sends a command through grants and ledger, and waits for its final outcome.
    fn write(&self, request: WriteRequest) -> BoxFuture<'_, Outcome>;

    /// The past of a point.
    fn history(&self, point: PointAddress, wish: HistoryWish) -> BoxFuture<'_, Result<view::History, ApiError>>;

    /// The buffer's own status.
    fn buffer(&self) -> Value;

    /// Shows, retries or drops dead letters; gives those that are meant, as the buffer describes them.
    fn deadletters(&self, request: LetterRequest) -> BoxFuture<'_, Result<Vec<Value>, ApiError>>;

    /// Shows an adapter's radio network with its devices, after doing what is wanted of it.
    fn network(&self, request: NetworkRequest) -> BoxFuture<'_, Result<Value, ApiError>>;

    /// The rules' own status, one entry per file.
    fn rules(&self) -> Value;

    /// Reads the configuration again, because this user wants it. The answer is a summary of what changed, or the report of what is wrong;
    /// then nothing changed.
    fn reload(&self, user: Arc<str>) -> BoxFuture<'_, Result<String, String>>;

    /// Changes the log level until the next start, because this user wants it.
    fn set_log_level(&self, user: Arc<str>, level: String) -> BoxFuture<'_, Result<(), String>>;

    /// All metrics as OpenMetrics text.
    fn metrics(&self) -> String;

    /// Whether everything works.
    fn health(&self) -> view::Health;
}

/// A wish about dead letters: all of them where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterRequest {
    /// The unix user behind the socket.
    pub user: Arc<str>,
    /// What is to be done with them.
    pub action: LetterAction,
    /// Those of one uplink.
    pub uplink: Option<Arc<str>>,
    /// Those with these ids.
    pub ids: Option<Vec<u64>>,
}

/// A wish about the network of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRequest {
    /// The unix user behind the socket.
    pub user: Arc<str>,
    /// The adapter's name.
    pub adapter: String,
    /// What is wanted.
    pub wish: NetworkWish,
}

/// What is to be done with dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterAction {
    /// Nothing: they are only shown.
    #[serde(skip)]
    List,
    /// They are owed to their uplink again.
    Retry,
    /// They are thrown away.
    Drop,
}

/// Which time of the past, as written: `from` and `to` as RFC 3339, `now` or how long ago (`-24h`), `every` as `1m`,
/// `15m`, `1h`, `1d`, `raw` or `auto`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryWish {
    /// Begin; a day ago when absent.
    pub from: Option<String>,
    /// End; now when absent.
    pub to: Option<String>,
    /// Length of a row; `auto` when absent.
    pub every: Option<String>,
}

/// A wish of a local user to set a point.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteRequest {
    /// The unix user behind the socket.
    pub user: Arc<str>,
    /// Its roles; `local` for everybody on the socket.
    pub roles: Vec<Arc<str>>,
    /// `device/point` as written; an unknown one is denied like any other command.
    pub target: String,
    /// The value, not yet of the point's type.
    pub value: Value,
    /// After this moment it must not be carried out; `None` for the setting's default.
    pub expires: Option<Timestamp>,
}
