//! Devices that are not configured, where everybody of a known format is read.

use tokio::time::Instant;
use tracing::debug;

use super::{Receiver, device::Device};
use crate::{
    adapter::{
        AdapterError,
        ble::{
            config::Accept,
            heard::{Heard, hex},
        },
    },
    model::{DeviceChange, DeviceId},
};

/// Devices that are not configured. When there are more, the one silent longest is forgotten and counted: a flood of
/// random addresses costs memory for these and no more.
pub(super) const MAX_STRANGERS: usize = 512;

impl Receiver<'_> {
    /// Makes a device of one that is not known, if that is wanted and it can be read.
    pub(super) async fn admit(&mut self, heard: &Heard, now: Instant) -> Result<bool, AdapterError> {
        if self.config.accept != Accept::Formats {
            return Ok(false);
        }
        let id = DeviceId::new(&format!("ble-{}", hex(&heard.address.0))).expect("hex is a slug");
        // Somebody gave this id to another device.
        if self.config.devices.iter().any(|device| device.id == id) {
            return Ok(false);
        }
        let device = Device::stranger(id, heard.address, self.config.min_interval, now);
        let decoded = device.decode(heard);
        let own = device.read_by_profile(heard, &decoded, &self.decoders);
        if decoded.readings.is_empty() && own.is_none_or(|own| own.readings.is_empty()) {
            return Ok(false);
        }
        self.make_room().await?;
        self.strangers += 1;
        self.devices.insert(heard.address, device);
        Ok(true)
    }

    /// Forgets a device that is not configured, if there are too many.
    async fn make_room(&mut self) -> Result<(), AdapterError> {
        if self.strangers < MAX_STRANGERS {
            return Ok(());
        }
        let strangers = self.devices.iter().filter(|(_, device)| !device.is_configured);
        let oldest = strangers.min_by_key(|(_, device)| device.presence.last()).map(|(address, _)| *address);
        let Some((address, device)) = oldest.and_then(|oldest| self.devices.remove_entry(&oldest)) else {
            return Ok(());
        };
        self.strangers -= 1;
        self.metrics.forgotten.inc();
        self.found.remove(address);
        debug!(device = %device.id, adapter = self.config.name, "Forgot the device that was silent longest");
        self.tell(address, device.id, DeviceChange::Left).await
    }
}
