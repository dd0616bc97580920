//! Dead letters, as the API asks about them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::core::Core;
use crate::{
    api::{ApiError, LetterAction, LetterRequest},
    buffer::{Letter, Letters, Stopped},
    model::{Event, EventKind, Source},
};

/// Time an uplink may take to end before it is started again.
const STOP_LIMIT: Duration = Duration::from_secs(5);

impl Core {
    /// Shows, retries or drops dead letters. An uplink that is owed some again connects anew, because that is when it
    /// looks at what is old.
    pub(super) async fn deadletters(self: &Arc<Self>, request: LetterRequest) -> Result<Vec<Value>, ApiError> {
        let LetterRequest { user, action, uplink, ids } = request;
        self.require_uplink(uplink.as_deref())?;
        let which = Letters { uplink, ids };
        let (asked, word) = match action {
            LetterAction::List => (self.buffer.letters(which).await, None),
            LetterAction::Drop => (self.buffer.drop_letters(which).await, Some("dropped")),
            LetterAction::Retry => (self.buffer.retry_letters(which).await, Some("retried")),
        };
        let gone = |_: Stopped| ApiError::Unavailable("the buffer does not answer".to_owned());
        let letters = asked.map_err(gone)?;
        if let Some(word) = word.filter(|_| !letters.is_empty()) {
            self.audit(user, format!("{} dead letters {word}", letters.len())).await;
        }
        if action == LetterAction::Retry {
            self.reconnect_uplinks(&letters).await;
        }
        Ok(letters.iter().map(|letter| json!(letter)).collect())
    }

    fn require_uplink(&self, name: Option<&str>) -> Result<(), ApiError> {
        let Some(name) = name else { return Ok(()) };
        let is_known = super::lock(&self.running.uplinks).iter().any(|task| &*task.config.name == name);
        if is_known { Ok(()) } else { Err(ApiError::Invalid(format!("there is no uplink {name:?}"))) }
    }

    async fn audit(&self, user: Arc<str>, what: String) {
        let from = Source::Api { user, roles: Vec::new() }.to_string();
        let event = Event { ts: self.clock.now(), kind: EventKind::Audit { from, what, allowed: true } };
        // The recorder is gone only at shutdown.
        let _ = self.ways.events.send(event).await;
    }

    async fn reconnect_uplinks(self: &Arc<Self>, letters: &[Letter]) {
        let names: BTreeSet<&Arc<str>> = letters.iter().map(|letter| &letter.uplink).collect();
        let _one_at_a_time = self.running.reloading.lock().await;
        let tasks: Vec<_> =
            super::lock(&self.running.uplinks).extract_if(.., |task| names.contains(&task.config.name)).collect();
        for task in tasks {
            task.handle.stop(STOP_LIMIT).await;
            self.add_uplink(task.config);
        }
    }
}
