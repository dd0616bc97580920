//! The clerk: keeps the ledger, and tells outcomes and audit events to everybody who waits for them.

use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, warn};

use super::{
    Metrics,
    case::{Case, Order},
    desk::Context,
    lanes::Lanes,
    ledger::{Key, Ledger, LedgerError, Seen, Verdict},
    policy::{Approved, Refusal},
    router::Answer,
};
use crate::model::{CommandId, DeviceId, Event, EventKind, Outcome, OutcomeStatus, SharedClock, Source};

/// Writes outcomes into the ledger and tells them to everybody who waits.
#[derive(Clone)]
pub(super) struct Clerk {
    /// Which ids were acted on.
    ledger: Ledger,
    /// Where outcomes go.
    outcomes: mpsc::Sender<Outcome>,
    /// Where audit events go.
    audit: mpsc::Sender<Event>,
    /// When something was decided.
    pub(super) clock: SharedClock,
    /// What is counted.
    pub(super) metrics: Metrics,
}

impl Clerk {
    /// A clerk for one run.
    pub(super) fn new(context: &Context, ledger: &Ledger) -> Self {
        Self {
            ledger: ledger.clone(),
            outcomes: context.outcomes.clone(),
            audit: context.audit.clone(),
            clock: context.clock.clone(),
            metrics: context.metrics.clone(),
        }
    }

    /// Reports what an earlier run left open. It may have reached its device, so it is never tried again.
    pub(super) async fn close_interrupted(&self) -> Result<(), LedgerError> {
        self.metrics.open.set(0);
        for row in self.ledger.interrupted().await? {
            let answer =
                Answer::because(OutcomeStatus::Failed, "interrupted by a restart; it may have been carried out");
            warn!(from = %row.key.source, id = %row.key.id, "Command was interrupted by a restart");
            let id = Some(row.key.id.clone());
            self.settle(row.key, &answer).await?;
            self.tell(Outcome { response: row.response, ..self.outcome(id, answer) }, None).await;
        }
        Ok(())
    }

    /// Gives the case back when its id was never seen. A repeat is answered here, and so is a ledger that fails:
    /// without it nothing is carried out. The id of a rule's wish was drawn at random a moment ago: it is not looked for,
    /// and should it be there, the ledger refuses to take it again.
    pub(super) async fn first_time(&self, case: Case) -> Option<Case> {
        let is_drawn = matches!(case.source, Source::Rule(_));
        let Some(key) = case.key().filter(|_| !is_drawn) else { return Some(case) };
        let first = match self.ledger.seen(key).await {
            Ok(Seen::Never) => return Some(case),
            Ok(Seen::Open) => None,
            Ok(Seen::Settled(status)) => Some(status),
            Err(error) => {
                self.fail(case, &error).await;
                return None;
            }
        };
        self.record(&case, false, "it is a repeat").await;
        let mut outcome = Outcome::new(case.id.clone(), OutcomeStatus::Duplicate, self.clock.now());
        outcome.first = first;
        self.finish(case, outcome).await;
        None
    }

    /// Writes the command into the ledger and lets it go.
    pub(super) async fn accept(&self, mut case: Case, approved: Approved) -> Option<Order> {
        // Whatever was approved has an id; a case without one cannot come here.
        let entry = case.entry(None)?;
        if let Err(error) = self.ledger.claim(entry, self.clock.now()).await {
            self.fail(case, &error).await;
            return None;
        }
        case.acknowledge();
        self.metrics.open.inc();
        self.record(&case, true, &format!("grant {}", approved.command.grant().0)).await;
        Some(Order { case, approved })
    }

    /// Refuses a command and remembers its id, so that a repeat is told the same.
    pub(super) async fn refuse_and_remember(&self, case: Case, refusal: Refusal) {
        let decided = self.clock.now();
        let verdict = Verdict { status: refusal.status(), error: Some(refusal.to_string()), decided };
        if let Some(entry) = case.entry(Some(verdict))
            && let Err(error) = self.ledger.claim(entry, decided).await
        {
            self.fail(case, &error).await;
            return;
        }
        self.refuse(case, refusal).await;
    }

    /// Refuses a command.
    pub(super) async fn refuse(&self, case: Case, refusal: Refusal) {
        self.record(&case, false, &refusal.to_string()).await;
        let answer = Answer::because(refusal.status(), refusal.to_string());
        let outcome = self.outcome(case.id.clone(), answer);
        self.finish(case, outcome).await;
    }

    /// The ledger cannot say whether the command was acted on before, so nobody acts on it.
    async fn fail(&self, case: Case, error: &LedgerError) {
        error!(id = ?case.id, %error, "Command was not carried out");
        let reason = format!("nothing was carried out: {error}");
        self.record(&case, false, &reason).await;
        let outcome = self.outcome(case.id.clone(), Answer::because(OutcomeStatus::Failed, reason));
        self.finish(case, outcome).await;
    }

    /// Ends the commands that wait for a device when the gateway stops.
    pub(super) async fn turn_away(&self, lanes: &mut Lanes<Order>, device: &DeviceId) {
        while let Some(order) = lanes.leave(device) {
            let reason = "the gateway stopped before its turn; nothing was carried out";
            self.close(order.case, Answer::because(OutcomeStatus::Failed, reason)).await;
        }
    }

    /// Tells that a command waits for a device to wake. A local caller waits no longer: the final outcome is in the
    /// outcome stream.
    pub(super) async fn tell_queued(&self, case: &mut Case) {
        debug!(id = ?case.id, "Command waits for a sleeping device");
        let answer = Answer { status: OutcomeStatus::Queued, value: None, error: None };
        let outcome = Outcome { response: case.response.clone(), ..self.outcome(case.id.clone(), answer) };
        self.hand_over(outcome, case.reply.take()).await;
    }

    /// Records the end of a command that was accepted, and tells it. What the ledger could not record is told all the same: the device has acted,
    /// and after a restart the row is reported as interrupted, which says no more than "it may have been".
    pub(super) async fn close(&self, case: Case, answer: Answer) {
        self.metrics.open.dec();
        if let Some(key) = case.key()
            && let Err(error) = self.settle(key, &answer).await
        {
            error!(id = ?case.id, %error, "Outcome of a command could not be recorded");
        }
        debug!(id = ?case.id, status = answer.status.as_str(), "Command ended");
        let outcome = self.outcome(case.id.clone(), answer);
        self.finish(case, outcome).await;
    }

    /// Records how a command ended.
    async fn settle(&self, key: Key, answer: &Answer) -> Result<(), LedgerError> {
        let verdict = Verdict { status: answer.status, error: answer.error.clone(), decided: self.clock.now() };
        self.ledger.settle(key, verdict).await
    }

    /// An answer as an outcome of this moment.
    fn outcome(&self, id: Option<CommandId>, answer: Answer) -> Outcome {
        let Answer { status, value, error } = answer;
        Outcome { value, error, ..Outcome::new(id, status, self.clock.now()) }
    }

    /// Tells the final outcome to everybody who waits.
    async fn finish(&self, mut case: Case, outcome: Outcome) {
        case.acknowledge();
        self.tell(Outcome { response: case.response, ..outcome }, case.reply).await;
    }

    /// Counts a final outcome and hands it over.
    async fn tell(&self, outcome: Outcome, reply: Option<oneshot::Sender<Outcome>>) {
        self.metrics.count(outcome.status);
        self.hand_over(outcome, reply).await;
    }

    /// Hands an outcome to the buffer and to a local caller.
    async fn hand_over(&self, outcome: Outcome, reply: Option<oneshot::Sender<Outcome>>) {
        if let Some(reply) = reply {
            // A caller that stopped waiting finds it in the outcome stream.
            let _ = reply.send(outcome.clone());
        }
        // Nobody takes outcomes only at shutdown; the ledger has it.
        let _ = self.outcomes.send(outcome).await;
    }

    /// Writes who wanted what, and whether it was allowed, into the event stream.
    async fn record(&self, case: &Case, allowed: bool, why: &str) {
        let id = case.id.as_ref().map_or("no id", CommandId::as_str);
        let what = format!("{} ({id}): {why}", case.wish);
        let kind = EventKind::Audit { from: case.source.to_string(), what, allowed };
        // Nobody takes events only at shutdown.
        let _ = self.audit.send(Event { ts: self.clock.now(), kind }).await;
    }
}
