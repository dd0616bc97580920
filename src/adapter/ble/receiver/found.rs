//! The devices as others see them, also those that came without being configured.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::device::Device;
use crate::adapter::{
    DeviceInfo,
    ble::{config::Config, decode::Address},
};

/// The devices as others see them.
#[derive(Debug, Default)]
pub(in crate::adapter::ble) struct Found(Mutex<BTreeMap<Address, DeviceInfo>>);

impl Found {
    /// The devices of a configuration.
    pub(in crate::adapter::ble) fn of(config: &Config) -> Self {
        let now = Instant::now();
        let devices =
            config.devices.iter().map(|device| (device.address, Device::configured(device, None, now).info()));
        Self(Mutex::new(devices.collect()))
    }

    /// All of them.
    pub(in crate::adapter::ble) fn all(&self) -> Vec<DeviceInfo> {
        self.locked().values().cloned().collect()
    }

    /// Whether a device is among them.
    pub(super) fn has(&self, address: Address) -> bool {
        self.locked().contains_key(&address)
    }

    /// Adds a device, or what is new of it.
    pub(super) fn put(&self, address: Address, device: DeviceInfo) {
        self.locked().insert(address, device);
    }

    /// Takes a device out.
    pub(super) fn remove(&self, address: Address) {
        self.locked().remove(&address);
    }

    /// The table; a holder that panicked left it whole.
    fn locked(&self) -> MutexGuard<'_, BTreeMap<Address, DeviceInfo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
