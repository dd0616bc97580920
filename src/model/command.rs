//! The way back: a command, where it came from, and what became of it.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};

use super::{PointAddress, Timestamp, Value};

/// A sender's id of a command, at most 128 bytes. The ledger acts on each id once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandId(Arc<str>);

impl CommandId {
    /// Longest id in bytes.
    pub const MAX_LEN: usize = 128;

    /// Takes 1 to 128 bytes of text without control characters.
    pub fn new(text: &str) -> Option<Self> {
        let is_ok = !text.is_empty() && text.len() <= Self::MAX_LEN && !text.chars().any(char::is_control);
        is_ok.then(|| Self(text.into()))
    }

    /// A new id for a command that comes from inside the gateway.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for CommandId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Who sent a command. A grant names one of these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// The uplink of this name.
    Uplink(Arc<str>),
    /// The rule file of this name, without `.rhai`.
    Rule(Arc<str>),
    /// A user of the local API, with the roles it has.
    Api {
        /// Login or unix user name.
        user: Arc<str>,
        /// Roles that a grant may name instead of the user.
        roles: Vec<Arc<str>>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uplink(name) => write!(f, "uplink:{name}"),
            Self::Rule(name) => write!(f, "rule:{name}"),
            Self::Api { user, .. } => write!(f, "api:{user}"),
        }
    }
}

/// A wish to set one point. It can do nothing until the policy has made it `Authorized`.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The sender's id.
    pub id: CommandId,
    /// Who sent it.
    pub source: Source,
    /// The point to set.
    pub target: PointAddress,
    /// The value, already of the point's type.
    pub value: Value,
    /// After this moment it must not be carried out.
    pub expires: Timestamp,
}

/// Where an MQTT 5 sender wants the outcome as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseTo {
    /// The uplink the request came from.
    pub uplink: Arc<str>,
    /// MQTT 5 response topic (MQTT 5.0, 3.3.2.3.5).
    pub topic: Arc<str>,
    /// MQTT 5 correlation data (MQTT 5.0, 3.3.2.3.6).
    pub correlation: Option<Arc<[u8]>>,
}

/// What came in, before anything was believed.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it.
    pub source: Source,
    /// When it arrived.
    pub received: Timestamp,
    /// True for a retained MQTT message, which is refused: it may be of any age.
    pub retained: bool,
    /// What was sent.
    pub payload: Payload,
    /// Where an MQTT 5 sender wants the outcome as well.
    pub response: Option<ResponseTo>,
    /// A local caller that waits for the final outcome.
    pub reply: Option<tokio::sync::oneshot::Sender<Outcome>>,
    /// Resolved once the ledger holds the command, or it was refused for good: the MQTT message may be acknowledged.
    pub taken: Option<tokio::sync::oneshot::Sender<()>>,
}

/// The content of an envelope.
#[derive(Debug)]
pub enum Payload {
    /// Bytes that should be `{"id","device","point","value","expires"?}`.
    Json(Vec<u8>),
    /// The same from inside the gateway, without the detour over text.
    Fields {
        /// The id; rules and the CLI get a new one each time.
        id: CommandId,
        /// The target, as written.
        target: String,
        /// The value, not yet of the point's type.
        value: serde_json::Value,
        /// After this moment it must not be carried out; `None` for the setting's default.
        expires: Option<Timestamp>,
    },
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutcomeStatus {
    /// Waiting for a sleeping device; a final outcome follows.
    Queued,
    /// The device confirmed it.
    Done,
    /// Refused before any device was asked.
    Denied,
    /// Its time was over.
    Expired,
    /// The device or adapter refused.
    Failed,
    /// The device did not answer.
    Timeout,
    /// This id was acted on before.
    Duplicate,
}

impl OutcomeStatus {
    /// The word used in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Duplicate => "duplicate",
        }
    }

    /// Reads the word used in messages.
    pub fn parse(text: &str) -> Option<Self> {
        let all =
            [Self::Queued, Self::Done, Self::Denied, Self::Expired, Self::Failed, Self::Timeout, Self::Duplicate];
        all.into_iter().find(|status| status.as_str() == text)
    }
}

impl Serialize for OutcomeStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The answer to a command: goes to the sender, to the `outcome` stream and into the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The command's id; `None` if it had none that could be read.
    pub id: Option<CommandId>,
    /// What became of it.
    pub status: OutcomeStatus,
    /// The value that was set, read back where the adapter can.
    pub value: Option<Value>,
    /// Why it was not done.
    pub error: Option<String>,
    /// For a duplicate: the status of the first outcome, `None` while that is open.
    pub first: Option<OutcomeStatus>,
    /// When it was decided.
    pub ts: Timestamp,
    /// Where an MQTT 5 sender wants it as well.
    pub response: Option<ResponseTo>,
}

impl Outcome {
    /// An outcome without value or error.
    pub fn new(id: Option<CommandId>, status: OutcomeStatus, ts: Timestamp) -> Self {
        Self { id, status, value: None, error: None, first: None, ts, response: None }
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, error: impl fmt::Display) -> Self {
        self.error = Some(error.to_string());
        self
    }

    /// The outcome's own fields as a JSON object, without the message header: `{"id","status","value"?,"error"?,
    /// "first"?}`. `id` is always there, `null` when none could be read; a duplicate always has `first`, `null` while
    /// the first outcome is open.
    pub fn fields(&self) -> String {
        let is_duplicate = self.status == OutcomeStatus::Duplicate;
        let fields = OutcomeFields {
            id: self.id.as_ref(),
            status: self.status,
            value: self.value.as_ref(),
            error: self.error.as_deref(),
            first: is_duplicate.then_some(self.first),
        };
        serde_json::to_string(&fields).expect("outcomes hold nothing that JSON cannot say")
    }
}

/// An outcome in the order of the contract.
#[derive(Serialize)]
#[expect(clippy::option_option, reason = "a field that is absent, null or a word has three states")]
struct OutcomeFields<'a> {
    /// As in [`Outcome`], like all that follow.
    id: Option<&'a CommandId>,
    /// What became of it.
    status: OutcomeStatus,
    /// The value that was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    /// Why it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// Outer `None` for everything but a duplicate.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Option<OutcomeStatus>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_has_the_fields_of_the_contract() {
        let mut done = Outcome::new(CommandId::new("c1"), OutcomeStatus::Done, Timestamp::default());
        done.value = Some(Value::Float(42.0));
        assert_eq!(done.fields(), r#"{"id":"c1","status":"done","value":42.0}"#);

        let denied = Outcome::new(None, OutcomeStatus::Denied, Timestamp::default()).because("no");
        assert_eq!(denied.fields(), r#"{"id":null,"status":"denied","error":"no"}"#);

        let open = Outcome::new(CommandId::new("c1"), OutcomeStatus::Duplicate, Timestamp::default());
        assert_eq!(open.fields(), r#"{"id":"c1","status":"duplicate","first":null}"#);
    }
}
