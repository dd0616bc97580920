//! Who judges the judges: the harness against peers that behave, and against ones that do not.

use std::{collections::BTreeSet, io::Write, net::TcpStream};

use serde_json::json;

use crate::harness::{
    Blocks, Broker, FaultyLink, Listener, Message, Outgoing, PREFIX, Tap, Units, eventually, mqtt, value_of,
};

/// A data message with one reading.
fn data(epoch: u64, seq: u64, value: u64) -> Message {
    let body = json!({"store": "s", "epoch": epoch, "stream": "data", "seq": seq,
        "readings": [{"ts": "2026-11-20T12:00:00Z", "device": "unit-1", "point": "v0", "value": value}]});
    Message { topic: format!("{PREFIX}/data"), payload: body.to_string().into_bytes(), ..Message::default() }
}

#[test]
fn the_listener_survives_its_broker_and_the_tap_knows_what_was_acknowledged() {
    let mut broker = Broker::start();
    let listener = Listener::start(broker.port());
    broker.wait_for_subscription("#");
    let tap = Tap::start(broker.port());
    let message =
        |payload| Outgoing { topic: "here", payload, response: Some(("there", b"7")), ..Outgoing::default() };

    mqtt::send(tap.port(), &message(b"1")).unwrap();
    listener.wait_for_message("here", |json| *json == json!(1));
    broker.kill();
    assert!(mqtt::send(tap.port(), &message(b"2")).is_err());
    let sessions = listener.sessions();
    broker.resume();
    listener.wait_sessions(sessions + 1);
    mqtt::send(tap.port(), &message(b"3")).unwrap();

    listener.wait_for_message("here", |json| *json == json!(3));
    let sent = tap.wait_for("both", |sent| (sent.len() == 2).then(|| sent.to_vec()));
    assert!(sent.iter().all(|sent| sent.is_acked));
    assert_eq!(listener.messages()[0].correlation.as_deref(), Some(b"7".as_slice()));
}

#[test]
fn the_units_serve_what_the_judge_expects_and_a_faulty_link_keeps_account() {
    let units = Units::start(1, 2);
    let link = FaultyLink::start(units.port(), 1);
    let read_point_1 = [0, 1, 0, 0, 0, 6, 1, 3, 0, 2, 0, 2];

    let mut reads = 0;
    eventually("a clean answer and others", || {
        let mut stream = TcpStream::connect(("127.0.0.1", link.port())).ok()?;
        stream.write_all(&read_point_1).ok()?;
        reads += 1;
        eventually("the read", || (units.served()["1/1"] >= reads).then_some(()));
        (reads >= 30).then_some(())
    });

    assert_eq!(units.served()["1/0"], 0);
    let clean = (1..=reads).filter(|&n| link.is_clean(value_of(1, 1, n))).count();
    assert!(clean > 0 && clean < 30, "{clean} of 30 are clean");
}

#[test]
fn the_judge_finds_holes_and_takes_gaps_and_states_for_an_answer() {
    let messages = [data(1, 1, 10), data(1, 3, 12)];
    let blocks = Blocks::received(&messages);
    let missing =
        |states: &[_]| blocks.missing(states, &BTreeSet::new()).into_iter().map(|id| id.seq).collect::<Vec<_>>();
    assert_eq!(missing(&[]), [2]);

    let state = json!({"store": "s", "previous": [{"epoch": 1, "data": 4}]});
    assert_eq!(missing(&[state]), [2, 4]);

    let gap = json!({"store": "s", "epoch": 2, "stream": "event", "seq": 1, "type": "gap",
        "gap": {"stream": "data", "epoch": 1, "from": 2, "to": 2, "readings": 1, "reason": "full"}});
    let gap =
        Message { topic: format!("{PREFIX}/event"), payload: gap.to_string().into_bytes(), ..Message::default() };
    let explained = Blocks::received(&[data(1, 1, 10), data(1, 3, 12), gap]);
    assert_eq!(explained.missing(&[], &BTreeSet::new()), []);
}

#[test]
#[should_panic(expected = "two contents")]
fn the_judge_finds_a_number_with_two_contents() {
    Blocks::received(&[data(1, 1, 10), data(1, 1, 11)]);
}

#[test]
#[should_panic(expected = "came after")]
fn the_judge_finds_a_wrong_order() {
    Blocks::received(&[data(1, 2, 10), data(1, 1, 11)]).assert_ordered();
}
