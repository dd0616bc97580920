//! Making a connection, and ending one.

use std::{pin::pin, time::Duration};

use bluez_async::DeviceId;
use tokio::time::{sleep, timeout};
use tracing::{debug, info};

use super::{
    ANSWER, LinkError, answered,
    line::{DEVICE, Line, News},
};
use crate::adapter::ble::{
    air::{
        Queue,
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
pub(super) async fn connect(line: &mut Line, turn: &Turn) -> Result<(), LinkError> {
    call(line, turn).await?;
    // The end of the connection before may still be in there.
    line.came.clear();
    timeout(DISCOVERY, resolved(line)).await.map_err(|_| LinkError::Timeout(DISCOVERY))?
}

/// Has `BlueZ` connect.
async fn call(line: &mut Line, turn: &Turn) -> Result<(), LinkError> {
    let attempt = turn.take().await;
    let Line { wire, path, came } = line;
    let mut connecting = pin!(wire.call(path, (DEVICE, "Connect"), (), LIMIT + DISCOVERY));
    let answered = tokio::select! {
        done = &mut connecting => Some(done),
        () = told(came, &News::Connected(true)) => None,
        () = sleep(LIMIT) => return Err(LinkError::Timeout(LIMIT)),
    };
    drop(attempt);
    let done = match answered {
        Some(done) => done,
        None => timeout(DISCOVERY, connecting).await.map_err(|_| LinkError::Timeout(DISCOVERY))?,
    };
    done.map_err(|error| match error {
        BusError::Refused(why) => LinkError::Aborted(why),
        BusError::Connect(_) | BusError::Lost | BusError::Timeout => error.into(),
    })
}

/// Waits for the services.
async fn resolved(line: &mut Line) -> Result<(), LinkError> {
    // It is listened for already, so that it is not missed between this and that.
    if !line.is_resolved().await? {
        let Line { wire, came, .. } = line;
        wire.during(told(came, &News::Resolved(true))).await?;
    }
    Ok(())
}

/// Waits until this is told.
async fn told(came: &Queue<News>, news: &News) {
    while came.next().await != *news {}
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
