//! Cutting: readings gather until their block is full or its time has come, and then get their number.
//!
//! A block holds at most 1 000 readings and as many as fit 100 KiB of upstream JSON, counted as they come.

use std::{collections::BTreeMap, io, mem, sync::Arc};

use tokio::time::Instant;

use super::{Identity, Origin, route::Track, sight::Sight};
use crate::{
    config::Priority,
    model::{
        Block, BlockBody, BlockId, ClockQuality, Event, Gap, Grade, Outcome, Quality, Reading, ResponseTo, Stream,
        Timestamp,
    },
};

/// Most readings in a block.
const MAX_READINGS: usize = 1_000;
/// Most bytes of JSON in a block: 100 KiB less 2 KiB for the header.
const MAX_BYTES: usize = 98 << 10;
/// The punctuation, keys and time of one reading without unit and quality.
const READING: usize = r#"{"ts":"2026-11-20T12:00:00.123Z","device":"","point":"","value":},"#.len();
/// The same for the two optional fields.
const UNIT: usize = r#","unit":"#.len();
const QUALITY: usize = r#","quality":"#.len();
/// What a time beyond the year 9999 may take more.
const FAR_TIME: usize = 8;

/// The number given last in each stream.
pub(super) type Seqs = BTreeMap<Stream, u64>;

/// A block that was just cut.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) block: Block,
    /// Bytes of JSON.
    pub(super) bytes: usize,
    pub(super) priority: Priority,
    /// When its oldest reading was taken in.
    pub(super) since: Instant,
}

/// Gives blocks their numbers.
pub(super) struct Cutter {
    origin: Origin,
    identity: Identity,
    seqs: Seqs,
    last_id: u64,
    waiting: Vec<Waiting>,
    /// The last look at the clock, which blocks are stamped with.
    sight: Sight,
}

impl Cutter {
    /// The first block gets the id after `last_id`; numbers start at 1.
    pub(super) fn new(origin: Origin, identity: Identity, last_id: u64) -> Self {
        let sight = Sight::of(&*origin.clock);
        Self { origin, identity, seqs: Seqs::new(), last_id, waiting: Vec::new(), sight }
    }

    /// The present, by the origin's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.origin.clock.now()
    }

    /// How far the present can be trusted.
    pub(super) fn clock(&self) -> ClockQuality {
        self.origin.clock.quality()
    }

    /// The last look at the clock.
    pub(super) fn sight(&self) -> Sight {
        self.sight
    }

    /// From now on blocks are stamped with this look.
    pub(super) fn see(&mut self, sight: Sight) {
        self.sight = sight;
    }

    /// What blocks are stamped with.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The id given last.
    pub(super) fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The number given last in each stream.
    pub(super) fn seqs(&self) -> &Seqs {
        &self.seqs
    }

    /// When the oldest reading that waits for its block was taken in.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.waiting.iter().filter(|waiting| !waiting.readings.is_empty()).map(|waiting| waiting.since).min()
    }

    /// Takes a reading that [`fit`] has measured; gives the block that had no room for it any more.
    pub(super) fn push(&mut self, track: &Track, reading: Reading, bytes: usize, now: Instant) -> Option<Cut> {
        let place = self.place(track);
        let waiting = &self.waiting[place];
        let is_full = waiting.readings.len() == MAX_READINGS || waiting.bytes + bytes > MAX_BYTES;
        let cut = if is_full { self.cut_at(place) } else { None };
        let waiting = &mut self.waiting[place];
        if waiting.readings.is_empty() {
            waiting.since = now;
        }
        waiting.readings.push(reading);
        waiting.bytes += bytes;
        cut
    }

    /// Blocks of all that waits.
    pub(super) fn cut(&mut self) -> Vec<Cut> {
        (0..self.waiting.len()).filter_map(|place| self.cut_at(place)).collect()
    }

    fn cut_at(&mut self, place: usize) -> Option<Cut> {
        let waiting = self.waiting.get_mut(place)?;
        let (readings, bytes) = (mem::take(&mut waiting.readings), mem::take(&mut waiting.bytes));
        if readings.is_empty() {
            return None;
        }
        let (Track { stream, priority }, since) = (waiting.track.clone(), waiting.since);
        let block = self.block(&stream, BlockBody::Readings(readings.into()));
        Some(Cut { block, bytes, priority, since })
    }

    /// Where readings of a track wait: there are as many places as streams and priorities.
    fn place(&mut self, track: &Track) -> usize {
        if let Some(place) = self.waiting.iter().position(|waiting| waiting.track == *track) {
            return place;
        }
        self.waiting.push(Waiting { track: track.clone(), readings: Vec::new(), bytes: 0, since: Instant::now() });
        self.waiting.len() - 1
    }

    /// The block of an event.
    pub(super) fn event(&mut self, event: &Event) -> Cut {
        let mut fields = event.fields();
        if fields.len() > MAX_BYTES {
            let text = format!("an event of {} bytes was too large to send", fields.len());
            fields = Event::gateway(event.ts, "event-too-large", text).fields();
        }
        self.message(&Stream::Event, event.ts, &fields, None)
    }

    /// The block of an outcome.
    pub(super) fn outcome(&mut self, outcome: &Outcome) -> Cut {
        let mut fields = outcome.fields();
        if fields.len() > MAX_BYTES {
            let short = Outcome { value: None, ..outcome.clone() }.because("value or error is too large to send");
            fields = short.fields();
        }
        self.message(&Stream::Outcome, outcome.ts, &fields, outcome.response.clone())
    }

    /// The block of an event's or outcome's fields.
    pub(super) fn message(
        &mut self,
        stream: &Stream,
        ts: Timestamp,
        fields: &str,
        response: Option<ResponseTo>,
    ) -> Cut {
        let body = BlockBody::Message { ts, fields: fields.into(), response };
        let block = self.block(stream, body);
        Cut { block, bytes: fields.len(), priority: Priority::High, since: Instant::now() }
    }

    /// A block of another store once more, under new numbers; when and where it was cut stays as it is.
    pub(super) fn again(&mut self, old: &Block, priority: Priority) -> Cut {
        let (body, bytes) = match &old.body {
            BlockBody::Readings(readings) => (old.body.clone(), readings.iter().map(json_bytes).sum()),
            BlockBody::Message { ts, fields, response } => {
                let fields = Gap::from_store(fields, &old.store);
                let bytes = fields.len();
                (BlockBody::Message { ts: *ts, fields: fields.into(), response: response.clone() }, bytes)
            }
        };
        let new = self.block(&old.stream, body);
        let Block { gateway, clock, boot, uptime, .. } = old.clone();
        Cut { block: Block { gateway, clock, boot, uptime, ..new }, bytes, priority, since: Instant::now() }
    }

    /// Whether a block was cut in this boot.
    pub(super) fn is_of_this_boot(&self, block: &Block) -> bool {
        block.boot == self.origin.clock.boot()
    }

    fn block(&mut self, stream: &Stream, body: BlockBody) -> Block {
        let seq = self.seqs.entry(stream.clone()).or_default();
        *seq += 1;
        let seq = *seq;
        self.last_id += 1;
        Block {
            id: BlockId(self.last_id),
            gateway: Arc::clone(&self.origin.gateway),
            store: Arc::clone(&self.identity.store),
            epoch: self.identity.epoch,
            stream: stream.clone(),
            seq,
            clock: self.sight.quality,
            boot: self.origin.clock.boot(),
            uptime: self.sight.uptime,
            body,
        }
    }
}

/// Readings that wait for their block.
struct Waiting {
    track: Track,
    readings: Vec<Reading>,
    bytes: usize,
    /// When the first of them was taken in.
    since: Instant,
}

/// Measures a reading's JSON; one that no message could carry becomes `bad:too-large`, and the flag says so.
pub(super) fn fit(reading: Reading) -> (Reading, usize, bool) {
    let bytes = json_bytes(&reading);
    if bytes <= MAX_BYTES {
        return (reading, bytes, false);
    }
    let replaced = Reading { value: None, quality: Quality::bad("too-large"), ..reading };
    let bytes = json_bytes(&replaced);
    (replaced, bytes, true)
}

/// An upper bound of a reading's JSON.
fn json_bytes(reading: &Reading) -> usize {
    let Reading { point, value, quality, .. } = reading;
    let names = point.device().as_str().len() + point.name().as_str().len();
    let unit = point.unit.as_deref().map_or(0, |unit| UNIT + counted(unit));
    // The longest word before a reason is `uncertain:`.
    let quality = match quality.grade() {
        Grade::Good => 0,
        Grade::Uncertain(why) | Grade::Bad(why) => QUALITY + "uncertain:".len() + counted(why),
    };
    READING + FAR_TIME + names + counted(value) + unit + quality
}

/// The length of a value's JSON.
fn counted(value: impl serde::Serialize) -> usize {
    let mut counter = Counter(0);
    // Only the writer could fail, and a counter does not.
    let _ = serde_json::to_writer(&mut counter, &value);
    counter.0
}

/// A writer that only counts.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
