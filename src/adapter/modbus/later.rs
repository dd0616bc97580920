//! What a write leaves to be done: the look at what the unit made of it, and the end of a pulse.
//!
//! Polls go on meanwhile. A pulse is ended until the unit says that it is, across lost connections, and before the
//! adapter stops; only a unit that refuses is left alone. A killed process or a power cut ends no pulse: what must not
//! stay on then needs a unit that ends it by itself.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until, timeout},
};
use tracing::{error, warn};

use super::{
    client::{CallError, Client, Patience},
    config::{MappedPoint, Verify},
    exception::Exception,
    pdu::Request,
    plan::single,
    poller::{End, Poller},
    write::{LOOKS, failure},
};
use crate::model::{Value, WriteError, WriteReply};

/// Tasks that wait on one link; while there are so many, further writes that need one are refused.
const MAX_WAITING: usize = 64;

/// Wait before the end of a pulse is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a stop waits for the ends of all pulses.
const LAST_TRY: Duration = Duration::from_secs(3);

/// Tasks and their times.
#[derive(Debug, Default)]
pub(super) struct Later<'a>(Vec<(Instant, Task<'a>)>);

/// One thing to be done when its time has come.
#[derive(Debug)]
pub(super) enum Task<'a> {
    /// Read what was set and compare.
    Verify {
        /// Index of the device.
        device: usize,
        /// What to look at.
        checks: Vec<Check<'a>>,
        /// Whether it is for several points, so that no one value is the command's.
        is_group: bool,
        /// Until when it is looked at again and again, because the unit said that it will take long.
        until: Option<Instant>,
        /// Who waits for it.
        reply: WriteReply,
    },
    /// Set a point back.
    Release {
        /// Index of the device.
        device: usize,
        /// Sets it back.
        request: Request,
        /// Who waits for it; nobody after the first failure.
        reply: Option<WriteReply>,
    },
}

/// A point that is read back.
#[derive(Debug, Clone)]
pub(super) struct Check<'a> {
    /// The point.
    pub(super) mapped: &'a MappedPoint,
    /// What it should hold.
    pub(super) wanted: Value,
    /// How it is compared, and when.
    pub(super) verify: Verify,
}

impl<'a> Later<'a> {
    /// Whether another task can be taken.
    pub(super) fn has_room(&self) -> bool {
        self.0.len() < MAX_WAITING
    }

    /// Takes a task for when `wait` is over.
    pub(super) fn push(&mut self, wait: Duration, task: Task<'a>) {
        self.0.push((Instant::now() + wait, task));
    }

    /// Forgets the end of a pulse, because the point was written anew; who waited for it has had the pulse.
    pub(super) fn forget(&mut self, of: usize, release: &Request) {
        let is_it = |task: &Task<'_>| matches!(task, Task::Release { device, request, .. } if *device == of && request == release);
        for (_, task) in self.0.extract_if(.., |(_, task)| is_it(task)) {
            task.answer(Ok(None));
        }
    }

    /// Waits for the task that is due next. Safe to cancel.
    pub(super) async fn next(&mut self) -> Task<'a> {
        let first = self.0.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(index, (at, _))| (index, *at));
        match first {
            Some((index, at)) => {
                sleep_until(at).await;
                self.0.swap_remove(index).1
            }
            None => std::future::pending().await,
        }
    }
}

impl Task<'_> {
    /// Tells who waits, if anybody does.
    fn answer(self, result: Result<Option<Value>, WriteError>) {
        let reply = match self {
            Self::Verify { reply, .. } => Some(reply),
            Self::Release { reply, .. } => reply,
        };
        // An asker that stopped waiting does not need to know.
        let _ = reply.map(|reply| reply.send(result));
    }
}

impl<'a> Poller<'a> {
    /// Does what is due.
    pub(super) async fn follow_up<S>(&mut self, client: &mut Client<S>, task: Task<'a>) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match task {
            Task::Verify { device, checks, is_group, until, reply } => {
                let (result, ended) = self.verify(client, device, &checks).await;
                let pause = self.config.devices[device].timeout / LOOKS;
                let is_again = until.is_some_and(|until| result.is_err() && Instant::now() + pause < until);
                if is_again && !reply.is_closed() {
                    self.later.push(pause, Task::Verify { device, checks, is_group, until, reply });
                } else {
                    let result = if until.is_some() { result.map_err(|error| unfinished(&error)) } else { result };
                    // An asker that stopped waiting does not need to know.
                    let _ = reply.send(result.map(|found| found.filter(|_| !is_group)));
                }
                ended
            }
            Task::Release { device, request, reply } => self.release(client, device, request, reply).await,
        }
    }

    /// Reads points back until one is not what it should be, or the connection ends.
    async fn verify<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        checks: &[Check<'a>],
    ) -> (Result<Option<Value>, WriteError>, Result<(), End>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut result = Ok(None);
        for check in checks {
            let (found, called) = self.ask_point(client, device, check.mapped, &single(check.mapped)).await;
            result = verdict(check, found);
            let settled = self.settle(device, called, self.clock.now()).await;
            if result.is_err() || settled.is_err() {
                return (result, settled);
            }
        }
        (result, Ok(()))
    }

    /// Ends a pulse, or sees to it that it is tried again.
    async fn release<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        request: Request,
        reply: Option<WriteReply>,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let called = self.release_once(client, device, &request).await;
        let unit = self.config.devices[device].unit;
        let result = match &called {
            Ok(()) => {
                self.jobs.show(device, &request, Instant::now());
                Ok(None)
            }
            Err(problem) if is_final(problem) => {
                error!(device = %self.config.devices[device].id, %problem, "Pulse cannot be ended, the unit refuses");
                Err(failure(unit, problem))
            }
            Err(problem) => {
                warn!(device = %self.config.devices[device].id, %problem, "Pulse is not ended yet, trying again");
                let now = Instant::now();
                let pause = self.health[device].paused_until(now).map_or(AGAIN, |until| until - now);
                self.later.push(pause, Task::Release { device, request, reply: None });
                let why = format!("unit {unit}: the pulse is not ended yet, which is tried until it is: {problem}");
                Err(WriteError::Timeout(why))
            }
        };
        // An asker that stopped waiting does not need to know.
        let _ = reply.map(|reply| reply.send(result));
        self.settle(device, called, self.clock.now()).await
    }

    /// One try to end a pulse.
    async fn release_once<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        request: &Request,
    ) -> Result<(), CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let once = Patience { limit: self.config.devices[device].timeout, retries: 0 };
        self.call(client, device, request, once).await.map(drop)
    }

    /// Ends all pulses now, because the adapter stops.
    pub(super) async fn end_pulses<S>(&mut self, client: &mut Client<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let tasks = std::mem::take(&mut self.later.0);
        let ending = async {
            for (_, task) in tasks {
                let ended = match &task {
                    Task::Release { device, request, .. } => self.release_once(client, *device, request).await,
                    Task::Verify { .. } => Ok(()),
                };
                if let Err(problem) = ended {
                    error!(adapter = self.config.name, %problem, "Pulse was not ended before the stop");
                }
                task.answer(Err(WriteError::Timeout("written, but the adapter stopped before it was sure".into())));
            }
        };
        if timeout(LAST_TRY, ending).await.is_err() {
            error!(adapter = self.config.name, "Not all pulses could be ended before the stop");
        }
    }
}

/// What the value that was read back says about a write.
fn verdict(check: &Check<'_>, found: Result<Value, &'static str>) -> Result<Option<Value>, WriteError> {
    let Check { mapped, wanted, verify } = check;
    let point = mapped.point.name().as_str();
    match found {
        Ok(found) if agrees(wanted, &found, verify.tolerance) => Ok(Some(found)),
        Ok(found) => Err(WriteError::Refused(format!("{point}: wrote {wanted}, read back {found}"))),
        Err(why) => Err(WriteError::Timeout(format!("{point}: wrote {wanted}, which could not be read back: {why}"))),
    }
}

/// A unit that acknowledged a write has not been seen to have done it.
fn unfinished(error: &WriteError) -> WriteError {
    WriteError::Timeout(format!("{error}; the unit acknowledged the write and may still be at it"))
}

/// Whether two values are the same, numbers within a tolerance.
fn agrees(wanted: &Value, found: &Value, tolerance: f64) -> bool {
    let numbers = wanted.as_f64().zip(found.as_f64());
    wanted == found || numbers.is_some_and(|(wanted, found)| (wanted - found).abs() <= tolerance && tolerance > 0.0)
}

/// Whether trying again can only be refused again.
fn is_final(problem: &CallError) -> bool {
    matches!(
        problem,
        CallError::Exception(Exception::ILLEGAL_FUNCTION | Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE)
    )
}
