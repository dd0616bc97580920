//! Reads a request for a replay.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::model::{CommandId, Outcome, OutcomeStatus, Replay, ResponseTo, SharedClock, Stream};

/// Most messages of one replay.
const MOST_MESSAGES: u64 = 10_000;
/// Largest payload that is looked at; as for commands.
const MAX_BYTES: usize = 16 * 1024;

/// A replay that may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::uplink) struct Asked {
    /// The sender's id.
    pub(in crate::uplink) id: CommandId,
    /// What is wanted.
    pub(in crate::uplink) what: Replay,
    /// Where an MQTT 5 sender wants the outcome as well.
    pub(in crate::uplink) response: Option<ResponseTo>,
}

impl Asked {
    /// An outcome of it.
    pub(super) fn outcome(&self, status: OutcomeStatus, clock: &SharedClock) -> Outcome {
        let outcome = Outcome::new(Some(self.id.clone()), status, clock.now());
        Outcome { response: self.response.clone(), ..outcome }
    }
}

/// What may be asked for on one uplink.
#[derive(Debug, Clone)]
pub(in crate::uplink) struct Rules {
    /// The store there is.
    pub(in crate::uplink) store: Arc<str>,
    /// The uplink's stream of readings.
    pub(in crate::uplink) data: Stream,
}

/// A request that is denied.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::uplink) struct Denied {
    /// The id, if there was one.
    pub(in crate::uplink) id: Option<CommandId>,
    /// Why.
    pub(in crate::uplink) why: String,
}

/// The range as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    store: Option<Arc<str>>,
    stream: String,
    epoch: u64,
    from: u64,
    to: u64,
}

/// Reads a payload; `None` when it is no request for a replay but something for the command side.
pub(in crate::uplink) fn read(payload: &[u8], rules: &Rules) -> Option<Result<(CommandId, Replay), Denied>> {
    if payload.len() > MAX_BYTES {
        return None;
    }
    let mut object: Map<String, Json> = serde_json::from_slice(payload).ok()?;
    let range =
        object.remove("replay").filter(|_| !object.contains_key("device") && !object.contains_key("point"))?;
    let id = object.get("id").and_then(Json::as_str).and_then(CommandId::new);
    let denied = |why: String| Denied { id: id.clone(), why };
    Some(match &id {
        None => Err(denied("field \"id\" is missing or no id".to_owned())),
        Some(named) => range_of(range, rules).map(|what| (named.clone(), what)).map_err(denied),
    })
}

/// Checks a range against what the uplink has.
fn range_of(range: Json, rules: &Rules) -> Result<Replay, String> {
    if !range.is_object() {
        return Err("field \"replay\" is no object".to_owned());
    }
    let Typed { store, stream, epoch, from, to } =
        serde_json::from_value(range).map_err(|error| format!("field \"replay\": {error}"))?;
    if store.as_ref().is_some_and(|store| *store != rules.store) {
        return Err(format!("the store is {}, another one is not here", rules.store));
    }
    let known = [Stream::Event, Stream::Outcome, rules.data.clone()];
    let Some(stream) = known.iter().find(|known| known.as_str() == stream) else {
        let names: Vec<_> = known.iter().map(Stream::as_str).collect();
        return Err(format!("stream {stream:?} is none of {}", names.join(", ")));
    };
    if from == 0 || from > to {
        return Err(format!("{from} to {to} is no range; numbers begin at 1"));
    }
    if to - from >= MOST_MESSAGES {
        return Err(format!("{from} to {to} are more than {MOST_MESSAGES} messages, ask for fewer at a time"));
    }
    Ok(Replay { store: Arc::clone(&rules.store), stream: stream.clone(), epoch, from, to })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Rules {
        Rules { store: "6f2c".into(), data: Stream::Data }
    }

    #[test]
    fn a_range_of_the_contract_is_read() {
        let text = br#"{"id":"r1","replay":{"stream":"data","epoch":42,"from":10,"to":20,"store":"6f2c"}}"#;

        let (id, what) = read(text, &rules()).unwrap().unwrap();

        assert_eq!(id.as_str(), "r1");
        assert_eq!(what, Replay { store: "6f2c".into(), stream: Stream::Data, epoch: 42, from: 10, to: 20 });
    }

    #[test]
    fn a_command_is_left_to_the_command_side() {
        let note = br#"{"id":"c1","device":"pump","point":"speed","value":1,"replay":true}"#;
        for text in [&b"{}"[..], b"no json", b"[1]", note] {
            assert_eq!(read(text, &rules()), None);
        }
    }

    #[test]
    fn each_mistake_is_denied_with_its_reason() {
        let filtered = Rules { data: Stream::filtered("cloud"), ..rules() };
        let cases = [
            (
                r#""stream":"local","epoch":1,"from":1,"to":2"#,
                "stream \"local\" is none of event, outcome, data.cloud",
            ),
            (r#""stream":"data","epoch":1,"from":1,"to":2"#, "stream \"data\" is none of"),
            (r#""stream":"event","epoch":1,"from":0,"to":2"#, "0 to 2 is no range"),
            (r#""stream":"event","epoch":1,"from":3,"to":2"#, "3 to 2 is no range"),
            (r#""stream":"event","epoch":1,"from":1,"to":10001"#, "more than 10000 messages"),
            (r#""stream":"event","epoch":1,"from":1"#, "missing field `to`"),
            (r#""stream":"event","epoch":1,"from":1,"to":-2"#, "field \"replay\": invalid value"),
            (r#""stream":"event","epoch":1,"from":1,"to":2,"store":"other""#, "the store is 6f2c"),
        ];
        for (range, why) in cases {
            let text = format!(r#"{{"id":"r1","replay":{{{range}}}}}"#);
            let denied = read(text.as_bytes(), &filtered).unwrap().unwrap_err();
            assert!(denied.why.contains(why), "{}", denied.why);
            assert_eq!(denied.id, CommandId::new("r1"));
        }
        let most = br#"{"id":"r1","replay":{"stream":"event","epoch":1,"from":1,"to":10000}}"#;
        assert!(read(most, &filtered).unwrap().is_ok());
        let list = read(br#"{"id":"r1","replay":["6f2c","event",1,1,2]}"#, &filtered).unwrap().unwrap_err();
        assert_eq!(list.why, "field \"replay\" is no object");
        let nameless = read(br#"{"id":7,"replay":1}"#, &filtered).unwrap().unwrap_err();
        assert_eq!(nameless.id, None);
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_without_a_panic(epoch: u64, from: u64, to: u64) {
            let text = format!(r#"{{"id":"r","replay":{{"stream":"data","epoch":{epoch},"from":{from},"to":{to}}}}}"#);
            let is_range = from > 0 && from <= to && to - from < MOST_MESSAGES;
            prop_assert_eq!(read(text.as_bytes(), &rules()).unwrap().is_ok(), is_range);
        }
    }
}
