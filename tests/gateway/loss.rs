//! Nothing is lost by a reload, a stop, a restart or a damaged file, and what is lost is told.

use std::{collections::BTreeSet, fs};

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

    listener.wait_for_message("/state", |state| state["state"] == "offline");
    let blocks = Blocks::received(&listener.messages());
    assert_eq!(blocks.missing(&[], &BTreeSet::new()), []);
    let got = ticks(&blocks, "unit-1/v0");
    assert_eq!(got, first_values(1, got.len()));
    assert!(units.served()["1/0"] as usize - got.len() <= 1);
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
