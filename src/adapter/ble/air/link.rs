//! One connection to a device, and the characteristics behind it.
//!
//! It asks `bluez-async`, the library below `btleplug`: that one tells no loss of a connection but on the stream of all
//! advertisements, and knows only the first of several characteristics of one UUID.

use std::{collections::HashMap, fmt, future::ready, pin::pin, sync::Arc, time::Duration};

use bluez_async::{
    BluetoothError, BluetoothEvent, CharacteristicEvent, CharacteristicId, DeviceEvent, DeviceId, WriteOptions,
    WriteType,
};
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout};
use tracing::debug;

use super::{
    bus::{Bus, BusError, text},
    turn::{LIMIT, Turn},
};
use crate::adapter::ble::decode::{Address, Uuid};

/// Longest wait for the services of a device that is connected. The radio listens again meanwhile.
const DISCOVERY: Duration = Duration::from_secs(20);
/// Longest wait for one read or write; the protocol's own limit is 30 s (Core 5.4, Vol 3 Part F 3.3.3).
const ANSWER: Duration = Duration::from_secs(10);
/// How often a connection is looked at, for when its end is told by nobody.
const CHECK: Duration = Duration::from_secs(5);
/// Time in which a notification with the bytes that were just read is that read: `BlueZ` tells both alike.
const ECHO: Duration = Duration::from_millis(500);

/// Why a connection, a read or a write failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// `BlueZ` has not heard the device of late.
    #[error("the device is not in reach")]
    NotInReach,
    /// The attempt was broken off, which the next may not be.
    #[error("the connection was aborted: {0}")]
    Aborted(String),
    /// There is no such characteristic.
    #[error("the device has no characteristic {0}")]
    NoCharacteristic(Characteristic),
    /// The device wants to know us.
    #[error("the device wants to be paired: {0}")]
    NotAuthorized(String),
    /// The device or `BlueZ` refused.
    #[error("{0}")]
    Refused(String),
    /// No answer came.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The connection is over.
    #[error("the connection is lost")]
    Lost,
    /// D-Bus or `BlueZ` is not there.
    #[error("{0}")]
    Bus(String),
}

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
    events: BoxStream<'static, BluetoothEvent>,
    /// What was looked up, so that it is once.
    found: HashMap<Characteristic, CharacteristicId>,
    /// What notifies.
    subscribed: HashMap<CharacteristicId, Characteristic>,
    /// What was read last.
    read: Option<(CharacteristicId, Vec<u8>, Instant)>,
    checks: Interval,
}

impl Link {
    /// Connects to a device when it is its turn: one attempt. If this is given up half-way, [`disconnect`] ends what
    /// `BlueZ` may still be trying.
    pub async fn open(address: Address, radio: Option<&str>, turn: &Turn) -> Result<Self, LinkError> {
        let bus = Bus::shared().await?;
        // Before the turn is taken: a device that is away costs nobody anything.
        let device = bus.device(address, radio).await?.ok_or(LinkError::NotInReach)?;
        let mut events = bus.session().device_event_stream(&device).await.map_err(sort)?.boxed();
        let connected = connect(&bus, &device, &mut events, turn).await;
        let mut checks = interval(CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (found, subscribed) = (HashMap::new(), HashMap::new());
        let mut link = Self { bus, device, events, found, subscribed, read: None, checks };
        let opened = match connected {
            Ok(()) => link.discover().await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(()) => Ok(link),
            Err(error) => {
                link.close().await;
                Err(error)
            }
        }
    }

    /// Reads a characteristic.
    pub async fn read(&mut self, at: Characteristic) -> Result<Vec<u8>, LinkError> {
        let id = self.id(at)?;
        let bytes = answered(self.bus.session().read_characteristic_value(&id)).await?;
        self.read = Some((id, bytes.clone(), Instant::now()));
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
        self.subscribed.insert(id, at);
        Ok(())
    }

    /// The next notification, or the end. Safe to cancel.
    pub async fn next(&mut self) -> Told {
        loop {
            let event = tokio::select! {
                event = self.events.next() => event,
                _ = self.bus.lost() => return Told::Lost,
                _ = self.checks.tick() => {
                    if is_connected(&self.bus, &self.device).await { continue }
                    return Told::Lost;
                }
            };
            match event {
                None | Some(BluetoothEvent::Device { event: DeviceEvent::Connected { connected: false }, .. }) => {
                    return Told::Lost;
                }
                Some(BluetoothEvent::Characteristic { id, event: CharacteristicEvent::Value { value } }) => {
                    if let Some(at) = self.subscribed.get(&id).filter(|_| !self.is_echo(&id, &value)) {
                        return Told::Value(*at, value);
                    }
                }
                // What it advertises meanwhile, and what later versions of the library may tell.
                Some(_) => {}
            }
        }
    }

    /// Ends the connection, if it is not over.
    pub async fn close(self) {
        // One that is gone cannot be closed, and is.
        let _ = timeout(ANSWER, self.bus.session().disconnect(&self.device)).await;
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
    fn is_echo(&self, id: &CharacteristicId, value: &[u8]) -> bool {
        self.read.as_ref().is_some_and(|(last, bytes, at)| last == id && bytes == value && at.elapsed() < ECHO)
    }
}

/// Ends the connection to a device, or the attempt to make one, if there is any.
pub async fn disconnect(address: Address, radio: Option<&str>) {
    let ended = async {
        let bus = Bus::shared().await?;
        let Some(device) = bus.device(address, radio).await? else { return Ok(()) };
        answered(bus.session().disconnect(&device)).await
    };
    // What cannot be ended is over, or `BlueZ` is gone and all its connections with it.
    if let Ok(Err(error)) = timeout(ANSWER, ended).await {
        debug!(%address, %error, "Nothing to disconnect");
    }
}

/// Connects, and waits for the services. The radio listens again as soon as the device has answered.
async fn connect(
    bus: &Bus,
    device: &DeviceId,
    events: &mut BoxStream<'static, BluetoothEvent>,
    turn: &Turn,
) -> Result<(), LinkError> {
    let is_connected = |event| {
        ready(matches!(event, BluetoothEvent::Device { event: DeviceEvent::Connected { connected: true }, .. }))
    };
    let attempt = turn.take().await;
    let mut connecting = pin!(bus.session().connect_with_timeout(device, LIMIT + DISCOVERY));
    let answered = tokio::select! {
        done = &mut connecting => Some(done),
        true = events.any(is_connected) => None,
        () = sleep(LIMIT) => return Err(LinkError::Timeout(LIMIT)),
    };
    drop(attempt);
    let done = match answered {
        Some(done) => done,
        None => timeout(DISCOVERY, connecting).await.map_err(|_| LinkError::Timeout(DISCOVERY))?,
    };
    done.map_err(|error| LinkError::Aborted(error.to_string()))
}

/// Whether `BlueZ` says that a device is connected; one that it does not know any more is not.
async fn is_connected(bus: &Bus, device: &DeviceId) -> bool {
    answered(bus.session().get_device_info(device)).await.is_ok_and(|info| info.connected)
}

/// Waits for an answer of the device.
async fn answered<T>(answer: impl Future<Output = Result<T, BluetoothError>>) -> Result<T, LinkError> {
    timeout(ANSWER, answer).await.map_err(|_| LinkError::Timeout(ANSWER))?.map_err(sort)
}

/// What an error of `BlueZ` means (its `doc/gatt-api.txt`).
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn sort(error: BluetoothError) -> LinkError {
    let BluetoothError::DbusError(inner) = &error else { return LinkError::Refused(error.to_string()) };
    let text = inner.message().unwrap_or_default().to_owned();
    match inner.name().unwrap_or_default() {
        "org.bluez.Error.NotConnected"
        | "org.freedesktop.DBus.Error.UnknownObject"
        | "org.freedesktop.DBus.Error.UnknownMethod" => LinkError::Lost,
        "org.bluez.Error.NotAuthorized" | "org.bluez.Error.NotPermitted" => LinkError::NotAuthorized(text),
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.Disconnected" => {
            LinkError::Bus(text)
        }
        "org.bluez.Error.Failed" if text == "Not connected" => LinkError::Lost,
        _ => LinkError::Refused(text),
    }
}

/// The library's UUID as ours.
fn uuid(uuid: uuid::Uuid) -> Uuid {
    Uuid(uuid.as_u128())
}

impl From<BusError> for LinkError {
    fn from(error: BusError) -> Self {
        Self::Bus(error.to_string())
    }
}
