//! Events: what an operator or a cloud must know besides readings.

use std::sync::Arc;

use serde::Serialize;

use super::{BootId, ClockQuality, DeviceId, Stream, Timestamp};

/// One event with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub ts: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. Serialises to the message's own fields: `{"type":"…", …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum EventKind {
    /// A rule raised or cleared an alarm.
    Alarm {
        /// The alarm.
        alarm: AlarmState,
    },
    /// Something that should have been there is not, and why.
    Gap {
        /// The gap.
        gap: Gap,
    },
    /// The wall clock jumped, or is trusted from now on.
    Clock {
        /// What it did. Not `clock`: that is the header's word for the quality.
        change: ClockChange,
    },
    /// A device appeared, left, or changed its reachability.
    Device {
        /// The device.
        device: DeviceId,
        /// What it did.
        what: DeviceChange,
        /// What is known of it.
        #[serde(flatten)]
        about: DeviceFacts,
    },
    /// A frame of a device as it came, where its adapter has `raw = true` and nothing was made of it.
    Raw {
        /// The device.
        device: DeviceId,
        /// From which of its endpoints.
        endpoint: u8,
        /// Which cluster: `0xef00`.
        cluster: String,
        /// Which command: `0x02`.
        command: String,
        /// The fields behind it, as hex.
        bytes: String,
    },
    /// Somebody changed something: a command, a configuration, a login.
    Audit {
        /// Who, in the form of a grant's `from`.
        from: String,
        /// What was asked.
        what: String,
        /// Whether it was allowed.
        allowed: bool,
    },
    /// The gateway itself: a task restarted, a rule was quarantined, the disk is full.
    Gateway {
        /// A short word for programs, for example `task-restarted`.
        what: String,
        /// A sentence for people.
        text: String,
    },
}

/// What the wall clock did, and which messages have their times from before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClockChange {
    /// What it did.
    pub what: ClockWord,
    /// The boot `uptime_ms` counts from.
    pub boot: BootId,
    /// When it was noticed, on the clock that never jumps.
    pub uptime_ms: u64,
    /// The same moment on the wall clock as it is now.
    pub wall: Timestamp,
    /// For a step: how far it jumped. Once trusted: the largest error of the times before.
    pub offset_ms: i64,
    /// How far the clock is trusted now.
    pub quality: ClockQuality,
    /// Messages that left, or will leave, with wrong times.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<ClockSpan>,
}

/// What the wall clock did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockWord {
    /// A time source vouches for it from now on.
    Trusted,
    /// It jumped.
    Step,
}

/// Messages `from..=to` of an epoch's stream: a time in one whose `clock` is not `ntp` is right when `offset_ms` is
/// added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockSpan {
    /// The stream.
    pub stream: Arc<str>,
    /// The epoch.
    pub epoch: u64,
    /// First `seq`.
    pub from: u64,
    /// Last `seq`.
    pub to: u64,
    /// What is to be added.
    pub offset_ms: i64,
}

/// An alarm as a rule sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmState {
    /// Unique within its rule.
    pub id: Arc<str>,
    /// The rule file's name, without `.rhai`.
    pub rule: Arc<str>,
    /// True when raised, false when cleared.
    pub active: bool,
    /// How bad it is.
    pub severity: Severity,
    /// What to tell people.
    pub text: Arc<str>,
}

/// How bad an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Act now.
    Critical,
}

impl Severity {
    /// Reads the word used in rules and messages.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "info" => Some(Self::Info),
            "warning" => Some(Self::Warning),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// What a radio knows of a device from the device itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeviceFacts {
    /// The address it was made with, on Zigbee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ieee: Option<String>,
    /// The address it sends from, on Bluetooth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// What its maker calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What a device did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChange {
    /// It joined the network.
    Joined,
    /// Its description was read.
    Interviewed,
    /// It left the network.
    Left,
    /// It answers again.
    Online,
    /// It stopped answering.
    Offline,
}

/// Readings or messages that will never come, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// The store that numbered them, when it is another than the message's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<Arc<str>>,
    /// The stream they are missing from.
    pub stream: Arc<str>,
    /// What is missing.
    #[serde(flatten)]
    pub span: GapSpan,
    /// How many readings, as far as it is known.
    pub readings: u64,
    /// Why.
    pub reason: GapReason,
}

impl Gap {
    /// A gap of numbered blocks.
    pub fn blocks(stream: &Stream, epoch: u64, from: u64, to: u64, readings: u64, reason: GapReason) -> Self {
        let span = GapSpan::Blocks { epoch, from, to };
        Self { store: None, stream: stream.as_str().into(), span, readings, reason }
    }

    /// The fields of an event that was numbered in another store: a gap of that one's blocks says so from now on, and
    /// everything else stays as it is.
    pub fn from_store(fields: &str, store: &str) -> String {
        let rest = fields.strip_prefix(GAP).filter(|rest| rest.starts_with(r#""stream""#) && is_of_blocks(rest));
        rest.map_or_else(|| fields.to_owned(), |rest| format!("{GAP}\"store\":{},{rest}", serde_json::json!(store)))
    }
}

/// How the fields of a gap begin.
const GAP: &str = r#"{"type":"gap","gap":{"#;

/// Whether the rest of a gap's fields names numbers and not a time.
fn is_of_blocks(rest: &str) -> bool {
    let gap = serde_json::from_str::<serde_json::Value>(&format!("{GAP}{rest}"));
    gap.is_ok_and(|fields| fields["gap"]["epoch"].is_u64())
}

/// What is missing: numbered blocks, or a time for readings that never had a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum GapSpan {
    /// Blocks `from..=to` of an epoch.
    Blocks {
        /// The epoch of the blocks.
        epoch: u64,
        /// First missing `seq`.
        from: u64,
        /// Last missing `seq`.
        to: u64,
    },
    /// Readings of an adapter between two moments.
    Time {
        /// First moment without readings.
        since: Timestamp,
        /// Last moment without readings.
        until: Timestamp,
        /// The adapter they should have come from.
        adapter: String,
    },
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GapReason {
    /// The buffer had reached `max_size`.
    Full,
    /// Older than `max_age`.
    Expired,
    /// The block on disk could not be read.
    Corrupt,
    /// Nothing is lost: it comes under another number, because the file that numbered it was replaced.
    Moved,
    /// Shed before it had a number, because a queue was full.
    Shed,
    /// The broker will never take it; it stands among the dead letters of the gateway.
    Refused,
    /// Replaced by means of a minute or a quarter of an hour, because there was no room for all.
    Thinned,
}

impl Event {
    /// An event of the gateway itself.
    pub fn gateway(ts: Timestamp, what: &str, text: impl Into<String>) -> Self {
        Self { ts, kind: EventKind::Gateway { what: what.to_owned(), text: text.into() } }
    }

    /// The event's own fields as a JSON object, without the message header.
    pub fn fields(&self) -> String {
        serde_json::to_string(&self.kind).expect("events hold nothing that JSON cannot say")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trusted_clock_names_what_left_before() {
        let span = ClockSpan { stream: "data".into(), epoch: 42, from: 1, to: 7, offset_ms: 1_795_000_000_000 };
        let change = ClockChange {
            what: ClockWord::Trusted,
            boot: BootId::new("b"),
            uptime_ms: 61_000,
            wall: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
            offset_ms: 0,
            quality: ClockQuality::Ntp,
            blocks: vec![span],
        };
        let event = Event { ts: Timestamp::default(), kind: EventKind::Clock { change } };

        assert_eq!(
            event.fields(),
            concat!(
                r#"{"type":"clock","change":{"what":"trusted","boot":"b","uptime_ms":61000,"#,
                r#""wall":"2026-11-20T12:00:00.000Z","offset_ms":0,"quality":"ntp","#,
                r#""blocks":[{"stream":"data","epoch":42,"from":1,"to":7,"offset_ms":1795000000000}]}}"#
            )
        );
    }

    #[test]
    fn a_gap_has_the_fields_of_the_contract() {
        let gap = Gap::blocks(&Stream::Data, 42, 1043, 1050, 8000, GapReason::Full);
        let event = Event { ts: Timestamp::default(), kind: EventKind::Gap { gap } };

        assert_eq!(
            event.fields(),
            r#"{"type":"gap","gap":{"stream":"data","epoch":42,"from":1043,"to":1050,"readings":8000,"reason":"full"}}"#
        );
    }

    #[test]
    fn a_gap_that_moves_to_another_store_names_its_own() {
        let gap = Gap::blocks(&Stream::Data, 42, 1, 2, 3, GapReason::Full);
        let fields = Event { ts: Timestamp::default(), kind: EventKind::Gap { gap: gap.clone() } }.fields();

        let moved = Gap::from_store(&fields, "6f2c");

        let named = Gap { store: Some("6f2c".into()), ..gap };
        assert_eq!(moved, Event { ts: Timestamp::default(), kind: EventKind::Gap { gap: named } }.fields());
        assert_eq!(Gap::from_store(&moved, "another"), moved);
        let other = Event::gateway(Timestamp::default(), "x", r#"{"type":"gap","gap":{"stream""#).fields();
        assert_eq!(Gap::from_store(&other, "6f2c"), other);
    }
}
