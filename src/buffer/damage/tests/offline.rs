//! By hand: a check, a salvage into lines or a new store, a repair.

use super::{
    super::{Progress, read_out, rebuild, repair},
    *,
};
use crate::buffer::model_test::origin;

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
