//! Judges what arrived: every number once, in order, nothing missing that is not explained, no number with two
//! contents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{listener::Message, site::PREFIX, tap::Sent};

/// The message id of the contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    /// The database file's own id.
    pub(crate) store: String,
    /// Raised at each start.
    pub(crate) epoch: u64,
    /// `data`, `event` or `outcome`.
    pub(crate) stream: String,
    /// From 1 in each epoch.
    pub(crate) seq: u64,
}

/// A reading as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrived {
    /// Measured when.
    pub(crate) ts: String,
    /// `null` for a bad one.
    pub(crate) value: Value,
    /// `good` when the message says nothing.
    pub(crate) quality: String,
}

/// All numbered messages.
#[derive(Default)]
pub(crate) struct Blocks {
    /// Content by id.
    blocks: BTreeMap<Id, Vec<u8>>,
    /// Ids in the order of their first arrival.
    order: Vec<Id>,
}

impl Blocks {
    /// Takes what a listener was given.
    pub(crate) fn received(messages: &[Message]) -> Self {
        let mut blocks = Self::default();
        for message in messages {
            blocks.take(message);
        }
        blocks
    }

    /// Takes one message. A repeat must be identical to the last byte, and body and properties must agree.
    pub(crate) fn take(&mut self, message: &Message) {
        let Some(stream) = stream_of(&message.topic) else { return };
        let body = message.json();
        let id = id_of(&body);
        assert_eq!(id.stream, stream, "stream and topic of {id:?}");
        assert_properties(message, &id);
        let Some(first) = self.blocks.get(&id) else {
            self.blocks.insert(id.clone(), message.payload.clone());
            self.order.push(id);
            return;
        };
        assert!(
            *first == message.payload,
            "{id:?} has two contents:\n{}\n{}",
            String::from_utf8_lossy(first),
            String::from_utf8_lossy(&message.payload)
        );
    }

    /// Every id that went through the tap, with what the broker has acknowledged: that is the broker's to deliver.
    pub(crate) fn acknowledged(sent: &[Sent]) -> BTreeSet<Id> {
        let acked = sent.iter().filter(|sent| sent.is_acked && stream_of(&sent.message.topic).is_some());
        acked.map(|sent| id_of(&sent.message.json())).collect()
    }

    /// The numbers that are neither here, nor named by a gap, nor in `excused`: below the highest number of each
    /// stream and epoch, or below what a later `state` says the epoch had.
    pub(crate) fn missing(&self, states: &[Value], excused: &BTreeSet<Id>) -> Vec<Id> {
        let gaps = self.gaps();
        let mut missing = Vec::new();
        for ((store, epoch, stream), last) in self.ends(states) {
            let ids = (1..=last).map(|seq| Id { store: store.clone(), epoch, stream: stream.clone(), seq });
            missing.extend(ids.filter(|id| {
                !self.blocks.contains_key(id) && !excused.contains(id) && !gaps.iter().any(|gap| gap.covers(id))
            }));
        }
        missing
    }

    /// Fails if the first arrivals of a stream were not in the order of their numbers.
    pub(crate) fn assert_ordered(&self) {
        let mut last = BTreeMap::new();
        for id in &self.order {
            let key = (&id.store, &id.stream);
            let before = last.insert(key, (id.epoch, id.seq));
            assert!(before < Some((id.epoch, id.seq)), "{id:?} came after {before:?}");
        }
    }

    /// The epochs that have data, in order.
    pub(crate) fn epochs(&self) -> BTreeSet<u64> {
        self.blocks.keys().map(|id| id.epoch).collect()
    }

    /// The stores that were seen; there should be one.
    pub(crate) fn stores(&self) -> BTreeSet<&str> {
        self.blocks.keys().map(|id| id.store.as_str()).collect()
    }

    /// Readings by `device/point` in the order of their numbers.
    pub(crate) fn series(&self) -> BTreeMap<String, Vec<Arrived>> {
        let mut series = BTreeMap::<String, Vec<Arrived>>::new();
        for (_, body) in self.blocks.iter().filter(|(id, _)| id.stream == "data") {
            let body: Value = serde_json::from_slice(body).unwrap();
            for reading in body["readings"].as_array().expect("data has readings") {
                let name = format!("{}/{}", text(&reading["device"]), text(&reading["point"]));
                series.entry(name).or_default().push(Arrived::of(reading));
            }
        }
        series
    }

    /// The highest number of each stream and epoch, by arrival or by what a later `state` said.
    fn ends(&self, states: &[Value]) -> BTreeMap<(String, u64, String), u64> {
        let mut ends = BTreeMap::new();
        let mut raise = |store: &str, epoch: u64, stream: &str, seq: u64| {
            let end: &mut u64 = ends.entry((store.to_owned(), epoch, stream.to_owned())).or_default();
            *end = seq.max(*end);
        };
        for id in self.blocks.keys() {
            raise(&id.store, id.epoch, &id.stream, id.seq);
        }
        for state in states {
            for closed in state["previous"].as_array().into_iter().flatten() {
                for stream in ["data", "event", "outcome"] {
                    let seq = closed[stream].as_u64().unwrap_or(0);
                    raise(text(&state["store"]), number(&closed["epoch"]), stream, seq);
                }
            }
        }
        ends
    }

    /// Every gap the gateway has told of.
    fn gaps(&self) -> Vec<Gap> {
        let events = self.blocks.iter().filter(|(id, _)| id.stream == "event");
        events.filter_map(|(id, body)| Gap::of(id, &serde_json::from_slice(body).unwrap())).collect()
    }
}

impl Arrived {
    /// Reads one reading; a value without a quality is good, and a bad one has no value.
    fn of(reading: &Value) -> Self {
        let quality = reading["quality"].as_str().unwrap_or("good").to_owned();
        let arrived = Self { ts: text(&reading["ts"]).to_owned(), value: reading["value"].clone(), quality };
        assert_eq!(arrived.value.is_null(), arrived.quality.starts_with("bad"), "{reading}");
        arrived
    }

    /// Whether it can be trusted.
    pub(crate) fn is_good(&self) -> bool {
        self.quality == "good"
    }

    /// The value as a whole number.
    pub(crate) fn number(&self) -> u64 {
        number(&self.value)
    }
}

/// A range of numbers that will never come.
struct Gap {
    /// Store, epoch and stream of the missing ones.
    place: (String, u64, String),
    /// First to last.
    range: std::ops::RangeInclusive<u64>,
}

impl Gap {
    /// The gap an event tells of, if it tells of numbers.
    fn of(id: &Id, event: &Value) -> Option<Self> {
        let gap = event.get("gap")?;
        let range = gap["from"].as_u64()?..=number(&gap["to"]);
        let store = gap["store"].as_str().unwrap_or(&id.store).to_owned();
        Some(Self { place: (store, number(&gap["epoch"]), text(&gap["stream"]).to_owned()), range })
    }

    /// Whether it explains a missing number.
    fn covers(&self, id: &Id) -> bool {
        (&self.place.0, self.place.1, &self.place.2) == (&id.store, id.epoch, &id.stream)
            && self.range.contains(&id.seq)
    }
}

/// What `tests/peers/modbus_server.py` answers for the `times`-th read of a point.
pub(crate) fn value_of(unit: u32, point: u32, times: u32) -> u64 {
    u64::from((unit * 256 + point) << 16 | (times & 0xffff))
}

/// The stream that travels on a topic of the gateway, if it is a numbered one.
fn stream_of(topic: &str) -> Option<&str> {
    let stream = topic.strip_prefix(PREFIX)?.strip_prefix('/')?;
    ["data", "event", "outcome"].contains(&stream).then_some(stream)
}

/// The id in a message's body.
fn id_of(body: &Value) -> Id {
    Id {
        store: text(&body["store"]).to_owned(),
        epoch: number(&body["epoch"]),
        stream: text(&body["stream"]).to_owned(),
        seq: number(&body["seq"]),
    }
}

/// With MQTT 5 the id travels as user properties too.
fn assert_properties(message: &Message, id: &Id) {
    if message.properties.is_empty() {
        return;
    }
    let (epoch, seq) = (id.epoch.to_string(), id.seq.to_string());
    let wanted = [("store", &id.store), ("epoch", &epoch), ("stream", &id.stream), ("seq", &seq)];
    for (name, value) in wanted {
        assert_eq!(message.property(name), Some(value.as_str()), "property {name} of {id:?}");
    }
}

/// A field that must be text.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A field that must be a whole number.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}
