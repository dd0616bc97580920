//! Answers to requests while there is no network at work.

use super::World;
use crate::model::{DeviceRequest, NetworkWish, Reading, WriteError};

impl World<'_> {
    /// Answers a request that cannot be carried out. An asker that stopped waiting does not need to know.
    pub(super) fn refuse(&self, request: DeviceRequest, why: &str) {
        match request {
            DeviceRequest::Write { reply, .. } => {
                let _ = reply.send(Err(WriteError::Refused(format!("{}: {why}", self.config.link))));
            }
            DeviceRequest::Read { point, reply } => {
                let _ = reply.send(Reading::bad(point, "device-offline", self.clock.now()));
            }
            DeviceRequest::Network { wish: NetworkWish::Show, reply } => {
                let _ = reply.send(Ok(self.view(None, "down")));
            }
            DeviceRequest::Network { reply, .. } => {
                let _ = reply.send(Err(format!("adapter {}: {why}", self.config.name)));
            }
        }
    }
}
