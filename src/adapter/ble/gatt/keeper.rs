//! One device and its connection.
//!
//! ```text
//!            due, or asked for                  nothing to do for a while
//!  apart ───────────────────────> connected ──────────────────────────────> apart
//!    ^  '- failed: rest, longer each time          | stays: until it is lost
//!    '──────────────── lost ────────────────────────'
//! ```

mod commands;
mod connecting;
#[cfg(test)]
pub(super) mod fixtures;
mod reading;
mod reports;

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::{Instant, sleep_until},
};

use super::outlook::Outlook;
use crate::{
    adapter::{
        AdapterError, Intake, Metrics,
        ble::{
            air::{Link, LinkError, Told, Turn, disconnect},
            config::Device,
        },
    },
    model::{DeviceRequest, Event, SharedClock},
    shutdown::Stop,
};

/// How long a connection is kept for what else may come.
const LINGER: Duration = Duration::from_secs(2);
/// Time after the start in which a device that was not heard yet is not called offline: `BlueZ` knows only those that it
/// has heard of late.
const SETTLING: Duration = Duration::from_secs(30);
/// How long notifications wait for room in the gateway. Then the device is let go, because they would pile up.
const ROOM: Duration = Duration::from_secs(10);

/// The ways out of the adapter.
#[derive(Clone)]
pub(in crate::adapter::ble) struct Ways {
    /// Time of measurement.
    pub(in crate::adapter::ble) clock: SharedClock,
    /// What is counted.
    pub(in crate::adapter::ble) metrics: Arc<Metrics>,
    /// Where readings go.
    pub(in crate::adapter::ble) readings: Intake,
    /// Where events go.
    pub(in crate::adapter::ble) events: mpsc::Sender<Event>,
}

/// Keeps one device.
pub(super) struct Keeper<'a> {
    device: &'a Device,
    radio: Option<&'a str>,
    turn: &'a Turn,
    ways: Ways,
    inbox: mpsc::Receiver<Box<DeviceRequest>>,
    outlook: Outlook,
    is_online: Option<bool>,
    /// Why it was offline since it last was not, by quality: each is told once.
    told: Vec<&'static str>,
    began: Instant,
    /// Whether there may be a connection, or an attempt to make one.
    may_be_connected: bool,
}

/// A connection and its place among the adapter's.
struct Held<'s> {
    link: Link,
    _slot: SemaphorePermit<'s>,
    used: Instant,
}

/// What is to be done.
enum Work {
    /// Carry out a request.
    Answer(DeviceRequest),
    /// Take what the device says by itself.
    Hear(Told),
    /// Read what is due.
    Poll,
    /// Let go.
    LetGo,
}

impl<'a> Keeper<'a> {
    /// A keeper that has done nothing yet.
    pub(super) fn new(
        device: &'a Device,
        radio: Option<&'a str>,
        turn: &'a Turn,
        ways: Ways,
        inbox: mpsc::Receiver<Box<DeviceRequest>>,
    ) -> Self {
        let began = Instant::now();
        let outlook = Outlook::new(device, began);
        Self {
            device,
            radio,
            turn,
            ways,
            inbox,
            outlook,
            is_online: None,
            told: Vec::new(),
            began,
            may_be_connected: false,
        }
    }

    /// Keeps the device until stopping is asked for.
    pub(super) async fn run(mut self, slots: &Semaphore, mut stop: Stop) -> Result<(), AdapterError> {
        let mut held = None;
        loop {
            let work = tokio::select! {
                biased;
                () = stop.requested() => break,
                work = self.next(&mut held) => work,
            };
            tokio::select! {
                biased;
                // A request that is under way is answered by nobody, which its asker notices.
                () = stop.requested() => break,
                done = self.carry_out(work, &mut held, slots) => done?,
            }
        }
        // Also an attempt that was broken off: `BlueZ` goes on with it by itself.
        if self.may_be_connected {
            disconnect(self.device.address, self.radio).await;
        }
        Ok(())
    }

    /// Waits for something to do. Safe to cancel.
    async fn next(&mut self, held: &mut Option<Held<'_>>) -> Work {
        let let_go = held.as_ref().filter(|_| !self.device.stays_connected()).map(|held| held.used + LINGER);
        let needs_link = self.device.stays_connected() && held.is_none();
        let due = if needs_link { self.outlook.rest().or(Some(Instant::now())) } else { self.outlook.next() };
        tokio::select! {
            biased;
            Some(request) = self.inbox.recv() => Work::Answer(*request),
            told = told(held) => Work::Hear(told),
            () = until(due) => Work::Poll,
            () = until(let_go) => Work::LetGo,
        }
    }

    /// Does it. Only a gateway that takes no readings any more is an error.
    async fn carry_out<'s>(
        &mut self,
        work: Work,
        held: &mut Option<Held<'s>>,
        slots: &'s Semaphore,
    ) -> Result<(), AdapterError> {
        match work {
            Work::Poll => match self.hold(held, slots).await {
                Ok(_) => self.read_due(held).await,
                Err(error) => self.fail(&error).await,
            },
            Work::Hear(Told::Value(at, bytes)) => self.hear(at, &bytes, held).await,
            Work::Hear(Told::Lost) => {
                let_go(held).await;
                // One that is kept only for what else may come may go.
                if self.device.stays_connected() { self.fail(&LinkError::Lost).await } else { Ok(()) }
            }
            Work::LetGo => {
                let_go(held).await;
                self.may_be_connected = false;
                Ok(())
            }
            Work::Answer(DeviceRequest::Write { command, reply, .. }) => {
                self.write(command.command(), reply, held, slots).await
            }
            Work::Answer(DeviceRequest::Read { point, reply }) => {
                self.answer(point, reply, held, slots).await;
                Ok(())
            }
            // The desk hands on no others.
            Work::Answer(DeviceRequest::Network { .. }) => Ok(()),
        }
    }

    /// The connection; made if there is none.
    async fn hold<'h, 's>(
        &mut self,
        held: &'h mut Option<Held<'s>>,
        slots: &'s Semaphore,
    ) -> Result<&'h mut Held<'s>, LinkError> {
        if held.is_none() {
            *held = Some(self.make(slots).await?);
        }
        let held = held.as_mut().expect("it was just made");
        held.used = Instant::now();
        Ok(held)
    }
}

/// The next thing the device says by itself; nothing while it is apart.
async fn told(held: &mut Option<Held<'_>>) -> Told {
    match held {
        Some(held) => held.link.next().await,
        None => pending().await,
    }
}

/// Waits until a moment, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

/// Ends the connection.
async fn let_go(held: &mut Option<Held<'_>>) {
    if let Some(held) = held.take() {
        held.link.close().await;
    }
}
