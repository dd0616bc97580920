//! The desk: takes envelopes in the order they come through policy and ledger, and follows each command to its outcome.

mod floor;
mod intake;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::{mpsc, watch};
use tracing::{error, warn};

use self::floor::Floor;
use super::{
    Metrics,
    case::Case,
    clerk::Clerk,
    ledger::{Ledger, LedgerError, SetAside},
    routes::Routes,
};
use crate::{
    config::Commands,
    model::{Envelope, Event, Grant, Grants, Outcome, OutcomeStatus, SharedClock, Source},
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
        let mut floor = Floor::new(&clerk, self.settings.timeout, context.stop.clone());
        let mut envelopes = Vec::new();
        loop {
            let room = floor.room();
            tokio::select! {
                biased;
                () = context.stop.requested() => break,
                () = floor.step() => {}
                count = context.inbox.recv_many(&mut envelopes, room), if room > 0 => {
                    if count == 0 {
                        break;
                    }
                    let routes = context.routes.borrow().clone();
                    self.take(&clerk, &mut floor, &routes, envelopes.drain(..)).await;
                    if self.ledger.is_gone() {
                        return Err(LedgerError::Gone);
                    }
                }
            }
        }
        floor.finish().await;
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
}

#[cfg(test)]
mod tests;
