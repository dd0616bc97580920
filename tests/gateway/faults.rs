//! A hostile link and a silent unit: no wrong value is ever accepted, and the gateway finds back by itself.

use crate::harness::{
    Arrived, Blocks, Broker, FaultyLink, Gateway, LIMIT, Listener, Site, Units, eventually, is_long,
};

#[test]
fn no_wrong_value_is_accepted_from_a_hostile_link() {
    let units = Units::start(2, 10);
    prove(&FaultyLink::start(units.port(), 5), "");
}

#[test]
fn no_wrong_value_is_accepted_with_several_requests_under_way() {
    let units = Units::start(2, 10);
    prove(&FaultyLink::start_pipelined(units.port(), 6), "pipeline = 8\none_request_per_point = true\n");
}

/// Lets a gateway with these keys read over a link until that has done everything it can do wrong.
fn prove(link: &FaultyLink, keys: &str) {
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(link.port(), 2, 10, "50ms");
    // Short waits, and no unit is given up on: every request is a chance to be fooled.
    let patient = "timeout = \"150ms\"\nbackoff = { after = 1000000, min = \"50ms\", max = \"100ms\" }";
    site.replace("timeout = \"2s\"", &format!("{keys}{patient}"));

    let gateway = Gateway::start(&site);
    link.wait_for_faults(if is_long() { 50 } else { 5 }, 4 * LIMIT);
    assert!(gateway.stop().success());

    listener.wait_for_message("/state", |state| state["state"] == "offline");
    let series = Blocks::received(&listener.messages()).series();
    assert!(!series.is_empty(), "nothing got through at all");
    for (name, readings) in series {
        let good: Vec<u64> = readings.iter().filter(|reading| reading.is_good()).map(Arrived::number).collect();
        let wrong: Vec<_> = good.iter().filter(|&&value| !link.is_clean(value) || place_of(value) != name).collect();
        assert!(wrong.is_empty(), "{name} has values that were never given to it: {wrong:x?}");
        assert!(good.windows(2).all(|pair| pair[0] < pair[1]), "{name} went back in time: {good:x?}");
    }
}

/// The point that a value says it belongs to.
fn place_of(value: u64) -> String {
    format!("unit-{}/v{}", value >> 24, value >> 16 & 0xff)
}

#[test]
fn a_silent_unit_is_told_once_and_does_not_cost_the_others_their_readings() {
    let units = Units::start(2, 2);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port()).line(units.port(), 2, 2, "200ms");
    let gateway = Gateway::start(&site);
    units.wait_served(3);

    units.mute(2);
    let bad = |messages: &[_]| {
        let series = Blocks::received(messages).series();
        let readings = series.get("unit-2/v0")?;
        readings.iter().position(|reading| reading.quality == "bad:timeout").map(|_| ())
    };
    listener.wait_for("a bad reading of the silent unit", bad);
    let before = units.served()["1/0"];
    eventually("the other unit's polls", || (units.served()["1/0"] > before + 10).then_some(()));
    units.unmute(2);
    let silent_for = units.served()["2/0"];
    eventually("the unit's return", || (units.served()["2/0"] > silent_for + 3).then_some(()));
    assert!(gateway.stop().success());

    let series = Blocks::received(&listener.messages()).series();
    let bad: Vec<_> = series["unit-2/v0"].iter().filter(|reading| !reading.is_good()).collect();
    assert_eq!(bad.len(), 1, "{bad:?}");
    assert!(series["unit-1/v0"].iter().all(Arrived::is_good));
}
