//! Who was heard of late, wanted or not, for whoever asks why a device gives nothing.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::adapter::ble::{decode::Address, heard::Heard};

/// Devices that are remembered. When there are more, the one that was silent longest is forgotten: somebody who asks
/// about it is told that it was not heard.
const CAPACITY: usize = 1024;

/// Everybody who was heard.
#[derive(Debug, Default)]
pub(super) struct Sightings(HashMap<Address, Sighting>);

/// One device.
#[derive(Debug)]
pub(super) struct Sighting {
    /// Its last advertisement.
    pub(super) heard: Heard,
    /// When that came.
    pub(super) at: Instant,
    /// How many came.
    pub(super) count: u64,
}

impl Sightings {
    /// Takes note of an advertisement.
    pub(super) fn note(&mut self, heard: Heard, now: Instant) {
        if let Some(known) = self.0.get_mut(&heard.address) {
            (known.heard, known.at, known.count) = (heard, now, known.count + 1);
            return;
        }
        if self.0.len() >= CAPACITY {
            let oldest = self.0.iter().min_by_key(|(_, sighting)| sighting.at).map(|(address, _)| *address);
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        self.0.insert(heard.address, Sighting { heard, at: now, count: 1 });
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Sighting> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_pushes_out_the_one_silent_longest() {
        let mut sightings = Sightings::default();
        let heard = |n: u16| {
            let [high, low] = n.to_be_bytes();
            Heard { address: Address([0, 0, 0, 0, high, low]), ..Heard::default() }
        };
        for n in 0..u16::try_from(CAPACITY).unwrap() {
            sightings.note(heard(n), Instant::now());
            tokio::time::advance(Duration::from_millis(1)).await;
        }

        sightings.note(heard(0), Instant::now());
        sightings.note(heard(9999), Instant::now());

        assert_eq!(sightings.iter().count(), CAPACITY);
        assert!(sightings.iter().any(|sighting| sighting.heard == heard(0) && sighting.count == 2));
        assert!(sightings.iter().all(|sighting| sighting.heard != heard(1)));
    }
}
