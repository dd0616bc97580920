//! How often something is heard, and how long a silence may last.

use std::time::Duration;

use tokio::time::Instant;

/// Times the usual time between two that a silence may last; so many must have come to tell what is usual.
const TIMES: u32 = 20;
/// A silence is never shorter: radios also do other things.
const LEAST: Duration = Duration::from_secs(10);
/// A silence of this length counts, unless the usual time is not much shorter.
const MOST: Duration = Duration::from_secs(120);
/// Times the usual time that a silence may last where few send, and seldom.
const SELDOM: u32 = 5;

/// How often something is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    /// When something was heard last.
    pub(super) last: Instant,
    /// Usual time between two.
    usual: Duration,
    /// How many came.
    count: u32,
}

impl Rhythm {
    /// Nothing was heard yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { last: now, usual: Duration::ZERO, count: 0 }
    }

    /// Something was heard.
    pub(super) fn beat(&mut self, now: Instant) {
        let gap = now - self.last;
        self.count = self.count.saturating_add(1);
        self.usual = (self.usual * 15 + gap) / 16;
        self.last = now;
    }

    /// How many were heard.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// How long a silence may last.
    pub(super) fn patience(&self) -> Duration {
        if self.count < TIMES {
            return MOST;
        }
        (self.usual * TIMES).clamp(LEAST, MOST.max(self.usual * SELDOM))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a rhythm of so many, each after this, puts up with.
    async fn patience(count: u32, gap: Duration) -> Duration {
        let mut rhythm = Rhythm::new(Instant::now());
        for _ in 0..count {
            tokio::time::advance(gap).await;
            rhythm.beat(Instant::now());
        }
        rhythm.patience()
    }

    #[tokio::test(start_paused = true)]
    async fn the_busier_it_is_the_sooner_silence_counts() {
        let seconds = Duration::from_secs;
        assert_eq!(patience(0, seconds(1)).await, MOST);
        assert_eq!(patience(200, Duration::from_millis(20)).await, LEAST);
        let some = patience(200, seconds(2)).await;
        assert!((seconds(39)..=seconds(40)).contains(&some), "{some:?}");
        assert_eq!(patience(200, seconds(10)).await, MOST);
        let few = patience(200, seconds(600)).await;
        assert!((seconds(2990)..=seconds(3000)).contains(&few), "{few:?}");
    }
}
