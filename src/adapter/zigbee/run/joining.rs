//! How long devices are let in. Routers take at most 254 seconds at a time, so that a longer time is renewed.

use std::time::Duration;

use tokio::time::Instant;

/// The most that is asked for at once, in seconds; 255 would be for ever (Zigbee R21, 2.4.3.3.7).
const MOST_S: u64 = 254;

/// When the rest is asked for anew: before the routers close.
const RENEW: Duration = Duration::from_secs(200);

/// Until when devices are let in.
#[derive(Debug, Default)]
pub(super) struct Permit {
    /// The end.
    until: Option<Instant>,
    /// When it is to be said to the routers again.
    renew: Option<Instant>,
}

impl Permit {
    /// Lets devices in for so long from now on; zero ends it.
    pub(super) fn set(&mut self, time: Duration) {
        self.until = (!time.is_zero()).then(|| Instant::now() + time);
        self.renew = None;
    }

    /// What is left.
    pub(super) fn left(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// When [`Permit::seconds`] is to be said to the routers again; `None` when all is said.
    pub(super) fn due(&self) -> Option<Instant> {
        self.until.and(self.renew)
    }

    /// What is to be said to the routers now. They end it by themselves.
    pub(super) fn seconds(&mut self) -> u8 {
        // A part of a second counts as one, so that a short time is not none.
        let left = self.left().as_millis().div_ceil(1000).min(u128::from(MOST_S));
        self.renew = (self.left() > RENEW).then(|| Instant::now() + RENEW);
        u8::try_from(left).expect("at most 254")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_time_is_renewed_until_it_is_over() {
        let mut permit = Permit::default();
        permit.set(Duration::from_secs(500));

        assert_eq!(permit.seconds(), 254);
        assert_eq!(permit.due(), Some(Instant::now() + RENEW));
        tokio::time::advance(RENEW).await;
        assert_eq!(permit.seconds(), 254);
        tokio::time::advance(RENEW).await;
        assert_eq!((permit.seconds(), permit.due()), (100, None));
        tokio::time::advance(RENEW).await;
        assert_eq!(permit.seconds(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_ends_it() {
        let mut permit = Permit::default();
        permit.set(Duration::from_secs(60));
        permit.set(Duration::ZERO);
        assert_eq!((permit.seconds(), permit.due(), permit.left()), (0, None, Duration::ZERO));
    }
}
