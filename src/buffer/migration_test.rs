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
