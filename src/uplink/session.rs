//! Connections one after the other, with a wait between them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use tracing::warn;

use super::{
    Context, GatewayInfo, Outbox, OutboxClosed, UplinkError,
    delivery::Pump,
    link::{LinkError, Session, Uplink},
    replay::Replays,
    reporter::Reporter,
    state,
    suspects::Suspects,
    topic::Topics,
};
use crate::{
    config,
    model::{EpochEnd, Outcome},
    shutdown::Stop,
};

/// A session that lived this long ends a series of failures.
const LIVED: Duration = Duration::from_secs(10);

/// What all connections of an uplink share.
pub(super) struct Shared<O> {
    pub(super) config: config::Uplink,
    pub(super) outbox: Arc<O>,
    pub(super) reporter: Reporter,
    pub(super) gateway: GatewayInfo,
    pub(super) topics: Topics,
    pub(super) drain: Duration,
    /// Outlives connections, because it is about their ends.
    pub(super) suspects: Suspects,
    /// What receivers want once more.
    pub(super) replays: Arc<Replays>,
    pub(super) outcomes: mpsc::Sender<Outcome>,
}

impl<O> Shared<O> {
    /// Hands over what became of a replay. Delivery never waits for the buffer, which may wait for delivery.
    pub(super) fn announce(&self, outcome: Outcome) {
        if let Err(error) = self.outcomes.try_send(outcome) {
            warn!(uplink = %self.config.name, %error, "No room for the outcome of a replay");
        }
    }
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Stopping was asked for and everything was said.
    Stopped,
    /// The outbox is gone.
    Outbox(OutboxClosed),
    /// The broker or the network.
    Link(LinkError),
}

impl From<OutboxClosed> for Ended {
    fn from(closed: OutboxClosed) -> Self {
        Self::Outbox(closed)
    }
}

impl From<LinkError> for Ended {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// Keeps a connection until stopping is asked for.
pub(super) async fn run<U: Uplink, O: Outbox>(
    config: config::Uplink,
    context: Context<O>,
    replays: Arc<Replays>,
) -> Result<(), UplinkError> {
    let mut stop = context.stop;
    let mut backoff = Backoff::new(config.reconnect);
    let shared = Shared {
        topics: Topics::under(&config.topic_prefix),
        config,
        outbox: Arc::new(context.outbox),
        reporter: Reporter { status: context.status, metrics: context.metrics, clock: context.clock },
        gateway: context.gateway,
        drain: context.drain,
        suspects: Suspects::default(),
        replays,
        outcomes: context.outcomes,
    };
    loop {
        match connection::<U, O>(&shared, &mut stop, &mut backoff).await {
            Ended::Stopped => return Ok(()),
            Ended::Outbox(closed) => return Err(closed.into()),
            Ended::Link(error) => shared.reporter.waiting(error.to_string()),
        }
        tokio::select! {
            biased;
            () = stop.requested() => return Ok(()),
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

/// One connection from its first packet to its end.
async fn connection<U: Uplink, O: Outbox>(shared: &Shared<O>, stop: &mut Stop, backoff: &mut Backoff) -> Ended {
    shared.reporter.connecting();
    let opened = tokio::select! {
        biased;
        () = stop.requested() => return Ended::Stopped,
        opened = open::<U, O>(shared) => opened,
    };
    let (link, previous) = match opened {
        Ok(opened) => opened,
        Err(ended) => return ended,
    };
    backoff.started();
    shared.reporter.connected();
    match Pump::new(link, shared).run(stop, &previous).await {
        Ok(()) => Ended::Stopped,
        Err(ended) => ended,
    }
}

async fn open<U: Uplink, O: Outbox>(shared: &Shared<O>) -> Result<(U, Vec<EpochEnd>), Ended> {
    let (store, epoch) = shared.outbox.identity();
    let previous = shared.outbox.open_epochs().await?;
    let will = state::offline(&shared.gateway, (&store, epoch));
    let session = Session::Clean { topic: shared.topics.state.clone(), will };
    Ok((U::connect(&shared.config, session).await?, previous))
}

/// The wait before a reconnect: random up to a limit that doubles with each failure, so that a thousand gateways do
/// not come back in the same second.
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    limit: Duration,
    connected: Option<Instant>,
}

impl Backoff {
    /// From the shortest to the longest wait.
    pub(super) fn new((shortest, longest): (Duration, Duration)) -> Self {
        Self { shortest, longest, limit: shortest, connected: None }
    }

    /// A connection was made.
    pub(super) fn started(&mut self) {
        self.connected = Some(Instant::now());
    }

    /// How long to wait now.
    pub(super) fn next(&mut self) -> Duration {
        if self.connected.take().is_some_and(|since| since.elapsed() >= LIVED) {
            self.limit = self.shortest;
        }
        let wait = self.shortest + self.limit.saturating_sub(self.shortest).mul_f64(fastrand::f64());
        self.limit = self.limit.saturating_mul(2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_the_longest_and_start_over_once_a_session_lived() {
        let mut backoff = Backoff::new((SECOND, 60 * SECOND));

        for limit in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = backoff.next();
            assert!(wait >= SECOND && wait <= limit * SECOND, "{wait:?} of {limit} s");
        }
        backoff.started();
        tokio::time::advance(LIVED).await;

        assert_eq!(backoff.next(), SECOND);
    }
}
