//! A Zigbee coordinator that is not there, with devices that join when they are let in: real MT frames on any byte
//! link, a memory that outlives the connection, and faults at will.
//!
//! ```text
//! host <── bytes ──> server <──> stick (SYS, NV, APP_CNF, ZDO, AF) <──> device × n (ZDO, ZCL)
//! ```
//!
//! It keeps to what a CC2652 with Z-Stack 3.x does, as far as a gateway can see it: after a reset endpoints are
//! forgotten and the network is off until it is started, messages to sleepers expire, reports come of what was bound
//! and configured, and of nothing else.

mod device;
mod server;
mod stick;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use self::{
    device::{Device, Firmware, Kind},
    server::serve,
    stick::{ScanFault, Stick},
};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster, Ieee},
    zcl::Value,
};

/// The coordinator as tests and the server share it.
#[derive(Debug, Clone, Default)]
pub struct Sim(Arc<Shared>);

/// What is shared.
#[derive(Debug, Default)]
struct Shared {
    stick: Mutex<Stick>,
    /// Told when there is something to send, or to hang up.
    changed: Notify,
}

impl Sim {
    /// A coordinator without a network, with these devices around.
    pub fn new(kinds: &[Kind]) -> Self {
        let sim = Self::default();
        for (number, kind) in (1..).zip(kinds) {
            sim.lock().devices.push(Device::new(*kind, number));
        }
        sim
    }

    /// Looks at the stick or changes it; what it has to say is said.
    pub fn with<T>(&self, change: impl FnOnce(&mut Stick) -> T) -> T {
        let result = change(&mut self.lock());
        self.0.changed.notify_one();
        result
    }

    /// A device measures something.
    pub fn measure(&self, ieee: Ieee, cluster: Cluster, attribute: Attribute, value: Value) {
        self.with(|stick| stick.with_device(ieee, |device| device.set(cluster, attribute, value)));
    }

    /// The stick; a holder that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, Stick> {
        self.0.stick.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
