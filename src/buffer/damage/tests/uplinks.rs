//! What each uplink is owed of a file that was set aside, also when the salvage is interrupted.

use super::{super::salvager::Row, *};
use crate::buffer::{
    Append, Origin,
    model_test::{feed, origin},
};

#[test]
fn a_salvage_that_is_interrupted_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = damaged(&settings);
    let mut first = core(&settings);
    let mut salvagers = first.salvage().unwrap().open_all(dir.path());
    let mut rows = 0;
    while rows < 12 {
        let Step::Rows(found) = salvagers[0].step() else { panic!("all was read") };
        for row in found.into_iter().take(12 - rows) {
            assert!(first.carry_over(row).is_ok());
            rows += 1;
        }
    }
    assert!(first.commit());
    drop((first, salvagers));

    let mut second = core(&settings);
    salvage(&mut second, &settings);

    let found: Vec<_> = owed(&mut second, "a").into_values().collect();
    assert_accounted(&stored, &found, "interrupted");
    let data: Vec<_> =
        found.iter().filter(|block| block.stream == Stream::Data).map(|block| content(block)).collect();
    assert_eq!(data.iter().collect::<BTreeSet<_>>().len(), data.len(), "a block came twice");
    assert!(second.salvage().unwrap().is_empty());
}

#[tokio::test]
async fn the_background_carries_over_all_of_it_and_is_done_then() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = damaged(&settings);
    let (buffer, writer) = crate::buffer::open(&settings, origin(), crate::buffer::Metrics::default()).unwrap();
    let salvage = writer.salvage().unwrap();
    let writer = std::thread::spawn(move || writer.run());
    let (_stop, stop) = crate::shutdown::StopSignal::pair();

    salvage.run(&buffer, stop).await.unwrap();

    buffer.close().await;
    writer.join().unwrap();
    let mut buffer = core(&settings);
    assert!(!salvage.is_empty() && buffer.salvage().unwrap().is_empty());
    assert_accounted(&stored, &owed(&mut buffer, "a").into_values().collect::<Vec<_>>(), "in the background");
}

#[test]
fn an_uplink_is_not_owed_again_what_it_had() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    damaged(&settings);
    let mut buffer = core(&settings);

    salvage(&mut buffer, &settings);

    let (a, b) = (owed(&mut buffer, "a"), owed(&mut buffer, "b"));
    let more: Vec<_> = b.keys().filter(|id| !a.contains_key(id)).collect();
    assert_eq!(more.len(), 2 * 4, "b had four blocks less of each epoch");
    let sent: BTreeMap<_, _> = buffer.owed_now().iter().map(|owed| (owed.uplink.to_string(), owed.blocks)).collect();
    assert_eq!((sent["a"], sent["b"]), (a.len() as u64, b.len() as u64));
    assert_whole(&buffer, &a, "a");
}

#[test]
fn numbers_that_an_uplink_will_not_be_given_are_told_after_a_kill_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    damaged(&settings);
    let mut buffer = core(&settings);
    let mut salvagers = buffer.salvage().unwrap().open_all(dir.path());
    let had = |row: &Row| {
        let is_had = |block: &Block| block.stream == Stream::Data && row.sent.settled("a").contains(block.id.0);
        row.blocks.iter().any(is_had) && row.blocks.iter().any(|block| !row.sent.settled("b").contains(block.id.0))
    };
    let mut is_had = false;
    while !is_had {
        let Step::Rows(rows) = salvagers[0].step() else { panic!("a had some of its rows, and b had not") };
        is_had = rows.iter().any(had);
        for row in rows {
            assert!(buffer.carry_over(row).is_ok());
        }
    }
    assert!(buffer.commit());
    let (epoch, first) = (buffer.store().identity.epoch, owed(&mut buffer, "a"));
    drop(buffer);

    let mut next = core(&settings);

    let mut come = owed(&mut next, "a");
    come.extend(first);
    come.retain(|_, block| block.epoch == epoch || !block.stream.has_readings());
    assert_whole(&next, &come, "a");
    assert!(next.commit());
    drop(next);
    let told_again = owed(&mut core(&settings), "a").into_values().filter(|block| block.epoch > epoch + 1);
    assert!(told(&told_again.collect::<Vec<_>>()).is_empty(), "once is enough");
}

#[test]
fn what_memory_moves_when_damage_shows_in_use_is_not_salvaged_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    filled(&settings);
    let mut buffer = core(&settings);
    for seed in 0..5 {
        buffer.take(readings(1, 100, 1_000 + seed));
    }
    assert!(buffer.commit());
    let stored: Vec<_> = owed(&mut buffer, "a").into_values().collect();
    let newest = stored.iter().rev().find(|block| block.stream == Stream::Data).unwrap().id;
    buffer.delivered("b", &[newest]);
    let owed_to_b = owed(&mut buffer, "b").values().filter(|block| block.stream.has_readings()).count();
    assert!(buffer.replace());

    let mut next = core(&settings);
    salvage(&mut next, &settings);

    let found: Vec<_> = owed(&mut next, "a").into_values().collect();
    assert_accounted(&stored, &found, "in use");
    let data = |blocks: &[Arc<Block>]| blocks.iter().filter(|block| block.stream == Stream::Data).count();
    assert_eq!(data(&found), data(&stored));
    let for_b = owed(&mut next, "b");
    assert_eq!(for_b.values().filter(|block| block.stream.has_readings()).count(), owed_to_b);
    assert_whole(&next, &for_b, "b");
    let told = told(&found);
    assert!(stored.iter().all(|block| told.get(&id(block)).is_some_and(|reason| reason == "moved")));
}

#[test]
fn a_stream_of_one_uplink_is_carried_over_for_that_uplink() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let filter = Some([crate::model::Selector::parse("d/*").unwrap()].into());
    let with_filter = || Origin {
        uplinks: vec![feed("a"), crate::buffer::Feed { name: "c".into(), filter: filter.clone() }],
        ..origin()
    };
    let mut buffer = crate::buffer::model_test::core_of(&settings, with_filter());
    buffer.take(Append { ..readings(2, 100, 1) });
    assert!(buffer.finish());
    let stored = owed(&mut buffer, "c");
    assert!(buffer.replace());
    let mut next = crate::buffer::model_test::core_of(&settings, with_filter());
    salvage(&mut next, &settings);

    let streams = |core: &mut Core, uplink: &str| -> Vec<String> {
        let blocks = owed(core, uplink).into_values().filter(|block| block.stream.has_readings());
        blocks.map(|block| block.stream.as_str().to_owned()).collect()
    };
    assert!(stored.values().any(|block| block.stream.as_str() == "data.c"));
    assert_eq!(streams(&mut next, "c"), ["data.c"]);
    assert_eq!(streams(&mut next, "a"), ["data"]);
}
