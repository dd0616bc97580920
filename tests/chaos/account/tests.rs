//! Who judges the account: made-up messages.

use serde_json::json;

use super::*;
use crate::harness::value_of;

/// A message on a topic of the gateway.
fn message(topic: &str, more: &Value) -> Message {
    let mut body = json!({"store": "s", "epoch": 1, "stream": topic});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Message { topic: format!("{PREFIX}/{topic}"), payload: body.to_string().into_bytes(), ..Message::default() }
}

/// A block with the values of these reads of the only point.
fn values(seq: u64, counts: &[u32]) -> Message {
    let reading = |&count| json!({"device": "unit-1", "point": "v0", "value": value_of(1, 0, count)});
    message("data", &json!({"seq": seq, "readings": counts.iter().map(reading).collect::<Vec<_>>()}))
}

/// So many reads of the only point.
fn served(times: u32) -> Served {
    BTreeMap::from([("1/0".to_owned(), times)])
}

/// The reads that are lost.
fn lost(fate: &Fate) -> Vec<u32> {
    fate.lost.iter().map(|(_, count)| *count).collect()
}

#[test]
fn a_value_that_did_not_come_is_lost_unless_a_kill_may_have_taken_it() {
    let mut account = Account::default();
    account.arrive(values(1, &[1, 2, 4]));
    account.arrive(values(1, &[1, 2, 4]));

    let fate = account.fate(&served(6), &[Allowance { from: served(4), to: served(5) }], None);

    assert_eq!((fate.accepted, fate.delivered, fate.crashed, fate.told), (6, 3, 1, 0));
    assert_eq!(lost(&fate), [3, 6]);
}

#[test]
fn gaps_explain_as_many_values_as_they_count_and_damage_only_what_came_before_it() {
    let gap = json!({"stream": "data", "epoch": 1, "from": 7, "to": 8, "readings": 1, "reason": "full"});
    let mut account = Account::default();
    account.arrive(message("event", &json!({"seq": 1, "type": "gap", "gap": gap})));
    assert_eq!(lost(&account.fate(&served(3), &[], Some(&served(2)))), [2, 3]);

    account.arrive(message("event", &json!({"seq": 2, "type": "gateway", "what": "store-replaced", "text": ""})));

    let fate = account.fate(&served(4), &[], Some(&served(2)));
    assert_eq!((fate.told, lost(&fate)), (3, vec![4]));
    assert_eq!(lost(&account.fate(&served(4), &[], None)), [2, 3, 4]);
}

#[test]
fn a_gap_of_messages_that_came_before_they_were_damaged_explains_nothing() {
    let gap = json!({"stream": "data", "epoch": 1, "from": 1, "to": 1, "readings": 2, "reason": "corrupt"});
    let mut account = Account::default();

    account.arrive(values(1, &[1, 2]));
    account.arrive(message("event", &json!({"seq": 1, "type": "gap", "gap": gap})));

    assert_eq!(lost(&account.fate(&served(3), &[], None)), [3]);
}

#[test]
fn a_value_of_another_point_is_wrong() {
    let mut account = Account::default();
    let foreign = json!({"device": "unit-1", "point": "v1", "value": value_of(1, 0, 1)});

    account.arrive(message("data", &json!({"seq": 1, "readings": [foreign]})));

    assert_eq!(account.wrong.len(), 1);
}
