//! The floor: commands on their way to devices, each followed to its outcome.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use crate::{
    command::{
        case::{Case, Order},
        clerk::Clerk,
        lanes::Lanes,
        router::{Answer, Reached, Sleeping, carry_out},
    },
    model::{DeviceId, OutcomeStatus},
    shutdown::Stop,
};

/// What a command left behind when its device was free again.
enum Left {
    /// It ended; its outcome is not yet recorded.
    Ended(Case, Answer),
    /// It waits for its device to wake, with everybody who waits for its outcome.
    Asleep(Case, Sleeping),
}

/// All commands that were let go.
pub(super) struct Floor {
    /// Records and tells what became of them.
    clerk: Clerk,
    /// Longest wait for a device.
    limit: Duration,
    /// Ends the waiting for sleepers.
    stop: Stop,
    /// The order for each device.
    pub(super) lanes: Lanes<Order>,
    /// One command for each busy device.
    under_way: FuturesUnordered<BoxFuture<'static, (DeviceId, Left)>>,
    /// Outcomes on their way into the ledger; their devices are free again. They take up room like those under way.
    closing: FuturesUnordered<BoxFuture<'static, ()>>,
    /// Commands that wait for sleepers hold no lane. Their number is bounded by the adapters, which refuse more.
    asleep: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Floor {
    /// An empty floor.
    pub(super) fn new(clerk: &Clerk, limit: Duration, stop: Stop) -> Self {
        Self {
            clerk: clerk.clone(),
            limit,
            stop,
            lanes: Lanes::new(),
            under_way: FuturesUnordered::new(),
            closing: FuturesUnordered::new(),
            asleep: FuturesUnordered::new(),
        }
    }

    /// How many more commands may be taken.
    pub(super) fn room(&self) -> usize {
        self.lanes.room().saturating_sub(self.closing.len())
    }

    /// Takes orders, and starts those whose devices are free.
    pub(super) fn start(&mut self, orders: Vec<Order>) {
        for order in orders {
            let free = self.lanes.enter(order.device().clone(), order);
            self.under_way.extend(free.map(|order| self.deliver(order)));
        }
    }

    /// Follows the commands one step on. Never ends while there are none; nothing is lost when it is dropped.
    pub(super) async fn step(&mut self) {
        tokio::select! {
            biased;
            Some((device, left)) = self.under_way.next() => {
                self.keep(left);
                let next = self.lanes.leave(&device);
                self.under_way.extend(next.map(|order| self.deliver(order)));
            }
            Some(()) = self.closing.next() => {}
            Some(()) = self.asleep.next() => {}
            else => std::future::pending().await,
        }
    }

    /// Follows the commands while something else is done.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.step() => {}
            }
        }
    }

    /// Follows what is under way to its end after a stop; what waits for its turn is turned away.
    pub(super) async fn finish(mut self) {
        loop {
            tokio::select! {
                biased;
                Some((device, left)) = self.under_way.next() => {
                    self.keep(left);
                    self.turn_away(&device);
                }
                // What has ended is recorded while a slow device still keeps its command.
                Some(()) = self.closing.next() => {}
                // The stop ends each of those that sleep at once.
                Some(()) = self.asleep.next() => {}
                else => return,
            }
        }
    }

    /// Ends the commands that wait for a device.
    fn turn_away(&mut self, device: &DeviceId) {
        while let Some(order) = self.lanes.leave(device) {
            let reason = "the gateway stopped before its turn; nothing was carried out";
            self.keep(Left::Ended(order.case, Answer::because(OutcomeStatus::Failed, reason)));
        }
    }

    /// Follows a command whose device is free again.
    fn keep(&self, left: Left) {
        match left {
            Left::Ended(case, answer) => {
                let clerk = self.clerk.clone();
                self.closing.push(async move { clerk.close(case, answer).await }.boxed());
            }
            Left::Asleep(case, sleeping) => self.asleep.push(self.await_waking(case, sleeping)),
        }
    }

    /// Follows an order until its device is free again.
    fn deliver(&self, order: Order) -> BoxFuture<'static, (DeviceId, Left)> {
        let (clerk, limit) = (self.clerk.clone(), self.limit);
        let delivered = async move {
            let device = order.device().clone();
            let Order { mut case, approved } = order;
            let left = match carry_out(approved, limit, clerk.clock.now()).await {
                Reached::End(answer) => Left::Ended(case, answer),
                Reached::Sleeper(sleeping) => {
                    clerk.tell_queued(&mut case).await;
                    Left::Asleep(case, sleeping)
                }
            };
            (device, left)
        };
        delivered.boxed()
    }

    /// Follows a command for a sleeper to its outcome. A stop ends it: the adapter sends nothing that nobody waits for.
    fn await_waking(&self, case: Case, sleeping: Sleeping) -> BoxFuture<'static, ()> {
        let (clerk, limit, mut stop) = (self.clerk.clone(), self.limit, self.stop.clone());
        let woken = async move {
            let answer = tokio::select! {
                biased;
                answer = sleeping.end(limit, clerk.clock.now()) => answer,
                () = stop.requested() => {
                    let why = "the gateway stopped before the device woke up; it may or may not have been carried out";
                    Answer::because(OutcomeStatus::Failed, why)
                }
            };
            clerk.close(case, answer).await;
        };
        woken.boxed()
    }
}
