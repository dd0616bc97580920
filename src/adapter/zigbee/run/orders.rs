//! Commands: a value for a point becomes a frame, the device says that it took it, and the value is read back.
//!
//! A command for a device that sleeps waits for the next frame of the device, for as long as somebody waits for the
//! outcome. It is sent at most once, unless the stick says that it never arrived.
//!
//! A data point cannot be asked for. The device reports it when it was set: that is the confirmation, and its value.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{
    World,
    calls::{MAX_ORDERS, What},
    session::Session,
};
use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, Endpoint, Ieee, Manufacturer, Nwk},
        device::Device,
        interview::message,
        map::{Rule, order},
        quirk::{AttributePlace, OwnPoint, Source},
        radio::{Delivery, Outgoing},
        zcl::{
            General, Header, Status,
            general::{ReadOutcome, WriteRecord},
        },
    },
    model::{Authorized, Command, Point, PointName, Reading, Timestamp, Value, WriteError},
};

/// How long a sleeper is not tried that did not fetch a command, unless it is heard.
const ASLEEP: Duration = Duration::from_secs(60);

/// How long the report of a point is waited for that the device says it has set.
const REPORT: Duration = Duration::from_secs(2);

/// A command ready to be sent: to whom, to which endpoint, what is read afterwards, and what is sent.
type Prepared = (Ieee, Endpoint, Option<Asks>, order::Order);

/// What waits for a device because somebody wants it.
#[derive(Debug)]
pub(super) struct Order {
    /// At which endpoint.
    endpoint: Endpoint,
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
        /// The value that is wanted.
        wanted: Value,
        /// What is read when it is set; `None` for what the device reports by itself.
        asks: Option<Asks>,
        /// After this it must not be sent.
        expires: Timestamp,
        /// Whether the device has said that it took it; then the value is read back.
        is_done: bool,
        /// Who waits.
        reply: oneshot::Sender<Result<Option<Value>, WriteError>>,
    },
    /// Read the point.
    Read(Asks, oneshot::Sender<Reading>),
}

/// An attribute as it is asked for.
#[derive(Debug, Clone, Copy)]
struct Asks {
    /// In which cluster.
    cluster: Cluster,
    /// Which.
    attribute: Attribute,
    /// Whose addition to the cluster it is.
    manufacturer: Option<Manufacturer>,
}

impl Asks {
    /// The attribute of a standard point.
    fn of(rule: &Rule) -> Self {
        Self { cluster: rule.cluster, attribute: rule.attribute, manufacturer: None }
    }

    /// The attribute of a profile's point; `None` when it is in none, or can only be set.
    fn of_own(point: &OwnPoint) -> Option<Self> {
        match point.source {
            Source::Attribute(AttributePlace { cluster, attribute, manufacturer, .. }) if point.access.can_read() => {
                Some(Self { cluster, attribute, manufacturer })
            }
            _ => None,
        }
    }

    /// The question.
    fn outgoing(self, nwk: Nwk, endpoint: Endpoint, number: u8) -> Outgoing {
        let header = Header { manufacturer: self.manufacturer, ..Header::request(number, 0) };
        message(nwk, endpoint, self.cluster, number, General::Read(vec![self.attribute]).encode(header))
    }
}

impl Order {
    /// Whether nobody waits any more.
    fn is_forsaken(&self) -> bool {
        match &self.task {
            Task::Write { reply, .. } => reply.is_closed(),
            Task::Read(_, reply) => reply.is_closed(),
        }
    }

    /// The message for its next half.
    fn outgoing(&self, nwk: Nwk, number: u8) -> Outgoing {
        match &self.task {
            Task::Write { asks: Some(asks), is_done: true, .. } | Task::Read(asks, _) => {
                asks.outgoing(nwk, self.endpoint, number)
            }
            Task::Write { order, .. } => message(nwk, self.endpoint, order.cluster, number, order.encode(number)),
        }
    }

    /// Whether it was set, and only its report is waited for.
    fn awaits_report(&self) -> bool {
        matches!(self.task, Task::Write { asks: None, is_done: true, .. })
    }

    /// Ends it without an answer of the device. An asker that stopped waiting does not need to know.
    fn give_up(self, why: &str, now: Timestamp) {
        match self.task {
            // What it said before counts; only its value is not known.
            Task::Write { is_done: true, reply, .. } => drop(reply.send(Ok(None))),
            Task::Write { reply, .. } => drop(reply.send(Err(WriteError::Timeout(why.to_owned())))),
            Task::Read(_, reply) => drop(reply.send(Reading::bad(self.point, "timeout", now))),
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
        match self.prepare(&point, &command.value) {
            Ok((ieee, endpoint, asks, order)) => {
                let (wanted, expires) = (command.value.clone(), command.expires);
                let task = Task::Write { order, wanted, asks, expires, is_done: false, reply };
                self.queue(ieee, Order { endpoint, point, task });
            }
            // An asker that stopped waiting does not need to know.
            Err(why) => drop(reply.send(Err(WriteError::Refused(why)))),
        }
    }

    /// Takes a wish to read a point now.
    pub(super) fn read(&mut self, point: Arc<Point>, reply: oneshot::Sender<Reading>) {
        let source = self.world.book.named(point.device());
        let source = source.and_then(|device| Some((device.ieee, asks_of(device, point.name().as_str())?)));
        match source {
            Some((ieee, (endpoint, asks))) => {
                self.queue(ieee, Order { endpoint, point, task: Task::Read(asks, reply) });
            }
            // An asker that stopped waiting does not need to know.
            None => drop(reply.send(Reading::bad(point, "not-readable", self.world.clock.now()))),
        }
    }

    /// Where a point is set, by what, and what is read afterwards.
    fn prepare(&mut self, point: &Point, value: &Value) -> Result<Prepared, String> {
        let World { book, scripts, metrics, .. } = &mut *self.world;
        let device = book.named(point.device());
        let device = device.ok_or_else(|| format!("{} is not in the network", point.device()))?;
        let name = point.name().as_str();
        if let Some((quirk, own)) = device.quirk.as_ref().and_then(|quirk| Some((quirk, quirk.point(name)?))) {
            let order = scripts.order(quirk, own, value);
            metrics.scripts.inc_by(u64::from(order.is_err() && own.source == Source::Script));
            let (endpoint, order) = order?;
            let placed = asks_of(device, name).map(|(endpoint, _)| endpoint);
            let endpoint = device.endpoint_of(endpoint.or(placed), order.cluster);
            return Ok((device.ieee, endpoint, Asks::of_own(own), order));
        }
        let (endpoint, rule) = device.setter(name).ok_or_else(|| format!("{} cannot be set", point.address))?;
        let order = order::order(rule, value).map_err(|error| error.to_string())?;
        Ok((device.ieee, endpoint, Some(Asks::of(rule)), order))
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
            if !is_over && !order.is_forsaken() && !order.awaits_report() {
                return Some((order.outgoing(nwk, number), order.endpoint));
            }
            match orders.pop_front() {
                Some(order) if order.awaits_report() => order.give_up("", now),
                // An asker that stopped waiting does not need to know.
                Some(Order { task: Task::Write { reply, .. }, .. }) => drop(reply.send(Err(WriteError::Expired))),
                Some(Order { task: Task::Read(..), .. }) | None => {}
            }
        }
        None
    }

    /// The device has answered the first order.
    pub(super) fn order_answered(&mut self, ieee: Ieee, answer: &General) {
        let now = self.world.clock.now();
        let line = self.calls.line(ieee);
        let asked = line.asked.take();
        let Some(order) = line.orders.pop_front() else { return };
        let Order { endpoint, point, task } = order;
        match task {
            Task::Write { order, wanted, asks, expires, is_done: false, reply } => match status(answer) {
                Some(status) if !status.is_success() => {
                    self.world.metrics.exceptions.inc();
                    drop(reply.send(Err(WriteError::Refused(format!("the device says: {status}")))));
                }
                _ => {
                    // What is not read back is reported, and that is waited for a little.
                    line.asked = asked.filter(|_| asks.is_none()).map(|asked| asked.until(Instant::now() + REPORT));
                    let task = Task::Write { order, wanted, asks, expires, is_done: true, reply };
                    line.orders.push_front(Order { endpoint, point, task });
                }
            },
            Task::Write { asks: None, reply, .. } => {
                let value = self.latest.get(&(ieee, point.name().to_string())).cloned();
                drop(reply.send(Ok(value)));
            }
            Task::Write { reply, .. } => {
                let value = self.value_now(ieee, &point, answer);
                drop(reply.send(Ok(value)));
            }
            Task::Read(_, reply) => {
                let value = self.value_now(ieee, &point, answer);
                let reading = match value {
                    Some(value) => Reading::good(point, value, now),
                    None => Reading::bad(point, "not-available", now),
                };
                drop(reply.send(reading));
            }
        }
    }

    /// A device has reported points. A command for one of them under way is done when it has the value that is wanted;
    /// another value is the device's to choose, and counts when no better one follows.
    pub(super) fn order_reported(&mut self, ieee: Ieee, told: &[PointName]) {
        let line = self.calls.line(ieee);
        if line.asked.as_ref().is_none_or(|asked| asked.what != What::Order) {
            return;
        }
        let Some(Order { point, task: Task::Write { wanted, asks: None, is_done, .. }, .. }) =
            line.orders.front_mut()
        else {
            return;
        };
        if !told.contains(point.name()) {
            return;
        }
        *is_done = true;
        let value = self.latest.get(&(ieee, point.name().to_string()));
        if value != Some(&*wanted) {
            return;
        }
        let (value, order) = (value.cloned(), line.orders.pop_front());
        line.asked = None;
        if let Some(Order { task: Task::Write { reply, .. }, .. }) = order {
            // An asker that stopped waiting does not need to know.
            drop(reply.send(Ok(value)));
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
        let awaits = line.orders.front().is_some_and(Order::awaits_report);
        if let Some(order) = awaits.then(|| line.orders.pop_front()).flatten() {
            line.asked = None;
            let latest = self.latest.get(&(ieee, order.point.name().to_string())).cloned();
            if let Task::Write { reply, .. } = order.task {
                // An asker that stopped waiting does not need to know.
                drop(reply.send(Ok(latest)));
            }
            return;
        }
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

/// Which attribute is behind a point, and on which endpoint.
fn asks_of(device: &Device, name: &str) -> Option<(Endpoint, Asks)> {
    let own = device.quirk.as_ref().and_then(|quirk| quirk.point(name));
    match own {
        Some(own) => {
            let Source::Attribute(AttributePlace { endpoint, cluster, .. }) = own.source else { return None };
            Some((device.endpoint_of(endpoint, cluster), Asks::of_own(own)?))
        }
        None => device.source(name).map(|(endpoint, rule)| (endpoint, Asks::of(rule))),
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
