//! Measuring how busy channels are: the coordinator is asked for one channel after the other, with time in between in which
//! it listens to its own.
//!
//! Its answer does not repeat a number of ours: the coordinator numbers what it asks itself. What an answer belongs to is told
//! by the channel in it. A coordinator that cannot measure just now says nothing at all.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value as Json;
use tokio::{sync::oneshot, time::Instant};

use super::{End, LostError, session::Session};
use crate::{
    adapter::zigbee::{
        address::{Channels, Nwk},
        energy::{Energies, Plan},
        interview,
        radio::{Incoming, Radio as _},
        wire::Wire as _,
        zdo::{
            Answer, Request as _,
            request::{MgmtNwkUpdate, UpdateWish},
            response,
        },
        znp::{coordinator::ZnpError, host::HostError},
    },
    model::EnergyScan,
};

/// How much longer than the measurement its answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// How much longer than planned all of it may take; what is not measured by then is left out. The caller waits longer.
const GRACE: Duration = Duration::from_secs(20);

/// After so many misses in a row it is given up.
const MAX_MISSES: u32 = 3;

/// Where the answer goes.
type Reply = oneshot::Sender<Result<Json, String>>;

/// A measurement under way.
#[derive(Debug)]
pub(super) struct Scan {
    /// How each channel is measured.
    plan: Plan,
    /// What is to be measured yet.
    waiting: VecDeque<u8>,
    /// Which channel is measured now, and until when.
    asked: Option<(u8, Instant)>,
    /// When the next one is.
    next: Instant,
    /// When it ends in any case.
    ends: Instant,
    /// What was measured.
    energies: Energies,
    /// Misses since the last answer.
    misses: u32,
    /// Who wants to know.
    reply: Reply,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// The energy of the channel that was asked for.
    Energy(u8),
    /// It was not measured, for this reason.
    Missed(String),
    /// Nothing of that channel.
    Stray,
}

impl Scan {
    /// Begins with the first channel.
    fn new(plan: Plan, reply: Reply) -> Self {
        let now = Instant::now();
        let (waiting, energies) = (plan.order().collect(), Energies::of(&plan));
        Self { plan, waiting, asked: None, next: now, ends: now + plan.time() + GRACE, energies, misses: 0, reply }
    }

    /// When something is due.
    pub(super) fn due(&self) -> Instant {
        self.asked.map_or(self.next, |(_, deadline)| deadline).min(self.ends)
    }

    /// The next channel, if it is time for one.
    fn begin_next(&mut self) -> Option<u8> {
        if self.asked.is_some() || Instant::now() < self.next {
            return None;
        }
        let channel = self.waiting.pop_front()?;
        self.asked = Some((channel, Instant::now() + self.plan.each() + ANSWER_LIMIT));
        Some(channel)
    }

    /// A channel was measured.
    fn take(&mut self, channel: u8, energy: u8) {
        self.energies.take(channel, energy);
        self.misses = 0;
        self.rest();
    }

    /// A channel was not measured. Gives the reason when that was so too often.
    fn miss(&mut self, channel: u8, why: &str) -> Result<(), String> {
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
    fn is_over(&self) -> bool {
        let is_done = self.asked.is_none() && self.waiting.is_empty();
        is_done || self.ends <= Instant::now() || self.reply.is_closed()
    }
}

/// Reads the fields of an answer while a channel is measured.
fn judge(channel: u8, fields: &[u8]) -> Heard {
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

impl Session<'_, '_> {
    /// Begins to measure, unless that is under way for somebody else.
    pub(super) async fn scan(&mut self, wish: &EnergyScan, reply: Reply) -> Result<(), End> {
        let refused = match Plan::of(wish) {
            _ if self.scan.is_some() => "channels are being measured already; ask again when that is over".to_owned(),
            Err(error) => error.to_string(),
            Ok(plan) => {
                self.scan = Some(Scan::new(plan, reply));
                return self.scan_on().await;
            }
        };
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(Err(refused));
        Ok(())
    }

    /// Does what is due: gives up what was not answered, asks for the next channel, or ends.
    pub(super) async fn scan_on(&mut self) -> Result<(), End> {
        let Some(scan) = &mut self.scan else { return Ok(()) };
        if let Some((channel, _)) = scan.asked.filter(|(_, deadline)| *deadline <= Instant::now()) {
            let limit = scan.plan.each() + ANSWER_LIMIT;
            self.world.metrics.timeouts.inc();
            self.scan_misses(channel, &format!("no answer within {} ms", limit.as_millis()));
        }
        let Some(scan) = &mut self.scan else { return Ok(()) };
        if scan.is_over() {
            self.scan_ends();
            return Ok(());
        }
        let (begun, duration) = (scan.begin_next(), scan.plan.duration());
        match begun {
            Some(channel) => self.scan_channel(channel, duration).await,
            None => Ok(()),
        }
    }

    /// Asks for one channel.
    async fn scan_channel(&mut self, channel: u8, duration: u8) -> Result<(), End> {
        let Some(channels) = Channels::only(channel) else { return Ok(()) };
        let request = MgmtNwkUpdate { channels, wish: UpdateWish::Scan { duration, count: 1 } };
        let message = interview::zdo(Nwk::COORDINATOR, self.calls.number(), &request);
        self.world.metrics.requests.inc();
        match self.radio.send(&message).await {
            Ok(()) => {}
            Err(ZnpError::Status { status, .. }) => self.scan_misses(channel, &status.to_string()),
            // Firmware that was built without it.
            Err(ZnpError::Host(error @ HostError::Refused { .. })) => self.scan_misses(channel, &error.to_string()),
            Err(error) => return Err(LostError::from(error).into()),
        }
        Ok(())
    }

    /// Takes a message if it is the coordinator's about channels; whether it was.
    pub(super) async fn hear_scan(&mut self, incoming: &Incoming) -> Result<bool, End> {
        let key = (incoming.from, incoming.to_endpoint, incoming.cluster);
        if key != (Nwk::COORDINATOR, 0, MgmtNwkUpdate::ANSWER_CLUSTER) {
            return Ok(false);
        }
        let fields = incoming.frame.get(1..).unwrap_or_default();
        let asked = self.scan.as_ref().and_then(|scan| scan.asked);
        match asked.map(|(channel, _)| (channel, judge(channel, fields))) {
            Some((channel, Heard::Energy(energy))) => {
                if let Some(scan) = &mut self.scan {
                    scan.take(channel, energy);
                }
            }
            Some((channel, Heard::Missed(why))) => self.scan_misses(channel, &why),
            // It comes too late, or because the coordinator looked by itself.
            Some((_, Heard::Stray)) | None => {
                self.world.metrics.rejected.inc();
            }
        }
        self.scan_on().await?;
        Ok(true)
    }

    /// A channel was not measured; too often in a row, and it is given up.
    fn scan_misses(&mut self, channel: u8, why: &str) {
        let Some(scan) = &mut self.scan else { return };
        if let Err(why) = scan.miss(channel, why) {
            self.end_scan(Err(why));
        }
    }

    /// Gives out what was measured.
    fn scan_ends(&mut self) {
        let Some(scan) = &self.scan else { return };
        let told = if scan.energies.is_empty() {
            Err("the coordinator measured nothing in time".to_owned())
        } else {
            let mut told = scan.energies.told(self.network.channel, |energy| self.radio.strength(energy));
            told["rounds"] = scan.plan.rounds().into();
            told["duration"] = scan.plan.duration().into();
            Ok(told)
        };
        self.end_scan(told);
    }

    /// Ends it with what is to be told.
    pub(super) fn end_scan(&mut self, told: Result<Json, String>) {
        if let Some(scan) = self.scan.take() {
            // An asker that stopped waiting does not need to know.
            let _ = scan.reply.send(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::adapter::zigbee::{wire::unhex, zdo::Status};

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
