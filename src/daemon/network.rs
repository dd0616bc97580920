//! Wishes of local users about the radio network of an adapter.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::oneshot, time::timeout};

use super::core::Core;
use crate::{
    api::{ApiError, NetworkRequest},
    model::{DeviceRequest, Event, EventKind, NetworkWish, Source},
};

/// Longest wait for an adapter; forming a network takes a coordinator most of a minute.
const LIMIT: Duration = Duration::from_secs(90);

impl Core {
    /// Asks the adapter, and writes down who changed something.
    pub(super) async fn network(self: &Arc<Self>, request: NetworkRequest) -> Result<Value, ApiError> {
        let NetworkRequest { user, adapter, wish } = request;
        let way = self.way_to(&adapter).ok_or_else(|| {
            ApiError::Invalid(format!("no adapter {adapter:?} (help: tidegate status lists adapters)"))
        })?;
        let (reply, answer) = oneshot::channel();
        let gone = || ApiError::Unavailable(format!("adapter {adapter} does not run"));
        let ask = async {
            way.send(DeviceRequest::Network { wish, reply }).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())
        };
        let late = |_| ApiError::Timeout(format!("adapter {adapter} did not answer within {LIMIT:?}"));
        let answer = timeout(LIMIT, ask).await.map_err(late)??;
        self.audit_network(user, &adapter, wish, answer.is_ok()).await;
        answer.map_err(ApiError::Refused)
    }

    /// Writes down who wanted a change, and whether it was made.
    async fn audit_network(&self, user: Arc<str>, adapter: &str, wish: NetworkWish, allowed: bool) {
        let what = match wish {
            NetworkWish::Show => return,
            NetworkWish::PermitJoin(time) => format!("adapter {adapter}: let devices in for {} s", time.as_secs()),
            NetworkWish::Form => format!("adapter {adapter}: form a network"),
        };
        let from = Source::Api { user, roles: Vec::new() }.to_string();
        let event = Event { ts: self.clock.now(), kind: EventKind::Audit { from, what, allowed } };
        // The recorder is gone only at shutdown.
        let _ = self.ways.events.send(event).await;
    }
}
