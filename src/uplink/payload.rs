//! A block as JSON.
//!
//! The text is a pure function of the block: sent again, it is the same byte for byte, and nothing in it depends on
//! when it is sent. Readings are written by hand, because one block holds a thousand of them; slugs need no escaping,
//! every other text goes through `serde_json`.

use std::{fmt::Write as _, io::Write as _};

use serde::Serialize;

use crate::model::{Block, BlockBody, Reading, Timestamp, Value};

/// Longest civil prefix: `2026-11-20T12:00:00.`.
const PREFIX_LEN: usize = 20;

/// Writes blocks, remembering the last second it printed.
#[derive(Debug, Default)]
pub struct Encoder {
    second: Option<i64>,
    prefix: String,
    size_hint: usize,
}

impl Encoder {
    /// The message of a block.
    pub fn encode(&mut self, block: &Block) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size_hint.max(512));
        self.head(&mut out, block);
        match &block.body {
            BlockBody::Readings(readings) => self.readings(&mut out, readings),
            BlockBody::Message { fields, .. } => splice(&mut out, fields),
        }
        out.push(b'}');
        self.size_hint = out.len() + out.len() / 8;
        out
    }

    /// Everything up to the content, in the order the contract shows.
    fn head(&mut self, out: &mut Vec<u8>, block: &Block) {
        out.extend_from_slice(br#"{"v":1,"gateway":"#);
        json(out, &block.gateway);
        out.extend_from_slice(br#","store":"#);
        json(out, &block.store);
        let (epoch, stream, seq) = (block.epoch, block.stream.as_str(), block.seq);
        append(out, format_args!(r#","epoch":{epoch},"stream":"{stream}","seq":{seq}"#));
        if let BlockBody::Message { ts, .. } = &block.body {
            out.extend_from_slice(br#","ts":""#);
            self.time(out, *ts);
            out.push(b'"');
        }
        append(out, format_args!(r#","clock":"{}""#, block.clock.as_str()));
    }

    fn readings(&mut self, out: &mut Vec<u8>, readings: &[Reading]) {
        out.extend_from_slice(br#","readings":["#);
        for (index, reading) in readings.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.reading(out, reading);
        }
        out.push(b']');
    }

    fn reading(&mut self, out: &mut Vec<u8>, reading: &Reading) {
        let point = &reading.point;
        out.extend_from_slice(br#"{"ts":""#);
        self.time(out, reading.ts);
        out.extend_from_slice(br#"","device":""#);
        out.extend_from_slice(point.device().as_str().as_bytes());
        out.extend_from_slice(br#"","point":""#);
        out.extend_from_slice(point.name().as_str().as_bytes());
        out.extend_from_slice(br#"","value":"#);
        match &reading.value {
            Some(value) => self::value(out, value),
            None => out.extend_from_slice(b"null"),
        }
        if let Some(unit) = &point.unit {
            out.extend_from_slice(br#","unit":"#);
            json(out, unit);
        }
        if !reading.quality.is_good() {
            out.extend_from_slice(br#","quality":"#);
            json(out, &reading.quality.to_string());
        }
        out.push(b'}');
    }

    /// RFC 3339; readings of one block mostly share their second.
    fn time(&mut self, out: &mut Vec<u8>, ts: Timestamp) {
        let second = ts.as_millis().div_euclid(1000);
        if self.second != Some(second) {
            self.prefix.clear();
            // Writing to a string cannot fail.
            let _ = write!(self.prefix, "{ts}");
            self.prefix.truncate(self.prefix.len().saturating_sub("123Z".len()).max(PREFIX_LEN));
            self.second = Some(second);
        }
        out.extend_from_slice(self.prefix.as_bytes());
        append(out, format_args!("{:03}Z", ts.as_millis().rem_euclid(1000)));
    }
}

fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Text(_) | Value::Bytes(_) | Value::Json(_) => {
            json(out, value);
        }
    }
}

/// Puts the fields of `{"a":1}` after what is there, without their braces.
fn splice(out: &mut Vec<u8>, fields: &str) {
    let inner = fields.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().trim();
    if !inner.is_empty() {
        out.push(b',');
        out.extend_from_slice(inner.as_bytes());
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(text);
}

fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Model values serialize without error and memory takes every byte.
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::model::{BlockId, BootId, ClockQuality, DeviceId, Point, PointName, PointType, Quality, Stream};

    fn block(stream: Stream, body: BlockBody) -> Block {
        Block {
            id: BlockId(9),
            gateway: "plant-7".into(),
            store: "6f2c".into(),
            epoch: 42,
            stream,
            seq: 1042,
            clock: ClockQuality::Ntp,
            boot: BootId::new("b"),
            uptime: Duration::from_secs(1),
            body,
        }
    }

    fn point(unit: Option<&str>) -> Arc<Point> {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new("voltage").unwrap());
        Arc::new(Point::new(device, name, PointType::Float, unit))
    }

    #[test]
    fn a_data_block_reads_as_the_contract_shows_it() {
        let ts = Timestamp::parse("2026-11-20T12:00:00.123Z").unwrap();
        let readings =
            [Reading::good(point(Some("V")), Value::Float(230.1), ts), Reading::bad(point(None), "timeout", ts)];
        let block = block(Stream::Data, BlockBody::Readings(readings.into()));

        let text = String::from_utf8(Encoder::default().encode(&block)).unwrap();

        assert_eq!(
            text,
            concat!(
                r#"{"v":1,"gateway":"plant-7","store":"6f2c","epoch":42,"stream":"data","seq":1042,"clock":"ntp","#,
                r#""readings":[{"ts":"2026-11-20T12:00:00.123Z","device":"meter-1","point":"voltage","value":230.1,"unit":"V"},"#,
                r#"{"ts":"2026-11-20T12:00:00.123Z","device":"meter-1","point":"voltage","value":null,"quality":"bad:timeout"}]}"#,
            )
        );
    }

    #[test]
    fn a_message_carries_its_fields_after_the_header() {
        let ts = Timestamp::from_millis(0);
        let body = BlockBody::Message { ts, fields: r#"{"type":"gap","gap":{"from":1}}"#.into(), response: None };

        let text = String::from_utf8(Encoder::default().encode(&block(Stream::Event, body))).unwrap();

        assert!(
            text.ends_with(
                r#""seq":1042,"ts":"1970-01-01T00:00:00.000Z","clock":"ntp","type":"gap","gap":{"from":1}}"#
            )
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<f64>().prop_filter_map("finite", Value::finite),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::from_u64),
            any::<bool>().prop_map(Value::Bool),
            any::<String>().prop_map(|text| Value::Text(text.into())),
            any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
        ]
    }

    fn any_reading() -> impl Strategy<Value = Reading> {
        let quality = prop_oneof![Just(Quality::GOOD), any::<String>().prop_map(|why| Quality::uncertain(&why))];
        let unit = proptest::option::of(any::<String>());
        (any_value(), quality, unit, -62_000_000_000_000i64..200_000_000_000_000).prop_map(
            |(value, quality, unit, millis)| Reading {
                point: point(unit.as_deref()),
                value: Some(value),
                ts: Timestamp::from_millis(millis),
                quality,
            },
        )
    }

    fn reference(reading: &Reading) -> Json {
        let mut json = json!({
            "ts": reading.ts, "device": reading.point.device(), "point": reading.point.name(), "value": reading.value,
        });
        if let Some(unit) = &reading.point.unit {
            json["unit"] = json!(unit);
        }
        if !reading.quality.is_good() {
            json["quality"] = json!(reading.quality.to_string());
        }
        json
    }

    proptest! {
        #[test]
        fn every_block_is_the_json_serde_would_write(readings in proptest::collection::vec(any_reading(), 1..20)) {
            let expected: Vec<Json> = readings.iter().map(reference).collect();
            let block = block(Stream::Data, BlockBody::Readings(readings.into()));
            let mut encoder = Encoder::default();

            let first = encoder.encode(&block);
            let second = encoder.encode(&block);

            prop_assert_eq!(&first, &second);
            let parsed: Json = serde_json::from_slice(&first).unwrap();
            let expected: Json = serde_json::from_str(&serde_json::to_string(&expected).unwrap()).unwrap();
            prop_assert_eq!(&parsed["readings"], &expected);
        }
    }
}
