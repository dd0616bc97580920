//! A connection to D-Bus of our own: whole signals, calls that `BlueZ` makes to us, and an end when it is dropped, at
//! which `BlueZ` forgets what was asked over it. It is driven by whoever waits on it, and keeps nothing that waits.

use std::{sync::Arc, time::Duration};

use dbus::{
    Message,
    arg::{AppendAll, ReadAll},
    channel::MatchingReceiver as _,
    message::{MatchRule, MessageType},
    nonblock::{Proxy, SyncConnection},
};
use dbus_tokio::connection::{IOResource, new_system_sync};
use tokio::{task::spawn_blocking, time::timeout};

use super::bus::{BusError, PATIENCE, within};

/// The name of `bluetoothd`.
const BLUEZ: &str = "org.bluez";
/// The name of the bus itself.
const DAEMON: &str = "org.freedesktop.DBus";

/// The connection.
pub(super) struct Wire {
    connection: Arc<SyncConnection>,
    resource: IOResource<SyncConnection>,
    /// Who `bluetoothd` is on this bus. Anybody may send us a signal that looks like one of its own.
    bluez: String,
}

impl Wire {
    /// Connects, and finds `bluetoothd`.
    pub(super) async fn open() -> Result<Self, BusError> {
        // Connecting blocks until the bus has let us in.
        let connected = timeout(PATIENCE, spawn_blocking(new_system_sync)).await.map_err(|_| BusError::Timeout)?;
        let failed = |error: &dyn std::error::Error| BusError::Connect(error.to_string());
        let connected = connected.map_err(|error| failed(&error))?;
        let (resource, connection) = connected.map_err(|error| failed(&error))?;
        let mut wire = Self { connection, resource, bluez: String::new() };
        let (owner,) = wire.ask(DAEMON, "/org/freedesktop/DBus", "GetNameOwner", (BLUEZ,), PATIENCE).await?;
        wire.bluez = owner;
        Ok(wire)
    }

    /// Hands on signals, or calls, of `bluetoothd` and of the bus itself, as soon as they come.
    pub(super) fn receive(
        &self,
        kind: MessageType,
        mut take: impl FnMut(&Message, &SyncConnection) + Send + 'static,
    ) {
        let bluez = self.bluez.clone();
        let take = move |message: Message, connection: &SyncConnection| {
            if message.sender().is_some_and(|sender| *sender == *bluez || *sender == *DAEMON) {
                take(&message, connection);
            }
            true
        };
        self.connection.start_receive(MatchRule::new().with_type(kind), Box::new(take));
    }

    /// Asks the bus for the signals that match a rule.
    pub(super) async fn watch(&mut self, rule: &str) -> Result<(), BusError> {
        self.ask(DAEMON, "/org/freedesktop/DBus", "AddMatch", (rule,), PATIENCE).await
    }

    /// Calls a method of `BlueZ`: an object, `org.bluez.Interface.Method`, and how long its answer may take.
    pub(super) async fn call<R: ReadAll + 'static>(
        &mut self,
        path: &str,
        (interface, method): (&str, &str),
        args: impl AppendAll,
        patience: Duration,
    ) -> Result<R, BusError> {
        let proxy = Proxy::new(BLUEZ, path, patience, &*self.connection);
        let answer = proxy.method_call(interface, method, args);
        self.during(within(patience, answer)).await?
    }

    /// Calls a method of the bus.
    async fn ask<R: ReadAll + 'static>(
        &mut self,
        name: &str,
        path: &str,
        method: &str,
        args: impl AppendAll,
        patience: Duration,
    ) -> Result<R, BusError> {
        let proxy = Proxy::new(name, path, patience, &*self.connection);
        let answer = proxy.method_call(DAEMON, method, args);
        self.during(within(patience, answer)).await?
    }

    /// Waits for something that comes over the connection. Safe to cancel if `work` is.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> Result<T, BusError> {
        tokio::select! {
            biased;
            _ = &mut self.resource => Err(BusError::Lost),
            done = work => Ok(done),
        }
    }
}
