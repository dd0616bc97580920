//! One thing that somebody wants of a device, from the queue to its answer.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::Instant};

use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, Endpoint, Manufacturer, Nwk},
        interview::message,
        map::{Rule, order},
        quirk::{AttributePlace, OwnPoint, Source},
        radio::Outgoing,
        zcl::{General, Header},
    },
    model::{Command, Point, Reading, Timestamp, Value, WriteError, WriteReply},
};

/// How long a sleeper may take before the sender is told that its command waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// What waits for a device because somebody wants it.
#[derive(Debug)]
pub(super) struct Order {
    /// At which endpoint.
    pub(super) endpoint: Endpoint,
    /// The point.
    pub(super) point: Arc<Point>,
    /// What is to be done.
    pub(super) task: Task,
}

/// What is to be done for somebody.
#[derive(Debug)]
pub(super) enum Task {
    /// Set the point.
    Write(Write),
    /// Read the point.
    Read(Asks, oneshot::Sender<Reading>),
}

/// An attribute as it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    /// In which cluster.
    cluster: Cluster,
    /// Which.
    attribute: Attribute,
    /// Whose addition to the cluster it is.
    manufacturer: Option<Manufacturer>,
}

impl Asks {
    /// The attribute of a standard point.
    pub(super) fn of(rule: &Rule) -> Self {
        Self { cluster: rule.cluster, attribute: rule.attribute, manufacturer: None }
    }

    /// The attribute of a profile's point; `None` when it is in none, or can only be set.
    pub(super) fn of_own(point: &OwnPoint) -> Option<Self> {
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

/// A command on its way to a device.
#[derive(Debug)]
pub(super) struct Write {
    /// What sets the point.
    order: order::Order,
    /// The value that is wanted.
    pub(super) wanted: Value,
    /// What is read when it is set; `None` for what the device reports by itself.
    pub(super) asks: Option<Asks>,
    /// After this it must not be sent.
    expires: Timestamp,
    /// When its time is over as this machine counts time, also when its clock is set.
    ends: Instant,
    /// When its sender is told that it waits, for a device that sleeps.
    told_at: Option<Instant>,
    /// How far it has come.
    pub(super) stage: Stage,
    /// Who waits.
    pub(super) reply: WriteReply,
}

/// How far a command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The device has not been given it.
    Waiting,
    /// It was sent, and nobody knows whether it arrived.
    Sent,
    /// The device has said that it took it; its value is read back.
    Taken,
}

impl Write {
    /// A command that came just now.
    pub(super) fn new(
        command: &Command,
        (asks, order): (Option<Asks>, order::Order),
        now: Timestamp,
        sleeps: bool,
        reply: WriteReply,
    ) -> Self {
        let (expires, begun) = (command.expires, Instant::now());
        let ends = begun + expires.since(now);
        let wanted = command.value.clone();
        Self {
            order,
            wanted,
            asks,
            expires,
            ends,
            told_at: sleeps.then(|| begun + PATIENCE),
            stage: Stage::Waiting,
            reply,
        }
    }

    /// Ends it when its time is over; what may have arrived is no longer waited for.
    fn expire(self) {
        let end = match self.stage {
            Stage::Waiting => Err(WriteError::Expired),
            Stage::Sent => Err(WriteError::Timeout("the device did not confirm the command in time".to_owned())),
            Stage::Taken => Ok(None),
        };
        // An asker that stopped waiting does not need to know.
        drop(self.reply.send(end));
    }
}

impl Order {
    /// Whether nobody waits any more.
    pub(super) fn is_forsaken(&self) -> bool {
        match &self.task {
            Task::Write(write) => write.reply.is_closed(),
            Task::Read(_, reply) => reply.is_closed(),
        }
    }

    /// Whether it must not be sent any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let is_late =
            |write: &Write| write.stage != Stage::Taken && (write.expires < now || write.ends <= Instant::now());
        self.is_forsaken() || matches!(&self.task, Task::Write(write) if is_late(write))
    }

    /// Whether it is a command whose sender knows that it waits for the device.
    pub(super) fn is_queued(&self) -> bool {
        matches!(&self.task, Task::Write(write) if write.reply.is_queued())
    }

    /// When something about it is due: its end, or that its sender is told that it waits.
    pub(super) fn due(&self) -> Option<Instant> {
        let Task::Write(write) = &self.task else { return None };
        Some(write.told_at.map_or(write.ends, |told_at| told_at.min(write.ends)))
    }

    /// Tells its sender that it waits for the device, if that takes long by now.
    pub(super) fn tell_late(&mut self, now: Instant) {
        if matches!(&self.task, Task::Write(Write { told_at: Some(at), .. }) if *at <= now) {
            self.tell_queued();
        }
    }

    /// Tells its sender that it waits for the device.
    pub(super) fn tell_queued(&mut self) {
        if let Task::Write(write) = &mut self.task {
            write.told_at = None;
            write.reply.queued();
        }
    }

    /// Whether it is a command that the device has not said it took.
    pub(super) fn is_open_command(&self) -> bool {
        matches!(&self.task, Task::Write(write) if write.stage != Stage::Taken)
    }

    /// The message for its next half, which is sent with this.
    pub(super) fn send(&mut self, nwk: Nwk, number: u8) -> Outgoing {
        match &mut self.task {
            Task::Write(Write { asks: Some(asks), stage: Stage::Taken, .. }) | Task::Read(asks, _) => {
                asks.outgoing(nwk, self.endpoint, number)
            }
            Task::Write(write) => {
                write.stage = Stage::Sent;
                message(nwk, self.endpoint, write.order.cluster, number, write.order.encode(number))
            }
        }
    }

    /// Whether it was set, and only its report is waited for.
    pub(super) fn awaits_report(&self) -> bool {
        matches!(self.task, Task::Write(Write { asks: None, stage: Stage::Taken, .. }))
    }

    /// What was sent has not arrived.
    pub(super) fn came_back(&mut self) {
        if let Task::Write(write) = &mut self.task
            && write.stage == Stage::Sent
        {
            write.stage = Stage::Waiting;
        }
    }

    /// Ends it because its time is over.
    pub(super) fn expire(self, now: Timestamp) {
        match self.task {
            Task::Write(write) => write.expire(),
            // An asker that stopped waiting does not need to know.
            Task::Read(_, reply) => drop(reply.send(Reading::bad(self.point, "timeout", now))),
        }
    }

    /// The device has answered, with this value of the point if it has one.
    pub(super) fn end(self, value: Option<Value>, now: Timestamp) {
        // An asker that stopped waiting does not need to know.
        match (self.task, value) {
            (Task::Write(write), value) => drop(write.reply.send(Ok(value))),
            (Task::Read(_, reply), Some(value)) => drop(reply.send(Reading::good(self.point, value, now))),
            (Task::Read(_, reply), None) => drop(reply.send(Reading::bad(self.point, "not-available", now))),
        }
    }

    /// Ends it without an answer of the device. What the device said before counts; only its value is not known then.
    pub(super) fn give_up(self, why: WriteError, now: Timestamp) {
        // An asker that stopped waiting does not need to know.
        match self.task {
            Task::Write(Write { stage: Stage::Taken, reply, .. }) => drop(reply.send(Ok(None))),
            Task::Write(Write { reply, .. }) => drop(reply.send(Err(why))),
            Task::Read(_, reply) => drop(reply.send(Reading::bad(self.point, "timeout", now))),
        }
    }
}
