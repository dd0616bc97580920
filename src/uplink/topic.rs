//! Topic names under an uplink's prefix.

use crate::model::Stream;

/// The topics of one uplink, made once.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    data: String,
    event: String,
    outcome: String,
    /// Retained; also the topic of the last will.
    pub(crate) state: String,
    /// The one topic that is subscribed to.
    pub(crate) command: String,
}

impl Topics {
    /// Topics under a prefix without a slash at its end.
    pub(crate) fn under(prefix: &str) -> Self {
        let topic = |name: &str| format!("{prefix}/{name}");
        Self {
            data: topic("data"),
            event: topic("event"),
            outcome: topic("outcome"),
            state: topic("state"),
            command: topic("command"),
        }
    }

    /// Where blocks of a stream go; `None` for what stays in the gateway.
    pub(crate) fn of(&self, stream: &Stream) -> Option<&str> {
        match stream {
            Stream::Data | Stream::Filtered(_) => Some(&self.data),
            Stream::Event => Some(&self.event),
            Stream::Outcome => Some(&self.outcome),
            Stream::Local => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_but_local_has_a_topic_under_the_prefix() {
        let topics = Topics::under("tidegate/oslo/plant-7");

        assert_eq!(topics.of(&Stream::Data), Some("tidegate/oslo/plant-7/data"));
        assert_eq!(topics.of(&Stream::Event), Some("tidegate/oslo/plant-7/event"));
        assert_eq!(topics.of(&Stream::Outcome), Some("tidegate/oslo/plant-7/outcome"));
        assert_eq!(topics.of(&Stream::Local), None);
        assert_eq!(topics.of(&Stream::filtered("scada")), topics.of(&Stream::Data));
        assert_eq!(topics.command, "tidegate/oslo/plant-7/command");
    }
}
