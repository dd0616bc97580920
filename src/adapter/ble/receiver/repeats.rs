//! What is the same advertisement once more: devices send each several times, and two radios hear it.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    time::Duration,
};

use tokio::time::Instant;

use crate::adapter::ble::{
    decode::{Decoded, Format},
    heard::Heard,
};

/// Time within which the same data are the same advertisement. The fastest sensors measure twice a second.
const SAME_DATA: Duration = Duration::from_millis(450);
/// Time within which the same number of a measurement is the same measurement. Later the device may have started again,
/// and a value that is still true is worth saying.
const SAME_NUMBER: Duration = Duration::from_secs(10);
/// Lower counters in a row after which the sender is taken to have started again.
const RESTARTED: u8 = 10;

/// What was last heard of a device.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    data: Option<(u64, Instant)>,
    number: Option<(Option<Format>, u32, Instant)>,
}

impl Repeats {
    /// Whether the same data came a moment ago.
    pub(super) fn is_same_data(&mut self, heard: &Heard, now: Instant) -> bool {
        let mut hasher = DefaultHasher::new();
        heard.manufacturer.hash(&mut hasher);
        for (uuid, data) in &heard.service {
            (uuid.0, data).hash(&mut hasher);
        }
        let hash = hasher.finish();
        let is_same = self.data.is_some_and(|(last, at)| last == hash && now - at < SAME_DATA);
        if !is_same {
            self.data = Some((hash, now));
        }
        is_same
    }

    /// Whether the same measurement was read already.
    pub(super) fn is_same_number(&mut self, decoded: &Decoded, now: Instant) -> bool {
        let Some(number) = decoded.counter else { return false };
        let is_same = self
            .number
            .is_some_and(|(format, last, at)| (format, last) == (decoded.format, number) && now - at < SAME_NUMBER);
        if !is_same {
            self.number = Some((decoded.format, number, now));
        }
        is_same
    }
}

/// What a counter that must never come twice says of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is newer than all before.
    New,
    /// It is the last one again.
    Repeated,
    /// It is an older one: recorded and sent again by somebody, or out of order.
    Replayed,
}

/// The counter of a sender that encrypts (BTHome, "Replay protection"). It survives restarts of the gateway; a jump
/// ahead is fine, since much may have been missed.
///
/// A device whose battery was changed may count from the start again. It is believed after ten frames in a row that
/// rise: whoever replays recordings of ten frames of before is not told from it.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// The highest that was accepted.
    highest: Option<u32>,
    /// The last of those that rise below it, and how many there were.
    lower: Option<(u32, u8)>,
}

impl Replay {
    /// Goes on where an earlier run was.
    pub(super) fn after(highest: Option<u32>) -> Self {
        Self { highest, lower: None }
    }

    /// The highest counter.
    pub(super) fn highest(&self) -> Option<u32> {
        self.highest
    }

    /// Judges a counter, and takes it in.
    pub(super) fn judge(&mut self, counter: u32) -> Verdict {
        if self.highest == Some(counter) {
            return Verdict::Repeated;
        }
        if self.highest.is_some_and(|highest| counter < highest) && !self.has_restarted(counter) {
            return Verdict::Replayed;
        }
        *self = Self::after(Some(counter));
        Verdict::New
    }

    /// Takes in a lower counter, and says whether there were enough that rise.
    fn has_restarted(&mut self, counter: u32) -> bool {
        let risen = match self.lower {
            Some((last, times)) if counter > last => times.saturating_add(1),
            Some((last, times)) if counter == last => times,
            Some(_) | None => 1,
        };
        self.lower = Some((counter, risen));
        risen >= RESTARTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_data_are_a_repeat_for_a_moment() {
        let (start, mut repeats) = (Instant::now(), Repeats::default());
        let heard = |byte| Heard { manufacturer: vec![(1, vec![byte])], ..Heard::default() };

        assert!(!repeats.is_same_data(&heard(1), start));
        assert!(repeats.is_same_data(&heard(1), start + SAME_DATA / 2));
        assert!(!repeats.is_same_data(&heard(1), start + SAME_DATA));
        assert!(!repeats.is_same_data(&heard(2), start + SAME_DATA));
    }

    #[test]
    fn the_same_number_is_a_repeat_for_longer() {
        let (start, mut repeats) = (Instant::now(), Repeats::default());
        let number = |counter| Decoded { counter, ..Decoded::default() };

        assert!(!repeats.is_same_number(&number(Some(7)), start));
        assert!(repeats.is_same_number(&number(Some(7)), start + SAME_NUMBER / 2));
        assert!(!repeats.is_same_number(&number(Some(8)), start + SAME_NUMBER / 2));
        assert!(!repeats.is_same_number(&number(None), start) && !repeats.is_same_number(&number(None), start));
        assert!(!repeats.is_same_number(&number(Some(8)), start + SAME_NUMBER * 2));
    }

    #[test]
    fn a_counter_that_comes_again_is_refused_and_a_jump_ahead_is_not() {
        let mut replay = Replay::after(Some(100));

        assert_eq!(replay.judge(100), Verdict::Repeated);
        assert_eq!(replay.judge(99), Verdict::Replayed);
        assert_eq!(replay.judge(5000), Verdict::New);
        assert_eq!(replay.judge(101), Verdict::Replayed);
        assert_eq!(replay.highest(), Some(5000));
        assert_eq!(Replay::default().judge(0), Verdict::New);
    }

    #[test]
    fn a_device_that_counts_anew_is_believed_after_ten_that_rise() {
        let mut replay = Replay::after(Some(5000));

        let verdicts: Vec<_> = [1, 2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(|counter| replay.judge(counter)).into();

        assert!(verdicts[..12].iter().all(|verdict| *verdict == Verdict::Replayed), "{verdicts:?}");
        assert_eq!(verdicts[12], Verdict::New);
        assert_eq!(replay.judge(11), Verdict::New);
    }
}
