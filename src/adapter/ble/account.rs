//! What was made of a device's last advertisement, as JSON for `tidegate ble scan`, `explain` and the local API.

use serde_json::{Value, json};

use super::{
    decode::{self, Decoded, Format, Why, decode},
    heard::Heard,
    profiled::Read,
};

/// Everything that is known of a device in reach.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// Its last advertisement.
    pub heard: &'a Heard,
    /// The name it had earlier, or is taken to have.
    pub name: Option<&'a str>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// How many advertisements came.
    pub count: u64,
}

impl Account<'_> {
    /// What decoders make of it, with everything they tried.
    pub fn json(&self) -> Value {
        let Self { heard, name, key, count } = *self;
        let decoded = heard.with_view(name, |view| decode(view, key));
        let mut json = told(&decoded);
        let facts = json!({
            "address": heard.address.to_string(),
            "name": heard.name.as_deref().or(name),
            "rssi": heard.rssi,
            "radio": heard.radio,
            "heard": count,
            "has_key": key.is_some(),
            "key_needed": decoded.why == Some(Why::KeyNeeded),
            "data": heard.data_text(),
        });
        json.as_object_mut().expect("an object").extend(facts.as_object().expect("an object").clone());
        json
    }
}

/// What came out: the format, the readings, why there are none, and what was tried.
fn told(decoded: &Decoded) -> Value {
    let tried = decoded.tried.iter().map(
        |(format, why)| json!({ "format": format.map(Format::as_str), "why": why.to_string(), "help": help(*why) }),
    );
    let readings = decoded.readings.iter().map(|reading| {
        json!({ "point": reading.point(), "value": value(&reading.value), "unit": reading.quantity.unit() })
    });
    json!({
        "format": decoded.format.map(Format::as_str),
        "readings": readings.collect::<Value>(),
        "why": decoded.why.map(|why| why.to_string()),
        "help": decoded.why.map(help),
        "tried": tried.collect::<Value>(),
    })
}

/// Adds what a profile made of the same advertisement; what it read takes the place of what a format did not.
pub fn add(json: &mut Value, read: &Read) {
    let Read { profile, readings, why } = read;
    if let Some(why) = why {
        let help = "look at the profile's decode.rhai, and try it with: tidegate profile test";
        let tried = json!({ "format": profile.name, "why": why, "help": help });
        if let Some(all) = json["tried"].as_array_mut() {
            all.push(tried);
        }
    }
    if readings.is_empty() {
        return;
    }
    let readings = readings.iter().map(
        |(point, value)| json!({ "point": point.name().as_str(), "value": value, "unit": point.unit.as_deref() }),
    );
    json["readings"] = readings.collect();
    json["format"] = profile.name.as_str().into();
    (json["why"], json["help"], json["key_needed"]) = (why.clone().into(), Value::Null, false.into());
}

/// A value as JSON.
pub fn value(value: &decode::Value) -> Value {
    match value {
        decode::Value::Float(number) => json!(number),
        decode::Value::Int(number) => json!(number),
        decode::Value::Bool(flag) => json!(flag),
        decode::Value::Text(text) => json!(text),
    }
}

/// What to do about it.
fn help(why: Why) -> &'static str {
    match why {
        Why::UnknownFormat => "no decoder knows such data; with raw = true rules are given them",
        Why::TooShort { .. } | Why::Length { .. } | Why::UnknownLength(_) | Why::Checksum | Why::Implausible(_) => {
            "the frame is damaged, or of a variant that is not known; if all of the device's are so, report its data"
        }
        Why::KeyNeeded => {
            "give its key: tidegate ble add ADDRESS --key-file FILE; docs/ble.md says where it comes from"
        }
        Why::KeyLength { .. } => "the key is of another format; copy it again from the device's application",
        Why::WrongKey => {
            "compare the key with the one in the device's application: it changes when the device is reset"
        }
        Why::UnknownVersion(_) | Why::UnknownModel(_) | Why::UnknownFrame(_) | Why::UnknownObject(_) => {
            "the device is newer than this version; report its data and what it shows"
        }
        Why::Encryption => "turn encryption off in the device's settings",
        Why::OtherDevice => "the device passes on what another one sent; add that one",
        Why::Failed => "look after the device: its sensor does not work",
        Why::NoValue => "wait: devices send frames without values now and then",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::ble::decode::{Address, Uuid};

    #[test]
    fn what_was_tried_is_told_with_what_to_do() {
        let sealed = Heard {
            address: Address([0xC0, 0, 0, 0, 0, 2]),
            service: vec![(Uuid::short(0xFCD2), vec![0x41, 0xa4, 0x72, 0x66, 0xc9, 1, 2, 3, 4, 5, 6, 7, 8])],
            ..Heard::default()
        };
        let account = Account { heard: &sealed, name: Some("x"), key: None, count: 3 };

        let (without, with) = (account.json(), Account { key: Some(&[1; 16]), ..account }.json());

        assert_eq!(without["key_needed"], true);
        assert_eq!(without["tried"][0]["format"], "bthome_v2");
        assert!(without["help"].as_str().unwrap().contains("ble add"), "{without}");
        assert_eq!((&with["has_key"], &with["why"]), (&json!(true), &json!(Why::WrongKey.to_string())));
        assert_eq!((&with["name"], &with["heard"], &with["readings"]), (&json!("x"), &json!(3), &json!([])));
    }
}
