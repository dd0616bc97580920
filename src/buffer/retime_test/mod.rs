//! A wrong clock: a cloud that believes what it is told has every time right in the end, and nothing that left the
//! gateway ever changes.

mod any;
mod interrupted;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value as Json;

use super::{
    Append, Origin,
    core::Core,
    model_test::{core_of, feed, id, origin, reading, settings},
    rows::Table,
};
use crate::{
    config,
    model::{Block, BlockBody, BlockId, Clock, ClockQuality, Event, Reading, Stream, Timestamp, Value, Wanted},
    testing::clock::ManualClock,
};

/// Wall time less uptime while the clock is right.
const RIGHT_MS: i64 = ManualClock::START.as_millis() - 3_600_000;
const UNSET: ClockQuality = ClockQuality::None;
const RIGHT: ClockQuality = ClockQuality::Ntp;
const SECOND: Duration = Duration::from_secs(1);

/// A run as a clock event names it: stream, epoch, first, last, and what is to be added.
type Run = (String, u64, u64, u64, i64);

/// A gateway with two uplinks, its clock, and a cloud that takes what the uplinks fetch.
struct Site {
    dir: tempfile::TempDir,
    express: bool,
    clock: Arc<ManualClock>,
    core: Option<Core>,
    /// Every block as it was seen first.
    cloud: BTreeMap<(String, u64, u64), Arc<Block>>,
}

impl Site {
    /// One whose clock was never set.
    fn unset(express: bool) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.set(Timestamp::from_millis(5_000));
        clock.trust(ClockQuality::None);
        let mut site = Self { dir: tempfile::tempdir().unwrap(), express, clock, core: None, cloud: BTreeMap::new() };
        site.start();
        site
    }

    fn settings(&self) -> config::Buffer {
        settings(self.dir.path(), self.express, 1 << 30)
    }

    /// Starts the daemon, killing the one that runs.
    fn start(&mut self) {
        self.core = None;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let settings = self.settings();
        self.core = Some(core_of(&settings, Origin { clock, uplinks: vec![feed("a"), feed("b")], ..origin() }));
    }

    fn core(&mut self) -> &mut Core {
        self.core.as_mut().unwrap()
    }

    /// A reading, and an event, that say when they really were.
    fn measure(&mut self) {
        self.measure_all(1);
    }

    fn measure_all(&mut self, count: usize) {
        self.clock.advance(SECOND);
        let uptime = i64::try_from(self.clock.uptime().as_millis()).unwrap();
        let now = self.clock.now();
        let reading = Reading { ts: now, ..reading(Value::Int(uptime)) };
        self.core().take(Append { forward: vec![reading; count], ..Append::default() });
    }

    fn happen(&mut self) {
        let uptime = self.clock.uptime().as_millis().to_string();
        let event = Event::gateway(self.clock.now(), "test", uptime);
        self.core().take(Append { events: vec![event], ..Append::default() });
    }

    fn commit(&mut self) {
        assert!(self.core().commit());
    }

    /// Sets the clock, with a word on how far it can be trusted, and lets the gateway notice.
    fn set(&mut self, wall: Timestamp, quality: ClockQuality) {
        self.clock.set(wall);
        self.clock.trust(quality);
        self.core().tick();
    }

    /// A time server answers.
    fn trust(&mut self) {
        let uptime = i64::try_from(self.clock.uptime().as_millis()).unwrap();
        self.set(Timestamp::from_millis(RIGHT_MS + uptime), ClockQuality::Ntp);
        self.settle();
    }

    fn settle(&mut self) {
        while self.core().pass_due().is_some() {
            self.core().tick();
        }
        self.core().tick();
    }

    /// An uplink takes up to so many blocks, and has them acknowledged if it says so.
    fn fetch(&mut self, uplink: &str, limit: usize, is_acked: bool) -> usize {
        let blocks = self.core().fetch(uplink, Wanted::all_after(BlockId(0)), limit).unwrap();
        for block in &blocks {
            let known = self.cloud.entry(id(block)).or_insert_with(|| Arc::clone(block));
            assert_eq!(known, block, "a block changed after it had left");
        }
        if is_acked {
            let ids: Vec<_> = blocks.iter().map(|block| block.id).collect();
            self.core().delivered(uplink, &ids);
        }
        blocks.len()
    }

    fn drain(&mut self) {
        for uplink in ["a", "b"] {
            while self.fetch(uplink, 7, true) > 0 {}
        }
    }

    /// What clock events tell: the word, and the runs.
    fn told(&self) -> Vec<(String, Vec<Run>)> {
        let fields = self.cloud.values().filter_map(|block| match &block.body {
            BlockBody::Message { fields, .. } => serde_json::from_str::<Json>(fields).ok(),
            BlockBody::Readings(_) => None,
        });
        let run = |run: &Json| {
            let number = |key: &str| run[key].as_u64().unwrap();
            let (stream, offset) = (run["stream"].as_str().unwrap().to_owned(), run["offset_ms"].as_i64().unwrap());
            (stream, number("epoch"), number("from"), number("to"), offset)
        };
        let clocks = fields.filter(|fields| fields["type"] == "clock").map(|fields| fields["change"].clone());
        let told = |clock: Json| {
            let runs = clock["blocks"].as_array().cloned().unwrap_or_default();
            (clock["what"].as_str().unwrap().to_owned(), runs.iter().map(run).collect())
        };
        clocks.map(told).collect()
    }

    fn runs(&self) -> Vec<Run> {
        self.told().into_iter().flat_map(|(_, runs)| runs).collect()
    }

    /// What the cloud makes of it: each reading's and event's error. A block of a clock that is trusted, or was right
    /// all along, needs no correction.
    fn errors(&self, block: &Block) -> Vec<i64> {
        let (stream, epoch, seq) = id(block);
        let runs = self.runs().into_iter();
        let mut mine = runs.filter(|(s, e, from, to, _)| (s, *e) == (&stream, epoch) && (*from..=*to).contains(&seq));
        let offset = if block.clock.is_trusted() { 0 } else { mine.next_back().map_or(0, |run| run.4) };
        let error = |ts: Timestamp, uptime: i64| ts.as_millis() + offset - uptime - RIGHT_MS;
        match &block.body {
            BlockBody::Readings(readings) => readings
                .iter()
                .map(|reading| match reading.value {
                    Some(Value::Int(uptime)) => error(reading.ts, uptime),
                    _ => panic!("{reading:?} is none of ours"),
                })
                .collect(),
            BlockBody::Message { ts, fields, .. } => {
                let fields: Json = serde_json::from_str(fields).unwrap();
                let uptime = (fields["what"] == "test").then(|| fields["text"].as_str().unwrap().parse().unwrap());
                uptime.map(|uptime| error(*ts, uptime)).into_iter().collect()
            }
        }
    }

    fn assert_all_right(&self) {
        for block in self.cloud.values() {
            assert!(self.errors(block).iter().all(|error| error.abs() <= 500), "{block:?} {:?}", self.told());
        }
    }

    /// The qualities of the blocks of readings, as the cloud knows them.
    fn clocks(&self) -> Vec<ClockQuality> {
        self.cloud.values().filter(|block| block.stream == Stream::Data).map(|block| block.clock).collect()
    }
}

#[test]
fn what_was_stamped_in_1970_and_never_left_leaves_with_right_times() {
    let mut site = Site::unset(true);
    for _ in 0..3 {
        site.measure();
        site.commit();
    }
    site.happen();
    site.measure();

    site.trust();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::Ntp; 4]);
    assert_eq!(site.runs(), []);
    assert_eq!(site.told().iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>(), ["step", "trusted"]);
    assert_eq!(site.core().store().heads(Table::Pack, 0, 1 << 40, 9).unwrap()[0].clock, ClockQuality::Ntp);
}

#[test]
fn what_left_is_told_number_by_number_and_never_touched() {
    let mut site = Site::unset(true);
    for _ in 0..3 {
        site.measure();
        site.commit();
        site.fetch("a", 9, true);
    }
    site.happen();
    site.fetch("b", 9, false);

    site.trust();
    site.drain();

    site.assert_all_right();
    let offset = RIGHT_MS + 3_600_000 - 5_000;
    assert_eq!(site.runs(), [("data".into(), 1, 1, 3, offset), ("event".into(), 1, 1, 1, offset)]);
    assert_eq!(site.clocks(), [ClockQuality::None; 3]);
}

#[test]
fn half_of_it_left_and_the_other_half_is_set_right() {
    let mut site = Site::unset(false);
    for _ in 0..4 {
        site.measure();
        site.commit();
    }
    assert_eq!(site.fetch("a", 2, false), 2);

    site.trust();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.runs().iter().map(|run| (run.2, run.3)).collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!(site.clocks(), [UNSET, UNSET, RIGHT, RIGHT]);
}

#[test]
fn a_row_of_which_one_block_left_stays_whole_and_is_told() {
    let mut site = Site::unset(true);
    site.measure_all(2_500);
    site.commit();
    assert_eq!(site.core().store().heads(Table::Pack, 0, 1 << 40, 9).unwrap().len(), 1);
    assert_eq!(site.fetch("a", 1, false), 1);

    site.trust();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::None; 3]);
    assert_eq!(site.runs().iter().map(|run| (run.2, run.3)).collect::<Vec<_>>(), [(1, 3)]);
}

#[test]
fn a_clock_that_goes_back_and_forth_is_corrected_stretch_by_stretch() {
    let mut site = Site::unset(true);
    let hour = 3_600_000;
    for (round, hours) in [0_i64, 5, -3, 700].into_iter().enumerate() {
        let wall = Timestamp::from_millis(1_790_000_000_000 + hours * hour);
        site.set(wall, if round % 2 == 0 { ClockQuality::Estimated } else { ClockQuality::Rtc });
        site.measure();
        site.measure();
        site.commit();
        if round < 2 {
            site.fetch("a", 99, false);
        }
    }

    site.trust();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks().iter().filter(|clock| clock.is_trusted()).count(), 2);
    let mut offsets: Vec<_> = site.runs().iter().filter(|run| run.0 == "data").map(|run| run.4).collect();
    offsets.dedup();
    assert_eq!(offsets.len(), 2);
    assert_eq!(site.told().iter().filter(|(what, _)| what == "step").count(), 5);
}

#[test]
fn a_reading_in_a_queue_when_the_clock_jumps_is_not_left_in_1970() {
    let mut site = Site::unset(true);
    let uptime = i64::try_from(site.clock.uptime().as_millis()).unwrap();
    let old = Reading { ts: site.clock.now(), ..reading(Value::Int(uptime)) };
    site.trust();

    site.core().take(Append { forward: vec![old], ..Append::default() });
    site.drain();
    site.commit();
    site.drain();

    site.assert_all_right();
    assert_eq!(site.clocks(), [ClockQuality::Ntp]);
}

#[test]
fn an_hour_that_was_off_by_less_than_half_a_second_is_left_alone() {
    let mut site = Site::unset(true);
    site.set(ManualClock::START.moved(400), ClockQuality::Rtc);
    site.measure();
    site.commit();

    site.trust();
    site.drain();

    assert_eq!(site.clocks(), [ClockQuality::Rtc]);
    assert_eq!(site.runs(), []);
    site.assert_all_right();
}
