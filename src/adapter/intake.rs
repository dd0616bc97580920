//! An adapter's way into the gateway, and what happens when it is full.
//!
//! With [`Pressure::Wait`] the sender waits for room: what can be asked again later is late, not lost. With
//! [`Pressure::Shed`] it never waits, because its devices do not either:
//!
//! ```text
//! send ─ room? ──> the common queue ──> rules
//!          '─ no ─> a queue of its own ─ when there is room ─┘
//!                     '─ full: the oldest go ──> counted, and one gap event for the sum of every 5 s
//! ```
//!
//! Order is kept. What is shed never had a number, so the gap names the adapter and the times of the readings. It is
//! told as soon as the buffer takes events; a process that is killed before takes the last sum with it.

mod queue;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    future::{Future, pending},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::{
        Notify,
        mpsc::{self, error::TrySendError},
    },
    time::sleep_until,
};

use self::queue::Queue;
use super::AdapterError;
use crate::{
    config::Pressure,
    model::{Batch, Event, EventKind, SharedClock},
};

/// Where an adapter's readings go. Cheap to clone; every clone shares the queue.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The queue of all adapters.
    way: mpsc::Sender<Batch>,
    /// Where readings wait that may be shed; `None` when the sender waits.
    aside: Option<Arc<Aside>>,
}

/// The queue beside the way.
#[derive(Debug, Default)]
struct Aside {
    queue: Mutex<Queue>,
    /// Told when there is something to wait for: a first batch, or a first loss.
    changed: Notify,
    /// Readings that were shed.
    shed: Counter,
}

/// How a loss is told.
pub struct Teller {
    /// The adapter's name.
    pub adapter: String,
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// When it is told.
    pub clock: SharedClock,
}

impl Intake {
    /// A way into a queue, with a policy for when that is full; `shed` counts readings.
    pub fn new(way: mpsc::Sender<Batch>, pressure: Pressure, shed: Counter) -> Self {
        let aside = match pressure {
            Pressure::Wait => None,
            Pressure::Shed => Some(Arc::new(Aside { shed, ..Aside::default() })),
        };
        Self { way, aside }
    }

    /// A way whose sender waits when it is full.
    pub fn waiting(way: mpsc::Sender<Batch>) -> Self {
        Self { way, aside: None }
    }

    /// Hands a batch over. Waits for room or makes it, as the policy says; fails only when nobody takes readings any
    /// more.
    pub async fn send(&self, batch: Batch) -> Result<(), AdapterError> {
        match &self.aside {
            None => self.way.send(batch).await.map_err(|_| AdapterError::Closed),
            Some(aside) => aside.send(batch, &self.way),
        }
    }

    /// Runs an adapter that sends here, and carries on meanwhile what waits for room; at its end, all of the rest.
    pub async fn carry<F>(&self, work: F, teller: &Teller) -> Result<(), AdapterError>
    where
        F: Future<Output = Result<(), AdapterError>>,
    {
        let work = pin!(work);
        match &self.aside {
            None => work.await,
            // On the heap, so that the many adapters that wait have no room in their tasks for what they never do.
            Some(aside) => Box::pin(aside.carry(work, &self.way, teller)).await,
        }
    }
}

impl Aside {
    /// Runs an adapter, and moves meanwhile what waits; at its end, all of the rest.
    async fn carry<F>(
        &self,
        mut work: Pin<&mut F>,
        way: &mpsc::Sender<Batch>,
        teller: &Teller,
    ) -> Result<(), AdapterError>
    where
        F: Future<Output = Result<(), AdapterError>>,
    {
        let ended = tokio::select! {
            biased;
            ended = &mut work => ended,
            error = self.pump(way, teller) => return Err(error),
        };
        self.empty(way, teller).await?;
        ended
    }

    /// Puts a batch on the way, or aside when that is full or others wait already.
    fn send(&self, batch: Batch, way: &mpsc::Sender<Batch>) -> Result<(), AdapterError> {
        let mut queue = self.locked();
        let sent = if queue.is_empty() { way.try_send(batch) } else { Err(TrySendError::Full(batch)) };
        let batch = match sent {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(AdapterError::Closed),
            Err(TrySendError::Full(batch)) => batch,
        };
        let (was_empty, was_due) = (queue.is_empty(), queue.due());
        self.shed.inc_by(queue.push(batch));
        // Not at each push: whoever waits for room would lose its turn.
        if was_empty || queue.due() != was_due {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Moves what waits as soon as there is room, and tells losses when they are due. Safe to cancel; ends when
    /// nobody takes anything any more.
    async fn pump(&self, way: &mpsc::Sender<Batch>, teller: &Teller) -> AdapterError {
        loop {
            let (is_empty, due) = {
                let queue = self.locked();
                (queue.is_empty(), queue.due())
            };
            let due = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            let moved = tokio::select! {
                biased;
                () = due => self.tell(teller).await,
                () = self.changed.notified() => Ok(()),
                moved = self.carry_on(way), if !is_empty => moved,
            };
            if let Err(error) = moved {
                return error;
            }
        }
    }

    /// Waits until everything is on the way and told.
    async fn empty(&self, way: &mpsc::Sender<Batch>, teller: &Teller) -> Result<(), AdapterError> {
        while !self.locked().is_empty() {
            self.carry_on(way).await?;
        }
        if self.locked().due().is_some() {
            self.tell(teller).await?;
        }
        Ok(())
    }

    /// Waits for room, then moves the oldest batch. Until then it may still be shed. Safe to cancel.
    async fn carry_on(&self, way: &mpsc::Sender<Batch>) -> Result<(), AdapterError> {
        let room = way.reserve().await.map_err(|_| AdapterError::Closed)?;
        // Under the lock, so that no later batch overtakes it.
        let mut queue = self.locked();
        if let Some(batch) = queue.pop() {
            room.send(batch);
        }
        Ok(())
    }

    /// Waits for room, then tells the loss. Safe to cancel.
    async fn tell(&self, teller: &Teller) -> Result<(), AdapterError> {
        let room = teller.events.reserve().await.map_err(|_| AdapterError::Closed)?;
        if let Some(gap) = self.locked().take_gap(&teller.adapter) {
            room.send(Event { ts: teller.clock.now(), kind: EventKind::Gap { gap } });
        }
        Ok(())
    }

    /// The queue, also after a holder panicked: every change to it is whole.
    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").field("adapter", &self.adapter).finish_non_exhaustive()
    }
}
