//! The connection to D-Bus, and what it says of the radios.
//!
//! `bluez-async` never closes a connection once it is made, so the process has one of them, which all adapters share, and
//! makes another only when that is lost. The bus is found as libdbus does: `DBUS_SYSTEM_BUS_ADDRESS`, else the system's.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use bluez_async::{AdapterId, BluetoothSession, DeviceId};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::{
    runtime::Handle,
    sync::Mutex,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::adapter::ble::{
    decode::{Address, Uuid},
    heard::Heard,
};

/// The connection of this process.
static SHARED: Mutex<Option<Arc<Bus>>> = Mutex::const_new(None);

/// Longest wait for an answer of `bluetoothd`; one that is starting takes seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a radio is switched off to forget what it hangs on.
const OFF: Duration = Duration::from_secs(1);

/// Why D-Bus is of no use.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum BusError {
    /// There is no connection to be had.
    #[error("no connection to D-Bus: {0}")]
    Connect(String),
    /// The connection broke.
    #[error("the connection to D-Bus is lost")]
    Lost,
    /// `bluetoothd` refused, or is not there.
    #[error("BlueZ: {0}")]
    Refused(String),
    /// `bluetoothd` did not answer.
    #[error("BlueZ did not answer in time")]
    Timeout,
}

/// One connection.
pub(super) struct Bus {
    /// The library that asks.
    session: BluetoothSession,
    /// Ends when the connection breaks.
    lost: Shared<BoxFuture<'static, ()>>,
}

/// What is known of a radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RadioState {
    /// `hci0`.
    pub(super) name: String,
    /// Whether it is on.
    pub(super) powered: bool,
    /// Whether it scans, for us or for somebody else.
    pub(super) discovering: bool,
}

impl Bus {
    /// The connection of this process; made if there is none, or if it broke.
    pub(super) async fn shared() -> Result<Arc<Self>, BusError> {
        let mut shared = SHARED.lock().await;
        if let Some(bus) = shared.as_ref().filter(|bus| bus.lost.peek().is_none()) {
            return Ok(Arc::clone(bus));
        }
        // Connecting blocks until the bus has let us in.
        let connected = spawn_blocking(|| Handle::current().block_on(Self::connect())).await;
        let bus = Arc::new(connected.map_err(|error| BusError::Connect(error.to_string()))??);
        *shared = Some(Arc::clone(&bus));
        Ok(bus)
    }

    /// Makes a connection.
    async fn connect() -> Result<Self, BusError> {
        let failed = |error: &dyn std::error::Error| BusError::Connect(error.to_string());
        let (lost, session) = BluetoothSession::new().await.map_err(|error| failed(&error))?;
        Ok(Self { session, lost: lost.map(drop).boxed().shared() })
    }

    /// Waits until the connection breaks.
    pub(super) async fn lost(&self) -> BusError {
        self.lost.clone().await;
        BusError::Lost
    }

    /// Every radio there is.
    pub(super) async fn radios(&self) -> Result<Vec<RadioState>, BusError> {
        let radios = within(PATIENCE, self.session.get_adapters()).await?;
        let state = |info: bluez_async::AdapterInfo| {
            let (powered, discovering) = (info.powered, info.discovering);
            Some(RadioState { name: text(&info.id)?, powered, discovering })
        };
        Ok(radios.into_iter().filter_map(state).collect())
    }

    /// The library, for what is asked of single devices.
    pub(super) fn session(&self) -> &BluetoothSession {
        &self.session
    }

    /// A device that `BlueZ` knows, by the radio that hears it best, of those that are meant.
    pub(super) async fn device(&self, address: Address, radio: Option<&str>) -> Result<Option<DeviceId>, BusError> {
        let is_meant =
            |id: &DeviceId| text(&id.adapter()).is_some_and(|name| radio.is_none_or(|radio| radio == name));
        let devices = within(PATIENCE, self.session.get_devices()).await?.into_iter();
        let known = devices.filter(|info| <[u8; 6]>::from(info.mac_address) == address.0 && is_meant(&info.id));
        Ok(known.max_by_key(|info| (info.connected, info.rssi)).map(|info| info.id))
    }

    /// Switches a radio off and on again.
    pub(super) async fn cycle_power(&self, name: &str) -> Result<(), BusError> {
        let radio = self.id(name).await?;
        within(PATIENCE, self.session.set_powered(&radio, false)).await?;
        sleep(OFF).await;
        within(PATIENCE, self.session.set_powered(&radio, true)).await
    }

    /// What a radio knows of devices from before: names and services, which are not told again. Their data are old.
    pub(super) async fn acquaintances(&self, radio: &str) -> Result<Vec<Heard>, BusError> {
        let id = self.id(radio).await?;
        let devices = within(PATIENCE, self.session.get_devices_on_adapter(&id)).await?.into_iter();
        let known = devices.map(|info| Heard {
            address: Address(info.mac_address.into()),
            name: info.name,
            services: info.services.into_iter().map(|uuid| Uuid(uuid.as_u128())).collect(),
            ..Heard::default()
        });
        Ok(known.collect())
    }

    /// The library's own name for a radio.
    async fn id(&self, name: &str) -> Result<AdapterId, BusError> {
        let radios = within(PATIENCE, self.session.get_adapters()).await?;
        let radio = radios.into_iter().find(|info| text(&info.id).as_deref() == Some(name));
        radio.map(|info| info.id).ok_or_else(|| BusError::Refused(format!("{name} is gone")))
    }
}

/// Waits for an answer.
pub(super) async fn within<T, E: std::error::Error>(
    patience: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, BusError> {
    let answer = timeout(patience, answer).await.map_err(|_| BusError::Timeout)?;
    answer.map_err(|error| BusError::Refused(error.to_string()))
}

/// The path of a radio or device below `/org/bluez/`; elsewhere there is nothing of ours. `to_string` would panic there.
pub(super) fn text(id: &impl std::fmt::Display) -> Option<String> {
    let mut text = String::new();
    write!(text, "{id}").ok().map(|()| text)
}
