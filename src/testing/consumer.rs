//! A cloud in small: reads the messages of the upstream contract and proves from them alone whether all are there.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde::{Deserialize, de::IgnoredAny};

/// How a zstd frame begins.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Unpacked, no message is larger.
const MAX_MESSAGE: usize = 100 * 1024;

/// What has arrived, by store, epoch and stream.
#[derive(Debug, Default)]
pub struct Consumer {
    /// Each numbered stream.
    streams: BTreeMap<(String, u64, String), Numbers>,
    /// Blocks that a gap event has explained: store, stream, epoch, first, last.
    gaps: Vec<(String, String, u64, u64, u64)>,
    /// Readings in messages that arrived for the first time.
    readings: u64,
    /// Messages that arrived again, byte for byte the same.
    duplicates: u64,
    /// Messages that arrived again with other content. Each is a broken promise.
    conflicts: u64,
}

/// The messages of one stream.
#[derive(Debug, Default)]
struct Numbers {
    /// Hash of each message's bytes by `seq`.
    hashes: HashMap<u64, u64>,
    /// Largest `seq`.
    last: u64,
}

/// The part of a message that proves something.
#[derive(Deserialize)]
struct Header {
    store: String,
    epoch: u64,
    stream: String,
    seq: u64,
    #[serde(default)]
    readings: Vec<IgnoredAny>,
    gap: Option<Gap>,
}

/// A gap of numbered blocks; one of unnumbered readings has none of these fields.
#[derive(Deserialize)]
struct Gap {
    store: Option<String>,
    stream: String,
    epoch: Option<u64>,
    from: Option<u64>,
    to: Option<u64>,
}

impl Consumer {
    /// Takes one message of `data`, `event` or `outcome`; false when it is no message of the contract.
    pub fn take(&mut self, payload: &[u8]) -> bool {
        let Some(payload) = unpacked(payload) else { return false };
        let payload = &*payload;
        let Ok(header) = serde_json::from_slice::<Header>(payload) else { return false };
        let store = header.store.clone();
        let numbers = self.streams.entry((header.store, header.epoch, header.stream)).or_default();
        numbers.last = numbers.last.max(header.seq);
        match numbers.hashes.entry(header.seq) {
            Entry::Vacant(entry) => {
                entry.insert(hash(payload));
                self.readings += header.readings.len() as u64;
            }
            Entry::Occupied(entry) if *entry.get() == hash(payload) => self.duplicates += 1,
            Entry::Occupied(_) => self.conflicts += 1,
        }
        if let Some(Gap { store: of, stream, epoch: Some(epoch), from: Some(from), to: Some(to) }) = header.gap {
            self.gaps.push((of.unwrap_or(store), stream, epoch, from, to));
        }
        true
    }

    /// Numbers that are missing below the largest of their stream, and that no gap event explains.
    pub fn missing(&self) -> u64 {
        let unexplained = |(store, epoch, stream): &(String, u64, String), seq: u64| {
            let explains = |(by, name, of, from, to): &(String, String, u64, u64, u64)| {
                by == store && name == stream && of == epoch && (*from..=*to).contains(&seq)
            };
            !self.gaps.iter().any(explains)
        };
        let missing_of = |key: &(String, u64, String), numbers: &Numbers| {
            let holes = (1..=numbers.last).filter(|seq| !numbers.hashes.contains_key(seq));
            holes.filter(|&seq| unexplained(key, seq)).count() as u64
        };
        self.streams.iter().map(|(key, numbers)| missing_of(key, numbers)).sum()
    }

    /// Different messages that arrived.
    pub fn messages(&self) -> u64 {
        self.streams.values().map(|numbers| numbers.hashes.len() as u64).sum()
    }

    /// Readings in them.
    pub fn readings(&self) -> u64 {
        self.readings
    }

    /// Messages that arrived again, byte for byte the same.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Messages that arrived again with other content.
    pub fn conflicts(&self) -> u64 {
        self.conflicts
    }
}

/// What a message holds: packed ones begin with zstd's magic. `None` for one that cannot be unpacked.
fn unpacked(payload: &[u8]) -> Option<Cow<'_, [u8]>> {
    if payload.starts_with(&ZSTD_MAGIC) {
        zstd::bulk::decompress(payload, MAX_MESSAGE).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(payload))
    }
}

/// A message's bytes as a number.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(seq: u64, readings: &str) -> String {
        format!(r#"{{"store":"s","epoch":1,"stream":"data","seq":{seq},"readings":[{readings}]}}"#)
    }

    #[test]
    fn holes_count_until_a_gap_explains_them() {
        let mut consumer = Consumer::default();
        for seq in [1, 2, 5] {
            assert!(consumer.take(data(seq, "{}").as_bytes()));
        }
        assert_eq!((consumer.missing(), consumer.readings()), (2, 3));

        let gap = r#"{"store":"s","epoch":1,"stream":"event","seq":1,"type":"gap","gap":{"stream":"data","epoch":1,"from":3,"to":4}}"#;
        consumer.take(gap.as_bytes());

        assert_eq!(consumer.missing(), 0);
    }

    #[test]
    fn a_packed_message_is_the_same_as_it_was_before() {
        let (mut consumer, plain) = (Consumer::default(), data(1, "{},{},{}"));

        assert!(consumer.take(plain.as_bytes()));
        assert!(consumer.take(&zstd::bulk::compress(plain.as_bytes(), 3).unwrap()));
        assert!(!consumer.take(&ZSTD_MAGIC));

        assert_eq!((consumer.readings(), consumer.duplicates(), consumer.conflicts()), (3, 1, 0));
    }

    #[test]
    fn a_repeat_is_told_from_a_contradiction() {
        let mut consumer = Consumer::default();

        consumer.take(data(1, "{}").as_bytes());
        consumer.take(data(1, "{}").as_bytes());
        consumer.take(data(1, "{},{}").as_bytes());

        assert_eq!((consumer.messages(), consumer.duplicates(), consumer.conflicts()), (1, 1, 1));
        assert!(!consumer.take(b"hello"));
    }
}
