//! How busy channels are: which are measured, how often and for how long, and what that comes to.
//!
//! A coordinator that measures another channel does not hear its own. So each request is about one channel, and before the
//! next it listens for as long as it was away; who was not heard meanwhile sends again.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value as Json, json};

use super::address::Channels;
use crate::model::EnergyScan;

/// How long a channel is measured unless somebody says otherwise: 77 ms.
const DURATION: u8 = 2;
/// The longest; what is above asks for something else (Zigbee R21, 2.4.3.3.9).
const MAX_DURATION: u8 = 5;

/// How often each channel is measured unless somebody says otherwise: what sends now and then is missed by one look.
const ROUNDS: u8 = 3;
/// More say nothing new.
const MAX_ROUNDS: u8 = 10;

/// Longest measurement that is begun; a caller waits for it.
const LIMIT: Duration = Duration::from_secs(120);

/// The unit of the time for a channel: 960 symbols of 16 µs (IEEE 802.15.4-2006, 7.1.11.1).
const UNIT: Duration = Duration::from_micros(960 * 16);

/// Why channels are not measured like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to measure.
    #[error("no channel is named (help: 11 to 26, all when none are named)")]
    NoChannel,
    /// Outside the band.
    #[error("channel {0} is outside 11 to 26")]
    Channel(u8),
    /// Not a time to measure for.
    #[error("duration {0} is outside 0 to {MAX_DURATION}")]
    Duration(u8),
    /// Not often enough, or too often.
    #[error("{0} rounds are outside 1 to {MAX_ROUNDS}")]
    Rounds(u8),
    /// Nobody waits that long.
    #[error("that takes {} s, and {} s at most are waited (help: fewer channels or rounds, or a smaller duration)",
        .0.as_secs(), LIMIT.as_secs())]
    TooLong(Duration),
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    channels: Channels,
    duration: u8,
    rounds: u8,
}

impl Plan {
    /// What is wanted, completed and checked.
    pub fn of(wish: &EnergyScan) -> Result<Self, PlanError> {
        let channels = wish.channels.as_deref().map_or(Ok(Channels::ALL), set)?;
        let (duration, rounds) = (wish.duration.unwrap_or(DURATION), wish.rounds.unwrap_or(ROUNDS));
        if duration > MAX_DURATION {
            return Err(PlanError::Duration(duration));
        }
        if !(1..=MAX_ROUNDS).contains(&rounds) {
            return Err(PlanError::Rounds(rounds));
        }
        let plan = Self { channels, duration, rounds };
        if plan.time() > LIMIT { Err(PlanError::TooLong(plan.time())) } else { Ok(plan) }
    }

    /// The channels, each as often as it is measured: one round after the other.
    pub fn order(&self) -> impl Iterator<Item = u8> {
        let channels = self.channels;
        (0..self.rounds).flat_map(move |_| channels.iter())
    }

    /// How long one channel is measured, as its request says it.
    pub fn duration(&self) -> u8 {
        self.duration
    }

    /// How often each channel is measured.
    pub fn rounds(&self) -> u8 {
        self.rounds
    }

    /// How many channels there are.
    pub fn count(&self) -> u32 {
        self.channels.0.count_ones()
    }

    /// How long one channel is measured (IEEE 802.15.4-2006, 7.1.11.1).
    pub fn each(&self) -> Duration {
        UNIT * ((1 << self.duration) + 1)
    }

    /// How long all of it takes, with the times in which the coordinator listens.
    pub fn time(&self) -> Duration {
        self.each() * 2 * self.count() * u32::from(self.rounds)
    }
}

/// Channels as a set.
fn set(named: &[u8]) -> Result<Channels, PlanError> {
    let one = |channel: &u8| Channels::only(*channel).ok_or(PlanError::Channel(*channel));
    let all = named.iter().map(one).try_fold(0, |all, one| one.map(|one| all | one.0))?;
    if all == 0 { Err(PlanError::NoChannel) } else { Ok(Channels(all)) }
}

/// What was measured so far: as many energies of each channel as there are rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Energies(BTreeMap<u8, Vec<u8>>);

impl Energies {
    /// Nothing yet of the channels of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self(plan.channels.iter().map(|channel| (channel, Vec::new())).collect())
    }

    /// One energy of a channel; of one that is not measured it is let go.
    pub fn take(&mut self, channel: u8, energy: u8) {
        if let Some(all) = self.0.get_mut(&channel) {
            all.push(energy);
        }
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(Vec::is_empty)
    }

    /// The channel that is least busy; of equals the one with the lowest peak, then the lowest number.
    fn quietest(&self) -> Option<u8> {
        let busy = |(channel, all): (&u8, &Vec<u8>)| Some((mean(all)?, all.iter().max().copied()?, *channel));
        self.0.iter().filter_map(busy).min().map(|(_, _, channel)| channel)
    }

    /// For people and programs: each channel, which one the network has, and which is quietest. `dbm` makes a strength of an
    /// energy, where that is known.
    pub fn told(&self, own: u8, dbm: impl Fn(u8) -> Option<i16>) -> Json {
        let channel = |(channel, all): (&u8, &Vec<u8>)| {
            let energy = mean(all);
            json!({
                "channel": channel, "energy": energy, "highest": all.iter().max(), "dbm": energy.and_then(&dbm),
                "measured": all.len(), "is_own": *channel == own,
            })
        };
        let channels: Vec<_> = self.0.iter().map(channel).collect();
        json!({ "own": own, "quietest": self.quietest(), "channels": channels })
    }
}

/// The mean, to the nearest whole; none of nothing.
fn mean(all: &[u8]) -> Option<u8> {
    let count = u32::try_from(all.len()).ok().filter(|count| *count > 0)?;
    let sum: u32 = all.iter().map(|energy| u32::from(*energy)).sum();
    u8::try_from((sum + count / 2) / count).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(channels: Option<&[u8]>, duration: Option<u8>, rounds: Option<u8>) -> EnergyScan {
        EnergyScan { channels: channels.map(<[u8]>::to_vec), duration, rounds }
    }

    #[test]
    fn every_channel_is_measured_three_times_in_eight_seconds() {
        let plan = Plan::of(&EnergyScan::default()).unwrap();
        assert_eq!(plan.order().count(), 48);
        assert_eq!(plan.order().skip(15).take(2).collect::<Vec<_>>(), [26, 11]);
        assert_eq!((plan.each(), plan.time()), (Duration::from_micros(76_800), Duration::from_micros(7_372_800)));
    }

    #[test]
    fn a_channel_that_is_named_twice_is_one() {
        let plan = Plan::of(&wish(Some(&[20, 11, 20]), Some(0), Some(1))).unwrap();
        assert_eq!(plan.order().collect::<Vec<_>>(), [11, 20]);
    }

    #[test]
    fn what_makes_no_sense_or_takes_too_long_is_refused() {
        for (wish, error) in [
            (wish(Some(&[]), None, None), PlanError::NoChannel),
            (wish(Some(&[11, 27]), None, None), PlanError::Channel(27)),
            (wish(Some(&[255]), None, None), PlanError::Channel(255)),
            (wish(None, Some(6), None), PlanError::Duration(6)),
            (wish(None, None, Some(0)), PlanError::Rounds(0)),
            (wish(None, None, Some(11)), PlanError::Rounds(11)),
        ] {
            assert_eq!(Plan::of(&wish), Err(error));
        }
        let long = Plan::of(&wish(None, Some(5), Some(10))).unwrap_err().to_string();
        assert!(long.starts_with("that takes 162 s, and 120 s at most"), "{long}");
    }

    #[test]
    fn the_quietest_has_the_lowest_mean_then_the_lowest_peak() {
        let mut energies = Energies::of(&Plan::of(&wish(Some(&[11, 12, 13, 14]), None, None)).unwrap());
        assert!(energies.is_empty());
        for (channel, energy) in [(11, 90), (12, 10), (12, 50), (13, 29), (13, 31), (20, 0)] {
            energies.take(channel, energy);
        }

        let told = energies.told(11, |energy| Some(i16::from(energy) - 100));

        assert_eq!((&told["own"], &told["quietest"]), (&json!(11), &json!(13)));
        let channels = told["channels"].as_array().unwrap();
        assert_eq!(
            channels[1],
            json!({ "channel": 12, "energy": 30, "highest": 50, "dbm": -70, "measured": 2, "is_own": false })
        );
        assert_eq!(
            channels[3],
            json!({ "channel": 14, "energy": null, "highest": null, "dbm": null, "measured": 0, "is_own": false })
        );
        assert_eq!((channels.len(), &channels[0]["is_own"]), (4, &json!(true)));
    }
}
