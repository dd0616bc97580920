//! What each uplink still has to deliver, as it is shown: how much, how old, and how long it takes at the present rate.
//!
//! The buffer knows what is owed, the uplink how fast it drains. Both are brought together when somebody asks.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use serde_json::{Value, json};

use super::core::Core;
use crate::{buffer::Owed, model::Timestamp, uplink::Status};

/// A figure of each uplink.
type Figures = Family<Vec<(String, String)>, Gauge<f64, AtomicU64>>;

/// The figures for machines. An uplink that has nothing to tell of one is not in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Metrics {
    age: Figures,
    rate: Figures,
    left: Figures,
}

impl Metrics {
    /// Makes the figures known.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self::default();
        let text = "Age of the oldest block that an uplink has to deliver, by the wall clock";
        registry.register("buffer_owed_seconds", text, new.age.clone());
        let text = "Blocks per second that were owed at the connection and are acknowledged now";
        registry.register("uplink_drain_rate", text, new.rate.clone());
        let text = "How long what is owed takes at this rate, without what comes meanwhile";
        registry.register("uplink_drained_in_seconds", text, new.left.clone());
        new
    }

    /// Shows these uplinks and no others.
    fn show(&self, uplinks: &[(Status, Option<Owed>)], now: Timestamp) {
        for figures in [&self.age, &self.rate, &self.left] {
            figures.clear();
        }
        for (status, owed) in uplinks {
            let labels = vec![("uplink".to_owned(), status.name.to_string())];
            let set = |figures: &Figures, value: f64| {
                figures.get_or_create(&labels).set(value);
            };
            set(&self.rate, status.drain_rate);
            let Some(owed) = owed else { continue };
            set(&self.age, age(owed, now).unwrap_or_default().as_secs_f64());
            if let Some(left) = time_left(owed.blocks, status.drain_rate) {
                set(&self.left, left.as_secs_f64());
            }
        }
    }
}

impl Core {
    /// Uplinks with their state and what they are owed.
    pub(super) fn uplink_views(&self) -> Vec<Value> {
        let now = self.clock.now();
        self.backlogs().iter().map(|(status, owed)| view(status, owed.as_ref(), now)).collect()
    }

    /// Renews the figures for machines.
    pub(super) fn show_backlogs(&self) {
        self.metrics.backlogs.show(&self.backlogs(), self.clock.now());
    }

    /// The state of each uplink, and what it is owed.
    fn backlogs(&self) -> Vec<(Status, Option<Owed>)> {
        let mut owed = self.buffer.status().borrow().uplinks.clone();
        let mut of = |name: &str| owed.extract_if(.., |owed| &*owed.uplink == name).next();
        let uplinks = super::lock(&self.running.uplinks);
        uplinks.iter().map(|task| (task.status.borrow().clone(), of(&task.config.name))).collect()
    }
}

/// An uplink's status with what the buffer knows of it.
fn view(status: &Status, owed: Option<&Owed>, now: Timestamp) -> Value {
    let mut view = json!(status);
    if let Some(owed) = owed {
        view["owed_blocks"] = owed.blocks.into();
        view["owed_readings"] = owed.readings.into();
        view["owed_bytes"] = owed.bytes.into();
        view["owed_age_s"] = age(owed, now).map(|age| age.as_secs()).into();
        view["drained_in_s"] = time_left(owed.blocks, status.drain_rate).map(|left| left.as_secs()).into();
    }
    view
}

/// How old the oldest of it is; `None` when nothing is owed.
fn age(owed: &Owed, now: Timestamp) -> Option<Duration> {
    owed.oldest.map(|oldest| now.since(oldest))
}

/// In whole seconds; `None` when nothing is owed or nothing drains. New blocks that come meanwhile are not foreseen.
fn time_left(blocks: u64, rate: f64) -> Option<Duration> {
    let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    let seconds = f64::from(blocks) / rate;
    (blocks > 0 && seconds.is_finite()).then(|| Duration::try_from_secs_f64(seconds.ceil()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(drain_rate: f64) -> Status {
        Status { drain_rate, ..Status::new("cloud".into(), "mqtt://b:1883".into(), Timestamp::default()) }
    }

    fn owed() -> Owed {
        let oldest = Some(Timestamp::from_millis(1_000));
        Owed { uplink: "cloud".into(), blocks: 1000, readings: 90_000, bytes: 9 << 20, oldest }
    }

    #[test]
    fn the_end_of_a_drain_is_foretold_while_something_drains() {
        let now = Timestamp::from_millis(61_500);
        assert_eq!(view(&cloud(0.0), Some(&owed()), now)["drained_in_s"], Value::Null);

        let view = view(&cloud(300.0), Some(&owed()), now);

        assert_eq!(view["drained_in_s"], 4);
        assert_eq!((&view["owed_bytes"], &view["owed_age_s"]), (&json!(9 << 20), &json!(60)));
        assert_eq!((&view["owed_blocks"], &view["owed_readings"]), (&json!(1000), &json!(90_000)));
        assert_eq!((&view["name"], &view["throttled"]), (&json!("cloud"), &json!(false)));
    }

    #[test]
    fn machines_read_the_same_and_nothing_of_an_uplink_that_is_gone() {
        let mut registry = Registry::with_prefix("tidegate");
        let metrics = Metrics::register(&mut registry);
        let text = || crate::telemetry::metrics::text(&registry);
        let now = Timestamp::from_millis(61_500);

        metrics.show(&[(cloud(300.0), Some(owed()))], now);
        let draining = text();
        metrics.show(&[(cloud(0.0), Some(Owed::default()))], now);
        let idle = text();
        metrics.show(&[], now);

        for line in [
            "tidegate_buffer_owed_seconds{uplink=\"cloud\"} 60.5",
            "tidegate_uplink_drain_rate{uplink=\"cloud\"} 300.0",
            "tidegate_uplink_drained_in_seconds{uplink=\"cloud\"} 4.0",
        ] {
            assert!(draining.lines().any(|shown| shown == line), "{line}\n{draining}");
        }
        assert!(idle.contains("tidegate_buffer_owed_seconds{uplink=\"cloud\"} 0.0"), "{idle}");
        assert!(!idle.contains("drained_in_seconds{"), "{idle}");
        assert!(!text().contains("uplink=\"cloud\""));
    }
}
