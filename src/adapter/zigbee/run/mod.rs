//! The adapter: a stick, its network and its devices, from the first byte to readings, for as long as it is asked to.
//!
//! ```text
//! connect ─> start ─> what does it hold? ─┬─ the network that is wanted ─> session ──┐
//!    ^                                    ├─ another: refused, nothing is written    │
//!    │                                    └─ none: empty, until it may form one      │
//!    └──────── backoff <──── link lost, stick mute or restarted ─────────────────────┘
//! ```

mod arrivals;
mod asking;
mod book;
mod calls;
mod checking_in;
mod end;
mod energy;
mod firmware;
mod groups;
mod hear;
mod joining;
mod keeper;
mod keeping;
mod order;
mod orders;
mod panel;
mod power;
mod put_aside;
mod quirks;
mod requests;
mod resting;
mod serving;
mod session;
mod setup;
mod silence;
mod survey;
mod updates;
mod values;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) use self::updates::Ordered;
use self::{
    end::{End, LostError},
    world::{Radio, World},
};
use super::config::Config;
use crate::{
    adapter::{Adapter, AdapterContext, AdapterError, BoxFuture, Condition, DeviceInfo},
    config::Pressure,
};

/// One configured coordinator.
#[derive(Debug)]
pub struct Zigbee {
    config: Config,
    /// What others see while it works.
    shown: Shown,
}

/// What a running adapter shows.
#[derive(Debug, Default, Clone)]
struct Shown(Arc<Mutex<View>>);

/// What is shown.
#[derive(Debug, Default)]
struct View {
    /// The devices, once they are known.
    devices: Option<Vec<DeviceInfo>>,
    /// Why it rests, if it does.
    condition: Option<Condition>,
}

impl Shown {
    /// The view; a holder that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, View> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Zigbee {
    /// Takes a checked configuration; nothing is opened before [`Adapter::run`].
    pub fn new(config: Config) -> Self {
        Self { config, shown: Shown::default() }
    }
}

impl Adapter for Zigbee {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> &'static str {
        "zigbee"
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        let known = self.shown.lock().devices.clone();
        known.unwrap_or_else(|| book::listed(&self.config))
    }

    fn pressure(&self) -> Pressure {
        self.config.pressure
    }

    fn fingerprint(&self) -> String {
        format!("{:?}", self.config)
    }

    fn condition(&self) -> Option<Condition> {
        self.shown.lock().condition.clone()
    }

    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(world::run(&self.config, self.shown.clone(), context))
    }
}
