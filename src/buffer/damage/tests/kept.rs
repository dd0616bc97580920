//! What a file holds besides blocks: variables of rules, last values, dead letters.

use serde_json::json;

use super::*;
use crate::{
    buffer::{Append, Letters},
    model::StateChange,
};

fn variables(count: usize) -> Append {
    let change = |number: usize| StateChange {
        rule: "cold-chain".into(),
        key: format!("key-{number:04}").into(),
        value: Some(json!({ "number": number, "padding": "x".repeat(100) })),
    };
    Append { state: (0..count).map(change).collect(), ..Append::default() }
}

/// Ends a store, damages it so that the next start sets it aside, and changes it besides.
fn break_it(settings: &config::Buffer, mut buffer: Core, sql: &str) {
    assert!(buffer.finish());
    drop(buffer);
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    db.execute_batch(&format!("UPDATE epoch SET last_id = 'damaged'; {sql}")).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(db);
    without_log(&settings.path);
}

/// The text of the event with this name.
fn text(buffer: &mut Core, what: &str) -> String {
    assert!(buffer.commit());
    let events = owed(buffer, "a").into_values().filter_map(|block| match &block.body {
        BlockBody::Message { fields, .. } => serde_json::from_str::<Json>(fields).ok(),
        BlockBody::Readings(_) => None,
    });
    let event = events.rev().find(|event| event["what"] == what).unwrap();
    event["text"].as_str().unwrap().to_owned()
}

fn keys(buffer: &mut Core) -> BTreeSet<String> {
    buffer.rule_state().into_iter().map(|change| change.key.to_string()).collect()
}

#[test]
fn variables_and_last_values_are_there_when_the_new_store_begins() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = core(&settings);
    buffer.take(variables(3));
    buffer.take(readings(2, 40, 1));
    let (states, last) = (keys(&mut buffer), buffer.last_values());
    break_it(&settings, buffer, "");

    let mut new = core(&settings);
    new.restore_last();

    assert_eq!((keys(&mut new), new.last_values()), (states, last));
    let text = text(&mut new, "store-replaced");
    assert!(text.ends_with("; 3 variables of rules and 1 last values were taken over"), "{text}");
}

#[test]
fn variables_move_as_well_when_damage_shows_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = core(&settings);
    buffer.take(variables(3));
    assert!(buffer.commit());
    let changed = StateChange { rule: "cold-chain".into(), key: "key-0001".into(), value: Some(json!("newer")) };
    buffer.take(Append { state: vec![changed.clone()], ..Append::default() });

    assert!(buffer.replace());

    let states = core(&settings).rule_state();
    assert_eq!(states.len(), 3);
    assert!(states.contains(&changed));
}

#[test]
fn a_variable_or_last_value_that_nothing_proves_is_lost_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = core(&settings);
    buffer.take(variables(3));
    buffer.take(readings(2, 40, 1));
    let sql =
        "UPDATE state SET value = '7' WHERE key = 'key-0001'; UPDATE state SET sum = NULL WHERE key = 'key-0002';
               UPDATE snapshot SET sum = sum + 1";
    break_it(&settings, buffer, sql);

    let mut new = core(&settings);
    new.restore_last();

    assert_eq!((keys(&mut new), new.last_values()), (BTreeSet::from(["key-0000".to_owned()]), Vec::new()));
    let text = text(&mut new, "store-replaced");
    assert!(
        text.contains("1 variables of rules and 0 last values were taken over, 2 variables are damaged"),
        "{text}"
    );
}

#[test]
fn variables_before_and_behind_a_page_that_cannot_be_read_come_over() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let mut buffer = core(&settings);
    buffer.take(variables(400));
    // In the order of their keys, and without copies that were left over.
    break_it(&settings, buffer, "VACUUM");
    let mut bytes = fs::read(&settings.path).unwrap();
    let place = bytes.windows(8).rposition(|window| window == b"key-0200").unwrap();
    bytes[place / 1_024 * 1_024..][..8].fill(0xff);
    fs::write(&settings.path, bytes).unwrap();

    let mut new = core(&settings);

    let keys = keys(&mut new);
    assert!((350..400).contains(&keys.len()), "{}", keys.len());
    assert!(keys.contains("key-0000") && keys.contains("key-0399") && !keys.contains("key-0200"));
    let text = text(&mut new, "store-replaced");
    assert!(text.ends_with("variables may be lost: not all of them can be read"), "{text}");
}

/// A store in which `a` has refused its first blocks of readings, as many as these.
fn with_letters(settings: &config::Buffer, count: usize) -> (Core, Vec<Arc<Block>>) {
    let mut buffer = core(settings);
    for seed in 0..6 {
        buffer.take(readings(2, 100, seed));
        assert!(buffer.commit());
    }
    let blocks: Vec<_> = owed(&mut buffer, "a").into_values().take(count).collect();
    for block in &blocks {
        buffer.refused("a", block.id, "not authorized");
    }
    assert!(buffer.commit());
    (buffer, blocks)
}

#[test]
fn a_dead_letter_moves_to_the_new_store_and_is_sent_again_under_a_number_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let (buffer, blocks) = with_letters(&settings, 2);
    break_it(&settings, buffer, "");
    let mut new = core(&settings);
    salvage(&mut new, &settings);

    let letters = new.letters(&Letters::default());
    let named =
        |letter: &crate::buffer::Letter| (letter.store.clone(), letter.epoch, letter.seq, letter.reason.clone());
    let wanted =
        blocks.iter().map(|block| (Some(block.store.clone()), block.epoch, block.seq, "not authorized".into()));
    assert_eq!(letters.iter().map(named).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    let text = text(&mut new, "store-salvaged");
    assert!(text.contains("2 dead letters were carried over") && text.contains("0 dead letters could not"), "{text}");

    let which = Letters { uplink: None, ids: Some(vec![letters[0].id]) };
    assert_eq!(new.retry_letters(&which), letters[..1]);

    assert_eq!(new.letters(&Letters::default()), letters[1..]);
    let (a, b) = (owed(&mut new, "a"), owed(&mut new, "b"));
    let again: Vec<_> = a.values().filter(|block| content(block) == content(&blocks[0])).collect();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].store, new.store().identity.store);
    assert!(!b.contains_key(&again[0].id));
    assert_whole(&new, &a, "a");
    assert_whole(&new, &b, "b");
    let found: Vec<_> = a.into_values().collect();
    assert_eq!(told(&found).get(&id(&blocks[0])).map(String::as_str), Some("moved"));
}

#[test]
fn a_dead_letter_that_is_damaged_is_counted_and_the_others_come() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let (buffer, _) = with_letters(&settings, 4);
    break_it(&settings, buffer, "UPDATE deadletter SET body = zeroblob(90) WHERE seq = 2");
    let mut new = core(&settings);

    salvage(&mut new, &settings);

    let seqs: Vec<_> = new.letters(&Letters::default()).iter().map(|letter| letter.seq).collect();
    assert_eq!(seqs, [1, 3, 4]);
    assert!(text(&mut new, "store-salvaged").contains("1 dead letters could not be read"));
}

#[test]
fn letters_that_came_over_already_do_not_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), true, 1 << 30);
    let (buffer, _) = with_letters(&settings, 4);
    break_it(&settings, buffer, "");
    let mut first = core(&settings);
    let mut salvagers = first.salvage().unwrap().open_all(dir.path());
    let letters = loop {
        match salvagers[0].step() {
            Step::Rows(rows) => rows.into_iter().for_each(|row| assert!(first.carry_over(row).is_ok())),
            Step::Letters(letters) => break letters,
            Step::Done(_) => panic!("there were letters"),
        }
    };
    letters.into_iter().take(2).for_each(|letter| assert!(first.carry_letter(Box::new(letter)).is_ok()));
    assert!(first.commit());
    let all = first.letters(&Letters::default());
    assert_eq!(first.drop_letters(&Letters { uplink: None, ids: Some(vec![all[0].id]) }).len(), 1);
    drop((first, salvagers));

    let mut second = core(&settings);
    salvage(&mut second, &settings);

    let seqs: Vec<_> = second.letters(&Letters::default()).iter().map(|letter| letter.seq).collect();
    assert_eq!(seqs, [2, 3, 4]);
    assert!(text(&mut second, "store-salvaged").contains("4 dead letters were carried over"));
}
