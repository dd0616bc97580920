//! What is known of the devices in reach besides what each advertisement says.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::adapter::ble::{decode::Address, heard::Heard};

/// Devices that are remembered. When there are more, the one that was silent longest is forgotten, and has no name until
/// it tells another or the next scan begins: random addresses come and go.
const CAPACITY: usize = 2048;

/// The devices in reach of one radio.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<Address, Entry>);

/// One device.
#[derive(Debug)]
struct Entry {
    /// The last advertisement, whose name, services and power stand in for those that are not told again.
    last: Heard,
    /// When it came.
    at: Instant,
}

impl Known {
    /// Fills in what an advertisement leaves out, and remembers it. Data that only an earlier one held are taken out.
    pub(super) fn complete(&mut self, heard: &mut Heard, now: Instant) {
        self.make_room(heard.address);
        let entry = self
            .0
            .entry(heard.address)
            .or_insert_with(|| Entry { last: Heard { address: heard.address, ..Heard::default() }, at: now });
        entry.at = now;
        let last = &mut entry.last;
        heard.rssi = heard.rssi.or(last.rssi);
        heard.name = heard.name.take().or_else(|| last.name.clone());
        if heard.services.is_empty() {
            heard.services.clone_from(&last.services);
        }
        let all = heard.manufacturer.clone();
        keep_new(&mut heard.manufacturer, &last.manufacturer);
        (last.rssi, last.name) = (heard.rssi, heard.name.clone());
        last.services.clone_from(&heard.services);
        if !all.is_empty() {
            last.manufacturer = all;
        }
    }

    /// Forgets one if another comes and there is no room.
    fn make_room(&mut self, newcomer: Address) {
        if self.0.len() < CAPACITY || self.0.contains_key(&newcomer) {
            return;
        }
        let oldest = self.0.iter().min_by_key(|(_, entry)| entry.at).map(|(address, _)| *address);
        oldest.map(|oldest| self.0.remove(&oldest));
    }
}

/// Takes out what a dictionary only collected: when all that was there before is there again and something new beside
/// it, the new is what was sent. Otherwise devices that put measurements where the company belongs give old ones.
fn keep_new(now: &mut Vec<(u16, Vec<u8>)>, before: &[(u16, Vec<u8>)]) {
    let has_grown = now.len() > before.len() && before.iter().all(|entry| now.contains(entry));
    if has_grown {
        now.retain(|entry| !before.contains(entry));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn heard(last_byte: u8) -> Heard {
        Heard { address: Address([0, 0, 0, 0, 0, last_byte]), ..Heard::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_told_again_stands_from_before() {
        let mut known = Known::default();
        let mut first = Heard { rssi: Some(-60), name: Some("sps".into()), ..heard(1) };
        known.complete(&mut first, Instant::now());
        let (mut second, mut other) = (heard(1), heard(2));

        known.complete(&mut second, Instant::now());
        known.complete(&mut other, Instant::now());

        assert_eq!((second.rssi, second.name.as_deref()), (Some(-60), Some("sps")));
        assert_eq!((other.rssi, other.name), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dictionary_that_only_grew_gives_what_is_new() {
        let mut known = Known::default();
        let (old, new) = ((1, vec![1]), (2, vec![2]));
        let mut give = |entries: &[&(u16, Vec<u8>)]| {
            let mut heard =
                Heard { manufacturer: entries.iter().map(|entry| (*entry).clone()).collect(), ..heard(1) };
            known.complete(&mut heard, Instant::now());
            heard.manufacturer
        };

        assert_eq!(give(&[&old]), std::slice::from_ref(&old));
        assert_eq!(give(&[&old]), std::slice::from_ref(&old));
        assert_eq!(give(&[&old, &new]), std::slice::from_ref(&new));
        assert_eq!(give(&[&old, &new]), [old.clone(), new.clone()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_pushes_out_the_one_silent_longest() {
        let mut known = Known::default();
        for n in 0..=u16::try_from(CAPACITY).unwrap() {
            let [high, low] = n.to_be_bytes();
            let mut heard = Heard { address: Address([0, 0, 0, 0, high, low]), ..Heard::default() };
            known.complete(&mut heard, Instant::now());
            tokio::time::advance(Duration::from_millis(1)).await;
        }

        assert_eq!(known.0.len(), CAPACITY);
        assert!(!known.0.contains_key(&Address([0; 6])));
    }
}
