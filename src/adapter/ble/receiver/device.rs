//! One device and what was made of its advertisements.

mod readings;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    presence::Presence,
    repeats::{Repeats, Replay, Verdict},
    slot::Slot,
};
use crate::{
    adapter::{
        DeviceInfo,
        ble::{
            config,
            decode::{Address, Decoded, Why, decode},
            heard::Heard,
            profiled::{Decoders, Profile, Read},
        },
    },
    model::{DeviceId, Point, PointName, Reading, Timestamp},
};

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    /// Its id.
    pub(super) id: DeviceId,
    /// Where it sends from.
    address: Address,
    /// Its key, if it has one that could be read.
    key: Option<Vec<u8>>,
    /// The name it is taken to advertise.
    model: Option<String>,
    /// The points that are wanted; all when nothing is said of them.
    listed: Option<Vec<PointName>>,
    /// The points it is connected to for, which are another's to read.
    behind: Vec<Arc<Point>>,
    /// Whether it stands in the configuration.
    pub(super) is_configured: bool,
    /// The name it advertised.
    pub(super) name: Option<String>,
    /// Whether it is there.
    pub(super) presence: Presence,
    /// Its replay counter.
    pub(super) replay: Replay,
    /// What it said a moment ago.
    repeats: Repeats,
    /// Its points; as many as its formats have.
    points: BTreeMap<PointName, Slot>,
    /// Least time between two readings of a point.
    min_interval: Option<Duration>,
    /// The profile it names, if that reads advertisements.
    profile: Option<Arc<Profile>>,
    /// Calls of a profile's script that failed, not counted yet.
    failures: u64,
    /// Readings that came sooner, not counted yet.
    too_soon: u64,
    /// Why it gave nothing last time, which is told once.
    why: Option<Why>,
}

/// What became of an advertisement.
#[derive(Debug)]
pub(super) enum Taken {
    /// It was heard before.
    Repeat,
    /// Nothing could be read, for a reason other than last time.
    Nothing(Why),
    /// Nothing could be read, as before.
    NothingAgain,
    /// Its counter was used before.
    Replayed,
    /// What was read, and whether there are points that were not there before.
    Readings(Vec<Reading>, bool),
}

/// What is added to what was decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extras {
    /// The power of reception.
    pub(super) signal: bool,
    /// The data.
    pub(super) raw: bool,
}

impl Device {
    /// A configured device.
    pub(super) fn configured(device: &config::Device, key: Option<Vec<u8>>, now: Instant) -> Self {
        let mut new = Self::new(device.id.clone(), device.address, now);
        new.presence = Presence::new(device.expect, now);
        (new.key, new.model, new.is_configured) = (key, device.model.clone(), true);
        new.min_interval = device.min_interval;
        new.profile.clone_from(&device.profile);
        new.behind = device.behind.iter().map(|behind| Arc::clone(&behind.point)).collect();
        let is_listed = !(device.points.is_empty() && device.behind.is_empty());
        new.listed = is_listed.then(|| device.points.iter().map(|point| point.name().clone()).collect());
        new.points = device.points.iter().map(|point| (point.name().clone(), Slot::new(Arc::clone(point)))).collect();
        new
    }

    /// A device of which nothing is known but where it is.
    pub(super) fn stranger(id: DeviceId, address: Address, min_interval: Option<Duration>, now: Instant) -> Self {
        Self { min_interval, ..Self::new(id, address, now) }
    }

    /// A device as it is before anything is said of it.
    fn new(id: DeviceId, address: Address, now: Instant) -> Self {
        Self {
            id,
            address,
            key: None,
            model: None,
            listed: None,
            behind: Vec::new(),
            is_configured: false,
            name: None,
            presence: Presence::new(None, now),
            replay: Replay::default(),
            repeats: Repeats::default(),
            points: BTreeMap::new(),
            min_interval: None,
            profile: None,
            failures: 0,
            too_soon: 0,
            why: None,
        }
    }

    /// As others see it.
    pub(super) fn info(&self) -> DeviceInfo {
        let points =
            self.points.values().map(|slot| Arc::clone(&slot.point)).chain(self.behind.iter().cloned()).collect();
        DeviceInfo { id: self.id.clone(), address: self.address.to_string(), points }
    }

    /// Whether it is connected to. Then that says whether it is there: many do not advertise meanwhile.
    pub(super) fn is_connected_to(&self) -> bool {
        !self.behind.is_empty()
    }

    /// Takes an advertisement.
    pub(super) fn take(
        &mut self,
        heard: &Heard,
        decoders: &Decoders,
        extras: Extras,
        ts: Timestamp,
        now: Instant,
    ) -> Taken {
        if self.repeats.is_same_data(heard, now) {
            return Taken::Repeat;
        }
        let decoded = self.decode(heard);
        if let Some(known) = self.known(&decoded, now) {
            return known;
        }
        let own = self.read_by_profile(heard, &decoded, decoders);
        self.failures += u64::from(own.as_ref().is_some_and(|own| own.why.is_some()));
        if let Some(own) = own.filter(|own| !own.readings.is_empty()) {
            self.why = None;
            let before = self.points.len();
            let readings = self.own_readings(&own, heard, extras, (ts, now));
            return Taken::Readings(readings, self.points.len() > before);
        }
        let why = decoded.why.filter(|_| decoded.readings.is_empty());
        let is_other = self.why != why;
        self.why = why;
        match why {
            Some(why) if !extras.raw => {
                if is_other {
                    Taken::Nothing(why)
                } else {
                    Taken::NothingAgain
                }
            }
            Some(_) | None => {
                let before = self.points.len();
                let readings = self.readings(&decoded, heard, extras, (ts, now));
                Taken::Readings(readings, self.points.len() > before)
            }
        }
    }

    /// What becomes of a measurement that was read before; `None` for one that is new.
    fn known(&mut self, decoded: &Decoded, now: Instant) -> Option<Taken> {
        match decoded.replay.map(|counter| self.replay.judge(counter)) {
            Some(Verdict::Repeated) => Some(Taken::Repeat),
            Some(Verdict::Replayed) => Some(Taken::Replayed),
            Some(Verdict::New) | None => self.repeats.is_same_number(decoded, now).then_some(Taken::Repeat),
        }
    }

    /// What its profile makes of an advertisement; without one, the first that fits what no format knows.
    pub(super) fn read_by_profile(&self, heard: &Heard, decoded: &Decoded, decoders: &Decoders) -> Option<Read> {
        let rssi = heard.rssi;
        heard.with_view(self.known_name(), |view| match &self.profile {
            Some(profile) => Some(decoders.read_as(profile, view, rssi)),
            None if decoded.readings.is_empty() => decoders.read(view, rssi),
            None => None,
        })
    }

    /// What a profile makes of its last advertisement, for who asks.
    pub(super) fn read_for_account(&self, heard: &Heard, decoders: &Decoders) -> Option<Read> {
        self.read_by_profile(heard, &self.decode(heard), decoders)
    }

    /// How many calls of a profile's script failed since this was asked last.
    pub(super) fn failures(&mut self) -> u64 {
        std::mem::take(&mut self.failures)
    }

    /// How many readings came too soon since this was asked last.
    pub(super) fn too_soon(&mut self) -> u64 {
        std::mem::take(&mut self.too_soon)
    }

    /// Its key.
    pub(super) fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// The name it is taken to have, or had earlier.
    pub(super) fn known_name(&self) -> Option<&str> {
        self.model.as_deref().or(self.name.as_deref())
    }

    /// Decodes with its key, and with the name that is known.
    pub(super) fn decode(&self, heard: &Heard) -> Decoded {
        let named = self.model.as_ref().map(|model| Heard { name: Some(model.clone()), ..heard.clone() });
        named.as_ref().unwrap_or(heard).with_view(self.name.as_deref(), |view| decode(view, self.key.as_deref()))
    }

    /// Marks everything that was said as out of date.
    pub(super) fn stale(&mut self, ts: Timestamp) -> Vec<Reading> {
        let stale = |slot: &mut Slot| {
            let reading = Reading::bad(Arc::clone(&slot.point), "stale", ts);
            (slot.last, slot.passed) = (Some(reading.clone()), None);
            reading
        };
        self.points.values_mut().map(stale).collect()
    }

    /// The last reading of a point.
    pub(super) fn last(&self, point: &PointName) -> Option<&Reading> {
        self.points.get(point)?.last.as_ref()
    }
}
