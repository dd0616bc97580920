//! The delivery loop of one connection: a window of unacknowledged messages, each followed to its block.
//!
//! ```text
//! outbox --fetch--> lanes --publish--> in flight --PUBACK--> done --every 50 ms or 32---> outbox
//!                     ^------- later (0x97) -----/    \---- refused ----> outbox (dead letter)
//! ```
//! A block the broker did not want yet comes again after a pause of its lane, and goes alone: one message is enough to
//! find out. With `order = "strict"` nothing is sent past it until its fate is known.
//!
//! Nothing here outlives the connection: what was not reported is fetched again by the next one.

mod answers;
mod composer;
mod ending;
mod flight;
mod lane;
mod meter;
mod pause;
mod receipts;
mod source;
mod throttle;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;

use self::{
    composer::Composer,
    flight::{Flight, Ticket},
    meter::Meter,
    receipts::Receipts,
    source::{Fetched, Source},
};
use super::{
    Outbox, OutboxClosed,
    link::{LinkError, Message, Uplink, Verdict},
    session::{Ended, Shared},
    state,
    status::LaneName,
};
use crate::{
    model::{Block, EpochEnd},
    shutdown::Stop,
};

type Work = Pin<Box<dyn Future<Output = Happening> + Send>>;

/// What the loop waited for.
enum Happening {
    /// Blocks came from the outbox.
    Fetched { lane: LaneName, blocks: Fetched },
    /// A block's fate is known.
    Answered { ticket: Ticket, lane: LaneName, block: Arc<Block>, verdict: Verdict },
    /// The fate of a message that is no block is known; for `state`, the newest epoch it closes.
    Announced { ticket: Ticket, verdict: Verdict, closes: Option<u64> },
    /// The outbox took a report, or the record of a refused block.
    Reported(Result<(), OutboxClosed>),
}

/// One connection at work.
pub(super) struct Pump<'a, U, O> {
    link: U,
    shared: &'a Shared<O>,
    composer: Composer,
    source: Source<O>,
    flight: Flight,
    receipts: Receipts,
    meter: Meter,
    work: FuturesUnordered<Work>,
    /// Messages that may be unanswered.
    window: usize,
    /// Reports and records on their way to the outbox.
    reports: usize,
    drain_until: Option<Instant>,
}

impl<'a, U: Uplink, O: Outbox> Pump<'a, U, O> {
    /// A loop over a fresh connection.
    pub(super) fn new(link: U, shared: &'a Shared<O>) -> Self {
        let most = shared.config.window.min(link.limits().receive_maximum).max(1);
        let window = if shared.suspects.go_alone() { 1 } else { usize::from(most) };
        let (topics, clock) = (shared.topics.clone(), shared.reporter.clock.clone());
        Self {
            link,
            shared,
            composer: Composer::new(topics, clock, &shared.config),
            source: Source::new(Arc::clone(&shared.outbox), Arc::clone(&shared.replays), &shared.config, window),
            flight: Flight::new(shared.config.ack_timeout),
            receipts: Receipts::default(),
            meter: Meter::new(shared.reporter.acked_in(LaneName::drains)),
            work: FuturesUnordered::new(),
            window,
            reports: 0,
            drain_until: None,
        }
    }

    /// Delivers until the connection ends, or until stopping was asked for and everything that could be was said.
    pub(super) async fn run(mut self, stop: &mut Stop, previous: &[EpochEnd]) -> Result<(), Ended> {
        let ended = self.deliver(stop, previous).await;
        match ended {
            Ok(()) => self.leave().await,
            Err(Ended::Link(error)) => {
                self.settle(&error).await?;
                Err(error.into())
            }
            Err(ended) => Err(ended),
        }
    }

    /// The loop itself; ends well when there is nothing more to say.
    async fn deliver(&mut self, stop: &mut Stop, previous: &[EpochEnd]) -> Result<(), Ended> {
        self.announce(previous)?;
        loop {
            self.fill()?;
            self.report();
            self.close_replay();
            self.show();
            if self.is_finished() {
                return Ok(());
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = stop.requested(), if self.drain_until.is_none() => {
                    self.drain_until = Some(Instant::now() + self.shared.drain);
                    self.source.drain();
                }
                Some(happening) = self.work.next() => self.happened(happening)?,
                inbound = self.link.poll() => drop(inbound?),
                grown = self.source.grown() => grown?,
                () = self.shared.replays.arrived() => {}
                () = tokio::time::sleep_until(wake) => self.check_silence()?,
            }
        }
    }

    /// Says `online`, and which epochs are complete.
    fn announce(&mut self, previous: &[EpochEnd]) -> Result<(), LinkError> {
        let (store, epoch) = self.shared.outbox.identity();
        let payload = state::online(&self.shared.gateway, (&store, epoch), previous).into();
        let topic = self.shared.topics.state.clone();
        let closes = previous.iter().map(|end| end.epoch).max();
        self.say(Message { topic, payload, retain: true, ..Message::default() }, closes)
    }

    /// Hands over a message that is no block.
    fn say(&mut self, message: Message, closes: Option<u64>) -> Result<(), LinkError> {
        let acking = self.link.publish(message)?;
        let ticket = self.flight.board(None);
        self.work.push(Box::pin(async move { Happening::Announced { ticket, verdict: acking.await, closes } }));
        Ok(())
    }

    /// Fetches when there is little left, sends while the window has room.
    fn fill(&mut self) -> Result<(), Ended> {
        while let Some((lane, fetching)) = self.source.refill() {
            self.work.push(Box::pin(async move { Happening::Fetched { lane, blocks: fetching.await } }));
        }
        while self.flight.len() < self.window {
            let Some((lane, block)) = self.source.next() else { break };
            self.send(lane, block)?;
        }
        Ok(())
    }

    /// Hands one block over, unless it is known that the broker will not take it.
    fn send(&mut self, lane: LaneName, block: Arc<Block>) -> Result<(), LinkError> {
        let Some(message) = self.composer.message(&block) else {
            self.source.left_out(lane, block.id);
            self.receipts.add(block.id);
            return Ok(());
        };
        let (size, limit) = (message.size(), self.link.limits().packet.map_or(usize::MAX, |max| max as usize));
        if size > limit {
            self.source.left_out(lane, block.id);
            self.set_aside(lane, &block, format!("packet of {size} bytes is above the broker's limit of {limit}"));
            return Ok(());
        }
        let is_again = lane == LaneName::Replay;
        let answer = self.composer.answer(&block, &message).filter(|_| !is_again);
        let acking = self.link.publish(message)?;
        // The answer to the asker is a courtesy beside the outcome stream, which alone is followed.
        if let Some(answer) = answer {
            self.say(answer, None)?;
        }
        let ticket = self.flight.board(Some((block.id, block.stream.has_readings())).filter(|_| !is_again));
        self.work.push(Box::pin(async move { Happening::Answered { ticket, lane, block, verdict: acking.await } }));
        self.shared.reporter.published(self.flight.len());
        Ok(())
    }

    /// Says what became of a replay that has come to its end.
    fn close_replay(&mut self) {
        if let Some(outcome) = self.source.close_replay() {
            self.shared.announce(outcome);
        }
    }

    /// Tells the outbox what was acknowledged, when it is time.
    fn report(&mut self) {
        // While draining, a pause in the acknowledgements is the moment to report.
        let is_last = self.drain_until.is_some() && self.flight.is_empty();
        if let Some(done) = self.receipts.take_due(is_last) {
            let outbox = Arc::clone(&self.shared.outbox);
            self.tell(async move { outbox.delivered(done).await });
        }
    }

    /// Renews what is told about the lanes, when it is time.
    fn show(&mut self) {
        if self.meter.due().is_some_and(|due| due <= Instant::now()) {
            let rate = self.meter.look(self.shared.reporter.acked_in(LaneName::drains));
            self.shared.reporter.progress(&self.source.progress(rate));
        }
    }

    fn tell(&mut self, told: impl Future<Output = Result<(), OutboxClosed>> + Send + 'static) {
        self.reports += 1;
        self.work.push(Box::pin(async move { Happening::Reported(told.await) }));
    }

    /// When the loop must look again although nothing happened.
    fn wake(&self) -> Instant {
        let times =
            [self.flight.deadline(), self.receipts.due(), self.source.wake(), self.meter.due(), self.drain_until];
        // An hour is as good as never; the loop only looks and waits again.
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    fn check_silence(&self) -> Result<(), LinkError> {
        if self.flight.is_overdue() {
            return Err(LinkError::Silent(self.shared.config.ack_timeout));
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        let Some(until) = self.drain_until else { return false };
        let is_said = self.flight.is_empty() && self.receipts.is_empty() && self.reports == 0;
        (is_said && self.source.is_dry()) || until <= Instant::now()
    }
}
