//! How fast the backlog may drain beside live messages.
//!
//! It has a number of places in the window. Each of its messages that is acknowledged adds to them, and a live message
//! that took much longer than messages took of late halves them, once per round trip: so the queue in front of the
//! broker stays short, and what the link has to spare goes to the backlog. The places double each round trip until
//! they are halved for the first time, and grow by one after that.
//!
//! Without live messages the backlog is held back only where its own acknowledgements come so late that the
//! connection is at risk. Besides, a rate may be set.

use std::time::Duration;

use tokio::time::Instant;

use crate::config;

/// Places of the backlog at first.
const FIRST: f64 = 4.0;
/// How long the shortest latency is remembered: one such span and the one before.
const MEMORY: Duration = Duration::from_secs(30);
/// Above twice the shortest latency and this, a live message is slow.
const SLACK: Duration = Duration::from_millis(25);
/// A backlog that takes this part of the patience puts the connection at risk.
const RISK: u32 = 4;
/// How much of its rate the backlog may make up for after a moment in which it could not send.
const BURST: Duration = Duration::from_millis(100);

/// Says how much of the window the backlog may have.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Most places.
    ceiling: f64,
    places: f64,
    /// When they were halved last.
    cut: Option<Instant>,
    shortest: Shortest,
    /// An answer to the backlog later than this halves its places too.
    risk: Duration,
    /// Between two messages.
    interval: Duration,
    /// The next message may go.
    next: Instant,
}

impl Throttle {
    /// With the places a window gives to the backlog.
    pub(super) fn new(config: &config::Backlog, window: usize, patience: Duration) -> Self {
        let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let ceiling = (float(window) * config.share).floor().max(1.0);
        let interval = config.rate.map_or(Duration::ZERO, |rate| rate.per.div_f64(float(rate.count.max(1))));
        Self {
            ceiling,
            places: FIRST.min(ceiling),
            cut: None,
            shortest: Shortest::default(),
            risk: patience / RISK,
            interval,
            next: Instant::now(),
        }
    }

    /// How many messages of the backlog may be in flight.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a window")]
    pub(super) fn places(&self) -> usize {
        self.places as usize
    }

    /// The moment from which the rate lets the next one go.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// A message of the backlog went.
    pub(super) fn sent(&mut self, now: Instant) {
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        self.next = self.next.max(earliest) + self.interval;
    }

    /// Whether the backlog has fewer places than it could, because messages became slow.
    pub(super) fn is_tight(&self) -> bool {
        self.cut.is_some() && self.places < self.ceiling
    }

    /// A message was acknowledged.
    pub(super) fn answered(&mut self, is_backlog: bool, sent: Instant, now: Instant) {
        let latency = now - sent;
        let limit = self.shortest.note(latency, now) * 2 + SLACK;
        let is_slow = if is_backlog { latency > self.risk } else { latency > limit };
        if is_slow {
            self.shrink(sent, now);
        } else if is_backlog {
            let step = if self.cut.is_some() { self.places.recip() } else { 1.0 };
            self.places = (self.places + step).min(self.ceiling);
        }
    }

    /// Halves the places, unless the slow message was sent before they were halved last.
    fn shrink(&mut self, sent: Instant, now: Instant) {
        if self.cut.is_none_or(|cut| sent > cut) {
            self.places = (self.places / 2.0).max(1.0);
            self.cut = Some(now);
        }
    }
}

/// The shortest latency of late. It forgets, so that a link that became longer for good is not throttled for good.
#[derive(Debug, Default)]
struct Shortest {
    /// When this span began.
    since: Option<Instant>,
    /// Shortest of the span before and of this one.
    spans: (Option<Duration>, Option<Duration>),
}

impl Shortest {
    /// Takes a latency and gives the shortest.
    fn note(&mut self, latency: Duration, now: Instant) -> Duration {
        if self.since.is_none_or(|since| now - since >= MEMORY) {
            self.since = Some(now);
            self.spans = (self.spans.1, None);
        }
        let current = self.spans.1.map_or(latency, |shortest| shortest.min(latency));
        self.spans.1 = Some(current);
        self.spans.0.map_or(current, |before| before.min(current))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::model::Rate;

    const MILLIS: Duration = Duration::from_millis(1);
    const PATIENCE: Duration = Duration::from_secs(20);

    fn share(share: f64) -> config::Backlog {
        config::Backlog { rate: None, share }
    }

    /// When a simulated drain has found its pace.
    const SETTLED: Duration = Duration::from_secs(2);

    /// A link that takes one message after the other, each for so long, with a live message now and then. Gives the
    /// longest latency of a live message after the first seconds, and how many of the backlog went.
    fn drain(
        throttle: &mut Throttle,
        per_message: Duration,
        live_every: Duration,
        lasting: Duration,
    ) -> (Duration, u32) {
        let start = Instant::now();
        let (mut now, mut live_at) = (start, start);
        let mut queue = VecDeque::new();
        let (mut worst, mut drained, mut up) = (Duration::ZERO, 0, 0);
        while now < start + lasting {
            if live_at <= now {
                queue.push_back((false, now));
                live_at += live_every;
            }
            while up < throttle.places() {
                queue.push_back((true, now));
                up += 1;
            }
            now += per_message;
            let (is_backlog, sent) = queue.pop_front().unwrap();
            throttle.answered(is_backlog, sent, now);
            if is_backlog {
                (up, drained) = (up - 1, drained + 1);
            } else if sent > start + SETTLED {
                worst = worst.max(now - sent);
            }
        }
        (worst, drained)
    }

    #[tokio::test(start_paused = true)]
    async fn live_messages_stay_quick_and_the_link_busy_while_the_backlog_drains() {
        let mut throttle = Throttle::new(&share(0.5), 100, PATIENCE);
        throttle.shortest.note(5 * MILLIS, Instant::now());

        let (worst, drained) = drain(&mut throttle, 5 * MILLIS, 100 * MILLIS, 30_000 * MILLIS);

        // Fifty messages of 5 ms before it would make it 250 ms.
        assert!(worst <= 80 * MILLIS, "{worst:?}");
        assert!(throttle.is_tight());
        // 6000 places of time, of which live messages take 300.
        assert!(drained > 5_500, "{drained}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_link_gives_the_backlog_its_whole_share() {
        let mut throttle = Throttle::new(&share(0.5), 100, PATIENCE);

        drain(&mut throttle, MILLIS / 10, 100 * MILLIS, 1_000 * MILLIS);

        assert_eq!((throttle.places(), throttle.is_tight()), (50, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_backlog_alone_does_not_wear_out_the_patience_of_a_slow_link() {
        let mut throttle = Throttle::new(&share(1.0), 100, PATIENCE);

        drain(&mut throttle, 800 * MILLIS, 3_600_000 * MILLIS, 600_000 * MILLIS);

        // The whole window would take 80 s.
        assert!(throttle.places() <= 8, "{}", throttle.places());
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_became_longer_for_good_is_no_slow_link() {
        let mut shortest = Shortest::default();
        let start = Instant::now();

        shortest.note(5 * MILLIS, start);
        assert_eq!(shortest.note(500 * MILLIS, start + MEMORY), 5 * MILLIS);
        assert_eq!(shortest.note(500 * MILLIS, start + 2 * MEMORY), 500 * MILLIS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_lets_one_message_go_after_the_other() {
        let rate = Some(Rate { count: 10, per: Duration::from_secs(1) });
        let mut throttle = Throttle::new(&config::Backlog { rate, share: 0.5 }, 100, PATIENCE);
        let (start, mut now, mut sent) = (Instant::now(), Instant::now(), 0);

        while now < start + Duration::from_secs(10) {
            if throttle.next() <= now {
                throttle.sent(now);
                sent += 1;
            }
            now += MILLIS;
        }

        assert!((100..=102).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_smallest_window_has_a_place_for_the_backlog() {
        assert_eq!(Throttle::new(&share(0.5), 1, PATIENCE).places(), 1);
    }
}
