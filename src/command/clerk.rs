//! The clerk: keeps the ledger, and tells outcomes and audit events to everybody who waits for them.

use std::collections::HashMap;

use futures_util::future::try_join_all;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, warn};

use super::{
    Metrics,
    case::{Case, Decision, Order},
    desk::Context,
    ledger::{Interrupted, Key, Ledger, LedgerError, Seen, Verdict},
    policy::{Approved, Refusal},
    router::Answer,
};
use crate::model::{CommandId, Event, EventKind, Outcome, OutcomeStatus, SharedClock, Source};

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
        let rows = self.ledger.interrupted().await?;
        // Settled side by side, so that they share commits.
        try_join_all(rows.into_iter().map(|row| self.close_row(row))).await?;
        Ok(())
    }

    /// Reports one row that an earlier run left open.
    async fn close_row(&self, row: Interrupted) -> Result<(), LedgerError> {
        let answer = Answer::because(OutcomeStatus::Failed, "interrupted by a restart; it may have been carried out");
        warn!(from = %row.key.source, id = %row.key.id, "Command was interrupted by a restart");
        let id = Some(row.key.id.clone());
        self.settle(row.key, &answer).await?;
        self.tell(Outcome { response: row.response, ..self.outcome(id, answer) }, None).await;
        Ok(())
    }

    /// What the ledger knows of each case. The id of a rule's wish was drawn at random a moment ago: it is not looked for,
    /// and should it be there, the ledger refuses to take it again.
    pub(super) async fn look_up(&self, cases: impl Iterator<Item = &Case>) -> Result<Vec<Seen>, LedgerError> {
        let is_drawn = |case: &Case| matches!(case.source, Source::Rule(_));
        let keys: Vec<_> = cases.map(|case| case.key().filter(|_| !is_drawn(case))).collect();
        let asked: Vec<Key> = keys.iter().flatten().cloned().collect();
        if asked.is_empty() {
            return Ok(vec![Seen::Never; keys.len()]);
        }
        let mut answers = self.ledger.seen(asked).await?.into_iter();
        Ok(keys.iter().map(|key| key.as_ref().and_then(|_| answers.next()).unwrap_or(Seen::Never)).collect())
    }

    /// Writes what was decided into the ledger, in one commit, and acts on it; gives what goes to devices. Without the
    /// ledger nothing is carried out.
    pub(super) async fn enter(&self, decided: Vec<(Case, Decision)>) -> Vec<Order> {
        let failed = self.claim(&decided).await;
        let mut orders = Vec::new();
        for (case, decision) in decided {
            match (case.key().and_then(|key| failed.get(&key)), decision) {
                (Some(error), _) => self.fail(case, error).await,
                (None, Decision::Go(approved)) => orders.push(self.let_go(case, approved).await),
                (None, Decision::Refuse(refusal)) => self.refuse(case, refusal).await,
                (None, Decision::Repeat(first)) => self.tell_repeat(case, first).await,
            }
        }
        orders
    }

    /// Claims the ids of new cases; gives those that were not taken.
    async fn claim(&self, decided: &[(Case, Decision)]) -> HashMap<Key, LedgerError> {
        let now = self.clock.now();
        let entries: Vec<_> = decided.iter().filter_map(|(case, decision)| decision.entry(case, now)).collect();
        if entries.is_empty() {
            return HashMap::new();
        }
        let keys: Vec<_> = entries.iter().map(|entry| entry.key.clone()).collect();
        let claimed = self.ledger.claim(entries, now).await;
        claimed.unwrap_or_else(|error| keys.into_iter().map(|key| (key, error.clone())).collect())
    }

    /// Lets a command go to its device.
    async fn let_go(&self, mut case: Case, approved: Approved) -> Order {
        case.acknowledge();
        self.metrics.open.inc();
        self.record(&case, true, &format!("grant {}", approved.command.grant().0)).await;
        Order { case, approved }
    }

    /// Answers a command whose id was acted on before.
    async fn tell_repeat(&self, case: Case, first: Option<OutcomeStatus>) {
        self.record(&case, false, "it is a repeat").await;
        let mut outcome = Outcome::new(case.id.clone(), OutcomeStatus::Duplicate, self.clock.now());
        outcome.first = first;
        self.finish(case, outcome).await;
    }

    /// Refuses a command.
    pub(super) async fn refuse(&self, case: Case, refusal: Refusal) {
        self.record(&case, false, &refusal.to_string()).await;
        let answer = Answer::because(refusal.status(), refusal.to_string());
        let outcome = self.outcome(case.id.clone(), answer);
        self.finish(case, outcome).await;
    }

    /// The ledger cannot say whether the command was acted on before, so nobody acts on it.
    pub(super) async fn fail(&self, case: Case, error: &LedgerError) {
        error!(id = ?case.id, %error, "Command was not carried out");
        let reason = format!("nothing was carried out: {error}");
        self.record(&case, false, &reason).await;
        let outcome = self.outcome(case.id.clone(), Answer::because(OutcomeStatus::Failed, reason));
        self.finish(case, outcome).await;
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
