//! The delivery loop of one connection: a window of unacknowledged messages, each followed to its block.
//!
//! ```text
//! outbox --fetch--> ready --publish--> in flight --PUBACK--> done --every 500 ms or 100--> outbox
//!                     ^------- later (0x97) -----/    \---- refused ----> outbox (dead letter)
//! ```
//! Nothing here outlives the connection: what was not reported is fetched again by the next one.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{sync::watch, time::Instant};
use tracing::debug;

use super::{
    EpochEnd, Outbox, OutboxClosed,
    link::{LinkError, Message, Uplink, Verdict},
    payload::Encoder,
    session::{Ended, Shared},
    state,
};
use crate::{
    config::MqttProtocol,
    model::{Block, BlockBody, BlockId, ResponseTo},
    shutdown::Stop,
};

/// Acknowledged blocks are reported at the latest after this time...
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// ...or when there are this many.
const REPORT_AT: usize = 100;
/// A message whose newest reading is older than this when it is handed over is marked `late`.
const LATE: Duration = Duration::from_secs(60);
/// The pause after the broker said that a quota is used up.
const QUOTA_PAUSE: Duration = Duration::from_secs(1);
/// What the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

type Work = Pin<Box<dyn Future<Output = Happening> + Send>>;

/// What the loop waited for.
enum Happening {
    /// Blocks came from the outbox.
    Fetched(Result<Vec<Arc<Block>>, OutboxClosed>),
    /// A block's fate is known.
    Answered { ticket: u64, block: Arc<Block>, verdict: Verdict },
    /// The fate of a message that is no block is known; for `state`, the newest epoch it closes.
    Announced { ticket: u64, verdict: Verdict, closes: Option<u64> },
    /// The outbox took a report, or the record of a refused block.
    Reported(Result<(), OutboxClosed>),
}

/// One connection at work.
pub(super) struct Pump<'a, U, O> {
    link: U,
    shared: &'a Shared<O>,
    encoder: Encoder,
    newest: watch::Receiver<BlockId>,
    /// Messages that may be unanswered.
    window: usize,
    work: FuturesUnordered<Work>,
    /// When each unanswered message was handed over, oldest first.
    in_flight: BTreeMap<u64, Instant>,
    next_ticket: u64,
    /// Fetched and not sent; at most two windows.
    ready: VecDeque<Arc<Block>>,
    /// The last block that was fetched.
    cursor: BlockId,
    is_fetching: bool,
    /// The outbox had nothing after the cursor.
    is_exhausted: bool,
    done: Vec<BlockId>,
    report_due: Option<Instant>,
    /// Reports and records on their way to the outbox.
    reports: usize,
    paused_until: Option<Instant>,
    drain_until: Option<Instant>,
}

impl<'a, U: Uplink, O: Outbox> Pump<'a, U, O> {
    /// A loop over a fresh connection.
    pub(super) fn new(link: U, shared: &'a Shared<O>) -> Self {
        let window = usize::from(shared.config.window.min(link.limits().receive_maximum)).max(1);
        Self {
            link,
            shared,
            encoder: Encoder::default(),
            newest: shared.outbox.newest(),
            window,
            work: FuturesUnordered::new(),
            in_flight: BTreeMap::new(),
            next_ticket: 0,
            ready: VecDeque::new(),
            cursor: BlockId(0),
            is_fetching: false,
            is_exhausted: false,
            done: Vec::new(),
            report_due: None,
            reports: 0,
            paused_until: None,
            drain_until: None,
        }
    }

    /// Delivers until the connection ends, or until stopping was asked for and everything that could be was said.
    pub(super) async fn run(mut self, stop: &mut Stop, previous: &[EpochEnd]) -> Result<(), Ended> {
        self.announce(previous)?;
        loop {
            self.fill()?;
            self.report();
            if self.is_finished() {
                return self.leave().await;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = stop.requested(), if self.drain_until.is_none() => {
                    self.drain_until = Some(Instant::now() + self.shared.drain);
                }
                Some(happening) = self.work.next() => self.happened(happening)?,
                inbound = self.link.poll() => drop(inbound?),
                changed = self.newest.changed(), if self.is_exhausted => {
                    changed.map_err(|_| OutboxClosed)?;
                    self.is_exhausted = false;
                }
                () = tokio::time::sleep_until(wake) => self.check_silence()?,
            }
        }
    }

    /// Says `online`, and which epochs are complete.
    fn announce(&mut self, previous: &[EpochEnd]) -> Result<(), LinkError> {
        let (store, epoch) = self.shared.outbox.identity();
        let payload = state::online(&self.shared.gateway, (&store, epoch), previous).into();
        let topic = self.shared.topics.state.clone();
        let acking = self.link.publish(Message { topic, payload, retain: true, ..Message::default() })?;
        let closes = previous.iter().map(|end| end.epoch).max();
        let ticket = self.ticket();
        self.work.push(Box::pin(async move { Happening::Announced { ticket, verdict: acking.await, closes } }));
        Ok(())
    }

    /// Fetches when there is little left, sends while the window has room. This is where `live-first` will pick from
    /// both ends of the outbox.
    fn fill(&mut self) -> Result<(), Ended> {
        if self.ready.len() < self.window && !self.is_fetching && !self.is_exhausted {
            self.fetch();
        }
        if self.paused_until.is_some_and(|until| until > Instant::now()) {
            return Ok(());
        }
        self.paused_until = None;
        while self.in_flight.len() < self.window {
            let Some(block) = self.ready.pop_front() else { break };
            self.send(block)?;
        }
        Ok(())
    }

    fn fetch(&mut self) {
        self.is_fetching = true;
        self.newest.mark_unchanged();
        let (outbox, after, limit) = (Arc::clone(&self.shared.outbox), self.cursor, self.window);
        self.work.push(Box::pin(async move { Happening::Fetched(outbox.fetch(after, limit).await) }));
    }

    /// Hands one block over, unless it is known that the broker will not take it.
    fn send(&mut self, block: Arc<Block>) -> Result<(), LinkError> {
        let Some(topic) = self.shared.topics.of(block.stream).map(str::to_owned) else {
            self.done.push(block.id);
            return Ok(());
        };
        let payload = self.encoder.encode(&block).into();
        let message = Message { topic, payload, user: self.user_properties(&block), ..Message::default() };
        let (size, limit) = (message.size(), self.link.limits().packet.map_or(usize::MAX, |max| max as usize));
        if size > limit {
            self.refuse(&block, format!("packet of {size} bytes is above the broker's limit of {limit}"));
            return Ok(());
        }
        let answer = self.answer(&block, &message);
        let acking = self.link.publish(message)?;
        // The answer to the asker is a courtesy beside the outcome stream, which alone is followed.
        let courtesy = answer.map(|answer| self.link.publish(answer)).transpose()?;
        let courtesy_ticket = courtesy.as_ref().map(|_| self.ticket());
        if let (Some(acking), Some(ticket)) = (courtesy, courtesy_ticket) {
            self.work
                .push(Box::pin(async move { Happening::Announced { ticket, verdict: acking.await, closes: None } }));
        }
        let ticket = self.ticket();
        self.work.push(Box::pin(async move { Happening::Answered { ticket, block, verdict: acking.await } }));
        self.shared.reporter.published(self.in_flight.len());
        Ok(())
    }

    /// The copy of an outcome for an MQTT 5 asker.
    fn answer(&self, block: &Block, message: &Message) -> Option<Message> {
        let BlockBody::Message { response: Some(response), .. } = &block.body else { return None };
        let is_ours = response.uplink == self.shared.config.name && self.shared.config.protocol == MqttProtocol::V5;
        (is_ours && is_topic(response)).then(|| Message {
            topic: response.topic.to_string(),
            correlation: response.correlation.clone(),
            ..message.clone()
        })
    }

    fn user_properties(&self, block: &Block) -> Vec<(String, String)> {
        let pair = |key: &str, value: String| (key.to_owned(), value);
        let mut user = vec![
            pair("store", block.store.to_string()),
            pair("epoch", block.epoch.to_string()),
            pair("stream", block.stream.as_str().to_owned()),
            pair("seq", block.seq.to_string()),
        ];
        if self.shared.reporter.clock.now().since(block.span().1) > LATE {
            user.push(pair("late", "1".to_owned()));
        }
        user
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.in_flight.insert(self.next_ticket, Instant::now());
        self.next_ticket
    }

    fn happened(&mut self, happening: Happening) -> Result<(), Ended> {
        match happening {
            Happening::Fetched(blocks) => self.fetched(blocks?),
            Happening::Answered { ticket, block, verdict } => self.answered(ticket, block, verdict)?,
            Happening::Announced { ticket, verdict, closes } => self.announced(ticket, &verdict, closes),
            Happening::Reported(report) => {
                self.reports -= 1;
                report?;
            }
        }
        Ok(())
    }

    fn fetched(&mut self, blocks: Vec<Arc<Block>>) {
        self.is_fetching = false;
        self.is_exhausted = blocks.is_empty();
        if let Some(last) = blocks.last() {
            self.cursor = last.id;
        }
        self.ready.extend(blocks);
    }

    fn answered(&mut self, ticket: u64, block: Arc<Block>, verdict: Verdict) -> Result<(), LinkError> {
        self.in_flight.remove(&ticket);
        match verdict {
            Verdict::Taken => {
                self.done.push(block.id);
                self.shared.reporter.acked(self.in_flight.len());
            }
            Verdict::Later => {
                self.paused_until = Some(Instant::now() + QUOTA_PAUSE);
                let place = self.ready.partition_point(|other| other.id < block.id);
                self.ready.insert(place, block);
            }
            Verdict::Refused(why) => self.refuse(&block, why),
            // The next connection fetches the block again.
            Verdict::Lost => return Err(LinkError::Lost("a message was dropped on the way".to_owned())),
        }
        Ok(())
    }

    fn announced(&mut self, ticket: u64, verdict: &Verdict, closes: Option<u64>) {
        self.in_flight.remove(&ticket);
        match (verdict, closes) {
            (Verdict::Taken, Some(epoch)) => {
                let outbox = Arc::clone(&self.shared.outbox);
                self.tell(async move { outbox.close_epochs(epoch).await });
            }
            (Verdict::Taken, None) => {}
            (verdict, _) => debug!(uplink = %self.shared.config.name, ?verdict, "Broker did not take a side message"),
        }
    }

    /// Sets a block aside for good.
    fn refuse(&mut self, block: &Block, why: String) {
        self.shared.reporter.refused(&why);
        let (outbox, id) = (Arc::clone(&self.shared.outbox), block.id);
        self.tell(async move { outbox.refused(id, why).await });
    }

    /// Tells the outbox what was acknowledged, when it is time.
    fn report(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let now = Instant::now();
        let due = *self.report_due.get_or_insert(now + REPORT_EVERY);
        // While draining, a pause in the acknowledgements is the moment to report.
        let is_last = self.drain_until.is_some() && self.in_flight.is_empty();
        if self.done.len() >= REPORT_AT || due <= now || is_last {
            self.report_due = None;
            let (outbox, done) = (Arc::clone(&self.shared.outbox), std::mem::take(&mut self.done));
            self.tell(async move { outbox.delivered(done).await });
        }
    }

    fn tell(&mut self, told: impl Future<Output = Result<(), OutboxClosed>> + Send + 'static) {
        self.reports += 1;
        self.work.push(Box::pin(async move { Happening::Reported(told.await) }));
    }

    /// When the loop must look again although nothing happened.
    fn wake(&self) -> Instant {
        let silent = self.in_flight.values().next().map(|sent| *sent + self.shared.config.ack_timeout);
        let times = [silent, self.report_due, self.paused_until, self.drain_until];
        // An hour is as good as never; the loop only looks and waits again.
        times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    /// A broker that acknowledges nothing is no broker, however well it answers pings.
    fn check_silence(&self) -> Result<(), LinkError> {
        let limit = self.shared.config.ack_timeout;
        match self.in_flight.values().next() {
            Some(sent) if sent.elapsed() >= limit => Err(LinkError::Silent(limit)),
            Some(_) | None => Ok(()),
        }
    }

    fn is_finished(&self) -> bool {
        let Some(until) = self.drain_until else { return false };
        let is_drained = self.is_exhausted
            && self.ready.is_empty()
            && self.in_flight.is_empty()
            && self.done.is_empty()
            && self.reports == 0;
        is_drained || until <= Instant::now()
    }

    /// The last report, `offline`, and the goodbye.
    async fn leave(mut self) -> Result<(), Ended> {
        if !self.done.is_empty() {
            self.shared.outbox.delivered(std::mem::take(&mut self.done)).await?;
        }
        let (store, epoch) = self.shared.outbox.identity();
        let payload = state::offline(&self.shared.gateway, (&store, epoch)).into();
        let topic = self.shared.topics.state.clone();
        let mut acking = self.link.publish(Message { topic, payload, retain: true, ..Message::default() })?;
        let link = &mut self.link;
        let said = async {
            loop {
                tokio::select! {
                    _ = &mut acking => return,
                    polled = link.poll() => if polled.is_err() { return },
                }
            }
        };
        // A broker that does not answer now sends the last will instead.
        if tokio::time::timeout(GOODBYE, said).await.is_ok() {
            let _ = tokio::time::timeout(GOODBYE, self.link.disconnect()).await;
        }
        Ok(())
    }
}

/// Whether a topic that came from outside can be published to (MQTT 5.0, 3.3.2.1).
fn is_topic(response: &ResponseTo) -> bool {
    let topic = &response.topic;
    !topic.is_empty() && u16::try_from(topic.len()).is_ok() && !topic.contains(['+', '#', '\0'])
}
