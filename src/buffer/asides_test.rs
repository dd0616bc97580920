//! Dead letters, and blocks that are asked for again.

use std::{sync::Arc, time::Duration};

use super::{
    core::Core,
    letters::Letters,
    model_test::{core, covered, event, owed, readings, settings},
};
use crate::{
    config,
    model::{Block, BlockId, Replay, Stream, Wanted},
};

fn fetch(core: &mut Core, uplink: &str) -> Vec<Arc<Block>> {
    core.fetch(uplink, Wanted::all_after(BlockId(0)), 99).unwrap()
}

fn replay(core: &Core, stream: Stream, epoch: u64, (from, to): (u64, u64)) -> Replay {
    Replay { store: Arc::clone(&core.store().identity.store), stream, epoch, from, to }
}

#[test]
fn a_refused_block_is_a_letter_and_a_gap_for_its_uplink_and_owed_to_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut core = core(&settings(dir.path(), true, 1 << 30));
    core.take(readings(3, 9, 1));
    assert!(core.commit());
    let block = fetch(&mut core, "a").remove(0);

    core.refused("a", block.id, "payload format invalid");

    let letters = core.letters(&Letters::default());
    assert_eq!((letters.len(), letters[0].id, letters[0].seq, letters[0].readings), (1, 1, 1, 3));
    assert_eq!((&*letters[0].uplink, letters[0].reason.as_str()), ("a", "payload format invalid"));
    let left = owed(&mut core, "a");
    assert_eq!(left.values().flat_map(|block| covered(block)).collect::<Vec<_>>(), [("data".to_owned(), 1, 1)]);
    assert!(format!("{left:?}").contains("refused"));
    assert!(owed(&mut core, "b").contains_key(&block.id));
}

#[test]
fn a_refused_event_tells_of_no_gap_that_would_be_refused_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut core = core(&settings(dir.path(), true, 1 << 30));
    core.take(event());
    assert!(core.commit());

    for block in fetch(&mut core, "a") {
        core.refused("a", block.id, "not authorized");
    }

    assert!(fetch(&mut core, "a").is_empty());
    assert_eq!(core.letters(&Letters::default()).len(), 1);
}

#[test]
fn a_letter_that_is_retried_comes_again_byte_for_byte_also_when_the_store_has_lost_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = config::Buffer { history: Duration::ZERO, ..settings(dir.path(), true, 1 << 30) };
    let mut core = core(&settings);
    core.take(readings(3, 9, 1));
    assert!(core.commit());
    let block = fetch(&mut core, "a").remove(0);
    core.refused("a", block.id, "quota");
    for uplink in ["a", "b"] {
        let rest: Vec<_> = fetch(&mut core, uplink).iter().map(|block| block.id).collect();
        core.delivered(uplink, &rest);
    }
    // The first commit stores the event of the gap, the second lets it go.
    assert!(core.commit() && core.commit());
    assert_eq!(core.store().oldest().unwrap(), None, "the store has it still");

    let retried = core.retry_letters(&Letters { uplink: Some("a".into()), ids: Some(vec![1]) });

    assert_eq!(retried.len(), 1);
    assert_eq!(fetch(&mut core, "a"), [block]);
    assert!(fetch(&mut core, "b").is_empty());
    assert!(core.letters(&Letters::default()).is_empty());
}

#[test]
fn letters_are_dropped_by_id_and_by_uplink_and_the_oldest_beyond_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let mut core = core(&settings(dir.path(), true, 1 << 30));
    for seed in 0..1_003 {
        core.take(readings(1, 2, seed));
        assert!(seed % 50 != 0 || core.commit());
    }
    // Many small blocks: one commit cuts one.
    let mut ids = Vec::new();
    for seed in 0..1_003 {
        core.take(readings(1, 2, seed));
        assert!(core.commit());
        ids.push(core.newest().borrow().0);
    }
    for id in &ids {
        core.refused("a", BlockId(*id), "no");
    }

    let kept = core.letters(&Letters::default());
    assert_eq!((kept.len(), kept[0].id), (1_000, ids[3]));
    let which = Letters { uplink: Some("b".into()), ids: None };
    assert!(core.drop_letters(&which).is_empty());
    assert_eq!(core.drop_letters(&Letters { uplink: None, ids: Some(vec![ids[4]]) }).len(), 1);
    assert_eq!(core.drop_letters(&Letters::default()).len(), 999);
}

#[test]
fn a_range_that_is_asked_for_again_comes_as_it_was_from_packs_rows_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut first = core(&settings);
    first.take(readings(2, 9, 0));
    assert!(first.finish());
    drop(first);
    let mut core = core(&settings);
    let mut sent = Vec::new();
    for seed in 0..40 {
        core.take(readings(2, 9, seed));
        if seed % 9 == 0 {
            core.take(event());
        }
        core.cut_all();
        let new = fetch(&mut core, "a");
        let ids: Vec<_> = new.iter().map(|block| block.id).collect();
        core.delivered("a", &ids);
        // Every seventh is missed by one and stored on its own, the others gather for the history.
        if seed % 7 != 0 {
            core.delivered("b", &ids);
        }
        assert!(seed != 20 || core.commit_history());
        sent.extend(new);
    }
    let of = |stream: &Stream, (from, to): (u64, u64)| -> Vec<Arc<Block>> {
        let is_in =
            |block: &&Arc<Block>| block.epoch == 2 && block.stream == *stream && (from..=to).contains(&block.seq);
        sent.iter().filter(is_in).cloned().collect()
    };

    for (stream, range) in
        [(Stream::Data, (1, 40)), (Stream::Data, (7, 9)), (Stream::Data, (39, 99)), (Stream::Event, (2, 4))]
    {
        let what = replay(&core, stream.clone(), 2, range);
        let (mut all, mut after) = (Vec::new(), BlockId(0));
        loop {
            let some = core.replay(&what, after, 6).unwrap();
            let Some(last) = some.last() else { break };
            after = last.id;
            all.extend(some);
        }
        assert_eq!(all, of(&stream, range), "{stream:?} {range:?}");
    }
    let foreign = Replay { store: "other".into(), ..replay(&core, Stream::Data, 2, (1, 40)) };
    assert!(core.replay(&foreign, BlockId(0), 9).unwrap().is_empty());
    assert!(core.replay(&replay(&core, Stream::Data, 9, (1, 40)), BlockId(0), 9).unwrap().is_empty());
    assert_eq!(core.replay(&replay(&core, Stream::Data, 1, (1, 40)), BlockId(0), 9).unwrap().len(), 1);
}
