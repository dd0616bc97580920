//! The express path: what every uplink acknowledges before its commit costs the disk next to nothing, and is missing
//! nowhere.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    time::Duration,
};

use tokio::time::advance;

use super::{
    Append, Feed, Origin,
    core::Core,
    model_test::{core, core_of, event, feed, id, origin, owed, reading, readings, settings},
    rows::Table,
};
use crate::{
    config,
    model::{BlockId, Receipt, Selector, Value, Wanted},
};

/// Time that is not yet the commit's.
const SOON: Duration = Duration::from_millis(100);
/// A commit interval.
const COMMIT: Duration = Duration::from_secs(1);
/// More than the history waits.
const HISTORY: Duration = Duration::from_secs(61);

fn one_uplink(settings: &config::Buffer) -> Core {
    core_of(settings, Origin { uplinks: vec![feed("a")], ..origin() })
}

/// Cuts what was taken in, without a commit, and has it acknowledged by these uplinks.
async fn publish(core: &mut Core, uplinks: &[&str]) -> Vec<BlockId> {
    advance(SOON).await;
    core.tick();
    let mut all = Vec::new();
    for uplink in uplinks {
        let ids: Vec<BlockId> =
            core.fetch(uplink, Wanted::all_after(BlockId(0)), 99).unwrap().iter().map(|b| b.id).collect();
        core.delivered(uplink, &ids);
        all = ids;
    }
    all
}

async fn pass(core: &mut Core, time: Duration) {
    advance(time).await;
    core.tick();
}

fn rows(core: &Core) -> Vec<usize> {
    core.store().heads(Table::Pack, 0, 1 << 40, 999).unwrap().iter().map(|head| head.parts.len()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_every_uplink_has_in_time_is_written_once_a_minute_in_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut core = one_uplink(&settings);
    for seed in 0..20 {
        core.take(readings(5, 9, seed));
        assert_eq!(publish(&mut core, &["a"]).await.len(), 1);
        pass(&mut core, COMMIT).await;
    }
    assert_eq!(rows(&core), [0_usize; 0], "written before the history was due");

    pass(&mut core, HISTORY).await;

    assert_eq!(rows(&core), [20]);
    core.set_uplinks(vec![feed("a"), feed("late")]);
    assert_eq!(owed(&mut core, "late").len(), 20);
    assert!(owed(&mut core, "a").is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_history_delivered_blocks_are_never_written_and_their_end_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let settings = config::Buffer { history: Duration::ZERO, ..settings(dir.path(), true, 1 << 30) };
    let mut core = one_uplink(&settings);
    for seed in 0..5 {
        core.take(readings(5, 9, seed));
        publish(&mut core, &["a"]).await;
        pass(&mut core, COMMIT).await;
    }
    pass(&mut core, HISTORY).await;
    assert!(core.finish());
    assert_eq!(rows(&core), [0_usize; 0]);
    drop(core);

    let mut again = one_uplink(&settings);

    let ends = again.open_epochs("a").unwrap();
    assert_eq!((ends[0].epoch, ends[0].data), (1, Some(5)));
    assert!(owed(&mut again, "a").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_numbers_given_last_are_written_each_minute_without_storing_what_is_on_its_way() {
    let dir = tempfile::tempdir().unwrap();
    let settings = config::Buffer { history: Duration::ZERO, ..settings(dir.path(), true, 1 << 30) };
    let mut core = one_uplink(&settings);
    core.take(readings(5, 9, 1));
    publish(&mut core, &["a"]).await;
    pass(&mut core, COMMIT).await;
    advance(HISTORY.checked_sub(COMMIT + SOON).unwrap()).await;

    // The second block is cut, and not acknowledged, when the minute is over.
    core.take(readings(5, 9, 2));
    pass(&mut core, SOON).await;
    assert_eq!(rows(&core), [0_usize; 0]);
    drop(core);

    let mut again = one_uplink(&settings);
    assert_eq!(again.open_epochs("a").unwrap()[0].data, Some(1));
    assert!(owed(&mut again, "a").is_empty());
}

#[tokio::test(start_paused = true)]
async fn last_values_are_written_when_stored_blocks_are_many_not_when_numbers_are() {
    let dir = tempfile::tempdir().unwrap();
    let bare = config::Buffer { history: Duration::ZERO, ..settings(dir.path(), true, 1 << 30) };
    let mut core = one_uplink(&bare);
    for seed in 0..4_000 {
        core.take(readings(1, 9, seed));
        assert_eq!(publish(&mut core, &["a"]).await.len(), 1);
    }
    pass(&mut core, HISTORY).await;
    assert!(core.store().last_id().unwrap() > 3_000, "numbers are written");
    assert_eq!(core.store().snapshot().unwrap(), None);

    pass(&mut core, Duration::from_secs(600)).await;
    core.take(readings(1, 9, 0));
    publish(&mut core, &["a"]).await;
    pass(&mut core, HISTORY).await;

    assert!(core.store().snapshot().unwrap().is_some(), "none for ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_sync_and_what_goes_store_nothing_that_is_on_its_way() {
    let dir = tempfile::tempdir().unwrap();
    let (durability, history) = (config::Durability::Balanced, Duration::ZERO);
    let settings = config::Buffer { durability, history, ..settings(dir.path(), true, 1 << 30) };
    let mut core = one_uplink(&settings);
    // The first block has to be committed, and a sync ten seconds later; then it goes, as there is no history.
    core.take(readings(5, 9, 0));
    pass(&mut core, COMMIT).await;
    pass(&mut core, COMMIT).await;
    assert_eq!(rows(&core), [1]);

    let mut on_their_way = VecDeque::new();
    for step in 1..1_300 {
        if step % 5 == 0 {
            core.take(readings(5, 9, step));
        }
        pass(&mut core, SOON).await;
        on_their_way.push_back(owed(&mut core, "a").into_keys().collect::<Vec<_>>());
        if on_their_way.len() > 3 {
            core.delivered("a", &on_their_way.pop_front().unwrap());
        }
        let stored = core.store().heads(Table::Pack, 0, 1 << 40, 999).unwrap();
        assert!(stored.iter().all(|head| head.id == 1), "step {step}: {stored:?}");
    }
    assert_eq!(rows(&core), [0_usize; 0]);
}

/// What was committed must be on the disk in time also when nothing comes after it: a commit with nothing in it syncs
/// nothing. That the log is synced is seen by what happens when it cannot be.
#[tokio::test(start_paused = true)]
async fn a_commit_is_synced_in_time_when_nothing_comes_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let durability = config::Durability::Balanced;
    let settings = config::Buffer { durability, ..settings(dir.path(), true, 1 << 30) };
    let (log, away) = (dir.path().join("buffer.db-wal"), dir.path().join("away"));
    let mut core = one_uplink(&settings);
    core.take(readings(5, 9, 1));
    pass(&mut core, COMMIT).await;
    assert_eq!(rows(&core), [1]);
    fs::rename(&log, &away).unwrap();

    pass(&mut core, Duration::from_secs(9)).await;
    assert_eq!(core.status.borrow().failing, None, "synced too early");
    pass(&mut core, COMMIT).await;
    let failing = core.status.borrow().failing.clone().unwrap();
    assert!(failing.starts_with("log cannot be synced: No such file"), "{failing}");

    fs::rename(&away, &log).unwrap();
    pass(&mut core, COMMIT).await;
    pass(&mut core, COMMIT).await;
    assert_eq!(core.status.borrow().failing, None);
}

#[tokio::test(start_paused = true)]
async fn after_a_kill_nothing_is_owed_that_was_delivered_with_a_history_and_without() {
    for history in [Duration::ZERO, Duration::from_secs(600)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = config::Buffer { history, ..settings(dir.path(), true, 1 << 30) };
        let mut core = one_uplink(&settings);
        for seed in 0..65 {
            core.take(readings(5, 9, seed));
            publish(&mut core, &["a"]).await;
            pass(&mut core, COMMIT).await;
        }
        drop(core);

        let mut again = one_uplink(&settings);

        assert!(owed(&mut again, "a").is_empty());
        assert_eq!((again.owed_now()[0].blocks, again.owed_now()[0].readings), (0, 0));
        let last = again.open_epochs("a").unwrap()[0].data.unwrap();
        assert!(last >= 50, "the end of the epoch was last known as {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_uplink_misses_is_committed_in_time_and_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut core = core(&settings);
    core.take(readings(5, 9, 1));
    publish(&mut core, &["a"]).await;
    core.take(readings(5, 9, 2));
    publish(&mut core, &["a", "b"]).await;
    core.take(readings(5, 9, 3));
    publish(&mut core, &["a"]).await;
    // The first two are settled by `b`'s fetch of everything; the third it has not heard of.
    pass(&mut core, COMMIT).await;
    drop(core);

    let mut again = core_of(&settings, origin());

    let missing: Vec<_> = owed(&mut again, "b").values().map(|block| block.seq).collect();
    assert_eq!(missing, [3]);
    assert!(owed(&mut again, "a").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_receipt_waits_until_every_uplink_has_the_reading_or_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut core = core(&settings);
    let mut receipts = Vec::new();
    for seed in 0..2 {
        let (receipt, accepted) = Receipt::pair();
        core.take(Append { receipts: vec![receipt], ..readings(1, 9, seed) });
        receipts.push(accepted);
        // Both have the first block, and one the second.
        publish(&mut core, if seed == 0 { &["a", "b"] } else { &["a"] }).await;
    }
    assert!(receipts.iter_mut().all(|accepted| accepted.try_recv().is_err()));

    pass(&mut core, 8 * SOON).await;
    receipts[0].try_recv().unwrap();
    assert!(receipts[1].try_recv().is_err());
    assert_eq!(rows(&core), [0_usize; 0]);

    pass(&mut core, SOON).await;
    receipts[1].try_recv().unwrap();
    assert_eq!(rows(&core), [1]);
}

#[tokio::test(start_paused = true)]
async fn blocks_of_two_streams_that_took_turns_are_found_by_their_ids() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let filter = Some([Selector::parse("d/p").unwrap()].into());
    let uplinks = vec![feed("a"), Feed { name: "f".into(), filter }];
    let mut core = core_of(&settings, Origin { uplinks: uplinks.clone(), ..origin() });
    let mut seen = BTreeSet::new();
    for value in 0..30 {
        core.take(Append { forward: vec![reading(Value::Int(value))], ..Append::default() });
        if value % 7 == 0 {
            core.take(event());
        }
        advance(SOON).await;
        core.tick();
        for uplink in ["a", "f"] {
            let blocks = core.fetch(uplink, Wanted::all_after(BlockId(0)), 99).unwrap();
            seen.extend(blocks.iter().map(|block| (block.id, id(block))));
            core.delivered(uplink, &blocks.iter().map(|block| block.id).collect::<Vec<_>>());
        }
    }
    assert!(seen.iter().any(|(_, (stream, ..))| stream == "data.f"));

    core.set_uplinks([uplinks, vec![feed("late")]].concat());

    let all: BTreeSet<_> = owed(&mut core, "late").iter().map(|(place, block)| (*place, id(block))).collect();
    let wanted: BTreeSet<_> = seen.into_iter().filter(|(_, (stream, ..))| stream != "data.f").collect();
    assert_eq!(all, wanted);
}
