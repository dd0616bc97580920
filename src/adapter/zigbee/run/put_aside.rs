//! Commands that wait for sleepers while there is no connection to the stick, and how waiting ends.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use super::{calls::Calls, order::Order};
use crate::{adapter::zigbee::address::Ieee, model::Timestamp};

/// Commands whose sender knows that they wait for a sleeper, while there is no connection to the stick.
#[derive(Debug, Default)]
pub(super) struct PutAside(BTreeMap<Ieee, VecDeque<Order>>);

impl PutAside {
    /// When the first of them is over.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().flatten().filter_map(Order::due).min()
    }

    /// Ends those whose time is over.
    pub(super) fn end_overdue(&mut self, now: Timestamp) {
        for orders in self.0.values_mut() {
            end_overdue(orders, now);
        }
    }

    /// Gives them to the lines of a new connection.
    pub(super) fn give_back(&mut self, calls: &mut Calls) {
        for (ieee, orders) in std::mem::take(&mut self.0) {
            calls.line(ieee).orders = orders;
            calls.wake(ieee);
        }
    }

    /// Keeps those of a connection that has ended. What was sent may have arrived or not; setting it again does no harm.
    pub(super) fn take(&mut self, calls: Calls) {
        for (ieee, line) in calls.into_lines() {
            let queued: VecDeque<_> = line.orders.into_iter().filter(Order::is_queued).collect();
            self.0.insert(ieee, queued);
        }
        self.0.retain(|_, orders| !orders.is_empty());
    }
}

/// Takes out what must not be sent any more, and tells it.
pub(super) fn end_overdue(orders: &mut VecDeque<Order>, now: Timestamp) {
    let (over, left) = std::mem::take(orders).into_iter().partition::<VecDeque<_>, _>(|order| order.is_over(now));
    *orders = left;
    for order in over {
        order.expire(now);
    }
}
