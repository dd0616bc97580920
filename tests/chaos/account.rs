//! The account of one cloud: which of the readings that the units handed out have arrived, which of the others a fault
//! may have taken, and which a gap explains.
//!
//! What a broker has acknowledged counts as arrived: from there on it was the broker's to deliver, and the tests kill
//! brokers that keep nothing.

mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;
use tidegate::testing::consumer::Consumer;

use crate::harness::{Id, Listener, Message, PREFIX, Tap};

/// How often each point was read, by `unit/point`.
pub(crate) type Served = BTreeMap<String, u32>;

/// Readings that a fault may take: those handed out after the one count and up to the other.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    /// Everything up to here must be safe.
    pub(crate) from: Served,
    /// What was handed out when it was over.
    pub(crate) to: Served,
}

impl Allowance {
    /// Whether it covers a reading.
    pub(crate) fn covers(&self, place: &str, count: u32) -> bool {
        self.from[place] < count && count <= self.to[place]
    }
}

/// What one cloud has.
#[derive(Default)]
pub(crate) struct Account {
    /// Everything that went to the broker, repeats included.
    sends: Consumer,
    /// What arrived, in the order of its arrival, for the reference consumer.
    arrived: Vec<Message>,
    /// Their contents.
    known: HashSet<(String, Vec<u8>)>,
    /// Counts that arrived of each point.
    values: BTreeMap<String, BTreeSet<u32>>,
    /// Numbered messages that arrived.
    numbers: HashSet<Id>,
    /// What gaps explain: how many readings, and in which messages, if they had numbers.
    gaps: Vec<(u64, Vec<Id>)>,
    /// Events that tell of a damaged file.
    pub(crate) damages: Vec<String>,
    /// Messages of the listener that are taken.
    listened: usize,
    /// Sends of the tap that are taken.
    tapped: usize,
    /// Sends that were not acknowledged when they were taken.
    unacked: Vec<usize>,
    /// Good readings that no unit can have given.
    pub(crate) wrong: Vec<String>,
}

/// What became of the readings that were handed out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Handed out.
    pub(crate) accepted: u64,
    /// Arrived.
    pub(crate) delivered: u64,
    /// Within what a kill may take.
    pub(crate) crashed: u64,
    /// Explained by a gap, or by an event that tells of a damaged file.
    pub(crate) told: u64,
    /// Everything else.
    pub(crate) lost: Vec<(String, u32)>,
}

impl Account {
    /// Takes what is new.
    pub(crate) fn take(&mut self, listener: &Listener, tap: &Tap) {
        let (from, unacked, tapped) = (self.listened, std::mem::take(&mut self.unacked), self.tapped);
        let heard = listener.wait_for("its messages", |messages| Some(messages[from..].to_vec()));
        self.listened += heard.len();
        let (sends, acked) = tap.read(|sent| {
            self.tapped = sent.len();
            let (acked, open): (Vec<_>, Vec<_>) =
                unacked.into_iter().chain(tapped..sent.len()).partition(|&place| sent[place].is_acked);
            self.unacked = open;
            let sends: Vec<_> = sent[tapped..].iter().map(|sent| sent.message.clone()).collect();
            (sends, acked.into_iter().map(|place| sent[place].message.clone()).collect::<Vec<_>>())
        });
        for message in sends.iter().filter(|message| !message.topic.ends_with("/state")) {
            self.sends.take(&message.payload);
        }
        heard.into_iter().chain(acked).for_each(|message| self.arrive(message));
    }

    /// Messages that were sent again, and those among them that had another content.
    pub(crate) fn repeats(&self) -> (u64, u64) {
        (self.sends.duplicates(), self.sends.conflicts())
    }

    /// Everything that arrived, each content once.
    pub(crate) fn arrived(&self) -> &[Message] {
        &self.arrived
    }

    /// What became of everything handed out so far, given what kills may have taken and what damage may have.
    pub(crate) fn fate(&self, served: &Served, kills: &[Allowance], damaged: Option<&Served>) -> Fate {
        let mut fate = Fate::default();
        let mut missing = Vec::new();
        for (place, &times) in served {
            fate.accepted += u64::from(times);
            let arrived = self.values.get(place);
            let absent = (1..=times).filter(|count| !arrived.is_some_and(|counts| counts.contains(count)));
            let before = missing.len();
            missing.extend(absent.map(|count| (place.clone(), count)));
            fate.delivered += u64::from(times) - (missing.len() - before) as u64;
        }
        let (crashed, missing): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|(place, count)| kills.iter().any(|kill| kill.covers(place, *count)));
        fate.crashed = crashed.len() as u64;
        self.explain(missing, damaged, &mut fate);
        fate
    }

    /// Sets off what gaps and events explain; the rest is lost.
    fn explain(&self, missing: Vec<(String, u32)>, damaged: Option<&Served>, fate: &mut Fate) {
        // An event about a damaged file speaks for everything before the damage; how much that was nobody can know.
        let damaged = damaged.filter(|_| !self.damages.is_empty());
        let (told, mut missing): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|(place, count)| damaged.is_some_and(|served| *count <= served[place]));
        // A gap is told to every cloud, also to one that had its messages before they were damaged.
        let is_ours = |ids: &[Id]| ids.is_empty() || ids.iter().any(|id| !self.numbers.contains(id));
        let explained: u64 = self.gaps.iter().filter(|(_, ids)| is_ours(ids)).map(|(readings, _)| readings).sum();
        let by_gaps = usize::try_from(explained).expect("fits").min(missing.len());
        fate.told = (told.len() + by_gaps) as u64;
        fate.lost = missing.split_off(by_gaps);
    }

    /// Takes a message whose content is new.
    fn arrive(&mut self, message: Message) {
        let Some(stream) = message.topic.strip_prefix(PREFIX) else { return };
        if !self.known.insert((stream.to_owned(), message.payload.clone())) {
            return;
        }
        let body = message.json();
        if let Some(seq) = body["seq"].as_u64() {
            self.numbers.insert(id(&body, body["epoch"].as_u64(), &body["stream"], seq));
        }
        match stream {
            "/data" => self.readings(&body),
            "/event" => self.event(&body),
            _ => {}
        }
        self.arrived.push(message);
    }

    /// The values of a block.
    fn readings(&mut self, block: &Value) {
        for reading in block["readings"].as_array().expect("data has readings") {
            let Some(value) = reading["value"].as_u64() else { continue };
            let place = format!("{}/{}", value >> 24, value >> 16 & 0xff);
            let claimed = format!("unit-{}/v{}", value >> 24, value >> 16 & 0xff);
            if claimed != point(reading) {
                self.wrong.push(reading.to_string());
            }
            self.values.entry(place).or_default().insert(u32::try_from(value & 0xffff).expect("16 bits"));
        }
    }

    /// An event that explains an absence.
    fn event(&mut self, event: &Value) {
        if let Some(gap) = event.get("gap") {
            let range = gap["from"].as_u64().zip(gap["to"].as_u64()).map(|(from, to)| from..=to);
            let ids = range.into_iter().flatten().map(|seq| id(event, gap["epoch"].as_u64(), &gap["stream"], seq));
            self.gaps.push((gap["readings"].as_u64().expect("a gap counts readings"), ids.collect()));
        }
        let what = event["what"].as_str().unwrap_or_default();
        if event["type"] == "gateway" && ["store-replaced", "store-rolled-back"].contains(&what) {
            self.damages.push(format!("{what}: {}", event["text"].as_str().unwrap_or_default()));
        }
    }
}

/// The id of a message that another one of its store speaks of.
fn id(speaker: &Value, epoch: Option<u64>, stream: &Value, seq: u64) -> Id {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    Id { store: text(&speaker["store"]), epoch: epoch.expect("an epoch"), stream: text(stream), seq }
}

/// The point a reading claims to be of.
fn point(reading: &Value) -> String {
    let text = |key: &str| reading[key].as_str().expect("a reading names its point").to_owned();
    format!("{}/{}", text("device"), text("point"))
}
