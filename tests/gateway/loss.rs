//! Nothing is lost by a reload, a stop, a restart or a damaged file, and what is lost is told.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{Arrived, Blocks, Broker, Gateway, Listener, Site, Units, eventually, value_of};

/// Every value of a unit's points that arrived, in order.
fn ticks(blocks: &Blocks, name: &str) -> Vec<u64> {
    let readings = &blocks.series()[name];
    readings.iter().filter(|reading| reading.is_good()).map(Arrived::number).collect()
}

/// The values a point gives when it is read so many times.
fn first_values(unit: u32, times: usize) -> Vec<u64> {
    (1..=u32::try_from(times).unwrap()).map(|n| value_of(unit, 0, n)).collect()
}

#[test]
fn reloads_of_everything_else_cost_an_adapter_that_stays_no_reading() {
    let units = Units::start(1, 1);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(units.port(), 1, 1, "50ms");
    let gateway = Gateway::start(&site);
    units.wait_served(1);

    for turn in 0..4 {
        let (from, to) = if turn % 2 == 0 { ("window = 10", "window = 11") } else { ("window = 11", "window = 10") };
        site.replace(from, to);
        fs::write(site.path("rules/turn.rhai"), format!("on(\"*/*\", |r| {{ let n = {turn}; }});")).unwrap();
        let before = units.served()["1/0"];
        gateway.reload(&site);
        eventually("the reload", || (gateway.count_in_log("Configuration reloaded") > turn).then_some(()));
        eventually("more polls", || (units.served()["1/0"] > before + 10).then_some(()));
    }
    assert!(gateway.stop().success());

    // An uplink that was changed said "offline" as well: the last reading is what to wait for. One answer may have been
    // under way.
    let served = units.served()["1/0"] as usize;
    let blocks = listener.wait_for("the last readings", |messages| {
        let blocks = Blocks::received(messages);
        (ticks(&blocks, "unit-1/v0").len() + 1 >= served).then_some(blocks)
    });
    assert_eq!(blocks.missing(&[], &BTreeSet::new()), []);
    let got = ticks(&blocks, "unit-1/v0");
    assert_eq!(got, first_values(1, got.len()));
}

#[test]
fn a_stop_while_the_broker_is_away_loses_nothing() {
    let units = Units::start(1, 1);
    let mut broker = Broker::start();
    broker.kill();
    let site = Site::new(broker.port()).line(units.port(), 1, 1, "50ms");

    let first = Gateway::start(&site);
    units.wait_served(30);
    assert!(first.stop().success());
    let served = units.served()["1/0"] as usize;
    broker.resume();
    let listener = Listener::start(broker.port());
    let second = Gateway::start(&site);

    let wanted = first_values(1, served - 1);
    listener.wait_for("the readings of the first run", |messages| {
        let blocks = Blocks::received(messages);
        let is_there = blocks.series().contains_key("unit-1/v0") && ticks(&blocks, "unit-1/v0").len() > served;
        is_there.then_some(())
    });
    assert!(second.stop().success());
    let got = ticks(&Blocks::received(&listener.messages()), "unit-1/v0");
    assert_eq!(got[..wanted.len()], wanted[..]);
}

#[test]
fn a_damaged_buffer_is_told_upstream_and_costs_no_new_reading() {
    let units = Units::start(1, 1);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port()).line(units.port(), 1, 1, "100ms");
    let first = Gateway::start(&site);
    listener.wait_for_message("/data", |_| true);
    assert!(first.stop().success());
    fs::write(site.path("buffer.db"), "no database").unwrap();
    // The log could mend the file.
    fs::remove_file(site.path("buffer.db-wal")).unwrap();

    let second = Gateway::start(&site);

    let event = listener.wait_for_message("/event", |event| event["what"] == "store-replaced");
    assert!(event["text"].as_str().unwrap().contains(".damaged-"), "{event}");
    listener.wait_for_message("/data", |data| data["store"] == event["store"]);
    assert!(second.stop().success());
}

#[test]
fn what_a_damaged_buffer_still_owed_comes_out_of_it_and_its_old_numbers_are_told() {
    let units = Units::start(1, 1);
    let mut broker = Broker::start();
    broker.kill();
    let site = Site::new(broker.port()).line(units.port(), 1, 1, "50ms");
    let first = Gateway::start(&site);
    units.wait_served(30);
    assert!(first.stop().success());
    let owed = first_values(1, units.served()["1/0"] as usize - 1);
    let store = damage_messages(&site);

    broker.resume();
    let listener = Listener::start(broker.port());
    let second = Gateway::start(&site);

    listener.wait_for_message("/event", |event| event["what"] == "store-replaced");
    let is_moved = |event: &Value| event["gap"]["reason"] == "moved" && event["gap"]["store"] == *store;
    let event = listener.wait_for_message("/event", |event| is_moved(event) && event["gap"]["stream"] == "data");
    assert_ne!(event["store"], *store, "a new store begins");
    listener.wait_for("the readings of the old store", |messages| {
        let blocks = Blocks::received(messages);
        let mut values = blocks.series().get("unit-1/v0").map(|_| ticks(&blocks, "unit-1/v0"))?;
        values.sort_unstable();
        values.starts_with(&owed).then_some(())
    });
    assert!(second.stop().success());
    let folder = fs::read_dir(site.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(folder.into_iter().any(|name| name.to_string_lossy().contains(".damaged-")), "it is kept");
}

/// Overwrites the root of the table of events of a buffer that nobody uses; gives the store's id.
fn damage_messages(site: &Site) -> String {
    let db = Connection::open(site.path("buffer.db")).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let ask = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let store = ask("SELECT value FROM meta WHERE key = 'store'");
    let number = |sql: &str| ask(sql).parse::<u64>().unwrap();
    let page = number("SELECT CAST(rootpage AS TEXT) FROM sqlite_schema WHERE name = 'message'");
    let bytes = number("SELECT CAST(page_size AS TEXT) FROM pragma_page_size");
    drop(db);
    let file = File::options().write(true).open(site.path("buffer.db")).unwrap();
    file.write_all_at(&vec![0xa5; usize::try_from(bytes).unwrap()], (page - 1) * bytes).unwrap();
    store
}

#[test]
fn a_wrong_key_is_an_error_of_the_configuration_and_touches_nothing() {
    const KEYS: [char; 2] = ['1', '2'];
    let units = Units::start(1, 1);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(units.port(), 1, 1, "100ms");
    let key = site.path("key");
    site.replace("[buffer]\n", &format!("[buffer]\nkey = {{ file = \"{}\" }}\n", key.display()));
    let set_key = |digit: char| fs::write(&key, digit.to_string().repeat(64)).unwrap();
    let files = || ["buffer.db", "buffer.db-wal"].map(|name| fs::read(site.path(name)).unwrap());
    set_key(KEYS[0]);
    let first = Gateway::start(&site);
    listener.wait_for_message("/data", |_| true);
    assert!(first.stop().success());
    let before = files();

    set_key(KEYS[1]);
    let (status, log) = Gateway::start(&site).wait_exit();

    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("key"), "{log}");
    assert!(files() == before, "the files are others");
    set_key(KEYS[0]);
    let store = listener.wait_for_message("/data", |_| true)["store"].clone();
    let known = listener.messages().len();
    let again = Gateway::start(&site);
    listener.wait_for("data of the same store", |messages| {
        let mut new = messages[known..].iter().filter(|message| message.topic.ends_with("/data"));
        new.any(|message| message.json()["store"] == store).then_some(())
    });
    assert!(again.stop().success());
}
