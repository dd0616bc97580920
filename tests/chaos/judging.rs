//! Who judges the judge: the reference consumer on made-up messages.

use serde_json::{Value, json};

use crate::{
    consumer::verdict,
    harness::{Message, PREFIX},
};

/// A message of the contract; `more` is put over the header.
fn message(topic: &str, more: &Value) -> Message {
    let mut body = json!({"v": 1, "gateway": "gw", "store": "s", "epoch": 1, "stream": topic});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Message { topic: format!("{PREFIX}/{topic}"), payload: body.to_string().into_bytes(), ..Message::default() }
}

/// A block of readings with this number.
fn data(seq: u64) -> Message {
    let reading = json!({"ts": "2026-11-20T12:00:00.000Z", "device": "d", "point": "p", "value": seq});
    message("data", &json!({"seq": seq, "readings": [reading]}))
}

/// A retained state of the next epoch.
fn state(previous: &Value) -> Message {
    message("state", &json!({"state": "online", "epoch": 2, "previous": previous}))
}

/// First and last number of each range of a kind.
fn ranges(report: &Value, kind: &str) -> Vec<(u64, u64)> {
    let ranges = report[kind].as_array().unwrap().iter();
    ranges.map(|range| (range["from"].as_u64().unwrap(), range["to"].as_u64().unwrap())).collect()
}

#[test]
fn a_hole_is_open_until_the_epoch_is_closed_and_missing_or_a_crash_window_after() {
    let mut messages = vec![data(1), data(4), data(6), data(8)];
    let report = verdict(&messages);
    assert_eq!(ranges(&report, "open"), [(2, 3), (5, 5), (7, 7)]);
    assert_eq!(report["complete"], false);

    messages.push(state(&json!([{"epoch": 1, "data": 5}])));
    let report = verdict(&messages);

    assert_eq!(ranges(&report, "holes"), [(2, 3), (5, 5)]);
    assert_eq!(ranges(&report, "crash_window"), [(7, 7)]);
    assert_eq!((ranges(&report, "open"), &report["complete"]), (vec![], &json!(false)));
}

#[test]
fn what_state_names_is_owed_even_when_nothing_of_it_came() {
    let report = verdict(&[state(&json!([{"epoch": 1, "data": 2, "event": 1}]))]);

    assert_eq!(ranges(&report, "holes"), [(1, 2), (1, 1)]);
}

#[test]
fn a_gap_explains_its_own_stream_store_and_epoch_alone() {
    let gap =
        |epoch: u64| json!({"stream": "data", "epoch": epoch, "from": 2, "to": 3, "readings": 9, "reason": "full"});
    let event = |epoch| message("event", &json!({"seq": epoch, "type": "gap", "gap": gap(epoch)}));
    let messages = [data(1), data(4), event(1), event(2)];

    let report = verdict(&messages);

    assert_eq!((ranges(&report, "open"), &report["complete"]), (vec![], &json!(true)));
    assert_eq!(report["explained_readings"], json!({"full": 18}));
    assert_eq!(verdict(&[data(1), data(4), event(2)])["complete"], false);
}

#[test]
fn a_repeat_is_told_from_a_contradiction() {
    let mut other = data(1);
    other.payload.push(b' ');

    let report = verdict(&[data(1), data(1), other, data(2)]);

    assert_eq!((&report["messages"], &report["readings"]), (&json!(2), &json!(2)));
    assert_eq!((&report["duplicates"], report["conflicts"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(report["complete"], false);
}

#[test]
fn a_filtered_stream_counts_for_itself_on_the_topic_of_data() {
    let filtered = |seq: u64| message("data", &json!({"stream": "data.scada", "seq": seq, "readings": []}));
    let closed = state(&json!([{"epoch": 1, "data.scada": 3}]));

    let report = verdict(&[filtered(1), filtered(3), closed]);

    assert_eq!(ranges(&report, "holes"), [(2, 2)]);
    assert_eq!(report["holes"][0]["stream"], "data.scada");
}

#[test]
fn an_epoch_of_a_replaced_store_cannot_be_closed_and_is_told_apart() {
    let new = message("data", &json!({"store": "t", "seq": 1, "readings": []}));

    let report = verdict(&[data(1), data(3), new]);

    assert_eq!((ranges(&report, "damaged"), &report["complete"]), (vec![(2, 2)], &json!(true)));
    assert_eq!(report["unproven_epochs"], json!([{"store": "s", "epoch": 1, "why": "damaged"}]));
}

#[test]
fn an_epoch_that_is_over_and_not_closed_proves_nothing_unless_damage_was_told() {
    let next = message("data", &json!({"epoch": 2, "seq": 1, "readings": []}));
    let told = message("event", &json!({"epoch": 2, "seq": 1, "type": "gateway", "what": "store-rolled-back"}));

    let report = verdict(&[data(1), next.clone()]);
    assert_eq!(report["unproven_epochs"], json!([{"store": "s", "epoch": 1, "why": "not closed"}]));
    assert_eq!(report["complete"], false);

    let report = verdict(&[data(1), next, told]);
    assert_eq!(report["unproven_epochs"], json!([{"store": "s", "epoch": 1, "why": "damaged"}]));
    assert_eq!(report["complete"], true);
}

#[test]
fn what_is_no_message_of_the_contract_is_left_alone() {
    let noise = Message { topic: format!("{PREFIX}/data"), payload: b"hello".to_vec(), ..Message::default() };
    let command = message("command", &json!({"seq": 7}));

    let report = verdict(&[noise, command, data(1)]);

    assert_eq!((&report["messages"], &report["foreign"], &report["complete"]), (&json!(1), &json!(1), &json!(true)));
}
