//! The desk: takes one envelope after the other through policy and ledger, and follows each command to its outcome.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, error, warn};

use super::{
    Metrics,
    inbox::{self, Request, Unreadable},
    lanes::{Lanes, MAX_WAITING},
    ledger::{Entry, Key, Ledger, LedgerError, Seen, Verdict},
    policy::{self, Approved, Refusal},
    router::{Answer, carry_out},
    routes::Routes,
    shorten,
};
use crate::{
    config::Commands,
    model::{
        CommandId, DeviceId, Envelope, Event, EventKind, Grant, Grants, Outcome, OutcomeStatus, ResponseTo,
        SharedClock, Source, Timestamp,
    },
    shutdown::Stop,
};

/// What the desk works with.
pub struct Context {
    /// Where commands come in. Bounded; senders wait when it is full.
    pub inbox: mpsc::Receiver<Envelope>,
    /// Where outcomes go. Bounded; the desk waits when it is full.
    pub outcomes: mpsc::Sender<Outcome>,
    /// Where audit events go. Bounded; the desk waits when it is full.
    pub audit: mpsc::Sender<Event>,
    /// The ways to all points, replaced when adapters come or go.
    pub routes: watch::Receiver<Arc<Routes>>,
    /// When something was decided, and what is over.
    pub clock: SharedClock,
    /// Raised when no more commands shall be taken.
    pub stop: Stop,
    /// What is counted.
    pub metrics: Metrics,
}

/// Decides on commands and keeps the ledger.
#[derive(Debug)]
pub struct Desk {
    /// `[commands]`
    settings: Commands,
    /// `[[grant]]`, to see whether a reload changed them.
    grants: Vec<Grant>,
    /// The grants with the turns that were used.
    policy: Grants,
    /// The ledger's file.
    path: PathBuf,
    /// Which ids were acted on.
    ledger: Ledger,
    /// A damaged ledger's new name, until it is told.
    set_aside: Option<PathBuf>,
}

impl Desk {
    /// Opens the ledger; blocks for a few milliseconds, so it belongs before the tasks or on a blocking thread. A
    /// damaged file is set aside and reported by [`Desk::run`].
    pub fn open(settings: &Commands, grants: Vec<Grant>, ledger: &Path) -> Result<Self, LedgerError> {
        let path = ledger.to_owned();
        let (ledger, set_aside) = Ledger::open(&path, settings.remember)?;
        let policy = Grants::new(grants.clone());
        Ok(Self { settings: settings.clone(), grants, policy, path, ledger, set_aside })
    }

    /// Takes over a changed configuration, between two runs. Used turns are forgotten only when grants changed.
    /// `remember` follows at the next start.
    pub fn reconfigure(&mut self, settings: &Commands, grants: Vec<Grant>) {
        self.settings = settings.clone();
        if grants != self.grants {
            self.policy = Grants::new(grants.clone());
            self.grants = grants;
        }
    }

    /// Works until stopping is asked for; may be called again after an error, a panic or a stop. Rows that an earlier
    /// run left open are reported as interrupted first.
    pub async fn run(&mut self, context: &mut Context) -> Result<(), LedgerError> {
        self.reopen().await?;
        self.report_damage(context).await;
        let clerk = Clerk::new(context, &self.ledger);
        clerk.close_interrupted().await?;
        let mut lanes = Lanes::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = context.stop.requested() => break,
                Some(device) = under_way.next() => {
                    under_way.extend(lanes.leave(&device).map(|order| self.deliver(&clerk, order)));
                }
                envelope = context.inbox.recv(), if lanes.has_room() => {
                    let Some(envelope) = envelope else { break };
                    let routes = context.routes.borrow().clone();
                    let order = self.take(&clerk, &lanes, &routes, envelope).await;
                    let start = order.and_then(|order| lanes.enter(order.device().clone(), order));
                    under_way.extend(start.map(|order| self.deliver(&clerk, order)));
                    if self.ledger.is_gone() {
                        return Err(LedgerError::Gone);
                    }
                }
            }
        }
        while let Some(device) = under_way.next().await {
            clerk.turn_away(&mut lanes, &device).await;
        }
        Ok(())
    }

    /// Opens the ledger again when its thread is gone.
    async fn reopen(&mut self) -> Result<(), LedgerError> {
        if !self.ledger.is_gone() {
            return Ok(());
        }
        let (path, remember) = (self.path.clone(), self.settings.remember);
        let opened = tokio::task::spawn_blocking(move || Ledger::open(&path, remember)).await;
        (self.ledger, self.set_aside) = opened.map_err(|_| LedgerError::Gone)??;
        Ok(())
    }

    /// Tells that a damaged ledger was set aside: ids from before it are forgotten.
    async fn report_damage(&mut self, context: &Context) {
        let Some(aside) = self.set_aside.take() else { return };
        error!(file = %aside.display(), "Command ledger was damaged and set aside, earlier ids are forgotten");
        let text = format!("the damaged command ledger is now {}; earlier ids are forgotten", aside.display());
        let event = Event::gateway(context.clock.now(), "ledger-set-aside", text);
        // Nobody listens any more only at shutdown.
        let _ = context.audit.send(event).await;
    }

    /// Decides on one envelope. Gives an order when it goes to a device; everything else is answered here.
    async fn take(
        &mut self,
        clerk: &Clerk,
        lanes: &Lanes<Order>,
        routes: &Routes,
        envelope: Envelope,
    ) -> Option<Order> {
        let (retained, received) = (envelope.retained, envelope.received);
        let (case, request) = Case::open(envelope);
        if retained {
            // Not remembered: the same command may still come, or have come, as a live message.
            clerk.refuse(case, Refusal::Retained).await;
            return None;
        }
        let case = clerk.first_time(case).await?;
        let now = clerk.clock.now();
        let decision = request.map_err(|unreadable| Refusal::Unreadable(unreadable.error)).and_then(|request| {
            let settings = &self.settings;
            let approved = policy::approve(request, &case.source, received, now, settings, routes, &mut self.policy)?;
            let device = approved.route.point.device();
            let count = lanes.waiting(device);
            let is_busy = count >= MAX_WAITING;
            if is_busy { Err(Refusal::Busy { device: device.clone(), count }) } else { Ok(approved) }
        });
        match decision {
            Ok(approved) => clerk.accept(case, approved).await,
            Err(refusal) => {
                clerk.refuse_and_remember(case, refusal).await;
                None
            }
        }
    }

    /// Follows an order to its outcome; gives the device that is free again.
    fn deliver(&self, clerk: &Clerk, order: Order) -> impl Future<Output = DeviceId> + use<> {
        let (clerk, limit) = (clerk.clone(), self.settings.timeout);
        async move {
            let device = order.device().clone();
            let answer = carry_out(order.approved, limit, clerk.clock.now()).await;
            clerk.metrics.open.dec();
            clerk.close(order.case, answer).await;
            device
        }
    }
}

/// One command on its way, with everybody who waits to hear of it.
#[derive(Debug)]
struct Case {
    /// The sender's id, if it had one.
    id: Option<CommandId>,
    /// Who sent it.
    source: Source,
    /// What it asks for, for the audit and the ledger.
    wish: String,
    /// When it arrived.
    received: Timestamp,
    /// Where an MQTT 5 sender wants the outcome as well.
    response: Option<ResponseTo>,
    /// A local caller that waits for the outcome.
    reply: Option<oneshot::Sender<Outcome>>,
    /// Resolved when the message may be acknowledged.
    taken: Option<oneshot::Sender<()>>,
}

/// A case that may go to its device.
#[derive(Debug)]
struct Order {
    /// Who waits.
    case: Case,
    /// What to do.
    approved: Approved,
}

impl Order {
    /// The device it goes to.
    fn device(&self) -> &DeviceId {
        self.approved.route.point.device()
    }
}

impl Case {
    /// Reads an envelope.
    fn open(envelope: Envelope) -> (Self, Result<Request, Unreadable>) {
        let Envelope { source, received, payload, response, reply, taken, retained: _ } = envelope;
        let request = inbox::read(payload);
        let (id, wish) = match &request {
            Ok(request) => (Some(request.id.clone()), wish(request)),
            Err(unreadable) => (unreadable.id.clone(), "a command that cannot be read".to_owned()),
        };
        (Self { id, source, wish, received, response, reply, taken }, request)
    }

    /// Its name in the ledger, if it has an id.
    fn key(&self) -> Option<Key> {
        self.id.clone().map(|id| Key { source: self.source.to_string(), id })
    }

    /// The message may be acknowledged.
    fn acknowledge(&mut self) {
        if let Some(taken) = self.taken.take() {
            // The uplink may have lost its connection; the message will come again and be a duplicate.
            let _ = taken.send(());
        }
    }

    /// A row for the ledger.
    fn entry(&self, verdict: Option<Verdict>) -> Option<Entry> {
        let (target, received, response) = (self.wish.clone(), self.received, self.response.clone());
        self.key().map(|key| Entry { key, target, received, response, verdict })
    }
}

/// What a request asks for, in a few words.
fn wish(request: &Request) -> String {
    shorten(&format!("set {}/{} to {}", request.device, request.point, request.value))
}

/// Writes outcomes into the ledger and tells them to everybody who waits.
#[derive(Clone)]
struct Clerk {
    /// Which ids were acted on.
    ledger: Ledger,
    /// Where outcomes go.
    outcomes: mpsc::Sender<Outcome>,
    /// Where audit events go.
    audit: mpsc::Sender<Event>,
    /// When something was decided.
    clock: SharedClock,
    /// What is counted.
    metrics: Metrics,
}

impl Clerk {
    /// A clerk for one run.
    fn new(context: &Context, ledger: &Ledger) -> Self {
        Self {
            ledger: ledger.clone(),
            outcomes: context.outcomes.clone(),
            audit: context.audit.clone(),
            clock: context.clock.clone(),
            metrics: context.metrics.clone(),
        }
    }

    /// Reports what an earlier run left open. It may have reached its device, so it is never tried again.
    async fn close_interrupted(&self) -> Result<(), LedgerError> {
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
    /// without it nothing is carried out.
    async fn first_time(&self, case: Case) -> Option<Case> {
        let Some(key) = case.key() else { return Some(case) };
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
    async fn accept(&self, mut case: Case, approved: Approved) -> Option<Order> {
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
    async fn refuse_and_remember(&self, case: Case, refusal: Refusal) {
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
    async fn refuse(&self, case: Case, refusal: Refusal) {
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
    async fn turn_away(&self, lanes: &mut Lanes<Order>, device: &DeviceId) {
        while let Some(order) = lanes.leave(device) {
            self.metrics.open.dec();
            let reason = "the gateway stopped before its turn; nothing was carried out";
            self.close(order.case, Answer::because(OutcomeStatus::Failed, reason)).await;
        }
    }

    /// Records an answer and tells it. What the ledger could not record is told all the same: the device has acted,
    /// and after a restart the row is reported as interrupted, which says no more than "it may have been".
    async fn close(&self, case: Case, answer: Answer) {
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

    /// Hands an outcome to the buffer and to a local caller.
    async fn tell(&self, outcome: Outcome, reply: Option<oneshot::Sender<Outcome>>) {
        self.metrics.count(outcome.status);
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

#[cfg(test)]
mod tests;
