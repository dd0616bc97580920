//! What the gateway asks: last values, and who is in reach.

use tokio::time::Instant;

use super::{Receiver, device::Device, sightings::Sighting};
use crate::{
    adapter::ble::account::{self, Account},
    model::{DeviceRequest, NetworkWish, Reading, WriteError},
};

impl Receiver<'_> {
    /// Answers what the gateway asks. A device that only advertises cannot be asked, but what it said last is known.
    pub(in crate::adapter::ble) fn serve(&self, request: DeviceRequest) {
        // An asker that stopped waiting does not need to know.
        match request {
            DeviceRequest::Write { reply, .. } => {
                let why = "the device only advertises: nothing can be set".to_owned();
                let _ = reply.send(Err(WriteError::Refused(why)));
            }
            DeviceRequest::Read { point, reply } => {
                let mut devices = self.devices.values();
                let device = devices.find(|device| device.id == point.address.device);
                let last = device.and_then(|device| device.last(&point.address.point)).cloned();
                let _ = reply.send(last.unwrap_or_else(|| Reading::bad(point, "not-available", self.clock.now())));
            }
            DeviceRequest::Network { wish, reply } => {
                let _ = reply.send(match wish {
                    NetworkWish::Show => Ok(self.in_reach()),
                    NetworkWish::PermitJoin { .. }
                    | NetworkWish::Form
                    | NetworkWish::Map
                    | NetworkWish::EnergyScan(_)
                    | NetworkWish::Firmware
                    | NetworkWish::Update { .. }
                    | NetworkWish::Backup
                    | NetworkWish::CancelUpdate { .. }
                    | NetworkWish::Restore(_) => Err("Bluetooth devices join no network".to_owned()),
                });
            }
        }
    }

    /// Everybody in reach, with what is made of them.
    fn in_reach(&self) -> serde_json::Value {
        let now = Instant::now();
        let told = |Sighting { heard, at, count }: &Sighting| {
            let device = self.devices.get(&heard.address);
            let (name, key) = (device.and_then(Device::known_name), device.and_then(Device::key));
            let mut json = Account { heard, name, key, count: *count }.json();
            if let Some(read) = device.and_then(|device| device.read_for_account(heard, &self.decoders)) {
                account::add(&mut json, &read);
            }
            json["age_s"] = (now - *at).as_secs().into();
            json["device"] = device.map(|device| device.id.as_str()).into();
            json
        };
        let devices: Vec<_> = self.sightings.iter().map(told).collect();
        serde_json::json!({ "adapter": self.config.name, "devices": devices })
    }
}
