//! Looking at the demo: the gateway through its API, the broker through a consumer that checks every message.

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use super::site::DemoSite;
use crate::{
    api::view,
    cli::live_view::{PointLine, Summary, UplinkLine, View},
    testing::{broker::Message, consumer::Consumer},
};

/// Events that are shown; older ones go.
const EVENTS: usize = 8;

/// What has been seen so far.
pub(super) struct Watch {
    /// Checks the messages.
    consumer: Consumer,
    /// The last events, the newest first.
    events: VecDeque<String>,
    /// Where the event topic ends.
    gateway: std::sync::Arc<dyn crate::api::Gateway>,
}

impl Watch {
    /// Nothing seen yet.
    pub(super) fn new(site: &DemoSite) -> Self {
        Self { consumer: Consumer::default(), events: VecDeque::new(), gateway: site.gateway() }
    }

    /// The demo at this moment.
    pub(super) fn look(&mut self, site: &DemoSite, elapsed: Duration) -> View {
        self.read_messages(site);
        let status = self.gateway.status();
        View {
            gateway: status.gateway,
            elapsed,
            readings: status.readings.total,
            rate: rate(status.readings.total, elapsed),
            depth: status.buffer["uplinks"]
                .as_array()
                .map_or(0, |owed| owed.iter().map(|o| number(o, "blocks")).sum()),
            bytes: number(&status.buffer, "size_bytes"),
            uplinks: status.uplinks.iter().map(uplink).collect(),
            points: self.gateway.points(None).into_iter().map(point).collect(),
            alarms: status.alarms.iter().map(alarm).collect(),
            events: self.events.iter().cloned().collect(),
        }
    }

    /// What the run came to, after the gateway has stopped.
    pub(super) fn sum_up(&mut self, site: &DemoSite, accepted: u64, elapsed: Duration) -> Summary {
        self.read_messages(site);
        let status = self.gateway.status();
        Summary {
            elapsed,
            readings: accepted,
            messages: self.consumer.messages(),
            acknowledged: status.uplinks.iter().map(|uplink| number(uplink, "acked")).sum(),
            lost: accepted.saturating_sub(self.consumer.readings()).max(self.consumer.missing()),
            duplicates: self.consumer.duplicates() + self.consumer.conflicts(),
        }
    }

    /// Hands the broker's new messages to the consumer, and keeps the events.
    fn read_messages(&mut self, site: &DemoSite) {
        for message in site.broker.take_seen() {
            // Messages of other topics, such as `state`, have no number and prove nothing.
            self.consumer.take(&message.payload);
            if let Some(line) = event(&message) {
                self.events.push_front(line);
            }
        }
        self.events.truncate(EVENTS);
    }
}

/// Readings per second since the start.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(readings: u64, elapsed: Duration) -> f64 {
    readings as f64 / elapsed.as_secs_f64().max(0.001)
}

/// A number of a JSON object, 0 when it is not there.
fn number(object: &Value, key: &str) -> u64 {
    object[key].as_u64().unwrap_or(0)
}

/// A text of a JSON object, empty when it is not there.
fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_default().to_owned()
}

/// One uplink's line.
fn uplink(status: &Value) -> UplinkLine {
    UplinkLine { name: text(status, "name"), state: text(status, "state"), acknowledged: number(status, "acked") }
}

/// One alarm's line.
fn alarm(alarm: &Value) -> String {
    format!("{}/{}: {}", text(alarm, "rule"), text(alarm, "id"), text(alarm, "text"))
}

/// One point's line.
fn point(point: view::Point) -> PointLine {
    let value = match &point.value {
        Value::Null => String::new(),
        Value::Number(number) => number.as_f64().map_or_else(String::new, |value| format!("{value:.2}")),
        other => other.to_string(),
    };
    let quality = point.quality.unwrap_or_else(|| "waiting".to_owned());
    PointLine { device: point.device, point: point.point, value, unit: point.unit, quality }
}

/// An event message in one line, `None` for other messages.
fn event(message: &Message) -> Option<String> {
    let event: Value = serde_json::from_slice(&message.payload).ok()?;
    let time = event["ts"].as_str()?.get(11..19)?.to_owned();
    let what = match event["type"].as_str()? {
        "alarm" => {
            let word = if event["alarm"]["active"] == true { "raised" } else { "cleared" };
            format!("alarm {} {word}", text(&event["alarm"], "id"))
        }
        "device" => format!("{} is {}", text(&event, "device"), text(&event, "what")),
        "audit" => format!("{}: {}", text(&event, "from"), text(&event, "what")),
        "gateway" => text(&event, "text"),
        other => other.to_owned(),
    };
    Some(format!("{time} {what}"))
}
