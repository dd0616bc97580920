//! One command from its envelope to its outcome, with everybody who waits to hear of it.

use tokio::sync::oneshot;

use super::{
    inbox::{self, Request, Unreadable},
    ledger::{Entry, Key, Verdict},
    policy::{Approved, Refusal},
    shorten,
};
use crate::model::{CommandId, DeviceId, Envelope, Outcome, OutcomeStatus, ResponseTo, Source, Timestamp};

/// One command on its way, with everybody who waits to hear of it.
#[derive(Debug)]
pub(super) struct Case {
    /// The sender's id, if it had one.
    pub(super) id: Option<CommandId>,
    /// Who sent it.
    pub(super) source: Source,
    /// What it asks for, for the audit and the ledger.
    pub(super) wish: String,
    /// When it arrived.
    pub(super) received: Timestamp,
    /// Where an MQTT 5 sender wants the outcome as well.
    pub(super) response: Option<ResponseTo>,
    /// A local caller that waits for the outcome.
    pub(super) reply: Option<oneshot::Sender<Outcome>>,
    /// Resolved when the message may be acknowledged.
    pub(super) taken: Option<oneshot::Sender<()>>,
}

/// A case that may go to its device.
#[derive(Debug)]
pub(super) struct Order {
    /// Who waits.
    pub(super) case: Case,
    /// What to do.
    pub(super) approved: Approved,
}

impl Order {
    /// The device it goes to.
    pub(super) fn device(&self) -> &DeviceId {
        self.approved.route.point.device()
    }
}

/// What is decided on a case before the ledger is written.
#[derive(Debug)]
pub(super) enum Decision {
    /// It may go to its device.
    Go(Approved),
    /// It is refused, and its id remembered, so that a repeat is told the same.
    Refuse(Refusal),
    /// Its id was acted on before, with this outcome if that is known.
    Repeat(Option<OutcomeStatus>),
}

impl From<Result<Approved, Refusal>> for Decision {
    fn from(decided: Result<Approved, Refusal>) -> Self {
        decided.map_or_else(Self::Refuse, Self::Go)
    }
}

impl Decision {
    /// The row that the ledger needs before the decision is acted on.
    pub(super) fn entry(&self, case: &Case, decided: Timestamp) -> Option<Entry> {
        match self {
            Self::Go(_) => case.entry(None),
            Self::Refuse(refusal) => {
                let verdict = Verdict { status: refusal.status(), error: Some(refusal.to_string()), decided };
                case.entry(Some(verdict))
            }
            Self::Repeat(_) => None,
        }
    }
}

impl Case {
    /// Reads an envelope.
    pub(super) fn open(envelope: Envelope) -> (Self, Result<Request, Unreadable>) {
        let Envelope { source, received, payload, response, reply, taken, retained: _ } = envelope;
        let request = inbox::read(payload);
        let (id, wish) = match &request {
            Ok(request) => (Some(request.id.clone()), wish(request)),
            Err(unreadable) => (unreadable.id.clone(), "a command that cannot be read".to_owned()),
        };
        (Self { id, source, wish, received, response, reply, taken }, request)
    }

    /// Its name in the ledger, if it has an id.
    pub(super) fn key(&self) -> Option<Key> {
        self.id.clone().map(|id| Key { source: self.source.to_string(), id })
    }

    /// The message may be acknowledged.
    pub(super) fn acknowledge(&mut self) {
        if let Some(taken) = self.taken.take() {
            // The uplink may have lost its connection; the message will come again and be a duplicate.
            let _ = taken.send(());
        }
    }

    /// A row for the ledger.
    pub(super) fn entry(&self, verdict: Option<Verdict>) -> Option<Entry> {
        let (target, received, response) = (self.wish.clone(), self.received, self.response.clone());
        self.key().map(|key| Entry { key, target, received, response, verdict })
    }
}

/// What a request asks for, in a few words.
fn wish(request: &Request) -> String {
    shorten(&format!("set {}/{} to {}", request.device, request.point, request.value))
}
