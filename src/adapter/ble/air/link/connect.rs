//! Making a connection, and ending one.

use std::{future::ready, pin::pin, time::Duration};

use bluez_async::{BluetoothEvent, DeviceEvent, DeviceId};
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::time::{sleep, timeout};
use tracing::{debug, info};

use super::{ANSWER, LinkError, answered};
use crate::adapter::ble::{
    air::{
        agent::{self, Pairing},
        bus::{Bus, BusError, text},
        turn::{LIMIT, Turn},
    },
    decode::Address,
};

/// Longest wait for the services of a device that is connected. The radio listens again meanwhile.
const DISCOVERY: Duration = Duration::from_secs(20);

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
pub(super) async fn connect(
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
pub(super) async fn is_connected(bus: &Bus, device: &DeviceId) -> bool {
    answered(bus.session().get_device_info(device)).await.is_ok_and(|info| info.connected)
}

/// Pairs with a device that is connected, unless `BlueZ` has its keys already.
pub(super) async fn pair(bus: &Bus, device: &DeviceId, pairing: Pairing) -> Result<(), LinkError> {
    if answered(bus.session().get_device_info(device)).await?.paired {
        return Ok(());
    }
    let path = text(device).ok_or(LinkError::Lost)?;
    agent::pair(&path, pairing).await.map_err(|error| match error {
        BusError::Refused(why) => LinkError::NotPaired(why),
        BusError::Connect(_) | BusError::Lost | BusError::Timeout => error.into(),
    })?;
    info!(device = path, "Paired");
    Ok(())
}
