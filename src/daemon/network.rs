//! Wishes of local users about the radio network of an adapter.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::oneshot, time::timeout};

use super::core::Core;
use crate::{
    api::{ApiError, NetworkRequest},
    model::{DeviceRequest, Event, EventKind, NetworkWish, Source},
};

/// Longest wait for an adapter; restoring a backup forms a network, which takes a coordinator most of a minute, and
/// starts it twice.
const LIMIT: Duration = Duration::from_secs(150);

impl Core {
    /// Asks the adapter, and writes down who changed something.
    pub(super) async fn network(self: &Arc<Self>, request: NetworkRequest) -> Result<Value, ApiError> {
        let NetworkRequest { user, adapter, wish } = request;
        let way = self.way_to(&adapter).ok_or_else(|| ApiError::NoAdapter(adapter.clone()))?;
        let (reply, answer) = oneshot::channel();
        let what = told(&wish);
        let gone = || ApiError::Unavailable(format!("adapter {adapter} does not run"));
        let ask = async {
            way.send(Box::new(DeviceRequest::Network { wish, reply })).await.map_err(|_| gone())?;
            answer.await.map_err(|_| gone())
        };
        let late = |_| ApiError::Timeout(format!("adapter {adapter} did not answer within {LIMIT:?}"));
        let answer = timeout(LIMIT, ask).await.map_err(late)??;
        if let Some(what) = what {
            self.audit_network(user, format!("adapter {adapter}: {what}"), answer.is_ok()).await;
        }
        answer.map_err(ApiError::Refused)
    }

    /// Writes down who wanted something, and whether it was done.
    async fn audit_network(&self, user: Arc<str>, what: String, allowed: bool) {
        let from = Source::Api { user, roles: Vec::new() }.to_string();
        let event = Event { ts: self.clock.now(), kind: EventKind::Audit { from, what, allowed } };
        // The recorder is gone only at shutdown.
        let _ = self.ways.events.send(event).await;
    }
}

/// What is wanted, in words; `None` for what changes nothing and shows no secret.
fn told(wish: &NetworkWish) -> Option<String> {
    Some(match wish {
        NetworkWish::Show | NetworkWish::Map | NetworkWish::EnergyScan(_) | NetworkWish::Firmware => return None,
        NetworkWish::Restore(wanted) if wanted.is_trial => return None,
        NetworkWish::PermitJoin { time, code: None } => format!("let devices in for {} s", time.as_secs()),
        NetworkWish::PermitJoin { time, code: Some(_) } => {
            format!("let devices in for {} s, one with its install code", time.as_secs())
        }
        NetworkWish::Update { device, is_forced: false } => format!("update the firmware of {device}"),
        NetworkWish::Update { device, is_forced: true } => {
            format!("update the firmware of {device} whatever version it has")
        }
        NetworkWish::CancelUpdate { device } => format!("cancel the update of {device}"),
        NetworkWish::Form => "form a network".to_owned(),
        NetworkWish::Backup => "give out a backup, with the network key".to_owned(),
        NetworkWish::Restore(wanted) => match &wanted.overwrite {
            None => "restore a backup".to_owned(),
            Some(old) => format!("restore a backup over network {old}"),
        },
    })
}
