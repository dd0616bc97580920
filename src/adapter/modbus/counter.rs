//! Counters: registers that begin again at 0 after their last number, or because the device started anew.
//!
//! What is published is what was counted in all. A fall is a roll-over when the way through the last number is as short
//! as two readings can be apart; any other fall is a reset, after which counting goes on from 0. What a device counted
//! between the last reading and a reset nobody knows, so the first reading after one is uncertain.
//!
//! Number shown last and total are kept together ([`Kept`]): whoever takes up a pair that is older than it should be
//! comes to the same total, as long as the counter did not go further than one step meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    config::{Device, MappedPoint},
    layout::registers,
};

/// The quality of the first reading after a reset.
pub(super) const RESET: &str = "counter-reset";

/// A counter is kept anew when it has gone through so many parts of its range since.
const PARTS: u64 = 16;

/// How a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The number after which it begins again at 0.
    pub last: u64,
    /// The most it counts between two readings.
    pub step: u64,
}

/// What one counter came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    /// What the device showed last.
    raw: u64,
    /// What that is in all.
    total: u64,
    /// What the device showed when it was kept last; `None` since a roll-over or a reset.
    kept: Option<u64>,
}

/// What a counter stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// What was counted in all.
    pub(super) total: u64,
    /// Whether the device began anew.
    pub(super) is_reset: bool,
}

/// One counter as it is kept: its place, type and byte order, whatever its point is named. Read in another way it is
/// another number, and nothing of what was counted holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    register: String,
    #[serde(rename = "type")]
    data: String,
    /// Empty where an earlier version kept it, which did not say.
    #[serde(default)]
    order: String,
    raw: u64,
    total: u64,
}

/// The counters of a link, by device and point. One for each point that is a counter, at most.
#[derive(Debug, Default)]
pub(super) struct Tallies(BTreeMap<(usize, usize), Tally>);

impl Counter {
    /// What was counted from one number to the next; `None` when the device began anew.
    fn counted(self, from: u64, to: u64) -> Option<u64> {
        if to >= from {
            return Some(to - from);
        }
        let through_the_end = self.last.checked_sub(from)?.saturating_add(to).saturating_add(1);
        (through_the_end <= self.step).then_some(through_the_end)
    }
}

impl Tally {
    /// The device shows this number now.
    fn count(&mut self, counter: Counter, raw: u64) -> Count {
        let more = counter.counted(self.raw, raw);
        if raw < self.raw {
            self.kept = None;
        }
        // Saturates after 2^64 counts.
        self.total = self.total.saturating_add(more.unwrap_or(raw));
        self.raw = raw;
        Count { total: self.total, is_reset: more.is_none() }
    }

    /// Whether what was kept is too old to go on from.
    fn is_unkept(&self, counter: Counter) -> bool {
        self.kept.is_none_or(|kept| self.raw.saturating_sub(kept) > counter.last / PARTS)
    }
}

impl Tallies {
    /// A counter shows this number now. The first one that is known is what was counted so far.
    pub(super) fn count(&mut self, place: (usize, usize), counter: Counter, raw: u64) -> Count {
        self.0.entry(place).or_insert(Tally { raw, total: raw, kept: None }).count(counter, raw)
    }

    /// What a counter would stand at, were this its next number.
    pub(super) fn peek(&self, place: (usize, usize), counter: Counter, raw: u64) -> Count {
        let known = self.0.get(&place).copied();
        known.map_or(Count { total: raw, is_reset: false }, |mut tally| tally.count(counter, raw))
    }

    /// Takes up what was kept of a device.
    pub(super) fn recall(&mut self, index: usize, device: &Device, kept: &[Kept]) {
        for (place, mapped) in device.points.iter().enumerate() {
            let Some(counter) = mapped.counter() else { continue };
            let is_it = |kept: &&Kept| kept.is_of(mapped) && kept.raw <= counter.last;
            if let Some(&Kept { raw, total, .. }) = kept.iter().find(is_it) {
                self.0.insert((index, place), Tally { raw, total, kept: Some(raw) });
            }
        }
    }

    /// What is to be kept of a device.
    pub(super) fn kept(&self, index: usize, device: &Device) -> Vec<Kept> {
        let of_device = self.0.range((index, 0)..(index + 1, 0));
        of_device.map(|(&(_, place), tally)| Kept::new(&device.points[place], tally)).collect()
    }

    /// Whether something should be kept soon, or in the end anything at all; it counts as kept then.
    pub(super) fn wants_keeping(&mut self, devices: &[Device], is_end: bool) -> bool {
        let unkept = self.0.iter().any(|(&(device, place), tally)| match devices[device].points[place].counter() {
            Some(_) if is_end => tally.kept != Some(tally.raw),
            Some(counter) => tally.is_unkept(counter),
            None => false,
        });
        if unkept {
            self.0.values_mut().for_each(|tally| tally.kept = Some(tally.raw));
        }
        unkept
    }
}

impl Kept {
    /// A point's counter.
    fn new(mapped: &MappedPoint, tally: &Tally) -> Self {
        let (register, data) = (mapped.register.to_string(), mapped.data.to_string());
        Self { register, data, order: letters(mapped), raw: tally.raw, total: tally.total }
    }

    /// Whether it is this point's.
    fn is_of(&self, mapped: &MappedPoint) -> bool {
        self.register == mapped.register.to_string()
            && self.data == mapped.data.to_string()
            && (self.order.is_empty() || self.order == letters(mapped))
    }
}

/// The byte order of a counter as the configuration writes it: `CDAB`.
fn letters(mapped: &MappedPoint) -> String {
    let order = &mapped.order;
    let places: &[u8] = match registers(mapped.data) {
        1 => &order.two,
        2 => &order.four,
        _ => &order.eight,
    };
    places.iter().map(|place| char::from(b'A' + place)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adapter::modbus::{
        config::DataType,
        fixtures::{device, mapped},
    };

    const WORD: Counter = Counter { last: 65_535, step: 1000 };

    fn totals(counter: Counter, shown: &[u64]) -> Vec<(u64, bool)> {
        let mut tallies = Tallies::default();
        let count = |&raw| tallies.count((0, 0), counter, raw);
        shown.iter().map(count).map(|count| (count.total, count.is_reset)).collect()
    }

    fn meter() -> Device {
        let mut point = mapped("holding", 4, DataType::U16);
        point.conversion.counter = Some(Box::new(WORD));
        device(vec![point, mapped("holding", 5, DataType::U16)])
    }

    #[test]
    fn a_roll_over_goes_on_and_a_reset_is_told_apart() {
        assert_eq!(
            totals(WORD, &[65_000, 65_535, 0, 464]),
            [(65_000, false), (65_535, false), (65_536, false), (66_000, false)]
        );
        assert_eq!(totals(WORD, &[500, 520, 0, 7]), [(500, false), (520, false), (520, true), (527, false)]);
        // The way through the end is longer than one step.
        assert_eq!(totals(WORD, &[64_600, 65]), [(64_600, false), (64_665, true)]);
        assert_eq!(totals(WORD, &[64_600, 64]), [(64_600, false), (65_600, false)]);
    }

    #[test]
    fn a_counter_of_64_bits_neither_overflows_nor_wraps() {
        let wide = Counter { last: u64::MAX, step: u64::MAX / 4 };
        assert_eq!(totals(wide, &[u64::MAX - 1, 3]), [(u64::MAX - 1, false), (u64::MAX, false)]);
    }

    #[test]
    fn an_older_pair_leads_to_the_same_total() {
        let mut tallies = Tallies::default();
        let device = meter();
        tallies.count((0, 0), WORD, 65_400);
        let kept = tallies.kept(0, &device);
        let later = tallies.count((0, 0), WORD, 65_500);
        let last = tallies.count((0, 0), WORD, 200);

        let mut recalled = Tallies::default();
        recalled.recall(0, &device, &kept);

        assert_eq!((later.total, recalled.count((0, 0), WORD, 200)), (65_500, last));
    }

    #[test]
    fn what_was_counted_in_another_byte_order_is_forgotten() {
        let wide = |four: [u8; 4]| {
            let mut point = mapped("holding", 4, DataType::U32);
            point.order.four = four;
            point.conversion.counter = Some(Box::new(Counter { last: u64::from(u32::MAX), step: 1000 }));
            device(vec![point])
        };
        let (wrong, right) = (wide([0, 1, 2, 3]), wide([2, 3, 0, 1]));
        let mut tallies = Tallies::default();
        tallies.count((0, 0), WORD, 60_000);
        let kept = tallies.kept(0, &wrong);

        let stands_at = |device: &Device| {
            let mut recalled = Tallies::default();
            recalled.recall(0, device, &kept);
            recalled.peek((0, 0), device.points[0].counter().unwrap(), 100).total
        };

        assert_eq!(stands_at(&right), 100);
        assert_eq!(stands_at(&wrong), 60_100, "a reset");
    }

    #[test]
    fn it_is_kept_after_each_fall_and_each_sixteenth_and_in_the_end() {
        let devices = [meter()];
        let mut tallies = Tallies::default();
        let mut keeps = |raw, is_end| {
            tallies.count((0, 0), WORD, raw);
            tallies.wants_keeping(&devices, is_end)
        };
        assert_eq!(
            [keeps(0, false), keeps(4095, false), keeps(4096, false), keeps(65_535, false)],
            [true, false, true, true]
        );
        assert_eq!([keeps(0, false), keeps(1, false), keeps(1, true), keeps(1, true)], [true, false, true, false]);
    }

    #[test]
    fn what_is_of_another_register_or_type_is_not_taken_up() {
        let of = |register: &str, data: &str| Kept {
            register: register.into(),
            data: data.into(),
            order: "AB".into(),
            raw: 1,
            total: 9,
        };
        let mut tallies = Tallies::default();

        tallies.recall(0, &meter(), &[of("holding:4", "u32"), of("input:4", "u16"), of("holding:5", "u16")]);
        assert_eq!(tallies.peek((0, 0), WORD, 3), Count { total: 3, is_reset: false });

        let old = r#"{"register":"holding:4","type":"u16","raw":1,"total":7}"#;
        tallies.recall(0, &meter(), &[serde_json::from_str(old).unwrap()]);
        assert_eq!(tallies.peek((0, 0), WORD, 3).total, 9, "of an earlier version");

        tallies.recall(0, &meter(), &[of("holding:4", "u16")]);
        assert_eq!(tallies.peek((0, 0), WORD, 3), Count { total: 11, is_reset: false });
    }

    proptest! {
        #[test]
        fn a_total_never_falls_and_counts_all_that_stays_within_a_step(
            steps in proptest::collection::vec(0..=1000u64, 1..60), start in 0..65_536u64,
        ) {
            let mut tallies = Tallies::default();
            let mut all = start;
            tallies.count((0, 0), WORD, start);
            for step in steps {
                all += step;
                let count = tallies.count((0, 0), WORD, all % 65_536);
                prop_assert_eq!(count, Count { total: all, is_reset: false });
            }
        }
    }
}
