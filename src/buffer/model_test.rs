//! The buffer against a plain model: whatever is appended, acknowledged, evicted or cut off by a crash, what was
//! committed and not delivered is fetched, byte for byte, or covered by a gap.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;

use super::{Append, Feed, Metrics, Origin, codec::Encoder, core::Core, opening, seal::Seal};
use crate::{
    config::{self, Durability},
    model::{
        Block, BlockBody, BlockId, DeviceId, Event, Point, PointName, PointType, Reading, Receipt, Selector,
        StateChange, Stream, Value, Wanted,
    },
    testing::clock::ManualClock,
};

pub(super) fn settings(dir: &std::path::Path, express: bool, max_size: u64) -> config::Buffer {
    config::Buffer {
        path: dir.join("buffer.db"),
        max_size,
        max_age: Duration::from_secs(3_600),
        durability: Durability::Balanced,
        history: Duration::from_secs(600),
        commit: Duration::from_secs(1),
        linger: Duration::from_millis(50),
        express,
        policies: Vec::new(),
        key: None,
    }
}

/// An uplink without a filter.
pub(super) fn feed(name: &str) -> Feed {
    Feed { name: name.into(), filter: None }
}

pub(super) fn origin() -> Origin {
    Origin { gateway: "gw".into(), uplinks: vec![feed("a"), feed("b")], clock: Arc::new(ManualClock::default()) }
}

pub(super) fn core(settings: &config::Buffer) -> Core {
    core_of(settings, origin())
}

pub(super) fn core_of(settings: &config::Buffer, origin: Origin) -> Core {
    let seal = Seal::of(settings.key.as_ref()).unwrap();
    let (store, notice) = opening::open(&settings.path, seal, ManualClock::START).unwrap();
    let encoder = Encoder::new().unwrap();
    Core::new(settings.clone(), origin, Metrics::default(), store, encoder, notice).unwrap()
}

pub(super) fn reading(value: Value) -> Reading {
    let point = Point::new(DeviceId::new("d").unwrap(), PointName::new("p").unwrap(), PointType::Text, None);
    Reading::good(Arc::new(point), value, ManualClock::START)
}

pub(super) fn readings(count: usize, size: usize, seed: u64) -> Append {
    let mut random = fastrand::Rng::with_seed(seed);
    let value = |_| Value::Bytes((0..size).map(|_| random.u8(..)).collect::<Vec<_>>().into());
    Append { forward: (0..count).map(value).map(reading).collect(), ..Append::default() }
}

pub(super) fn event() -> Append {
    Append { events: vec![Event::gateway(ManualClock::START, "test", "text")], ..Append::default() }
}

/// Everything an uplink is owed, by id.
pub(super) fn owed(core: &mut Core, uplink: &str) -> BTreeMap<BlockId, Arc<Block>> {
    let mut all = BTreeMap::new();
    let mut after = BlockId(0);
    loop {
        let blocks = core.fetch(uplink, Wanted::all_after(after), 7).unwrap();
        let Some(last) = blocks.last() else { return all };
        after = last.id;
        all.extend(blocks.into_iter().map(|block| (block.id, block)));
    }
}

/// Stream, epoch and number of the blocks a gap event covers.
pub(super) fn covered(block: &Block) -> Vec<(String, u64, u64)> {
    let BlockBody::Message { fields, .. } = &block.body else { return Vec::new() };
    let json: serde_json::Value = serde_json::from_str(fields).unwrap();
    let Some(gap) = json.get("gap") else { return Vec::new() };
    let number = |key: &str| gap[key].as_u64().unwrap();
    let stream = gap["stream"].as_str().unwrap();
    (number("from")..=number("to")).map(|seq| (stream.to_owned(), number("epoch"), seq)).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Append { count: usize, size: usize },
    Local,
    Event,
    Flush,
    History,
    Ack { uplink: usize, every: usize },
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..5, 1_usize..40_000).prop_map(|(count, size)| Step::Append { count, size }),
        1 => Just(Step::Local),
        1 => Just(Step::Event),
        3 => Just(Step::Flush),
        1 => Just(Step::History),
        4 => (0_usize..3, 1_usize..4).prop_map(|(uplink, every)| Step::Ack { uplink, every }),
        1 => Just(Step::Crash),
    ]
}

/// The uplinks of the model; the last has a filter.
const UPLINKS: [&str; 3] = ["a", "b", "c"];

/// What was seen and what was acknowledged.
#[derive(Default)]
struct Model {
    seen: BTreeMap<(String, u64, u64), Arc<Block>>,
    committed: BTreeSet<(String, u64, u64)>,
    acked: [BTreeSet<(String, u64, u64)>; 3],
}

pub(super) fn id(block: &Block) -> (String, u64, u64) {
    (block.stream.as_str().to_owned(), block.epoch, block.seq)
}

impl Model {
    /// Looks at what the uplinks are owed, and checks it against everything known.
    fn check(&mut self, core: &mut Core, is_committed: bool) {
        for (uplink, name) in UPLINKS.into_iter().enumerate() {
            let blocks = owed(core, name);
            for block in blocks.values() {
                let known = self.seen.entry(id(block)).or_insert_with(|| Arc::clone(block));
                assert_eq!(format!("{known:?}"), format!("{block:?}"), "a block changed");
                if is_committed {
                    self.committed.insert(id(block));
                }
            }
            let present: BTreeSet<_> = blocks.values().map(|block| id(block)).collect();
            let gaps: BTreeSet<_> = self.seen.values().flat_map(|block| covered(block)).collect();
            let wanted = |stream: &str| stream != if name == "c" { "data" } else { "data.c" };
            let committed = self.committed.iter().filter(|id| wanted(&id.0));
            for missing in committed.filter(|id| !present.contains(*id) && !gaps.contains(*id)) {
                assert!(self.acked[uplink].contains(missing), "{name} misses {missing:?}");
            }
        }
        if is_committed {
            // What was acknowledged before its commit is in this one too.
            let epoch = core.store().identity.epoch;
            let acked = self.acked.iter().flatten().filter(|(_, of, _)| *of == epoch);
            self.committed.extend(acked.cloned());
            self.check_numbers();
        }
    }

    /// An uplink that comes now is owed everything that is stored, delivered or not, and its count goes down to zero.
    fn check_newcomer(&self, core: &mut Core) {
        core.set_uplinks(vec![feed("a"), feed("b"), feed("new")]);
        assert!(core.commit());
        let blocks = owed(core, "new");
        for block in blocks.values() {
            assert!(self.seen.get(&id(block)).is_none_or(|known| **known == **block), "{block:?} is another");
        }
        core.delivered("new", &blocks.keys().copied().collect::<Vec<_>>());
        let rest = core.owed_now();
        assert_eq!(
            rest.iter().find(|owed| &*owed.uplink == "new").map(|owed| (owed.blocks, owed.readings)),
            Some((0, 0))
        );
    }

    fn check_numbers(&self) {
        let mut last = BTreeMap::new();
        let gaps = self.seen.values().flat_map(|block| covered(block));
        let all: BTreeSet<_> = self.committed.iter().cloned().chain(gaps).collect();
        for (stream, epoch, seq) in all {
            let last = last.entry((stream, epoch)).or_insert(0);
            assert_eq!(seq, *last + 1, "a number is missing");
            *last = seq;
        }
    }

    fn acknowledge(&mut self, core: &mut Core, uplink: usize, every: usize) {
        let name = UPLINKS[uplink];
        let chosen: Vec<_> = owed(core, name).into_values().step_by(every).collect();
        self.acked[uplink].extend(chosen.iter().map(|block| id(block)));
        core.delivered(name, &chosen.iter().map(|block| block.id).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn nothing_committed_and_owed_is_missing(
        steps in prop::collection::vec(step(), 1..40), express: bool, small: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), express, if small { 1_800_000 } else { 1 << 30 });
        let third = Feed { name: "c".into(), filter: Some([Selector::parse("d/*").unwrap()].into()) };
        let origin = || Origin { uplinks: vec![feed("a"), feed("b"), third.clone()], ..origin() };
        let (mut buffer, mut model) = (core_of(&settings, origin()), Model::default());
        for (seed, step) in steps.into_iter().enumerate() {
            match step {
                Step::Append { count, size } => buffer.take(readings(count, size, seed as u64)),
                Step::Local => buffer.take(Append { local: readings(2, 9, 0).forward, ..Append::default() }),
                Step::Event => buffer.take(event()),
                Step::Flush => {
                    prop_assert!(buffer.commit());
                    model.check(&mut buffer, true);
                }
                Step::Ack { uplink, every } => model.acknowledge(&mut buffer, uplink, every),
                Step::Crash => {
                    drop(buffer);
                    buffer = core_of(&settings, origin());
                    model.check(&mut buffer, false);
                }
                Step::History => {
                    prop_assert!(buffer.commit_history());
                    model.check(&mut buffer, true);
                }
            }
        }
        model.check_newcomer(&mut buffer);
    }
}

#[test]
fn numbers_restart_with_the_epoch_and_ends_are_told_until_closed() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut first = core(&settings);
    first.take(readings(3, 4, 1));
    assert!(first.finish());
    drop(first);

    let second = core(&settings);

    let ends = second.open_epochs("a").unwrap();
    assert_eq!((ends.len(), ends[0].epoch, ends[0].data, ends[0].event), (1, 1, Some(1), None));
    second.store().close_epochs("a", 1).unwrap();
    assert!(second.open_epochs("a").unwrap().is_empty());
    assert_eq!(second.open_epochs("b").unwrap().len(), 1);
}

#[test]
fn last_values_state_and_receipts_survive_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut first = core(&settings);
    let (receipt, mut accepted) = Receipt::pair();
    let change = StateChange { rule: "r".into(), key: "k".into(), value: Some(serde_json::json!(0.1)) };
    first.take(Append {
        forward: vec![reading(Value::Int(1)), reading(Value::Int(7))],
        state: vec![change.clone()],
        receipts: vec![receipt],
        ..Append::default()
    });
    assert!(accepted.try_recv().is_err(), "accepted before its commit");
    assert!(first.commit());
    accepted.try_recv().unwrap();
    drop(first);

    let mut second = core(&settings);
    second.restore_last();

    assert_eq!(second.last_values(), [reading(Value::Int(7))]);
    assert_eq!(second.rule_state(), [change]);
}

#[test]
fn a_damaged_file_is_set_aside_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    std::fs::write(&settings.path, vec![7_u8; 8_192]).unwrap();

    let mut buffer = core(&settings);
    assert!(buffer.commit());

    let blocks = owed(&mut buffer, "a");
    assert_eq!(blocks.len(), 1);
    assert!(format!("{blocks:?}").contains("store-replaced"));
    assert!(dir.path().read_dir().unwrap().any(|f| f.unwrap().file_name().to_string_lossy().contains("damaged")));
}

#[test]
fn a_second_daemon_and_a_newer_file_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let first = core(&settings);
    assert!(matches!(
        opening::open(&settings.path, Seal::default(), ManualClock::START),
        Err(opening::OpenError::InUse(_))
    ));
    first.store().db.pragma_update(None, "user_version", 99).unwrap();
    drop(first);
    assert!(matches!(
        opening::open(&settings.path, Seal::default(), ManualClock::START),
        Err(opening::OpenError::Newer { found: 99, .. })
    ));
}

#[test]
fn no_block_is_larger_than_a_message_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let mut buffer = core(&settings(dir.path(), true, 1 << 30));
    buffer.take(readings(3, 60_000, 1));
    buffer.take(readings(1, 90_000, 2));
    assert!(buffer.commit());

    let blocks: Vec<_> = owed(&mut buffer, "a").into_values().collect();

    assert_eq!(blocks.iter().map(|block| block.readings()).collect::<Vec<_>>(), [1, 1, 2]);
    assert!(format!("{:?}", blocks[2]).contains("too-large"));
    assert!(blocks.iter().all(|block| block.stream == Stream::Data));
}

#[test]
fn events_that_wait_together_are_committed_together() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), false, 1 << 30);
    let metrics = Metrics::default();
    let (buffer, writer) = super::open(&settings, origin(), metrics.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..50 {
            buffer.append(event()).await.unwrap();
        }
    });
    let before = metrics.commits.get();

    let thread = std::thread::spawn(|| writer.run());
    runtime.block_on(async {
        // A close would commit them together in any case.
        buffer.newest().wait_for(|newest| newest.0 >= 50).await.unwrap();
        buffer.close().await;
    });
    thread.join().unwrap();

    assert_eq!(owed(&mut core(&settings), "a").len(), 50);
    assert!(metrics.commits.get() - before < 5, "{} commits", metrics.commits.get() - before);
}

#[test]
fn handles_append_fetch_and_close_through_the_thread() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), false, 1 << 30);
    let (buffer, writer) = super::open(&settings, origin(), Metrics::default()).unwrap();
    let thread = std::thread::spawn(|| writer.run());
    let uplink: Arc<str> = "a".into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        buffer.append(readings(2, 4, 1)).await.unwrap();
        buffer.flush().await.unwrap();
        let blocks = buffer.fetch(&uplink, Wanted::all_after(BlockId(0)), 10).await.unwrap();
        assert_eq!((blocks.len(), *buffer.newest().borrow()), (1, BlockId(1)));
        buffer.delivered(&uplink, vec![blocks[0].id]).await.unwrap();
        assert!(buffer.fetch(&uplink, Wanted::all_after(BlockId(0)), 10).await.unwrap().is_empty());
        buffer.close().await;
        assert!(buffer.append(event()).await.is_err());
    });
    thread.join().unwrap();

    let mut again = core(&settings);
    assert!(owed(&mut again, "a").is_empty());
    assert_eq!(owed(&mut again, "b").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn readings_gather_into_one_block_while_no_uplink_follows() {
    let dir = tempfile::tempdir().unwrap();
    let mut core = core(&settings(dir.path(), true, 1 << 30));
    let mut newest = Vec::new();

    for seed in 0..3 {
        core.take(readings(1, 4, seed));
        tokio::time::advance(Duration::from_millis(60)).await;
        core.tick();
        newest.push(core.newest().borrow().0);
    }
    let first = core.fetch("a", Wanted::all_after(BlockId(0)), 10).unwrap();
    core.tick();
    let second = core.fetch("a", Wanted::all_after(first[0].id), 10).unwrap();

    assert_eq!(newest, [1, 1, 1]);
    assert_eq!((first.len(), second.len(), second[0].readings()), (1, 1, 2));
}

#[test]
fn a_full_store_drops_the_oldest_readings_tells_of_it_and_keeps_events() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 4 << 20);
    let mut buffer = core(&settings);
    buffer.take(event());
    for seed in 0..120 {
        buffer.take(readings(1, 60_000, seed));
        assert!(buffer.commit());
    }

    let blocks: Vec<_> = owed(&mut buffer, "a").into_values().collect();

    assert!(buffer.store().size().unwrap() <= settings.max_size + (256 << 10));
    let lost: BTreeSet<_> = blocks.iter().flat_map(|block| covered(block)).collect();
    let kept: BTreeSet<_> = blocks.iter().map(|block| id(block)).filter(|id| id.0 == "data").collect();
    assert!(!lost.is_empty() && lost.is_disjoint(&kept));
    assert_eq!(lost.len() + kept.len(), 120);
    assert!(blocks.iter().any(|block| format!("{:?}", block.body).contains(r#"\"what\":\"test\""#)));
}

#[test]
fn what_every_uplink_has_goes_first_and_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let settings = config::Buffer { history: Duration::ZERO, ..settings };
    let mut buffer = core(&settings);
    buffer.take(readings(1, 9, 1));
    assert!(buffer.commit());
    buffer.delivered("a", &[BlockId(1)]);
    assert!(buffer.commit());
    assert_eq!(buffer.store().oldest().unwrap(), Some(1), "one uplink still waits");

    buffer.delivered("b", &[BlockId(1)]);
    assert!(buffer.commit());

    assert_eq!(buffer.store().oldest().unwrap(), None);
    assert!(owed(&mut buffer, "a").is_empty());
}
