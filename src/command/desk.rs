//! The desk: takes one envelope after the other through policy and ledger, and follows each command to its outcome.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::{mpsc, watch};
use tracing::{error, warn};

use super::{
    Metrics,
    case::{Case, Order},
    clerk::Clerk,
    lanes::{Lanes, MAX_WAITING},
    ledger::{Ledger, LedgerError, SetAside},
    policy::{self, Moment, Refusal},
    router::{Answer, Reached, Sleeping, carry_out},
    routes::Routes,
};
use crate::{
    config::Commands,
    model::{DeviceId, Envelope, Event, Grant, Grants, Outcome, OutcomeStatus, SharedClock, Source},
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

impl Context {
    /// Empties the inbox after the last run. Commands of rules end as failed; a caller of the API is told when its
    /// envelope is gone, and the broker still has what came of an uplink.
    pub async fn turn_away_rules(&mut self) {
        while let Ok(envelope) = self.inbox.try_recv() {
            if !matches!(envelope.source, Source::Rule(_)) {
                continue;
            }
            let (case, _) = Case::open(envelope);
            let outcome = Outcome::new(case.id, OutcomeStatus::Failed, self.clock.now());
            self.metrics.count(outcome.status);
            // The recorder, which comes to its end after the rules, still listens.
            let _ = self.outcomes.send(outcome.because("the gateway is stopping; nothing was carried out")).await;
        }
    }
}

/// A command that waits for a device to wake, with everybody who waits for its outcome.
type Sleeper = (Case, Sleeping);

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
    /// A ledger that was damaged, until it is told.
    set_aside: Option<SetAside>,
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

    /// Works until stopping is asked for. It borrows both sides, so that a supervised task can call it again after an
    /// error, a panic or a stop; rows that an earlier run left open are reported as interrupted first.
    pub async fn run(&mut self, context: &mut Context) -> Result<(), LedgerError> {
        self.reopen().await?;
        self.report_damage(context).await;
        let clerk = Clerk::new(context, &self.ledger);
        clerk.close_interrupted().await?;
        let mut lanes = Lanes::new();
        let mut under_way = FuturesUnordered::new();
        // Commands that wait for sleepers hold no lane. Their number is bounded by the adapters, which refuse more.
        let mut asleep = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = context.stop.requested() => break,
                Some((device, sleeper)) = under_way.next() => {
                    let sleeper: Option<Sleeper> = sleeper;
                    asleep.extend(sleeper.map(|sleeper| self.await_waking(&clerk, sleeper, context.stop.clone())));
                    under_way.extend(lanes.leave(&device).map(|order| self.deliver(&clerk, order)));
                }
                Some(()) = asleep.next() => {}
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
        while let Some((device, sleeper)) = under_way.next().await {
            asleep.extend(sleeper.map(|sleeper| self.await_waking(&clerk, sleeper, context.stop.clone())));
            clerk.turn_away(&mut lanes, &device).await;
        }
        // Stopping ends each of them at once.
        while asleep.next().await.is_some() {}
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
        let Some(SetAside { file, deleted }) = self.set_aside.take() else { return };
        for older in deleted {
            context.metrics.ledgers_deleted.inc();
            warn!(file = %older.display(), "A damaged command ledger of earlier times is deleted, there are too many");
        }
        error!(file = %file.display(), "Command ledger was damaged and set aside, earlier ids are forgotten");
        let text = format!("the damaged command ledger is now {}; earlier ids are forgotten", file.display());
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
        let moment = Moment { received, now: clerk.clock.now(), clock: clerk.clock.quality() };
        let decision = request.map_err(|unreadable| Refusal::Unreadable(unreadable.error)).and_then(|request| {
            let settings = &self.settings;
            let approved = policy::approve(request, &case.source, moment, settings, routes, &mut self.policy)?;
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

    /// Follows an order to its outcome, or until it waits for a sleeper; gives the device that is free again, and what
    /// waits.
    fn deliver(&self, clerk: &Clerk, order: Order) -> impl Future<Output = (DeviceId, Option<Sleeper>)> + use<> {
        let (clerk, limit) = (clerk.clone(), self.settings.timeout);
        async move {
            let device = order.device().clone();
            let Order { mut case, approved } = order;
            match carry_out(approved, limit, clerk.clock.now()).await {
                Reached::End(answer) => clerk.close(case, answer).await,
                Reached::Sleeper(sleeping) => {
                    clerk.tell_queued(&mut case).await;
                    return (device, Some((case, sleeping)));
                }
            }
            (device, None)
        }
    }

    /// Follows a command for a sleeper to its outcome. A stop ends it: the adapter sends nothing that nobody waits for.
    fn await_waking(&self, clerk: &Clerk, sleeper: Sleeper, mut stop: Stop) -> impl Future<Output = ()> + use<> {
        let (clerk, limit) = (clerk.clone(), self.settings.timeout);
        async move {
            let (case, sleeping) = sleeper;
            let answer = tokio::select! {
                biased;
                answer = sleeping.end(limit, clerk.clock.now()) => answer,
                () = stop.requested() => {
                    let why = "the gateway stopped before the device woke up; it may or may not have been carried out";
                    Answer::because(OutcomeStatus::Failed, why)
                }
            };
            clerk.close(case, answer).await;
        }
    }
}

#[cfg(test)]
mod tests;
