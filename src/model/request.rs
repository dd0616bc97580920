//! What an adapter can be asked to do, besides its polls.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Authorized, Command, Point, Reading, Value};

/// A request to the adapter that owns a device. Dropping the reply unanswered tells the asker the adapter is gone.
#[derive(Debug)]
pub enum DeviceRequest {
    /// Carry out a command, unless its time is over when its turn comes.
    Write {
        /// What to set; nothing else can be written. On the heap, because each adapter has a queue of requests, and
        /// the queue has room for dozens.
        command: Box<Authorized<Command>>,
        /// The point as the adapter announced it.
        point: Arc<Point>,
        /// The value the device holds afterwards, if it was read back.
        reply: oneshot::Sender<Result<Option<Value>, WriteError>>,
    },
    /// Read one point now.
    Read {
        /// The point as the adapter announced it.
        point: Arc<Point>,
        /// The reading; a device that does not answer gives a bad one.
        reply: oneshot::Sender<Reading>,
    },
    /// Do something with the radio network itself.
    Network {
        /// What.
        wish: NetworkWish,
        /// What came of it, or why nothing did.
        reply: oneshot::Sender<Result<serde_json::Value, String>>,
    },
}

/// What a person can want of an adapter's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkWish {
    /// Show the network and its devices.
    Show,
    /// Let devices in for so long; zero ends it.
    PermitJoin(Duration),
    /// Make a new network on an empty coordinator.
    Form,
    /// Find out who hears whom.
    Map,
    /// Give out everything that devices know the coordinator by, its keys as well.
    Backup,
    /// Give the coordinator what another one had.
    Restore(Box<Restoration>),
}

/// What a coordinator is to be given. It is rare and large, and so has a place of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// The backup of the other.
    pub backup: Confidential,
    /// The network that it may throw away for that, by the name it is shown with.
    pub overwrite: Option<String>,
    /// Whether only to tell both sides, and whether it could be done.
    pub is_trial: bool,
}

/// A document with secrets in it. Prints as `***`.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Confidential(pub serde_json::Value);

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The device did not answer in time; it may or may not have acted.
    #[error("{0}")]
    Timeout(String),
    /// The device or the adapter refused.
    #[error("{0}")]
    Refused(String),
    /// The command's time was over before its turn came.
    #[error("expired while it waited for its turn on the bus")]
    Expired,
}
