//! Commands: a value for a point becomes a frame, the device says that it took it, and the value is read back.
//!
//! A command for a device that sleeps is tried at once, because some fetch what waits for them every few seconds. When
//! it is not confirmed then, its sender is told so (`queued`), and it is sent again when the device is heard, until its
//! time is over. Setting a value twice does no more than setting it once. A device that listens all the time gets a
//! command once, unless the stick says that it never arrived.
//!
//! A data point cannot be asked for. The device reports it when it was set: that is the confirmation, and its value.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use super::{
    World,
    calls::{MAX_ORDERS, MAX_WAITING, What},
    order::{Asks, Order, Stage, Task, Write},
    put_aside::end_overdue,
    session::Session,
};
use crate::{
    adapter::zigbee::{
        address::{Endpoint, Ieee, Nwk},
        device::Device,
        map::order,
        quirk::{AttributePlace, Source},
        radio::{Delivery, Outgoing},
        zcl::{
            General, Status,
            general::{ReadOutcome, WriteRecord},
        },
    },
    model::{Authorized, Command, Point, PointName, Reading, Value, WriteError, WriteReply},
};

/// How long a sleeper is not tried that did not fetch a command, unless it is heard.
const ASLEEP: Duration = Duration::from_secs(60);

/// How long the report of a point is waited for that the device says it has set.
const REPORT: Duration = Duration::from_secs(2);

/// A command ready to be sent: to whom, to which endpoint, what is read afterwards, and what is sent.
type Prepared = (Ieee, Endpoint, Option<Asks>, order::Order);

/// Takes out the first order if it was set and only its report is waited for.
fn reported(orders: &mut VecDeque<Order>) -> Option<Order> {
    let is_it = orders.front().is_some_and(Order::awaits_report);
    if is_it { orders.pop_front() } else { None }
}

impl Session<'_, '_> {
    /// Takes a command.
    pub(super) fn write(&mut self, command: &Authorized<Command>, point: Arc<Point>, reply: WriteReply) {
        let command = command.command();
        match self.prepare(&point, &command.value) {
            Ok((ieee, endpoint, asks, order)) => {
                let sleeps = self.world.book.get(ieee).is_some_and(Device::sleeps);
                let write = Write::new(command, (asks, order), self.world.clock.now(), sleeps, reply);
                self.queue(ieee, Order { endpoint, point, task: Task::Write(write) });
            }
            // An asker that stopped waiting does not need to know.
            Err(why) => drop(reply.send(Err(why))),
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
    fn prepare(&mut self, point: &Point, value: &Value) -> Result<Prepared, WriteError> {
        let World { book, scripts, metrics, .. } = &mut *self.world;
        let device = book.named(point.device());
        let device =
            device.ok_or_else(|| WriteError::Refused(format!("{} is not in the network", point.device())))?;
        let name = point.name().as_str();
        if let Some((quirk, own)) = device.quirk.as_ref().and_then(|quirk| Some((quirk, quirk.point(name)?))) {
            let order = scripts.order(quirk, own, value);
            metrics.scripts.inc_by(u64::from(order.is_err() && own.source == Source::Script));
            // A script that gives no order has its own reasons; a table can only miss the value.
            let refused = if own.source == Source::Script { WriteError::Refused } else { WriteError::Misfit };
            let (endpoint, order) = order.map_err(refused)?;
            let placed = asks_of(device, name).map(|(endpoint, _)| endpoint);
            let endpoint = device.endpoint_of(endpoint.or(placed), order.cluster);
            return Ok((device.ieee, endpoint, Asks::of_own(own), order));
        }
        let unknown = || WriteError::Refused(format!("{} cannot be set", point.address));
        let (endpoint, rule) = device.setter(name).ok_or_else(unknown)?;
        let order = order::order(rule, value).map_err(|error| WriteError::Misfit(error.to_string()))?;
        Ok((device.ieee, endpoint, Some(Asks::of(rule)), order))
    }

    /// Puts an order behind the others of its device.
    fn queue(&mut self, ieee: Ieee, order: Order) {
        let now = self.world.clock.now();
        let has_room = self.calls.waiting() < MAX_WAITING;
        let line = self.calls.line(ieee);
        line.orders.retain(|order| !order.is_forsaken());
        if line.orders.len() >= MAX_ORDERS || !has_room {
            order.give_up(WriteError::Refused("too many commands wait for devices that sleep".to_owned()), now);
            return;
        }
        line.orders.push_back(order);
        line.rests_until = Instant::now();
        self.calls.wake(ieee);
    }

    /// The message for the first order of a device; those whose time is over are ended.
    pub(super) fn next_order(&mut self, ieee: Ieee, nwk: Nwk, number: u8) -> Option<(Outgoing, Endpoint)> {
        let now = self.world.clock.now();
        let orders = &mut self.calls.line(ieee).orders;
        end_overdue(orders, now);
        // The report of what was set did not come; what comes later is a reading.
        while let Some(order) = reported(orders) {
            order.give_up(WriteError::Expired, now);
        }
        let order = orders.front_mut()?;
        Some((order.send(nwk, number), order.endpoint))
    }

    /// Tells who waits for sleepers, and ends commands whose time is over.
    pub(super) fn look_at_orders(&mut self) {
        let now = self.world.clock.now();
        self.calls.look_at_orders(now);
    }

    /// The device has answered the first order.
    pub(super) fn order_answered(&mut self, ieee: Ieee, answer: &General) {
        let line = self.calls.line(ieee);
        let asked = line.asked.take();
        let Some(mut order) = line.orders.pop_front() else { return };
        let is_refused = status(answer).filter(|status| !status.is_success());
        match &mut order.task {
            Task::Write(write) if write.stage != Stage::Taken => {
                if let Some(status) = is_refused {
                    self.world.metrics.exceptions.inc();
                    order.give_up(WriteError::Refused(format!("the device says: {status}")), self.world.clock.now());
                } else {
                    write.stage = Stage::Taken;
                    // What is not read back is reported, and that is waited for a little.
                    let is_reported = write.asks.is_none();
                    line.asked = asked.filter(|_| is_reported).map(|asked| asked.until(Instant::now() + REPORT));
                    line.orders.push_front(order);
                }
            }
            Task::Write(Write { asks: None, .. }) => {
                let value = self.latest.get(&(ieee, order.point.name().to_string())).cloned();
                order.end(value, self.world.clock.now());
            }
            Task::Write(_) | Task::Read(..) => {
                let value = self.value_now(ieee, &order.point, answer);
                order.end(value, self.world.clock.now());
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
        let Some(Order { point, task: Task::Write(write), .. }) = line.orders.front_mut() else { return };
        if write.asks.is_some() || !told.contains(point.name()) {
            return;
        }
        write.stage = Stage::Taken;
        let value = self.latest.get(&(ieee, point.name().to_string()));
        if value != Some(&write.wanted) {
            return;
        }
        let (value, order) = (value.cloned(), line.orders.pop_front());
        line.asked = None;
        if let Some(order) = order {
            order.end(value, self.world.clock.now());
        }
    }

    /// The value of a point that an answer gave. What the answer said became readings before.
    fn value_now(&self, ieee: Ieee, point: &Point, answer: &General) -> Option<Value> {
        let General::ReadResponse(records) = answer else { return None };
        records.iter().find(|record| matches!(record.found, ReadOutcome::Value(_)))?;
        let device = self.world.book.get(ieee)?;
        self.latest.get(&(device.ieee, point.name().as_str().to_owned())).cloned()
    }

    /// The first order was not answered, or did not arrive. A command for a sleeper waits until it is heard.
    pub(super) fn order_failed(&mut self, ieee: Ieee, delivery: Option<Delivery>) {
        let now = self.world.clock.now();
        let sleeps = self.world.book.get(ieee).is_some_and(Device::sleeps);
        let line = self.calls.line(ieee);
        if let Some(order) = reported(&mut line.orders) {
            line.asked = None;
            let latest = self.latest.get(&(ieee, order.point.name().to_string())).cloned();
            order.end(latest, now);
            return;
        }
        line.fail();
        if sleeps {
            line.rests_until = line.rests_until.max(Instant::now() + ASLEEP);
        }
        let is_undelivered =
            matches!(delivery, Some(Delivery::Expired | Delivery::NoRoute | Delivery::Busy | Delivery::Failed(_)));
        let Some(mut order) = line.orders.pop_front() else { return };
        if is_undelivered {
            order.came_back();
        }
        if is_undelivered || (sleeps && order.is_open_command()) {
            // It never arrived, or may be sent again: to a sleeper when it is heard, to others soon.
            if sleeps {
                order.tell_queued();
            }
            line.orders.push_front(order);
            return;
        }
        order.give_up(WriteError::Timeout("the device did not answer".to_owned()), now);
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
