//! What an adapter can be asked to do, besides its polls.

use std::{sync::Arc, time::Duration};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkWish {
    /// Show the network and its devices.
    Show,
    /// Let devices in for so long; zero ends it.
    PermitJoin(Duration),
    /// Make a new network on an empty coordinator.
    Form,
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
