//! The way to the cloud for news of a radio.

use tokio::sync::mpsc;

use crate::model::{Event, SharedClock};

/// Where events go, with the time they get.
pub struct Voice {
    events: mpsc::Sender<Event>,
    clock: SharedClock,
}

impl Voice {
    /// A voice on the adapter's way for events.
    pub fn new(events: mpsc::Sender<Event>, clock: SharedClock) -> Self {
        Self { events, clock }
    }

    /// Tells something of the gateway. While there is no room for events it stands in the log and the metrics alone: a
    /// radio that is to be listened to cannot wait.
    pub(super) fn tell(&self, what: &str, text: String) {
        drop(self.events.try_send(Event::gateway(self.clock.now(), what, text)));
    }
}
