//! The buffer on a disk that fails: damaged, torn, empty and full files, and a clock that jumps.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use super::{
    Append, Metrics, Origin,
    codec::Encoder,
    core::Core,
    model_test::{core, covered, event, id, origin, owed, readings, settings},
    opening,
    seal::Seal,
};
use crate::{
    config::{self, Policy, Priority},
    model::{
        Block, BlockId, ClockQuality, DeviceId, Point, PointName, PointType, Reading, Replay, Selector, SharedClock,
        StateChange, Stream, Timestamp, Value, Wanted,
    },
    testing::clock::ManualClock,
};

fn core_at(settings: &config::Buffer, clock: SharedClock) -> Core {
    let (store, notice) = opening::open(&settings.path, Seal::default(), clock.now()).unwrap();
    let origin = Origin { clock, ..origin() };
    let encoder = Encoder::new().unwrap();
    Core::new(settings.clone(), origin, Metrics::default(), store, encoder, notice).unwrap()
}

/// A store of 40 blocks that nobody has, all of them in the database file itself, and what they are.
fn filled(settings: &config::Buffer) -> Vec<Arc<Block>> {
    let mut buffer = core(settings);
    for seed in 0..40 {
        buffer.take(readings(2, 700, seed));
        assert!(buffer.commit());
    }
    let blocks = owed(&mut buffer, "a").into_values().collect();
    buffer.store().db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(buffer);
    for suffix in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(settings.path.with_extension(suffix));
    }
    blocks
}

#[test]
fn a_database_that_cannot_be_read_is_an_error_and_not_an_empty_answer() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let mut buffer = core(&settings);
    let replay =
        Replay { store: Arc::clone(&buffer.store().identity.store), epoch: 1, stream: Stream::Data, from: 1, to: 9 };
    let all = Wanted::all_after(BlockId(0));

    buffer.store().db.execute_batch("ALTER TABLE pack RENAME TO elsewhere").unwrap();
    assert!(buffer.fetch("a", all, 9).is_err());
    assert!(buffer.replay(&replay, BlockId(0), 9).is_err());
    buffer.store().db.execute_batch("ALTER TABLE elsewhere RENAME TO pack").unwrap();

    assert_eq!(buffer.fetch("a", all, 9).unwrap(), stored[..9]);
    assert_eq!(buffer.replay(&replay, BlockId(0), 9).unwrap().len(), 9);
}

/// Opens what is there and reads all of it, again as a daemon would after the first one ended over the damage. What
/// comes is what was stored, and what does not is told.
fn assert_nothing_is_lost_silently(settings: &config::Buffer, stored: &[Arc<Block>], what: &str) {
    let mut buffer = core(settings);
    let mut found: Vec<Arc<Block>> = owed(&mut buffer, "a").into_values().collect();
    let is_done = buffer.commit();
    let failing = buffer.status.borrow().failing.clone();
    assert!(is_done || buffer.is_damaged(), "{what}: {failing:?}");
    if buffer.is_damaged() {
        assert!(buffer.replace(), "{what}");
        buffer = core(settings);
        assert!(buffer.commit(), "{what}");
    }
    found.extend(owed(&mut buffer, "a").into_values());
    let is_replaced = format!("{found:?}").contains("store-replaced");
    let told: BTreeSet<_> = found.iter().flat_map(|block| covered(block)).collect();
    for block in stored {
        let same = found.iter().find(|other| id(other) == id(block) && other.store == block.store);
        match same {
            Some(same) => assert_eq!(format!("{same:?}"), format!("{block:?}"), "{what}"),
            None => assert!(is_replaced || told.contains(&id(block)), "{what}: {:?} is lost silently", id(block)),
        }
    }
    // The gateway goes on in any case.
    buffer.take(readings(1, 9, 0));
    assert!(buffer.commit(), "{what}");
}

/// Copies a store as it stands on the disk, the way a power cut would leave it.
fn copy(from: &Path, to: &Path) {
    for suffix in ["db", "db-wal"] {
        fs::copy(from.with_extension(suffix), to.with_extension(suffix)).unwrap();
    }
}

#[test]
fn flipped_bytes_anywhere_in_the_file_are_told_and_never_give_another_value() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let whole = fs::read(&settings.path).unwrap();

    for place in (0..whole.len()).step_by(whole.len() / 61) {
        let mut damaged = whole.clone();
        damaged[place..].iter_mut().take(3).for_each(|byte| *byte ^= 0x55);
        for suffix in ["db-wal", "db-shm"] {
            let _ = fs::remove_file(settings.path.with_extension(suffix));
        }
        fs::write(&settings.path, damaged).unwrap();
        assert_nothing_is_lost_silently(&settings, &stored, &format!("bytes at {place} flipped"));
    }
}

#[test]
fn a_file_that_was_cut_off_or_emptied_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let whole = fs::read(&settings.path).unwrap();

    for len in [0, 1, 100, 1_024, 5_000, whole.len() / 2, whole.len() - 1] {
        for suffix in ["db-wal", "db-shm"] {
            let _ = fs::remove_file(settings.path.with_extension(suffix));
        }
        fs::write(&settings.path, &whole[..len]).unwrap();
        assert_nothing_is_lost_silently(&settings, &stored, &format!("cut off at {len}"));
    }
}

#[test]
fn a_copy_taken_in_mid_run_opens_with_everything_committed_and_gives_no_number_twice() {
    let dir = tempfile::tempdir().unwrap();
    let first = settings(&dir.path().join("."), true, 1 << 30);
    let mut buffer = core(&first);
    for seed in 0..30 {
        buffer.take(readings(2, 700, seed));
        assert!(buffer.commit());
    }
    let stored: Vec<Arc<Block>> = owed(&mut buffer, "a").into_values().collect();
    // Cut and perhaps published, but never committed.
    buffer.take(event());
    let cut = tempfile::tempdir().unwrap();
    let second = settings(cut.path(), true, 1 << 30);
    copy(&first.path, &second.path);

    let mut after = core(&second);

    let found: Vec<Arc<Block>> = owed(&mut after, "a").into_values().collect();
    assert_eq!(format!("{found:?}"), format!("{stored:?}"));
    after.take(event());
    assert!(after.commit());
    let new = owed(&mut after, "a").into_values().next_back().unwrap();
    assert_eq!((new.epoch, new.seq), (2, 1));
}

#[test]
fn a_torn_log_gives_back_what_came_before_the_tear() {
    let dir = tempfile::tempdir().unwrap();
    let first = settings(&dir.path().join("."), true, 1 << 30);
    let mut buffer = core(&first);
    for seed in 0..20 {
        buffer.take(readings(1, 700, seed));
        assert!(buffer.commit());
    }
    let stored: Vec<String> = owed(&mut buffer, "a").values().map(|block| format!("{block:?}")).collect();
    let log = fs::read(first.path.with_extension("db-wal")).unwrap();

    for tear in [log.len() / 3, log.len() / 2, log.len() - 1] {
        let cut = tempfile::tempdir().unwrap();
        let second = settings(cut.path(), true, 1 << 30);
        copy(&first.path, &second.path);
        let mut torn = log.clone();
        torn[tear..].fill(0xa5);
        fs::write(second.path.with_extension("db-wal"), torn).unwrap();

        let found: Vec<String> = owed(&mut core(&second), "a").values().map(|block| format!("{block:?}")).collect();

        assert!(found.len() < stored.len() && stored.starts_with(&found), "torn at {tear}");
    }
}

#[test]
fn a_full_disk_bounds_memory_names_what_had_to_go_and_heals_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = core(&settings);
    assert!(buffer.commit());
    let limit = |buffer: &Core, pages: u64| {
        buffer.store().db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&buffer, 1);
    let mut seed = 0;
    let mut fill = |buffer: &mut Core, count: usize| {
        for _ in 0..count {
            buffer.take(readings(1, 60_000, seed));
            buffer.take(state(seed));
            seed += 1;
        }
        assert!(!buffer.commit());
        assert!(buffer.has_room() && !buffer.is_damaged());
    };

    // What both uplinks have leaves memory, whatever waits before it.
    fill(&mut buffer, 100);
    let delivered: Vec<BlockId> = owed(&mut buffer, "a").into_keys().skip(1).collect();
    for uplink in ["a", "b"] {
        buffer.delivered(uplink, &delivered);
    }
    assert!(buffer.waiting_bytes() < 200_000, "{}", buffer.waiting_bytes());

    // What nobody has takes what there is, and no more.
    fill(&mut buffer, 400);
    assert!(buffer.waiting_bytes() <= 17 << 20, "{}", buffer.waiting_bytes());

    limit(&buffer, 1 << 30);
    assert!(buffer.commit());
    assert!(buffer.commit());
    let blocks = owed(&mut buffer, "b");
    let told: BTreeSet<_> = blocks.values().flat_map(|block| covered(block)).map(|(.., seq)| seq).collect();
    let kept: BTreeSet<u64> = blocks.values().filter(|block| block.readings() > 0).map(|block| block.seq).collect();
    assert!(!told.is_empty() && told.is_disjoint(&kept));
    assert_eq!(told.len() + kept.len(), 401);
    let text = format!("{blocks:?}");
    assert!(text.contains("buffer-recovered"));
    assert_eq!(buffer.rule_state(), state(499).state);
    drop(buffer);
    assert_eq!(owed(&mut core(&settings), "b").len(), blocks.len());
}

/// One variable that changes all the time.
fn state(value: u64) -> Append {
    let change = StateChange { rule: "r".into(), key: "k".into(), value: Some(value.into()) };
    Append { state: vec![change], ..Append::default() }
}

#[test]
fn a_log_that_had_to_grow_costs_no_reading() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 24 << 20);
    let mut buffer = core(&settings);
    for seed in 0..200 {
        buffer.take(readings(1, 60_000, seed));
    }
    assert!(buffer.commit());
    for seed in 0..5 {
        buffer.take(readings(1, 60_000, seed));
        assert!(buffer.commit());
    }

    assert_eq!(owed(&mut buffer, "a").len(), 205);
    assert!(buffer.store().size().unwrap() < 20 << 20, "{}", buffer.store().size().unwrap());
}

#[test]
fn a_clock_that_is_set_makes_no_block_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let clock = Arc::new(ManualClock::default());
    clock.set(Timestamp::default());
    clock.trust(ClockQuality::None);
    let mut buffer = core_at(&settings, clock.clone());
    let mut commit_one = |ms: i64, quality: ClockQuality, owed_after: usize| {
        clock.set(Timestamp::from_millis(ms));
        clock.trust(quality);
        buffer.take(readings(1, 9, 1));
        assert!(buffer.commit());
        buffer.tick();
        // Events of the clock, and gaps of such events, are another matter.
        let is_of_data = |block: &Block| {
            let text = format!("{:?}", block.body);
            !text.contains(r#"\"type\":\"clock\""#) && !text.contains(r#"\"stream\":\"event\""#)
        };
        let owed = owed(&mut buffer, "a").into_values().filter(|block| is_of_data(block));
        assert_eq!(owed.count(), owed_after, "at {ms}");
    };
    let (now, hour) = (1_790_000_000_000, 3_600_000);

    // 1970, a wrong date from the battery's clock, the right time, hours back, and the right time again.
    commit_one(0, ClockQuality::None, 1);
    commit_one(now - 90 * hour, ClockQuality::Rtc, 2);
    commit_one(now, ClockQuality::Ntp, 3);
    commit_one(now - 5 * hour, ClockQuality::Rtc, 4);
    commit_one(now, ClockQuality::Ntp, 5);

    // The two that really are older than an hour go, and a gap comes for each.
    commit_one(now + 2 * hour, ClockQuality::Ntp, 5 - 2 + 2 + 1);
}

#[test]
fn ends_of_epochs_are_bounded_also_without_a_broker() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let first = core(&settings);
    let sql = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
               INSERT INTO epoch (epoch, last_id, data) SELECT i, 7, 7 FROM n";
    first.store().db.execute(sql, []).unwrap();
    drop(first);

    let second = core(&settings);

    assert_eq!(second.store().identity.epoch, 2_001);
    assert_eq!(second.open_epochs("a").unwrap().len(), 512);
    for uplink in ["a", "b"] {
        second.store().close_epochs(uplink, 2_000).unwrap();
    }
    drop(second);
    let third = core(&settings);
    let rows: u64 = third.store().db.query_row("SELECT count(*) FROM epoch", [], |row| row.get(0)).unwrap();
    assert_eq!((third.store().identity.epoch, rows), (2_002, 2));
    assert_eq!(third.store().last_id().unwrap(), 7);
}

#[test]
fn a_directory_in_the_place_of_the_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    fs::create_dir(&settings.path).unwrap();

    let error =
        opening::open(&settings.path, Seal::default(), ManualClock::START).err().expect("a directory is no store");

    assert!(error.to_string().contains("buffer.db"), "{error}");
}

#[test]
fn a_log_that_lost_synced_commits_is_told_and_its_epoch_is_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut first = core(&settings);
    for seed in 0..10 {
        first.take(readings(1, 700, seed));
        assert!(first.commit());
    }
    drop(first);
    let wal = settings.path.with_extension("db-wal");
    let tear = fs::metadata(&wal).unwrap().len();
    let mut second = core(&settings);
    second.take(readings(1, 700, 11));
    // Committed, and then killed: the mark of a commit does.
    assert!(second.commit());
    assert_eq!(second.store().identity.epoch, 2);
    drop(second);
    let mut log = fs::read(&wal).unwrap();
    log[usize::try_from(tear).unwrap() + 30] ^= 1;
    fs::write(&wal, log).unwrap();

    let mut third = core(&settings);

    assert_eq!(third.store().identity.epoch, 3);
    let blocks = owed(&mut third, "a");
    assert!(format!("{blocks:?}").contains("store-rolled-back"));
    assert_eq!(blocks.len(), 12);
    let told: Vec<_> = blocks.values().flat_map(|block| covered(block)).collect();
    assert_eq!(told, [("data".to_owned(), 2, 1)]);
    let ends = third.open_epochs("a").unwrap();
    assert_eq!(ends.last().map(|end| (end.epoch, end.data)), Some((2, Some(1))));
}

/// A bit that flips in the schema gives a table or a column another name; each is asked for at another moment of a start.
#[test]
fn a_schema_that_is_damaged_never_keeps_the_gateway_from_starting() {
    for (name, other) in [("event ", "evenu "), ("last_id", "last_ie"), ("ranges", "rangds"), ("stream", "stseam")] {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), true, 1 << 30);
        filled(&settings);
        let db = rusqlite::Connection::open(&settings.path).unwrap();
        db.execute_batch("PRAGMA writable_schema = ON").unwrap();
        let sql = "UPDATE sqlite_schema SET sql = replace(sql, ?1, ?2) WHERE instr(sql, ?1) > 0";
        let changed = db.execute(sql, [name, other]).unwrap();
        assert!(changed > 0);
        drop(db);

        let opened = crate::buffer::open(&settings, origin(), Metrics::default());

        assert!(opened.is_ok(), "{name}: {}", opened.err().unwrap());
        let aside = fs::read_dir(dir.path())
            .unwrap()
            .flatten()
            .any(|file| file.file_name().to_string_lossy().contains(".damaged-"));
        assert!(aside, "{name}: the file is used as if it were sound");
    }
}

/// The end of an epoch that was closed long ago can be in the part of the log that is lost.
#[test]
fn a_log_that_lost_the_end_of_an_earlier_epoch_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let wal = settings.path.with_extension("db-wal");
    let mut tear = 0;
    for epoch in 1..=3 {
        let mut buffer = core(&settings);
        assert_eq!(buffer.store().identity.epoch, epoch);
        for seed in 0..4 {
            if (epoch, seed) == (1, 2) {
                tear = usize::try_from(fs::metadata(&wal).unwrap().len()).unwrap();
            }
            buffer.take(readings(1, 700, epoch * 10 + seed));
            assert!(buffer.commit());
        }
    }
    let mut log = fs::read(&wal).unwrap();
    log[tear + 30] ^= 1;
    fs::write(&wal, log).unwrap();

    // A start that is killed before it has told anything takes nothing back.
    drop(opening::open(&settings.path, Seal::default(), ManualClock::START).unwrap());

    let mut last = core(&settings);

    assert_eq!(last.store().identity.epoch, 5);
    let blocks = owed(&mut last, "a");
    let told: Vec<_> = blocks.values().flat_map(|block| covered(block)).map(|(_, epoch, seq)| (epoch, seq)).collect();
    let later = [2, 3].map(|epoch| (1..=4).map(move |seq| (epoch, seq)));
    assert_eq!(told, [(1, 3), (1, 4)].into_iter().chain(later.into_iter().flatten()).collect::<Vec<_>>());
    let ends = last.open_epochs("a").unwrap();
    let ends: Vec<_> = ends.iter().map(|end| (end.epoch, end.data)).collect();
    assert_eq!(ends, [(1, Some(4)), (2, Some(4)), (3, Some(4)), (4, None)]);
    drop(last);
    assert_eq!(owed(&mut core(&settings), "a").len(), blocks.len());
}

/// So many readings of a point, one a second from a minute on.
fn seconds(name: &str, from: i64, count: i64) -> Append {
    let point = Point::new(DeviceId::new("d").unwrap(), PointName::new(name).unwrap(), PointType::Float, None);
    let point = Arc::new(point);
    let value = |second: i64| Value::Float(f64::from(u32::try_from(second).unwrap()).sin());
    let reading = |second| Reading::good(Arc::clone(&point), value(second), Timestamp::from_millis(second * 1_000));
    Append { forward: (from..from + count).map(reading).collect(), ..Append::default() }
}

fn policy(points: &str, priority: Priority, thin: bool) -> Policy {
    Policy { points: vec![Selector::parse(points).unwrap()], priority, thin }
}

#[test]
fn what_matters_least_goes_first_and_means_take_the_place_of_what_may_be_thinned() {
    let dir = tempfile::tempdir().unwrap();
    let policies = vec![policy("d/low", Priority::Low, false), policy("d/thin", Priority::Normal, true)];
    let settings = config::Buffer { policies, ..settings(dir.path(), true, 1 << 30) };
    let mut buffer = core(&settings);
    let mut minute = 0;
    let mut fill = |buffer: &mut Core, count: i64| {
        for _ in 0..count {
            for name in ["low", "thin", "kept"] {
                buffer.take(seconds(name, minute * 60, 60));
                assert!(buffer.commit());
            }
            minute += 1;
        }
    };
    let count = |buffer: &mut Core, name: &str| {
        let blocks = owed(buffer, "a");
        let readings = blocks.values().flat_map(|block| block.body.readings().to_vec()).collect::<Vec<_>>();
        readings.iter().filter(|reading| reading.point.name().as_str() == name).count()
    };

    fill(&mut buffer, 20);
    let (low, kept) = (count(&mut buffer, "low"), count(&mut buffer, "kept"));
    assert_eq!((low, kept), (20 * 60, 20 * 60));
    buffer.make_room(5_000).unwrap();
    assert!(buffer.commit());
    assert!(count(&mut buffer, "low") < low);
    assert_eq!((count(&mut buffer, "kept"), count(&mut buffer, "thin_n")), (kept, 0));

    buffer.make_room(20_000).unwrap();
    assert!(buffer.commit());
    assert_eq!(count(&mut buffer, "low"), 0);
    let minutes = count(&mut buffer, "thin_n");
    assert!(minutes > 0 && minutes == count(&mut buffer, "thin_max"), "{minutes}");
    let text = format!("{:?}", owed(&mut buffer, "a"));
    assert!(text.contains(r#"\"reason\":\"thinned\""#) && text.contains(r#"\"reason\":\"full\""#));
    assert!(buffer.last_values().iter().all(|reading| !reading.point.name().as_str().ends_with("_n")));
}
