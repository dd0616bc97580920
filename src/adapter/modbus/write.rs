//! Writes: from a command to one request, and to what it leaves to be done.
//!
//! A write is sent at most once. When its answer does not come nobody knows whether the unit acted, and only the
//! sender can decide what to do; sending it again could act twice.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{
    client::{CallError, Client, Patience},
    config::{Device, MappedPoint, PointGroup, Verify},
    decode::power,
    encode::{EncodeError, encode, encode_all, written, zeroed},
    exception::Exception,
    later::{Check, Task},
    pdu::Request,
    poller::{End, Poller},
};
use crate::model::{Authorized, Command, Point, PointAddress, Value, WriteError, WriteReply};

/// How long a unit that acknowledged a write is looked at, in its timeouts: with the usual one less than the command waits.
const WATCHED: u32 = 10;

/// How often, in one timeout.
pub(super) const LOOKS: u32 = 4;

/// What a command sets.
enum Target<'a> {
    /// One point.
    Point(&'a MappedPoint),
    /// Several points side by side.
    Group(&'a PointGroup),
}

/// A request that may go out, and what it leaves to be done.
struct Order<'a> {
    /// Index of the device.
    device: usize,
    /// What is sent.
    request: Request,
    /// What is read back afterwards.
    checks: Vec<Check<'a>>,
    /// What can be read back when the unit says that it will take long.
    progress: Vec<Check<'a>>,
    /// Whether it sets several points.
    is_group: bool,
    /// When it is set back.
    pulse: Option<Duration>,
}

impl<'a> Poller<'a> {
    /// Sets a point once, unless its time is over or nobody waits any more.
    pub(super) async fn write<S>(
        &mut self,
        client: &mut Client<S>,
        command: &Authorized<Command>,
        point: &Point,
        reply: WriteReply,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if reply.is_closed() {
            return Ok(());
        }
        let prepared = match self.target(command.command(), point) {
            Ok((device, target)) => self.prepare(client, device, &target, command.command()).await?,
            Err(refusal) => Err(refusal),
        };
        match prepared {
            Ok(order) => self.carry_out(client, order, reply).await,
            Err(refusal) => {
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(Err(refusal));
                Ok(())
            }
        }
    }

    /// What a command is for, and whose it is.
    fn target(&self, command: &Command, point: &Point) -> Result<(usize, Target<'a>), WriteError> {
        if command.target != point.address {
            return Err(WriteError::Refused(format!("command is for {}, not {}", command.target, point.address)));
        }
        let place = self.place(&command.target).map(|(device, mapped)| (device, Target::Point(mapped)));
        let found = place.or_else(|| self.group(&command.target));
        found.ok_or_else(|| WriteError::Refused(format!("{} is not on this link", command.target)))
    }

    /// The group of this name. There are few, and commands are rare.
    fn group(&self, address: &PointAddress) -> Option<(usize, Target<'a>)> {
        let devices = &self.config.devices;
        let device = devices.iter().position(|device| device.id == address.device)?;
        let group = devices[device].groups.iter().find(|group| group.point.address == *address)?;
        Some((device, Target::Group(group)))
    }

    /// The request for a command, or why there is none. A power of ten is read first; nothing is written by that.
    async fn prepare<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        target: &Target<'a>,
        command: &Command,
    ) -> Result<Result<Order<'a>, WriteError>, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let order = match *target {
            Target::Point(mapped) => {
                let power = self.power(client, device, mapped).await?;
                power.and_then(|power| {
                    let exact = mapped.with_power(power);
                    let request = encode(&exact, &command.value).map_err(WriteError::from)?;
                    let progress = vec![check(mapped, &exact, &request, &command.value)];
                    let pulse = mapped.writing.pulse;
                    Ok(Order { device, request, checks: verified(&progress), progress, is_group: false, pulse })
                })
            }
            Target::Group(group) => self.together(device, group, &command.value).map_err(WriteError::from),
        };
        // Looked at last, right before the bytes go out.
        Ok(if self.clock.now() > command.expires { Err(WriteError::Expired) } else { order })
    }

    /// The power of ten of a point; 0 for a point without one.
    async fn power<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        mapped: &MappedPoint,
    ) -> Result<Result<i32, WriteError>, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(start) = mapped.conversion.exponent else { return Ok(Ok(0)) };
        let request = Request::Read { table: mapped.register.table, start, count: 1 };
        let why = |problem: &dyn std::fmt::Display| WriteError::Refused(format!("no power of ten: {problem}"));
        let (power, called) = match self.ask(client, device, &request).await {
            Ok(word) => (power(mapped, word).map_err(|bad| why(&bad.reason())), Ok(())),
            Err(error) => (Err(why(&error)), Err(error)),
        };
        self.settle(device, called, self.clock.now()).await?;
        Ok(power)
    }

    /// The request for a group.
    fn together(&self, device: usize, group: &PointGroup, value: &Value) -> Result<Order<'a>, EncodeError> {
        let members = self.members(device, group, value)?;
        let request = encode_all(&members)?;
        let mut progress = Vec::new();
        for (mapped, value) in &members {
            progress.push(check(mapped, mapped, &encode(mapped, value)?, value));
        }
        Ok(Order { device, request, checks: verified(&progress), progress, is_group: true, pulse: None })
    }

    /// The members of a group with their values, all of them and nothing else.
    fn members(
        &self,
        device: usize,
        group: &PointGroup,
        value: &Value,
    ) -> Result<Vec<(&'a MappedPoint, Value)>, EncodeError> {
        let points = &self.config.devices[device].points;
        let members = group.members.iter().map(|&index| &points[index]);
        let names = || members.clone().map(|mapped| mapped.point.name().as_str()).collect::<Vec<_>>().join(", ");
        let Value::Json(json) = value else { return Err(EncodeError::Type(value.to_string())) };
        let values = json.as_object().filter(|values| values.len() == group.members.len());
        let of = |mapped: &'a MappedPoint| {
            let json = values.and_then(|values| values.get(mapped.point.name().as_str()));
            let value = Value::from_json(json.ok_or_else(|| EncodeError::Members(names()))?, mapped.point.kind);
            value.map(|value| (mapped, value)).map_err(|error| EncodeError::Member(error.to_string()))
        };
        members.clone().map(of).collect()
    }

    /// Sends a request once. The answer ends it, unless the point is read back or set back.
    async fn carry_out<S>(&mut self, client: &mut Client<S>, order: Order<'a>, reply: WriteReply) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Order { device, ref request, .. } = order;
        if order.leaves_something() && !self.later.has_room() {
            let why = "too many pulses and read-backs are under way on this link";
            // An asker that stopped waiting does not need to know.
            let _ = reply.send(Err(WriteError::Refused(why.into())));
            return Ok(());
        }
        let Device { unit, timeout: limit, .. } = self.config.devices[device];
        let once = Patience { limit, retries: 0 };
        let is_heard_only = self.config.is_everyone(device);
        let called = if is_heard_only {
            client.broadcast(request, limit, &self.metrics).await.map_err(CallError::from)
        } else {
            self.call(client, device, request, once).await.map(drop)
        };
        match &called {
            Ok(()) => self.follow(order, reply),
            Err(CallError::Exception(Exception::ACKNOWLEDGE)) if self.can_watch(&order) => self.watch(order, reply),
            // As above; the ledger notes a reply that nobody heard as a timeout.
            Err(error) => self.unsure(&order, reply, failure(unit, error), error),
        }
        match called {
            // Whether anybody heard it nobody knows.
            Ok(()) if is_heard_only => Ok(()),
            called => self.settle(device, called, self.clock.now()).await,
        }
    }

    /// What comes after a write that was confirmed, or sent to all units.
    fn follow(&mut self, order: Order<'a>, reply: WriteReply) {
        let Order { device, request, checks, is_group, pulse, .. } = order;
        let release = zeroed(&request);
        self.later.forget(device, &release);
        let now = Instant::now();
        match pulse {
            Some(pulse) if request != release => {
                self.later.push(pulse, Task::Release { device, request: release, reply: Some(reply) });
            }
            _ if checks.is_empty() => {
                self.jobs.show(device, &request, now);
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(Ok(None));
            }
            _ => {
                let delay = checks.iter().map(|check| check.verify.delay).max().unwrap_or_default();
                self.jobs.show(device, &request, now + delay);
                self.later.push(delay, Task::Verify { device, checks, is_group, until: None, reply });
            }
        }
    }

    /// Whether it can be seen when the unit has done what it acknowledged.
    fn can_watch(&self, order: &Order<'a>) -> bool {
        let can_read = order.progress.iter().all(|check| check.mapped.point.access.can_read());
        can_read && order.pulse.is_none() && self.later.has_room()
    }

    /// The unit has begun and will take long (MODBUS Application Protocol 1.1b3, chapter 7, code 05): it is looked at
    /// until it has done it.
    fn watch(&mut self, order: Order<'a>, reply: WriteReply) {
        let Order { device, request, progress: checks, is_group, .. } = order;
        let limit = self.config.devices[device].timeout;
        let end = Instant::now() + WATCHED * limit;
        self.jobs.show(device, &request, end);
        let until = Some(end);
        self.later.push(limit / LOOKS, Task::Verify { device, checks, is_group, until, reply });
    }

    /// What comes after a write that nobody confirmed. A pulse that may have begun is ended all the same.
    fn unsure(&mut self, order: &Order<'a>, reply: WriteReply, outcome: WriteError, error: &CallError) {
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(Err(outcome));
        self.jobs.show(order.device, &order.request, Instant::now());
        let release = zeroed(&order.request);
        if let Some(pulse) = order.pulse.filter(|_| release != order.request && !is_refusal(error)) {
            self.later.forget(order.device, &release);
            self.later.push(pulse, Task::Release { device: order.device, request: release, reply: None });
        }
    }
}

impl Order<'_> {
    /// Whether something is to be done after it.
    fn leaves_something(&self) -> bool {
        !self.checks.is_empty() || self.pulse.is_some()
    }
}

/// How a point is read back: as the value that its registers hold then, rounded as they are.
fn check<'a>(mapped: &'a MappedPoint, exact: &MappedPoint, request: &Request, value: &Value) -> Check<'a> {
    let verify = mapped.writing.verify.unwrap_or(Verify { tolerance: 0.0, delay: Duration::ZERO });
    let wanted = written(exact, request).unwrap_or_else(|_| value.clone());
    Check { mapped, wanted, verify }
}

/// Those of points that are read back after every write.
fn verified<'a>(checks: &[Check<'a>]) -> Vec<Check<'a>> {
    checks.iter().filter(|check| check.mapped.writing.verify.is_some()).cloned().collect()
}

/// Whether the unit did not act for certain: one that acknowledges is at it.
fn is_refusal(error: &CallError) -> bool {
    match error {
        CallError::Exception(exception) => *exception != Exception::ACKNOWLEDGE,
        CallError::NoModel => true,
        CallError::Rejected(_) | CallError::Timeout(_) | CallError::Garbled(..) | CallError::Link(_) => false,
    }
}

/// What a failed call means for a command. Only an exception says for certain that the unit did not act.
pub(super) fn failure(unit: u8, error: &CallError) -> WriteError {
    match error {
        CallError::Exception(Exception::ACKNOWLEDGE) => WriteError::Timeout(format!(
            "unit {unit}: {error}; it will take long, and whether it is done nobody knows"
        )),
        CallError::Exception(_) | CallError::NoModel => WriteError::Refused(format!("unit {unit}: {error}")),
        CallError::Rejected(_) => WriteError::Refused(format!("unit {unit}: {error}; it may have acted")),
        CallError::Timeout(_) | CallError::Garbled(..) | CallError::Link(_) => {
            WriteError::Timeout(format!("unit {unit}: {error}; it may have acted"))
        }
    }
}
