//! One connection to a device, and the characteristics behind it.
//!
//! What it tells by itself is lost with it; nothing here waits for longer than a limit.

mod connect;
mod error;
mod line;

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use bluez_async::{BluetoothError, CharacteristicId, DeviceId, WriteOptions, WriteType};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};
use tracing::debug;

pub use self::{connect::disconnect, error::LinkError};
use self::{
    connect::{connect, is_connected, pair},
    error::sort,
    line::{Line, News},
};
use super::{
    agent::Pairing,
    bus::{Bus, text},
    turn::Turn,
};
use crate::adapter::ble::decode::{Address, Uuid};

/// Longest wait for one read or write; the protocol's own limit is 30 s (Core 5.4, Vol 3 Part F 3.3.3).
const ANSWER: Duration = Duration::from_secs(10);
/// How often a connection is looked at, for when its end is told by nobody.
const CHECK: Duration = Duration::from_secs(5);
/// Time in which a notification with the bytes that were just read is that read: `BlueZ` tells both alike.
const ECHO: Duration = Duration::from_millis(500);

/// Where a value is: a characteristic of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Characteristic {
    /// The service.
    pub service: Uuid,
    /// The characteristic.
    pub uuid: Uuid,
}

impl fmt::Display for Characteristic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.uuid)
    }
}

/// What a connection tells by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A notification.
    Value(Characteristic, Vec<u8>),
    /// It is over.
    Lost,
}

/// A connection.
pub struct Link {
    bus: Arc<Bus>,
    device: DeviceId,
    line: Line,
    /// What was looked up, so that it is once.
    found: HashMap<Characteristic, CharacteristicId>,
    /// What notifies, by its path.
    subscribed: HashMap<String, Characteristic>,
    /// What was read last.
    read: Option<(String, Vec<u8>, Instant)>,
    checks: Interval,
}

impl Link {
    /// Connects to a device when it is its turn: one attempt. It is paired then, where that is wanted and it was not. If
    /// this is given up half-way, [`disconnect`] ends what `BlueZ` may still be trying. `unread` counts notifications that
    /// there was no room for.
    pub async fn open(
        address: Address,
        radio: Option<&str>,
        turn: &Turn,
        pairing: Option<Pairing>,
        unread: Counter,
    ) -> Result<Self, LinkError> {
        let bus = Bus::shared().await?;
        // Before the turn is taken: a device that is away costs nobody anything.
        let device = bus.device(address, radio).await?.ok_or(LinkError::NotInReach)?;
        let mut line = Line::open(&text(&device).ok_or(LinkError::NotInReach)?, unread).await?;
        let connected = connect(&mut line, turn).await;
        let mut checks = interval(CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (found, subscribed) = (HashMap::new(), HashMap::new());
        let mut opening = Self { bus, device, line, found, subscribed, read: None, checks };
        let opened = match connected {
            Ok(()) => opening.settle(pairing).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(()) => Ok(opening),
            Err(error) => {
                opening.close().await;
                Err(error)
            }
        }
    }

    /// Reads a characteristic.
    pub async fn read(&mut self, at: Characteristic) -> Result<Vec<u8>, LinkError> {
        let id = self.id(at)?;
        let bytes = answered(self.bus.session().read_characteristic_value(&id)).await?;
        self.read = text(&id).map(|id| (id, bytes.clone(), Instant::now()));
        Ok(bytes)
    }

    /// Writes a characteristic once.
    pub async fn write(&mut self, at: Characteristic, bytes: &[u8], is_confirmed: bool) -> Result<(), LinkError> {
        let id = self.id(at)?;
        let write_type = if is_confirmed { WriteType::WithResponse } else { WriteType::WithoutResponse };
        let options = WriteOptions { write_type: Some(write_type), ..WriteOptions::default() };
        answered(self.bus.session().write_characteristic_value_with_options(&id, bytes, options)).await
    }

    /// Asks for notifications of a characteristic; for indications as well, `BlueZ` takes what there is.
    pub async fn subscribe(&mut self, at: Characteristic) -> Result<(), LinkError> {
        let id = self.id(at)?;
        answered(self.bus.session().start_notify(&id)).await?;
        self.subscribed.extend(text(&id).map(|id| (id, at)));
        Ok(())
    }

    /// The next notification, or the end. Safe to cancel.
    pub async fn next(&mut self) -> Told {
        loop {
            let news = tokio::select! {
                news = self.line.next() => news,
                _ = self.bus.lost() => return Told::Lost,
                _ = self.checks.tick() => {
                    if is_connected(&self.bus, &self.device).await { continue }
                    return Told::Lost;
                }
            };
            match news {
                Err(_) | Ok(News::Connected(false)) => return Told::Lost,
                Ok(News::Value(id, value)) => {
                    if let Some(at) = self.subscribed.get(&id).filter(|_| !self.is_echo(&id, &value)) {
                        return Told::Value(*at, value);
                    }
                }
                Ok(News::Connected(true) | News::Resolved(_)) => {}
            }
        }
    }

    /// Ends the connection, if it is not over.
    pub async fn close(self) {
        // One that is gone cannot be closed, and is.
        let _ = timeout(ANSWER, self.bus.session().disconnect(&self.device)).await;
    }

    /// Pairs where that is wanted, and looks up what there is.
    async fn settle(&mut self, pairing: Option<Pairing>) -> Result<(), LinkError> {
        if let Some(pairing) = pairing {
            pair(&self.bus, &self.device, pairing).await?;
        }
        self.discover().await
    }

    /// Looks up every characteristic. A part that cannot be read is missing later, and said to be then.
    async fn discover(&mut self) -> Result<(), LinkError> {
        let session = self.bus.session();
        for service in answered(session.get_services(&self.device)).await? {
            for info in answered(session.get_characteristics(&service.id)).await? {
                let at = Characteristic { service: uuid(service.uuid), uuid: uuid(info.uuid) };
                debug!(device = ?text(&self.device), %at, mtu = info.mtu, "Characteristic");
                self.found.entry(at).or_insert(info.id);
            }
        }
        Ok(())
    }

    /// Where a characteristic is.
    fn id(&self, at: Characteristic) -> Result<CharacteristicId, LinkError> {
        self.found.get(&at).cloned().ok_or(LinkError::NoCharacteristic(at))
    }

    /// Whether bytes are those that were just read.
    fn is_echo(&self, id: &str, value: &[u8]) -> bool {
        self.read.as_ref().is_some_and(|(last, bytes, at)| last == id && bytes == value && at.elapsed() < ECHO)
    }
}

/// Waits for an answer of the device.
async fn answered<T>(answer: impl Future<Output = Result<T, BluetoothError>>) -> Result<T, LinkError> {
    timeout(ANSWER, answer).await.map_err(|_| LinkError::Timeout(ANSWER))?.map_err(sort)
}

/// The library's UUID as ours.
fn uuid(uuid: uuid::Uuid) -> Uuid {
    Uuid(uuid.as_u128())
}
