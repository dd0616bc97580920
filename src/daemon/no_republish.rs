//! A build without Modbus has no servers for it; their sections are refused when the configuration is read.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use serde_json::Value;

use super::core::Core;
use crate::config;

/// No servers.
pub(super) struct Servers;

impl Servers {
    /// Nothing is counted.
    pub(super) fn register(_: &mut Registry) -> Self {
        Self
    }

    /// There are none.
    #[expect(clippy::unused_self, reason = "the build with Modbus has servers to look at")]
    pub(super) fn views(&self) -> Vec<Value> {
        Vec::new()
    }
}

impl Core {
    /// Nothing can differ.
    #[expect(clippy::unused_async, reason = "the build with Modbus waits here for servers to end")]
    pub(super) async fn apply_republish(self: &Arc<Self>, _: &[config::Republish], _: &mut Vec<String>) {}
}
