//! Damage done on purpose, and what is read, told and carried over after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use proptest::prelude::*;
use serde_json::Value as Json;

use super::{
    Progress, check, read_out, rebuild, repair,
    salvager::{Row, Salvager, Step},
};
use crate::{
    buffer::{
        Append, OpenError, Origin,
        cipher::KeyError,
        core::Core,
        model_test::{core, event, feed, origin, owed, readings, settings},
    },
    config,
    model::{Block, BlockBody, BlockId, Reading, Stream},
};

/// Store, stream, epoch and number.
type Id = (String, String, u64, u64);

fn id(block: &Block) -> Id {
    (block.store.to_string(), block.stream.as_str().to_owned(), block.epoch, block.seq)
}

/// A store with two epochs of readings and events; the uplinks have some of them. Gives the blocks that `a` is owed.
fn filled(settings: &config::Buffer) -> Vec<Arc<Block>> {
    for epoch in 0..2 {
        let mut buffer = core(settings);
        for seed in 0..30 {
            buffer.take(readings(2, 400, 100 * epoch + seed));
            if seed % 7 == 0 {
                buffer.take(event());
            }
            assert!(buffer.commit());
        }
        let ids: Vec<_> = owed(&mut buffer, "a").into_keys().take(9).collect();
        buffer.delivered("a", &ids);
        buffer.delivered("b", &ids[..5]);
        assert!(buffer.finish());
    }
    let mut buffer = core(settings);
    let blocks = owed(&mut buffer, "a").into_values().collect();
    buffer.store().db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(buffer);
    without_log(&settings.path);
    blocks
}

fn without_log(path: &Path) {
    for suffix in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(path.with_extension(suffix));
    }
}

/// What the background does, at once.
fn salvage(buffer: &mut Core, settings: &config::Buffer) {
    let salvage = buffer.salvage().unwrap();
    for mut salvager in salvage.open_all(settings.path.parent().unwrap()) {
        loop {
            match salvager.step() {
                Step::Rows(rows) => rows.into_iter().for_each(|row| {
                    if let Err(row) = buffer.carry_over(row) {
                        assert!(buffer.commit());
                        assert!(buffer.carry_over(row).is_ok());
                    }
                }),
                Step::Done(done) => break buffer.end_salvage(&done),
            }
        }
    }
    assert!(buffer.commit());
}

/// Numbers that gap events name, with their reason and in which store.
fn told(blocks: &[Arc<Block>]) -> BTreeMap<Id, String> {
    let mut told = BTreeMap::new();
    for block in blocks {
        let BlockBody::Message { fields, .. } = &block.body else { continue };
        let json: Json = serde_json::from_str(fields).unwrap();
        let Some(gap) = json.get("gap") else { continue };
        let store = gap["store"].as_str().unwrap_or(&block.store);
        for seq in gap["from"].as_u64().unwrap()..=gap["to"].as_u64().unwrap() {
            let id =
                (store.to_owned(), gap["stream"].as_str().unwrap().to_owned(), gap["epoch"].as_u64().unwrap(), seq);
            told.insert(id, gap["reason"].as_str().unwrap().to_owned());
        }
    }
    told
}

/// Everything `a` is owed, also after a start that found damage in use.
fn start_and_salvage(settings: &config::Buffer) -> Vec<Arc<Block>> {
    let mut buffer = core(settings);
    let mut found: Vec<_> = owed(&mut buffer, "a").into_values().collect();
    buffer.commit();
    if buffer.is_damaged() {
        assert!(buffer.replace());
        buffer = core(settings);
    }
    salvage(&mut buffer, settings);
    found.extend(owed(&mut buffer, "a").into_values());
    found
}

fn content(block: &Block) -> String {
    format!("{:?}", block.body)
}

/// Every block that was owed has come, under its own number or another, or is told; nothing else has come.
fn assert_accounted(stored: &[Arc<Block>], found: &[Arc<Block>], what: &str) {
    let told = told(found);
    let known: BTreeSet<String> = stored.iter().map(|block| content(block)).collect();
    let come: BTreeSet<String> = found.iter().map(|block| content(block)).collect();
    for block in found.iter().filter(|block| block.stream == Stream::Data) {
        assert!(known.contains(&content(block)), "{what}: invented {:?}", id(block));
    }
    for block in stored {
        let is_told = told.contains_key(&id(block));
        let has_come = come.contains(&content(block));
        assert!(has_come || is_told, "{what}: {:?} is lost silently", id(block));
    }
}

fn damage(settings: &config::Buffer, bytes: &[u8]) {
    for file in fs::read_dir(settings.path.parent().unwrap()).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().contains("damaged") {
            fs::remove_file(path).unwrap();
        }
    }
    without_log(&settings.path);
    fs::write(&settings.path, bytes).unwrap();
}

/// Whether SQLite could open the file at all, which it cannot when its first page is damaged.
fn is_readable(settings: &config::Buffer) -> bool {
    check(&settings.path, None, &mut |_| ()).is_ok_and(|checked| !checked.streams.is_empty())
}

#[test]
fn what_can_be_read_of_flipped_pages_comes_and_the_rest_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let whole = fs::read(&settings.path).unwrap();
    let (mut carried, mut readable) = (0, 0);

    for place in (0..whole.len()).step_by(whole.len() / 37) {
        let mut bytes = whole.clone();
        bytes[place..].iter_mut().take(24).for_each(|byte| *byte ^= 0x55);
        damage(&settings, &bytes);
        let can_read = is_readable(&settings);
        readable += u32::from(can_read);

        let found = start_and_salvage(&settings);

        if can_read {
            assert_accounted(&stored, &found, &format!("at {place}"));
        }
        carried += u32::from(told(&found).values().any(|reason| reason == "moved"));
    }

    assert!(carried > 0 && readable > 25, "{carried} {readable}");
}

#[test]
fn of_a_file_that_lost_its_end_the_beginning_is_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let whole = fs::read(&settings.path).unwrap();

    for len in [whole.len() - 1_024, whole.len() / 2, whole.len() / 3] {
        damage(&settings, &whole[..len]);

        let found = start_and_salvage(&settings);

        assert_accounted(&stored, &found, &format!("cut off at {len}"));
        let told = told(&found);
        let count = |wanted: &str| told.values().filter(|reason| *reason == wanted).count();
        assert!(count("moved") > 0 && count("corrupt") > 0, "cut off at {len}: {told:?}");
    }
}

/// A store whose newest page of readings is damaged, so that the next start sets it aside.
fn damaged(settings: &config::Buffer) -> Vec<Arc<Block>> {
    let stored = filled(settings);
    let mut bytes = fs::read(&settings.path).unwrap();
    let place = bytes.len() - 20_000;
    bytes[place..place + 2_000].fill(0xff);
    bytes.truncate(bytes.len() - 1_024);
    damage(settings, &bytes);
    stored
}

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

/// Every number of readings that the store gave has come to the uplink, or is told.
fn assert_whole(buffer: &Core, come: &BTreeMap<BlockId, Arc<Block>>, uplink: &str) {
    let blocks: Vec<_> = come.values().cloned().collect();
    let told = told(&blocks);
    let data: BTreeSet<Id> =
        blocks.iter().filter(|block| block.stream == Stream::Data).map(|block| id(block)).collect();
    let here = |id: &&Id| id.0 == *buffer.store().identity.store && id.1 == "data";
    let (store, _, epoch, last) = data.iter().chain(told.keys()).filter(here).max().cloned().unwrap();
    for seq in 1..=last {
        let id = (store.clone(), "data".to_owned(), epoch, seq);
        assert!(data.contains(&id) || told.contains_key(&id), "{uplink} waits for {id:?}");
    }
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
fn a_check_finds_a_sound_store_sound_also_while_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    filled(&settings);
    let mut buffer = core(&settings);
    buffer.take(readings(3, 10, 1));
    assert!(buffer.commit());
    let mut seen = Vec::new();

    let checked = check(&settings.path, None, &mut |progress| seen.push(progress)).unwrap();

    assert!(checked.is_sound(), "{checked:?}");
    let data: Vec<_> = checked.streams.iter().filter(|seen| seen.stream == "data").collect();
    assert_eq!(data.iter().map(|seen| seen.blocks).collect::<Vec<_>>(), [30, 30, 1]);
    assert_eq!(data.iter().map(|seen| seen.readings).sum::<u64>(), 123);
    assert!(seen.contains(&Progress::Pages) && matches!(seen.last(), Some(Progress::Rows(90..))), "{seen:?}");
}

#[test]
fn a_check_names_a_row_that_is_damaged_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    filled(&settings);
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    db.execute("UPDATE pack SET body = zeroblob(length(body)) WHERE id = 20", []).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(db);
    without_log(&settings.path);
    let before = fs::read(&settings.path).unwrap();

    let checked = check(&settings.path, None, &mut |_| ()).unwrap();

    assert!(!checked.is_sound() && checked.pages.is_empty());
    assert_eq!((checked.damaged_rows, checked.damaged[0].id), (1, 20));
    let [gap] = &checked.missing[..] else { panic!("{checked:?}") };
    assert_eq!((gap.epoch, gap.from, gap.to), (1, checked.damaged[0].seq, checked.damaged[0].seq));
    assert_eq!(fs::read(&settings.path).unwrap(), before);
}

#[test]
fn every_reading_of_a_file_comes_out_as_a_line_and_into_a_new_store() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = filled(&settings);
    let (mut lines, into) = (Vec::new(), dir.path().join("new.db"));

    let rescued = read_out(&settings.path, None, &mut lines, &mut |_| ()).unwrap();
    let rebuilt = rebuild(&settings.path, &into, &settings, origin(), &mut |_| ()).unwrap();

    let text = String::from_utf8(lines).unwrap();
    let json: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((rescued.readings, rebuilt.readings), (120, 120));
    assert_eq!(json.iter().filter(|line| line["stream"] == "data" && line["device"] == "d").count(), 120);
    let again = rebuild(&settings.path, &into, &settings, origin(), &mut |_| ());
    assert!(again.unwrap_err().to_string().contains("there already"));
    let new = config::Buffer { path: into, ..settings };
    let mut buffer = core(&new);
    let data = |blocks: BTreeMap<_, Arc<Block>>| {
        let data = blocks.into_values().filter(|block| block.stream == Stream::Data);
        data.map(|block| content(&block)).collect::<Vec<_>>()
    };
    let wanted: Vec<_> =
        stored.iter().filter(|block| block.stream == Stream::Data).map(|block| content(block)).collect();
    assert_eq!(data(owed(&mut buffer, "a")), wanted);
    let kept: u64 = check(&new.path, None, &mut |_| ()).unwrap().streams.iter().map(|seen| seen.readings).sum();
    assert_eq!(kept, 120, "delivered readings stay for the history");
}

#[test]
fn a_repair_keeps_the_old_file_and_waits_for_nobody_who_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let stored = damaged(&settings);
    let before = fs::read(&settings.path).unwrap();

    let rescued = repair(&settings, origin(), &mut |_| ()).unwrap();

    assert_eq!(fs::read(&rescued.file).unwrap(), before);
    assert!(rescued.lost_blocks > 0 && rescued.blocks > 0);
    let mut buffer = core(&settings);
    assert!(buffer.salvage().unwrap().is_empty());
    assert_accounted(&stored, &owed(&mut buffer, "a").into_values().collect::<Vec<_>>(), "repaired");
    let refused = repair(&settings, origin(), &mut |_| ()).unwrap_err();
    assert!(refused.to_string().contains("in use"), "{refused}");
}

/// The same settings with a key in a file beside the store.
fn keyed(settings: &config::Buffer, digit: &str) -> config::Buffer {
    let file = settings.path.with_file_name(format!("key-{digit}"));
    fs::write(&file, digit.repeat(64)).unwrap();
    config::Buffer { key: Some(config::Secret::File(file)), ..settings.clone() }
}

#[test]
fn a_store_is_sealed_from_when_a_key_is_set_and_older_rows_stay_readable() {
    let dir = tempfile::tempdir().unwrap();
    let open = settings(dir.path(), true, 1 << 30);
    let mut stored: Vec<_> = filled(&open).iter().map(|block| content(block)).collect();
    let sealed = keyed(&open, "1");
    let mut buffer = core(&sealed);
    buffer.take(readings(3, 50, 7));
    assert!(buffer.finish());
    let blocks = owed(&mut buffer, "a");
    stored.push(content(blocks.values().next_back().unwrap()));
    let last = buffer.last_values();
    drop(buffer);
    let body = |id: &str| -> Vec<u8> {
        let db = rusqlite::Connection::open(&open.path).unwrap();
        db.query_row(&format!("SELECT body FROM {id}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(body("pack ORDER BY id LIMIT 1")[0], 1);
    assert_eq!((body("pack ORDER BY id DESC LIMIT 1")[0], body("snapshot")[0]), (0x80, 0x80));

    let mut again = core(&sealed);
    again.restore_last();

    let found: Vec<_> = owed(&mut again, "a").values().map(|block| content(block)).collect();
    assert_eq!((found, again.last_values()), (stored, last));
    assert!(check(&open.path, sealed.key.as_ref(), &mut |_| ()).unwrap().is_sound());
}

#[test]
fn a_wrong_or_missing_key_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let open = settings(dir.path(), true, 1 << 30);
    let right = keyed(&open, "1");
    drop(core(&right));
    let files = || -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
        files
            .filter(|path| !path.ends_with("buffer.db-shm"))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    };
    let wrong = keyed(&open, "2");
    let before = files();

    for (settings, is_wrong) in [(&open, false), (&wrong, true)] {
        let refused = crate::buffer::open(settings, origin(), crate::buffer::Metrics::default()).err().unwrap();
        let OpenError::Key { error, .. } = refused else { panic!("{refused}") };
        assert_eq!(matches!(error, KeyError::Wrong), is_wrong, "{error}");
        assert!(matches!(check(&open.path, settings.key.as_ref(), &mut |_| ()), Err(OpenError::Key { .. })));
        assert!(repair(settings, origin(), &mut |_| ()).is_err());
    }

    assert_eq!(files(), before);
    drop(core(&right));
}

#[test]
fn a_sealed_store_is_salvaged_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let settings = keyed(&settings(dir.path(), true, 1 << 30), "1");
    let stored = damaged(&settings);

    let found = start_and_salvage(&settings);

    assert_accounted(&stored, &found, "sealed");
    assert!(told(&found).values().any(|reason| reason == "moved"));
}

#[test]
fn letters_are_sealed_as_well_and_an_export_takes_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let settings = keyed(&settings(dir.path(), false, 1 << 30), "1");
    let mut buffer = core(&settings);
    let numbers = (0..50).map(|number| crate::buffer::model_test::reading(crate::model::Value::Int(number)));
    buffer.take(Append { forward: numbers.collect(), ..Append::default() });
    assert!(buffer.commit());
    let id = *owed(&mut buffer, "a").first_key_value().unwrap().0;
    buffer.refused("a", id, "too large");
    assert!(buffer.finish());
    drop(buffer);
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    let body: Vec<u8> = db.query_row("SELECT body FROM deadletter", [], |row| row.get(0)).unwrap();
    assert_eq!(body[0], 0x80);

    let mut again = core(&settings);

    assert_eq!(again.retry_letters(&crate::buffer::Letters::default()).len(), 1);
    assert!(owed(&mut again, "a").contains_key(&id));
    let readings = crate::buffer::Archive::open(&settings.path, settings.key.as_ref()).unwrap();
    let (mut count, all) = (0, |ms| crate::model::Timestamp::from_millis(ms));
    let each = readings.each(all(i64::MIN), all(i64::MAX), |step| {
        count += step.readings.len();
        std::ops::ControlFlow::Continue(())
    });
    assert!(each.is_ok());
    assert_eq!(count, 50);
    assert!(crate::buffer::Archive::open(&settings.path, None).is_err());
}

#[test]
fn a_list_of_deliveries_that_was_damaged_counts_as_none() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    filled(&settings);
    let owed_before = owed(&mut core(&settings), "a").len();
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    let mut all = crate::buffer::ranges::Ranges::default();
    all.insert_range(1, 1_000);
    db.execute("UPDATE sent SET ranges = ? WHERE uplink = 'a'", [all.encode()]).unwrap();
    drop(db);

    let owed_after = owed(&mut core(&settings), "a").len();

    assert!(owed_after > owed_before, "{owed_after} {owed_before}");
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

/// Every reading that can be had of a file, by store, epoch, stream and number.
fn read_all(path: &Path) -> Vec<(Id, Vec<Reading>)> {
    let pending = super::Pending::new(path, None, None);
    let seal = crate::buffer::seal::Seal::default();
    let Ok(mut salvager) = Salvager::open(path.parent().unwrap(), pending, seal, &["a".into()], true) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    while let Step::Rows(rows) = salvager.step() {
        let blocks = rows.into_iter().flat_map(|row| row.blocks);
        all.extend(blocks.map(|block| (id(&block), block.body.readings().to_vec())));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn salvage_never_invents_a_reading(
        cuts in prop::collection::vec((0.0..1.0_f64, 1_usize..3_000, any::<u8>()), 1..6),
        end in 0.3..1.0_f64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), true, 1 << 30);
        filled(&settings);
        let stored: BTreeMap<_, _> = read_all(&settings.path).into_iter().collect();
        prop_assert!(stored.len() > 60);
        let mut bytes = fs::read(&settings.path).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
        let place = |share: f64| (share * bytes.len() as f64) as usize;
        let places: Vec<_> = cuts.iter().map(|(share, len, with)| (place(*share), *len, *with)).collect();
        let len = place(end);
        for (place, len, with) in places {
            bytes[place..].iter_mut().take(len).for_each(|byte| *byte = with.wrapping_add(*byte));
        }
        bytes.truncate(len);
        damage(&settings, &bytes);

        for (id, readings) in read_all(&settings.path) {
            // The store's own id may be what is damaged.
            let same = stored.iter().find(|(known, _)| (&known.1, known.2, known.3) == (&id.1, id.2, id.3));
            prop_assert_eq!(same.map(|(_, readings)| readings), Some(&readings), "{:?}", id);
        }
    }
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
