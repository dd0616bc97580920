//! Readings get through: once, in order, with the values the device gave, whatever the broker does.

use std::collections::BTreeSet;

use crate::harness::{Arrived, Blocks, Broker, Gateway, Id, Listener, Message, Site, Tap, Units, is_long, value_of};

/// Units and points of the plain run: 200 points.
const UNITS: u8 = 5;
/// Points of each unit.
const POINTS: u16 = 40;

#[test]
fn every_reading_arrives_once_in_order_with_the_servers_value() {
    let units = Units::start(UNITS, POINTS);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port()).line(units.port(), UNITS, POINTS, "1s");

    let gateway = Gateway::start(&site);
    units.wait_served(if is_long() { 60 } else { 8 });
    assert!(gateway.stop().success());

    listener.wait_for_message("/state", |state| state["state"] == "offline");
    let blocks = Blocks::received(&listener.messages());
    blocks.assert_ordered();
    assert_eq!(blocks.missing(&[], &BTreeSet::new()), []);
    assert_series_are_whole(&blocks, &units);
}

/// Every point's values are the server's, from the first to the last but at most one: the answer that was under way
/// when the gateway was told to stop.
fn assert_series_are_whole(blocks: &Blocks, units: &Units) {
    let (series, served) = (blocks.series(), units.served());
    assert_eq!(series.len(), usize::from(UNITS) * usize::from(POINTS));
    for unit in 1..=u32::from(UNITS) {
        for point in 0..u32::from(POINTS) {
            let readings = &series[&format!("unit-{unit}/v{point}")];
            let times = u32::try_from(readings.len()).unwrap();
            let got: Vec<u64> = readings.iter().map(Arrived::number).collect();
            let wanted: Vec<u64> = (1..=times).map(|n| value_of(unit, point, n)).collect();
            assert_eq!(got, wanted, "unit {unit} point {point}");
            assert!(readings.iter().is_sorted_by_key(|reading| &reading.ts), "unit {unit} point {point}");
            let served = served[&format!("{unit}/{point}")];
            assert!(served - times <= 1, "unit {unit} point {point}: {served} served, {times} arrived");
        }
    }
}

#[test]
fn mqtt_3_1_1_carries_the_same_messages() {
    let units = Units::start(1, 2);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(units.port(), 1, 2, "200ms");
    site.replace("window = 10", "window = 10\nprotocol = \"3.1.1\"");

    let gateway = Gateway::start(&site);
    units.wait_served(5);
    assert!(gateway.stop().success());

    listener.wait_for_message("/state", |state| state["state"] == "offline");
    let blocks = Blocks::received(&listener.messages());
    blocks.assert_ordered();
    assert_eq!(blocks.missing(&[], &BTreeSet::new()), []);
    assert_ticks_are_whole(&blocks);
}

#[test]
fn nothing_owed_is_missing_after_an_outage_and_a_kill_in_the_middle_of_the_drain() {
    survive_an_outage(|site| site);
}

#[test]
fn nothing_owed_is_missing_either_when_blocks_are_published_before_their_commit() {
    survive_an_outage(Site::express);
}

/// An outage, and a kill of the broker in the middle of the drain.
fn survive_an_outage(variant: impl Fn(Site) -> Site) {
    let units = Units::start(2, 20);
    let mut broker = Broker::start();
    let listener = Listener::start(broker.port());
    let tap = Tap::start(broker.port());
    let site = variant(Site::new(tap.port()).line(units.port(), 2, 20, "100ms"));
    let gateway = Gateway::start(&site);
    listener.wait_for_message("/data", |_| true);

    // An outage, long enough for a backlog of many windows.
    broker.kill();
    let before = lowest_count(&units);
    units.wait_served(before + if is_long() { 300 } else { 50 });
    let sessions = listener.sessions();
    broker.resume();
    listener.wait_sessions(sessions + 1);

    // The backlog drains; the broker dies with some of it taken and some of it not.
    let so_far = tap.read(<[_]>::len);
    tap.wait_for("the drain", |sent| (sent.len() > so_far + 15).then_some(()));
    broker.kill();
    let (sessions, greeted) = (listener.sessions(), greetings(&listener.messages()));
    broker.resume();
    listener.wait_sessions(sessions + 1);
    // A gateway that is stopped while it waits to connect again says nothing any more.
    listener.wait_for("the gateway", |messages| (greetings(messages) > greeted).then_some(()));

    let after = lowest_count(&units);
    units.wait_served(after + 10);
    assert!(gateway.stop().success());
    listener.wait_for_message("/state", |state| state["state"] == "offline");
    assert_nothing_owed_is_missing(&tap, &listener);
}

/// What the broker had acknowledged when it died was the broker's to deliver; everything else must be there.
fn assert_nothing_owed_is_missing(tap: &Tap, listener: &Listener) {
    let sent = tap.sent();
    let acknowledged: BTreeSet<Id> = Blocks::acknowledged(&sent);
    let received = Blocks::received(&listener.messages());
    assert_eq!(received.missing(&[], &acknowledged), []);

    // Taking every send, repeats included, also proves that repeats are identical to the last byte.
    let all: Vec<_> = sent.into_iter().map(|sent| sent.message).collect();
    let all = Blocks::received(&all);
    all.assert_ordered();
    assert_eq!(all.missing(&[], &BTreeSet::new()), []);
    assert_ticks_are_whole(&all);
}

/// Each point's good values count up without a hole: no reading was lost between device and message either.
fn assert_ticks_are_whole(blocks: &Blocks) {
    for (name, readings) in blocks.series() {
        let ticks: Vec<u64> =
            readings.iter().filter(|reading| reading.is_good()).map(|r| r.number() & 0xffff).collect();
        assert!(ticks.windows(2).all(|pair| pair[1] == pair[0] + 1), "{name}: {ticks:?}");
        assert_eq!(ticks.first(), Some(&1), "{name}");
    }
}

/// How often the gateway said that it is there.
fn greetings(messages: &[Message]) -> usize {
    messages.iter().filter(|message| message.topic.ends_with("/state")).count()
}

/// How often the point that was read least was read.
fn lowest_count(units: &Units) -> u32 {
    units.served().into_values().min().expect("there are points")
}
