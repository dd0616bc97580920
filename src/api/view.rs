//! What the API shows: plain data, the same types on both ends of the socket.
//!
//! Parts whose form belongs to another module (buffer, uplinks, rules, tasks, alarms) travel as JSON values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{self, Reading, Timestamp};

/// The gateway at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The gateway's id.
    pub gateway: String,
    /// Its site.
    pub site: String,
    /// Version of the program.
    pub version: String,
    /// When the daemon started, RFC 3339.
    pub started: String,
    /// Seconds since then.
    pub uptime: u64,
    /// Id of the buffer's database.
    pub store: String,
    /// Start counter of that database.
    pub epoch: u64,
    /// The kernel's boot id.
    pub boot: String,
    /// Clock quality: `ntp`, `rtc`, `estimated` or `none`.
    pub clock: String,
    /// Supervised tasks.
    pub tasks: Vec<Value>,
    /// Adapters.
    pub adapters: Vec<Adapter>,
    /// Uplinks.
    pub uplinks: Vec<Value>,
    /// Modbus servers that show points as registers.
    #[serde(default)]
    pub republish: Vec<Value>,
    /// The buffer.
    pub buffer: Value,
    /// Rule files.
    pub rules: Vec<Value>,
    /// Alarms that are active.
    pub alarms: Vec<Value>,
    /// Readings taken so far.
    pub readings: Readings,
    /// What an operator should look at.
    pub warnings: Vec<String>,
}

/// One adapter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Adapter {
    /// Its name.
    pub name: String,
    /// Its kind, for example `modbus`.
    pub kind: String,
    /// A word such as `up`, `down` or `refused`.
    pub state: String,
    /// Why it is down, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How many devices it serves.
    pub devices: u64,
}

/// How many readings came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    /// Since the start.
    pub total: u64,
    /// Per second, over the last seconds.
    pub rate: f64,
}

/// One device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: String,
    /// The adapter that serves it.
    pub adapter: String,
    /// Where it is, for people.
    pub address: String,
    /// `online`, `offline` or `unknown`.
    pub state: String,
    /// How many points it has.
    pub points: u64,
}

/// One point with what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The device.
    pub device: String,
    /// The point within the device.
    pub point: String,
    /// `float`, `int`, `bool`, `text`, `bytes` or `json`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `r`, `w` or `rw`.
    pub access: String,
    /// UCUM unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The last value; null when there is none or it was bad.
    pub value: Value,
    /// Quality of the last reading; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Time of the last reading, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// Milliseconds since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
}

impl Point {
    /// A point and its last reading, seen at `now`.
    pub fn new(point: &model::Point, last: Option<&Reading>, now: Timestamp) -> Self {
        let age = last.map(|reading| now.since(reading.ts).as_millis());
        Self {
            device: point.device().to_string(),
            point: point.name().to_string(),
            kind: point.kind.as_str().to_owned(),
            access: point.access.as_str().to_owned(),
            unit: point.unit.as_deref().map(str::to_owned),
            value: last.map_or(Value::Null, value_of),
            quality: last.map(|reading| reading.quality.to_string()),
            ts: last.map(|reading| reading.ts.to_string()),
            age_ms: age.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
        }
    }
}

/// One reading, in the form it has upstream (`unit` and a good `quality` are left out).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Time of measurement, RFC 3339.
    pub ts: String,
    /// The device.
    pub device: String,
    /// The point within the device.
    pub point: String,
    /// The value; null for every `bad:` quality.
    pub value: Value,
    /// UCUM unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Absent when good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
}

impl From<&Reading> for Live {
    fn from(reading: &Reading) -> Self {
        Self {
            ts: reading.ts.to_string(),
            device: reading.point.device().to_string(),
            point: reading.point.name().to_string(),
            value: value_of(reading),
            unit: reading.point.unit.as_deref().map(str::to_owned),
            quality: (!reading.quality.is_good()).then(|| reading.quality.to_string()),
        }
    }
}

/// A line in the live stream that stands for readings the client was too slow for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// How many batches of readings were skipped.
    pub missed_batches: u64,
}

/// What became of a write, as in an `outcome` message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command's id.
    pub id: Option<String>,
    /// `done`, `denied`, `expired`, `failed`, `timeout`, `queued` or `duplicate`.
    pub status: String,
    /// The value that was set, read back where the adapter can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was decided, RFC 3339.
    pub ts: String,
}

impl From<&model::Outcome> for Outcome {
    fn from(outcome: &model::Outcome) -> Self {
        Self {
            id: outcome.id.as_ref().map(ToString::to_string),
            status: outcome.status.as_str().to_owned(),
            value: outcome.value.as_ref().map(json),
            error: outcome.error.clone(),
            ts: outcome.ts.to_string(),
        }
    }
}

/// The past of a point, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// `device/point`.
    pub point: String,
    /// UCUM unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The begin of the first bucket, RFC 3339.
    pub from: String,
    /// The end, RFC 3339.
    pub to: String,
    /// Length of a bucket, for example `15m`, or `raw`.
    pub every: String,
    /// Spans of time, those without a reading left out; absent for `raw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets: Option<Vec<Bucket>>,
    /// Single readings, for `raw` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readings: Option<Vec<Live>>,
}

/// One span of time of a point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// When it begins, RFC 3339.
    pub t: String,
    /// Readings with a value.
    pub n: u64,
    /// Readings without one.
    pub bad: u64,
    /// Smallest value; absent without a value, as are the other three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Mean of the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Largest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The newest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<f64>,
}

/// Whether everything works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// True when there is no problem.
    pub ok: bool,
    /// One sentence each.
    pub problems: Vec<String>,
}

/// A reading's value as JSON, null when it has none.
fn value_of(reading: &Reading) -> Value {
    reading.value.as_ref().map_or(Value::Null, json)
}

/// A value as JSON. Every value has a JSON form, so the fallback is never seen.
fn json(value: &model::Value) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
