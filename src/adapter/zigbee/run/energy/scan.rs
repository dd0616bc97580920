//! One measurement of channels: which is next, what an answer means, and when it ends.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value as Json;
use tokio::{sync::oneshot, time::Instant};

use crate::adapter::zigbee::{
    address::Channels,
    energy::{Energies, Plan},
    wire::Wire as _,
    zdo::{Answer, response},
};

/// How much longer than the measurement its answer may take.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// How much longer than planned all of it may take; what is not measured by then is left out. The caller waits longer.
const GRACE: Duration = Duration::from_secs(20);

/// After so many misses in a row it is given up.
const MAX_MISSES: u32 = 3;

/// Where the answer goes.
pub(super) type Reply = oneshot::Sender<Result<Json, String>>;

/// A measurement under way.
#[derive(Debug)]
pub(in super::super) struct Scan {
    /// How each channel is measured.
    pub(super) plan: Plan,
    /// What is to be measured yet.
    waiting: VecDeque<u8>,
    /// Which channel is measured now, and until when.
    pub(super) asked: Option<(u8, Instant)>,
    /// When the next one is.
    next: Instant,
    /// When it ends in any case.
    ends: Instant,
    /// What was measured.
    pub(super) energies: Energies,
    /// Misses since the last answer.
    misses: u32,
    /// Who wants to know.
    pub(super) reply: Reply,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The energy of the channel that was asked for.
    Energy(u8),
    /// It was not measured, for this reason.
    Missed(String),
    /// Nothing of that channel.
    Stray,
}

impl Scan {
    /// Begins with the first channel.
    pub(super) fn new(plan: Plan, reply: Reply) -> Self {
        let now = Instant::now();
        let (waiting, energies) = (plan.order().collect(), Energies::of(&plan));
        Self { plan, waiting, asked: None, next: now, ends: now + plan.time() + GRACE, energies, misses: 0, reply }
    }

    /// When something is due.
    pub(in super::super) fn due(&self) -> Instant {
        self.asked.map_or(self.next, |(_, deadline)| deadline).min(self.ends)
    }

    /// The next channel, if it is time for one.
    pub(super) fn begin_next(&mut self) -> Option<u8> {
        if self.asked.is_some() || Instant::now() < self.next {
            return None;
        }
        let channel = self.waiting.pop_front()?;
        self.asked = Some((channel, Instant::now() + self.plan.each() + ANSWER_LIMIT));
        Some(channel)
    }

    /// A channel was measured.
    pub(super) fn take(&mut self, channel: u8, energy: u8) {
        self.energies.take(channel, energy);
        self.misses = 0;
        self.rest();
    }

    /// A channel was not measured. Gives the reason when that was so too often.
    pub(super) fn miss(&mut self, channel: u8, why: &str) -> Result<(), String> {
        self.misses += 1;
        self.rest();
        if self.misses < MAX_MISSES {
            return Ok(());
        }
        Err(format!("the coordinator does not measure channel {channel}: {why}"))
    }

    /// The coordinator listens before the next one.
    fn rest(&mut self) {
        self.asked = None;
        self.next = Instant::now() + self.plan.each();
    }

    /// Whether there is nothing left to do: all is measured, it takes too long, or nobody waits.
    pub(super) fn is_over(&self) -> bool {
        let is_done = self.asked.is_none() && self.waiting.is_empty();
        is_done || self.ends <= Instant::now() || self.reply.is_closed()
    }
}

/// Reads the fields of an answer while a channel is measured.
pub(super) fn judge(channel: u8, fields: &[u8]) -> Heard {
    let scan = match Answer::<response::EnergyScan>::from_bytes(fields) {
        Ok(Answer { fields: Some(scan), .. }) => scan,
        Ok(Answer { status, .. }) => return Heard::Missed(status.to_string()),
        Err(error) => return Heard::Missed(format!("its answer cannot be read: {error}")),
    };
    match scan.energy.as_slice() {
        _ if Some(scan.channels) != Channels::only(channel) => Heard::Stray,
        [energy] => Heard::Energy(*energy),
        other => Heard::Missed(format!("its answer has {} energies of one channel", other.len())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{
        adapter::zigbee::{wire::unhex, zdo::Status},
        model::EnergyScan,
    };

    fn scan(channels: &[u8]) -> (Scan, oneshot::Receiver<Result<Json, String>>) {
        let wish = EnergyScan { channels: Some(channels.to_vec()), duration: Some(2), rounds: Some(1) };
        let (reply, answer) = oneshot::channel();
        (Scan::new(Plan::of(&wish).unwrap(), reply), answer)
    }

    /// What an answer in hex says while channel 15 is measured.
    fn judged(text: &str) -> Heard {
        judge(15, &unhex(text).unwrap())
    }

    #[test]
    fn an_answer_is_that_of_its_channel_alone() {
        assert_eq!(judged("00 00800000 0a00 0100 01 2a"), Heard::Energy(0x2a));
        // Channel 16, both, all, and none.
        for mask in ["00000100", "00800100", "00f8ff07", "00000000"] {
            assert_eq!(judged(&format!("00 {mask} 0a00 0100 01 2a")), Heard::Stray, "{mask}");
        }
    }

    #[test]
    fn a_list_that_is_short_long_or_lies_is_no_energy() {
        let why = |text: &str| match judged(text) {
            Heard::Missed(why) => why,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(why("00 00800000 0a00 0100 00"), "its answer has 0 energies of one channel");
        assert_eq!(why("00 00800000 0a00 0100 02 2a2b"), "its answer has 2 energies of one channel");
        assert!(why("00 00800000 0a00 0100 02 2a").contains("1 bytes are announced at byte 11, 0 are left"));
        assert!(why("00 00800000 0a00").contains("cannot be read"));
        assert!(why("").contains("cannot be read"));
        assert_eq!(why("84"), Status::NOT_SUPPORTED.to_string());
    }

    #[tokio::test(start_paused = true)]
    async fn the_coordinator_listens_for_as_long_as_it_was_away() {
        let (mut scan, _answer) = scan(&[11, 12]);
        assert_eq!(scan.begin_next(), Some(11));
        assert_eq!(scan.begin_next(), None);
        tokio::time::advance(scan.plan.each()).await;

        scan.take(11, 40);

        assert_eq!((scan.begin_next(), scan.due()), (None, Instant::now() + scan.plan.each()));
        tokio::time::advance(scan.plan.each()).await;
        assert_eq!(scan.begin_next(), Some(12));
        scan.take(12, 41);
        assert!(scan.is_over());
    }

    #[tokio::test(start_paused = true)]
    async fn three_misses_in_a_row_end_it_and_two_do_not() {
        let (mut scan, answer) = scan(&[11, 12, 13]);
        assert_eq!((scan.miss(11, "busy"), scan.miss(12, "busy")), (Ok(()), Ok(())));
        scan.take(13, 1);
        assert_eq!((scan.miss(11, "busy"), scan.miss(12, "busy")), (Ok(()), Ok(())));
        assert_eq!(scan.miss(13, "busy"), Err("the coordinator does not measure channel 13: busy".to_owned()));
        drop(answer);
        assert!(scan.is_over());
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_in_any_case() {
        let (mut scan, _answer) = scan(&[11, 12]);
        assert_eq!(scan.begin_next(), Some(11));
        assert_eq!(scan.due(), Instant::now() + scan.plan.each() + ANSWER_LIMIT);
        tokio::time::advance(scan.plan.time() + GRACE).await;
        assert!(scan.is_over());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic_or_gives_another_channels_energy(fields in vec(any::<u8>(), 0..64), channel in 11u8..=26) {
            if let Heard::Energy(_) = judge(channel, &fields) {
                prop_assert_eq!(&fields[1..5], &(1u32 << channel).to_le_bytes()[..]);
                prop_assert_eq!((fields[0], fields[9]), (0, 1));
            }
        }
    }
}
