//! Stores with a key.

use std::path::PathBuf;

use super::{super::repair, *};
use crate::buffer::{Append, OpenError, cipher::KeyError, model_test::origin};

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
