//! The client library's view of a session that only the broker remembers.
//!
//! The library refuses to subscribe in a session it knows nothing of, because packet numbers of an earlier run could
//! still be in use. Ours cannot: this session publishes nothing, a SUBSCRIBE that was cut off is simply sent again, and
//! what the broker sends carries its own numbers. So the library is told that the session is known and empty.

use std::{future::Future, pin::Pin};

use rumqttc_v5::{PersistedAckMode, PersistedSession, SessionStore, SessionStoreError, SessionStoreKey};

/// What the library wants of each method; it does not export its own name for this.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

/// A store in which every session is empty.
#[derive(Debug)]
pub(super) struct Empty {
    /// Must be what the options say.
    pub(super) inflight: u16,
}

impl SessionStore for Empty {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Answer<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: Some(self.inflight),
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(async move { Ok(Some(session)) })
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}
