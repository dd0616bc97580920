//! What is told of a device, and what is counted.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{debug, error, info};

use super::{Keeper, SETTLING};
use crate::{
    adapter::{
        AdapterError,
        ble::{air::LinkError, config::GattPoint},
    },
    model::{DeviceChange, DeviceFacts, Event, EventKind, PointAddress, Reading, Value},
};

impl<'a> Keeper<'a> {
    /// Where a point stands among those of the device.
    pub(super) fn place(&self, address: &PointAddress) -> Option<(usize, &'a GattPoint)> {
        let mut places = self.device.behind.iter().enumerate();
        places.find(|(_, behind)| behind.point.address == *address)
    }

    /// The device could not be reached, or was lost: what can be read is bad, and it is tried again after a rest.
    pub(super) async fn fail(&mut self, error: &LinkError) -> Result<(), AdapterError> {
        self.outlook.failed(self.device, Instant::now());
        debug!(device = %self.device.id, %error, "Device cannot be reached");
        let is_settling = self.is_online.is_none() && self.began.elapsed() < SETTLING;
        if is_settling && matches!(error, LinkError::NotInReach) {
            return Ok(());
        }
        self.tell_fault(error);
        // It is there, though nothing can be read.
        let why = if matches!(error, LinkError::NotPaired(_)) { quality(error) } else { "device-offline" };
        for (point, behind) in self.device.behind.iter().enumerate() {
            if behind.point.access.can_read() {
                self.report_bad(point, why).await?;
            }
        }
        self.tell(DeviceChange::Offline).await
    }

    /// Tells why the device is offline, also when that is something else than before: one that was out of reach may have
    /// another passkey. What comes and goes meanwhile is told once.
    fn tell_fault(&mut self, error: &LinkError) {
        if self.is_online != Some(false) {
            self.told.clear();
        }
        let why = quality(error);
        if self.told.contains(&why) {
            return;
        }
        self.told.push(why);
        if matches!(error, LinkError::NotPaired(_)) {
            // Somebody must act.
            error!(device = %self.device.id, %error, "Device is not paired");
        } else {
            info!(device = %self.device.id, %error, "Device is offline");
        }
    }

    /// Sends what the bytes of a characteristic say of a point.
    pub(super) async fn report(&mut self, point: usize, bytes: &[u8]) -> Result<(), AdapterError> {
        let GattPoint { layout, point: about, .. } = &self.device.behind[point];
        match layout.decode(bytes, about) {
            Ok(value) => self.report_good(point, value).await,
            Err(why) => self.report_bad(point, why.as_str()).await,
        }
    }

    /// Sends a value.
    pub(super) async fn report_good(&mut self, point: usize, value: Value) -> Result<(), AdapterError> {
        self.outlook.is_good(point);
        let about = Arc::clone(&self.device.behind[point].point);
        self.ways.readings.send(vec![Reading::good(about, value, self.ways.clock.now())].into()).await
    }

    /// Sends that there is no value, when that is news.
    pub(super) async fn report_bad(&mut self, point: usize, why: &'static str) -> Result<(), AdapterError> {
        if !self.outlook.turns_bad(point, why) {
            return Ok(());
        }
        let about = Arc::clone(&self.device.behind[point].point);
        self.ways.readings.send(vec![Reading::bad(about, why, self.ways.clock.now())].into()).await
    }

    /// Tells that the device is there or not, when that is news.
    pub(super) async fn tell(&mut self, what: DeviceChange) -> Result<(), AdapterError> {
        let is_online = what == DeviceChange::Online;
        if self.is_online.replace(is_online) == Some(is_online) {
            return Ok(());
        }
        let mac = Some(self.device.address.to_string());
        let (device, about) = (self.device.id.clone(), DeviceFacts { mac, ..DeviceFacts::default() });
        let event = Event { ts: self.ways.clock.now(), kind: EventKind::Device { device, what, about } };
        self.ways.events.send(event).await.map_err(|_| AdapterError::Closed)
    }

    /// Counts what was asked of the device, and how it went.
    pub(super) fn counted<T>(&self, answer: Result<T, LinkError>) -> Result<T, LinkError> {
        let metrics = &self.ways.metrics;
        metrics.requests.inc();
        match &answer {
            Ok(_) => {}
            Err(LinkError::Timeout(_) | LinkError::Lost) => drop(metrics.timeouts.inc()),
            Err(_) => drop(metrics.exceptions.inc()),
        }
        answer
    }
}

/// Whether nothing more will come of the connection.
pub(super) fn is_end(error: &LinkError) -> bool {
    match error {
        LinkError::NotInReach
        | LinkError::Aborted(_)
        | LinkError::NotPaired(_)
        | LinkError::Timeout(_)
        | LinkError::Lost
        | LinkError::Bus(_) => true,
        LinkError::NoCharacteristic(_) | LinkError::NotAuthorized(_) | LinkError::Refused(_) => false,
    }
}

/// The quality of what could not be read.
pub(super) fn quality(error: &LinkError) -> &'static str {
    match error {
        LinkError::NotInReach | LinkError::Aborted(_) | LinkError::Lost | LinkError::Bus(_) => "device-offline",
        LinkError::NoCharacteristic(_) => "no-characteristic",
        LinkError::NotAuthorized(_) | LinkError::NotPaired(_) => "not-authorized",
        LinkError::Refused(_) => "refused",
        LinkError::Timeout(_) => "timeout",
    }
}
