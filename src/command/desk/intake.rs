//! Takes in envelopes that came together: one look into the ledger and one commit for all of them, so that a flood costs
//! a sync for each batch and not for each command.

use std::collections::HashMap;

use super::{Desk, Floor};
use crate::{
    command::{
        case::{Case, Decision, Order},
        clerk::Clerk,
        inbox::{Request, Unreadable},
        lanes::{Lanes, MAX_WAITING},
        ledger::{Key, Seen},
        policy::{self, Approved, Moment, Refusal},
        routes::Routes,
    },
    model::{DeviceId, Envelope},
};

/// A case with what it asks for, and what the ledger knows of it.
type Opened = (Case, Result<Request, Unreadable>, Seen);

/// What was decided on so far in one batch, of which the ledger knows nothing yet.
#[derive(Debug, Default)]
struct Batch {
    /// Its ids.
    seen: HashMap<Key, Seen>,
    /// Commands that will go to each device.
    approved: HashMap<DeviceId, usize>,
}

impl Desk {
    /// Decides on envelopes in the order they came. Orders for devices are started, everything else is answered here.
    pub(super) async fn take(
        &mut self,
        clerk: &Clerk,
        floor: &mut Floor,
        routes: &Routes,
        envelopes: impl Iterator<Item = Envelope>,
    ) {
        let known = floor.during(open(clerk, envelopes)).await;
        let mut batch = Batch::default();
        let decide = |(case, request, seen)| {
            let decision = match batch.known(&case, seen) {
                Seen::Open => Decision::Repeat(None),
                Seen::Settled(first) => Decision::Repeat(Some(first)),
                Seen::Never => {
                    let approved = self.decide(clerk, &case, request, routes);
                    approved.and_then(|approved| batch.queue(&floor.lanes, approved)).into()
                }
            };
            batch.note(&case, &decision);
            (case, decision)
        };
        let decided = known.into_iter().map(decide).collect();
        let orders = floor.during(clerk.enter(decided)).await;
        floor.start(orders);
    }

    /// Whether a command that is new may go to its device.
    fn decide(
        &mut self,
        clerk: &Clerk,
        case: &Case,
        request: Result<Request, Unreadable>,
        routes: &Routes,
    ) -> Result<Approved, Refusal> {
        let request = request.map_err(|unreadable| Refusal::Unreadable(unreadable.error))?;
        let moment = Moment { received: case.received, now: clerk.clock.now(), clock: clerk.clock.quality() };
        policy::approve(request, &case.source, moment, &self.settings, routes, &mut self.policy)
    }
}

impl Batch {
    /// What is known of the case's id, by the ledger or from this batch.
    fn known(&self, case: &Case, seen: Seen) -> Seen {
        match seen {
            Seen::Never => case.key().and_then(|key| self.seen.get(&key).copied()).unwrap_or(Seen::Never),
            told => told,
        }
    }

    /// Refuses a command when too many wait for its device already.
    fn queue(&mut self, lanes: &Lanes<Order>, approved: Approved) -> Result<Approved, Refusal> {
        let device = approved.route.point.device();
        let ahead = self.approved.entry(device.clone()).or_default();
        let count = lanes.waiting_behind(device, *ahead);
        if count >= MAX_WAITING {
            return Err(Refusal::Busy { device: device.clone(), count });
        }
        *ahead += 1;
        Ok(approved)
    }

    /// Remembers a decision for the repeats that came together with it.
    fn note(&mut self, case: &Case, decision: &Decision) {
        let seen = match decision {
            Decision::Go(_) => Seen::Open,
            Decision::Refuse(refusal) => Seen::Settled(refusal.status()),
            Decision::Repeat(_) => return,
        };
        self.seen.extend(case.key().map(|key| (key, seen)));
    }
}

/// Reads the envelopes, refuses those that are retained, and looks up the others. The ids of retained ones are not
/// remembered: the same command may still come, or have come, as a live message.
async fn open(clerk: &Clerk, envelopes: impl Iterator<Item = Envelope>) -> Vec<Opened> {
    let mut live = Vec::new();
    for envelope in envelopes {
        let retained = envelope.retained;
        let (case, request) = Case::open(envelope);
        if retained {
            clerk.refuse(case, Refusal::Retained).await;
        } else {
            live.push((case, request));
        }
    }
    match clerk.look_up(live.iter().map(|(case, _)| case)).await {
        Ok(known) => live.into_iter().zip(known).map(|((case, request), seen)| (case, request, seen)).collect(),
        Err(error) => {
            for (case, _) in live {
                clerk.fail(case, &error).await;
            }
            Vec::new()
        }
    }
}
