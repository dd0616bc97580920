//! What one radio hears, over a connection of its own.
//!
//! Signals are read as soon as they come into a queue with a bound, so that nothing waits without one: not here, and
//! not at the bus. `BlueZ` scans for a connection as long as that is there, and ends its scan with it.

use std::sync::Arc;

use dbus::{
    arg::{AppendAll, PropMap, Variant},
    message::MessageType,
};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::watch;

use super::{
    Queue,
    bus::{BusError, PATIENCE},
    radio::End,
    signal::{Signal, read, rules},
    wire::Wire,
};
use crate::adapter::ble::heard::Heard;

/// The connection, and what came over it.
pub(super) struct Ear {
    wire: Wire,
    /// The radio's object.
    path: String,
    /// What came and was not taken yet.
    came: Arc<Queue>,
    /// Why there is no more to come.
    over: watch::Receiver<Option<End>>,
}

impl Ear {
    /// An ear for a radio, `hci0`, that does not scan yet. `unread` counts what came and went untaken.
    pub(super) async fn open(radio: &str, unread: Counter) -> Result<Self, BusError> {
        let mut wire = Wire::open().await?;
        let path = format!("/org/bluez/{radio}");
        let (came, (end, over)) = (Arc::new(Queue::new(unread)), watch::channel(None));
        let (queue, object) = (Arc::clone(&came), path.clone());
        wire.receive(MessageType::Signal, move |message, _| match read(message, &object) {
            Some(Signal::Heard(heard)) => queue.push(heard),
            Some(Signal::Over(why)) => {
                // The first reason is the true one; what is after it follows from it.
                end.send_if_modified(|told| {
                    let is_first = told.is_none();
                    told.get_or_insert(why);
                    is_first
                });
            }
            None => {}
        });
        for rule in rules(&path) {
            wire.watch(&rule).await?;
        }
        Ok(Self { wire, path, came, over })
    }

    /// Has the radio scan: for Bluetooth LE alone, so that a radio that does both has all of its time for it, and with
    /// every advertisement told, also one that says the same again (`BlueZ`, `org.bluez.Adapter`, `SetDiscoveryFilter`).
    pub(super) async fn start(&mut self) -> Result<(), BusError> {
        let mut filter = PropMap::new();
        filter.insert("Transport".to_owned(), Variant(Box::new("le".to_owned())));
        filter.insert("DuplicateData".to_owned(), Variant(Box::new(true)));
        self.ask("SetDiscoveryFilter", (filter,)).await?;
        self.ask("StartDiscovery", ()).await
    }

    /// Ends the scan.
    pub(super) async fn stop(&mut self) -> Result<(), BusError> {
        self.ask("StopDiscovery", ()).await
    }

    /// The next advertisement, or why there is none. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Heard, End> {
        let Self { wire, came, over, .. } = self;
        let next = async {
            tokio::select! {
                biased;
                // The sender lives as long as the connection.
                Ok(why) = over.wait_for(Option::is_some) => Err(why.clone().unwrap_or(End::Over)),
                heard = came.next() => Ok(heard),
            }
        };
        wire.during(next).await.map_err(|_| End::Over)?
    }

    /// Asks the radio for something that has no answer.
    async fn ask(&mut self, method: &str, args: impl AppendAll) -> Result<(), BusError> {
        self.wire.call(&self.path, ("org.bluez.Adapter1", method), args, PATIENCE).await
    }
}
