//! Files of earlier formats: what they hold is delivered as if nothing had happened.

use rusqlite::{Connection, params};

use super::{
    codec::{Encoder, Stamp},
    model_test::{core, owed, reading, settings},
    ranges::Ranges,
    seal::{Facts, Seal},
};
use crate::model::{BlockBody, BootId, Stream, Timestamp, Value};

/// One row of format 1, which had blocks of every stream in one table.
fn insert(db: &Connection, (id, seq): (u64, u64), stream: &Stream, body: &BlockBody) {
    let stamp = Stamp { gateway: "gw".into(), boot: BootId::new("b"), uptime: std::time::Duration::from_secs(1) };
    let code = Stream::ALL.iter().position(|known| known == stream).unwrap();
    let body = Encoder::new().unwrap().encode(&stamp, body);
    let sealed = Seal::default().seal(&body, &Facts { id, stream, epoch: 3, seq, clock: 0, parts: &[] }).unwrap();
    db.execute("INSERT INTO block VALUES (?, ?, 3, ?, 0, 0, 1, 0, 0, ?)", params![id, code, seq, sealed]).unwrap();
}

#[test]
fn variables_of_format_5_get_their_checksum_and_its_letters_stay() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let db = Connection::open(&settings.path).unwrap();
    for sql in [
        include_str!("schema/0001_first.sql"),
        include_str!("schema/0002_packs.sql"),
        include_str!("schema/0003_rollup.sql"),
        include_str!("schema/0004_sums.sql"),
        include_str!("schema/0005_owed_bytes.sql"),
    ] {
        db.execute_batch(sql).unwrap();
    }
    db.execute_batch(
        "PRAGMA user_version = 5; INSERT INTO meta VALUES ('store', '6f2c'); INSERT INTO epoch (epoch, last_id) VALUES (1, 1);
         INSERT INTO state VALUES ('rule', 'count', '7');
         INSERT INTO deadletter VALUES (1, 'a', 0, 1, 1, 2, 0, 0, 'no', x'00')",
    )
    .unwrap();
    drop(db);

    let mut core = core(&settings);

    let states = core.rule_state();
    assert_eq!(
        states.iter().map(|state| (&*state.key, state.value.clone())).collect::<Vec<_>>(),
        [("count", Some(7.into()))]
    );
    let unproven = "SELECT count(*) FROM state WHERE sum IS NULL";
    assert_eq!(core.store().db.query_row(unproven, [], |row| row.get::<_, u64>(0)), Ok(0));
    let letters = core.letters(&crate::buffer::Letters::default());
    assert_eq!((letters.len(), letters[0].store.clone()), (1, None));
}

#[test]
fn format_1_is_carried_over_with_what_was_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let db = Connection::open(&settings.path).unwrap();
    db.execute_batch(include_str!("schema/0001_first.sql")).unwrap();
    db.execute_batch("PRAGMA user_version = 1; INSERT INTO meta VALUES ('store', '6f2c')").unwrap();
    db.execute("INSERT INTO epoch VALUES (3, 4, 3, 1, 0, 0)", []).unwrap();
    for (id, seq) in [(1, 1), (2, 2), (4, 3)] {
        let readings = [reading(Value::Int(i64::try_from(id).unwrap()))];
        insert(&db, (id, seq), &Stream::Data, &BlockBody::Readings(readings.into()));
    }
    let fields = r#"{"type":"gateway","what":"test","text":"old"}"#.into();
    insert(&db, (3, 1), &Stream::Event, &BlockBody::Message { ts: Timestamp::default(), fields, response: None });
    let mut sent = Ranges::default();
    sent.insert(1);
    db.execute("INSERT INTO sent VALUES ('a', ?, 2)", [sent.encode()]).unwrap();
    drop(db);

    let mut core = core(&settings);

    assert_eq!((core.owed_now()[0].readings, core.owed_now()[0].bytes), (2, 200), "guessed");
    let blocks = owed(&mut core, "a");
    let found: Vec<_> =
        blocks.values().map(|block| (block.id.0, block.stream.as_str(), block.epoch, block.seq)).collect();
    assert_eq!(found, [(2, "data", 3, 2), (3, "event", 3, 1), (4, "data", 3, 3)]);
    assert_eq!(blocks.values().next().unwrap().body.readings()[0].value, Some(Value::Int(2)));
    assert_eq!((&*core.store().identity.store, core.store().identity.epoch), ("6f2c", 4));
    assert_eq!(core.store().last_id().unwrap(), 4);
}
