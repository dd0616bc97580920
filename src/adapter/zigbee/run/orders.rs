//! Commands: a value for a point becomes a frame, the device says that it took it, and the value is read back.
//!
//! A command for a device that sleeps waits for the next frame of the device, for as long as somebody waits for the
//! outcome. It is sent at most once, unless the stick says that it never arrived.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{calls::MAX_ORDERS, session::Session};
use crate::{
    adapter::zigbee::{
        address::{Endpoint, Ieee, Nwk},
        device::Device,
        interview::{general, message},
        map::{Rule, order},
        radio::{Delivery, Outgoing},
        zcl::{
            General, Status,
            general::{ReadOutcome, WriteRecord},
        },
    },
    model::{Authorized, Command, Point, Reading, Timestamp, Value, WriteError},
};

/// How long a sleeper is not tried that did not fetch a command, unless it is heard.
const ASLEEP: Duration = Duration::from_secs(60);

/// What waits for a device because somebody wants it.
#[derive(Debug)]
pub(super) struct Order {
    /// At which endpoint.
    endpoint: Endpoint,
    /// Which attribute it is about.
    rule: &'static Rule,
    /// The point.
    point: Arc<Point>,
    /// What is to be done.
    task: Task,
}

/// What is to be done for somebody.
#[derive(Debug)]
enum Task {
    /// Set the point.
    Write {
        /// By this.
        order: order::Order,
        /// After this it must not be sent.
        expires: Timestamp,
        /// Whether the device has said that it took it; then the value is read back.
        is_done: bool,
        /// Who waits.
        reply: oneshot::Sender<Result<Option<Value>, WriteError>>,
    },
    /// Read the point.
    Read(oneshot::Sender<Reading>),
}

impl Order {
    /// Whether nobody waits any more.
    fn is_forsaken(&self) -> bool {
        match &self.task {
            Task::Write { reply, .. } => reply.is_closed(),
            Task::Read(reply) => reply.is_closed(),
        }
    }

    /// The message for its next half.
    fn outgoing(&self, nwk: Nwk, number: u8) -> Outgoing {
        let cluster = self.rule.cluster;
        match &self.task {
            Task::Write { order, is_done: false, .. } => {
                message(nwk, self.endpoint, cluster, number, order.encode(number))
            }
            Task::Write { .. } | Task::Read(_) => {
                general(nwk, self.endpoint, cluster, number, &General::Read(vec![self.rule.attribute]))
            }
        }
    }

    /// Ends it without an answer of the device. An asker that stopped waiting does not need to know.
    fn give_up(self, why: &str, now: Timestamp) {
        match self.task {
            // What it said before counts; only its value is not known.
            Task::Write { is_done: true, reply, .. } => drop(reply.send(Ok(None))),
            Task::Write { reply, .. } => drop(reply.send(Err(WriteError::Timeout(why.to_owned())))),
            Task::Read(reply) => drop(reply.send(Reading::bad(self.point, "timeout", now))),
        }
    }
}

impl Session<'_, '_> {
    /// Takes a command.
    pub(super) fn write(
        &mut self,
        command: &Authorized<Command>,
        point: Arc<Point>,
        reply: oneshot::Sender<Result<Option<Value>, WriteError>>,
    ) {
        let command = command.command();
        let prepared = self.prepare(&point).and_then(|(ieee, endpoint, rule)| {
            let order = order::order(rule, &command.value).map_err(|error| error.to_string())?;
            Ok((ieee, endpoint, rule, order))
        });
        match prepared {
            Ok((ieee, endpoint, rule, order)) => {
                let task = Task::Write { order, expires: command.expires, is_done: false, reply };
                self.queue(ieee, Order { endpoint, rule, point, task });
            }
            // An asker that stopped waiting does not need to know.
            Err(why) => drop(reply.send(Err(WriteError::Refused(why)))),
        }
    }

    /// Takes a wish to read a point now.
    pub(super) fn read(&mut self, point: Arc<Point>, reply: oneshot::Sender<Reading>) {
        let source = self.world.book.named(point.device());
        let source = source.and_then(|device| Some((device.ieee, device.source(point.name().as_str())?)));
        match source {
            Some((ieee, (endpoint, rule))) => {
                self.queue(ieee, Order { endpoint, rule, point, task: Task::Read(reply) });
            }
            // An asker that stopped waiting does not need to know.
            None => drop(reply.send(Reading::bad(point, "not-readable", self.world.clock.now()))),
        }
    }

    /// Where a point can be set.
    fn prepare(&self, point: &Point) -> Result<(Ieee, Endpoint, &'static Rule), String> {
        let device = self.world.book.named(point.device());
        let device = device.ok_or_else(|| format!("{} is not in the network", point.device()))?;
        let (endpoint, rule) =
            device.setter(point.name().as_str()).ok_or_else(|| format!("{} cannot be set", point.address))?;
        Ok((device.ieee, endpoint, rule))
    }

    /// Puts an order behind the others of its device.
    fn queue(&mut self, ieee: Ieee, order: Order) {
        let orders = &mut self.calls.line(ieee).orders;
        orders.retain(|order| !order.is_forsaken());
        if orders.len() >= MAX_ORDERS {
            order.give_up("too many commands wait for the device", self.world.clock.now());
            return;
        }
        orders.push_back(order);
        self.calls.line(ieee).rests_until = Instant::now();
        self.calls.wake(ieee);
    }

    /// The message for the first order of a device whose time is not over; those before it are ended.
    pub(super) fn next_order(&mut self, ieee: Ieee, nwk: Nwk, number: u8) -> Option<(Outgoing, Endpoint)> {
        let now = self.world.clock.now();
        let orders = &mut self.calls.line(ieee).orders;
        while let Some(order) = orders.front() {
            let is_over = matches!(&order.task, Task::Write { expires, is_done: false, .. } if *expires < now);
            if !is_over && !order.is_forsaken() {
                return Some((order.outgoing(nwk, number), order.endpoint));
            }
            if let Some(Order { task: Task::Write { reply, .. }, .. }) = orders.pop_front() {
                // An asker that stopped waiting does not need to know.
                drop(reply.send(Err(WriteError::Expired)));
            }
        }
        None
    }

    /// The device has answered the first order.
    pub(super) fn order_answered(&mut self, ieee: Ieee, answer: &General) {
        let now = self.world.clock.now();
        let line = self.calls.line(ieee);
        line.asked = None;
        let Some(order) = line.orders.pop_front() else { return };
        let Order { endpoint, rule, point, task } = order;
        match task {
            Task::Write { order, expires, is_done: false, reply } => match status(answer) {
                Some(status) if !status.is_success() => {
                    self.world.metrics.exceptions.inc();
                    drop(reply.send(Err(WriteError::Refused(format!("the device says: {status}")))));
                }
                _ => {
                    let task = Task::Write { order, expires, is_done: true, reply };
                    line.orders.push_front(Order { endpoint, rule, point, task });
                }
            },
            Task::Write { reply, .. } => {
                let value = self.value_now(ieee, &point, answer);
                drop(reply.send(Ok(value)));
            }
            Task::Read(reply) => {
                let value = self.value_now(ieee, &point, answer);
                let reading = match value {
                    Some(value) => Reading::good(point, value, now),
                    None => Reading::bad(point, "not-available", now),
                };
                drop(reply.send(reading));
            }
        }
    }

    /// The value of a point that an answer gave. What the answer said became readings before.
    fn value_now(&self, ieee: Ieee, point: &Point, answer: &General) -> Option<Value> {
        let General::ReadResponse(records) = answer else { return None };
        records.iter().find(|record| matches!(record.found, ReadOutcome::Value(_)))?;
        let device = self.world.book.get(ieee)?;
        self.latest.get(&(device.ieee, point.name().as_str().to_owned())).cloned()
    }

    /// The first order was not answered, or did not arrive.
    pub(super) fn order_failed(&mut self, ieee: Ieee, delivery: Option<Delivery>) {
        let now = self.world.clock.now();
        let sleeps = self.world.book.get(ieee).is_some_and(Device::sleeps);
        let line = self.calls.line(ieee);
        let is_undelivered =
            matches!(delivery, Some(Delivery::Expired | Delivery::NoRoute | Delivery::Busy | Delivery::Failed(_)));
        line.fail();
        if is_undelivered {
            // It never arrived, so that it may be sent again: to a sleeper when it is heard, to others soon.
            if sleeps {
                line.rests_until = Instant::now() + ASLEEP;
            }
            return;
        }
        if let Some(order) = line.orders.pop_front() {
            order.give_up("the device did not answer", now);
        }
    }
}

/// How a command went, as its answer tells.
fn status(answer: &General) -> Option<Status> {
    match answer {
        General::DefaultResponse(outcome) => Some(outcome.status),
        General::WriteResponse(records) => {
            records.iter().map(|WriteRecord { status, .. }| *status).find(|s| !s.is_success())
        }
        _ => None,
    }
}
