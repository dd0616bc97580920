//! Every shape that the API takes or gives, by name, for the OpenAPI document.

use serde_json::{Map, Value, json};

/// A schema by name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Every named schema.
pub(super) fn schemas() -> Value {
    let all = [general(), letters(), networks(), commands(), devices(), live(), history(), status()];
    Value::Object(all.into_iter().filter_map(object_of).flatten().collect())
}

fn object_of(value: Value) -> Option<Map<String, Value>> {
    if let Value::Object(map) = value { Some(map) } else { None }
}

/// What belongs to no subject.
fn general() -> Value {
    json!({
        "Any": {},
        "Error": object(&json!({ "error": text(), "help": text() }), &["error"]),
        "Health": object(&json!({ "ok": { "type": "boolean" }, "problems": list(&text()) }), &["ok", "problems"]),
        "Summary": object(&json!({ "summary": text() }), &["summary"]),
        "LogLevel": object(&json!({ "level": text() }), &["level"]),
    })
}

/// Dead letters.
fn letters() -> Value {
    json!({
        "Letters": list(&reference("Letter")),
        "Letter": object(
            &json!({
                "id": count(), "uplink": text(), "stream": text(), "epoch": count(), "seq": count(), "readings": count(),
                "store": text(), "at": time(), "reason": text(),
            }),
            &["id", "uplink", "stream", "epoch", "seq", "readings", "at", "reason"],
        ),
        "LetterAct": object(
            &json!({ "action": { "enum": ["retry", "drop"] }, "uplink": text(), "ids": list(&count()) }),
            &["action"],
        ),
    })
}

/// Networks of adapters.
fn networks() -> Value {
    json!({
        "NetworkAct": object(
            &json!({
                "action": {
                    "enum": [
                        "permit-join", "form", "map", "energy-scan", "backup", "restore", "firmware", "update",
                        "cancel-update",
                    ],
                },
                "seconds": count(), "install_code": text(), "device": text(), "force": { "type": "boolean" },
                "backup": { "type": "object" }, "overwrite": text(), "dry_run": { "type": "boolean" },
                "channels": list(&count()), "duration": count(), "rounds": count(),
            }),
            &["action"],
        ),
        "Network": object(
            &json!({
                "adapter": text(), "state": text(), "channel": {}, "pan_id": {}, "extended_pan_id": {},
                "permit_join": count(), "tx_power": {}, "devices": list(&json!({ "type": "object" })),
            }),
            &["adapter", "state", "devices"],
        ),
    })
}

/// Commands and what becomes of them.
fn commands() -> Value {
    json!({
        "Target": object(&json!({ "device": text(), "point": text() }), &["device", "point"]),
        "Write": object(
            &json!({ "device": text(), "point": text(), "value": {}, "expires": time() }),
            &["device", "point", "value"],
        ),
        "Outcome": object(
            &json!({ "id": { "type": ["string", "null"] }, "status": text(), "value": {}, "error": text(), "ts": time() }),
            &["id", "status", "ts"],
        ),
    })
}

/// Devices and their points.
fn devices() -> Value {
    json!({
        "Devices": list(&reference("Device")),
        "Device": object(
            &json!({ "id": text(), "adapter": text(), "address": text(), "state": text(), "points": count() }),
            &["id", "adapter", "address", "state", "points"],
        ),
        "Points": list(&reference("Point")),
        "Point": object(
            &json!({
                "device": text(), "point": text(), "type": text(), "access": text(), "unit": text(), "value": {},
                "quality": text(), "ts": time(), "age_ms": count(),
            }),
            &["device", "point", "type", "access", "value"],
        ),
    })
}

/// Readings as they come.
fn live() -> Value {
    json!({
        "Live": object(
            &json!({ "ts": time(), "device": text(), "point": text(), "value": {}, "unit": text(), "quality": text() }),
            &["ts", "device", "point", "value"],
        ),
        "Missed": object(&json!({ "missed_batches": count() }), &["missed_batches"]),
        "TailLine": { "oneOf": [reference("Live"), reference("Missed")] },
    })
}

/// Readings as they were.
fn history() -> Value {
    json!({
        "History": object(
            &json!({
                "point": text(), "unit": text(), "from": time(), "to": time(), "every": text(),
                "buckets": list(&reference("Bucket")), "readings": list(&reference("Live")),
            }),
            &["point", "from", "to", "every"],
        ),
        "Bucket": object(
            &json!({
                "t": time(), "n": count(), "bad": count(), "min": number(), "mean": number(), "max": number(),
                "last": number(),
            }),
            &["t", "n", "bad"],
        ),
    })
}

/// The gateway as a whole. All that its status has is always there.
fn status() -> Value {
    let any_list = || json!({ "type": "array" });
    let properties = json!({
        "gateway": text(), "site": text(), "version": text(), "started": text(), "uptime": count(), "store": text(),
        "epoch": count(), "boot": text(), "clock": { "enum": ["ntp", "rtc", "estimated", "none"] },
        "tasks": any_list(), "adapters": { "type": "array", "items": reference("Adapter") }, "uplinks": any_list(),
        "republish": any_list(),
        "buffer": {}, "rules": any_list(), "alarms": any_list(),
        "readings": object(&json!({ "total": count(), "rate": { "type": "number" } }), &["total", "rate"]),
        "warnings": { "type": "array", "items": text() },
    });
    let required: Vec<&str> = properties.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    json!({
        "Adapter": object(
            &json!({ "name": text(), "kind": text(), "state": text(), "fault": text(), "devices": count() }),
            &["name", "kind", "state", "devices"],
        ),
        "Status": object(&properties, &required),
    })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn number() -> Value {
    json!({ "type": "number" })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}
