//! Blocks as messages.

use std::{sync::Arc, time::Duration};

use super::super::{
    compression::{self, Packer},
    link::Message,
    payload::Encoder,
    topic::Topics,
};
use crate::{
    config::{MqttProtocol, Uplink as Config},
    model::{Block, BlockBody, ResponseTo, SharedClock},
};

/// A message whose newest reading is older than this when it is handed over is marked `late`.
const LATE: Duration = Duration::from_secs(60);

/// Makes the messages of one uplink.
pub(super) struct Composer {
    encoder: Encoder,
    packer: Packer,
    topics: Topics,
    clock: SharedClock,
    uplink: Arc<str>,
    protocol: MqttProtocol,
}

impl Composer {
    /// For one uplink.
    pub(super) fn new(topics: Topics, clock: SharedClock, config: &Config) -> Self {
        let packer = Packer::new(config.compression);
        let (uplink, protocol) = (Arc::clone(&config.name), config.protocol);
        Self { encoder: Encoder::default(), packer, topics, clock, uplink, protocol }
    }

    /// The message of a block; `None` for what stays in the gateway.
    pub(super) fn message(&mut self, block: &Block) -> Option<Message> {
        let topic = self.topics.of(&block.stream)?.to_owned();
        let (mut payload, mut user) = (self.encoder.encode(block), self.user_properties(block));
        if let Some(packed) = self.packer.pack(&payload) {
            let (key, value) = compression::PROPERTY;
            user.push((key.to_owned(), value.to_owned()));
            payload = packed;
        }
        Some(Message { topic, payload: payload.into(), user, ..Message::default() })
    }

    /// The copy of an outcome for an MQTT 5 asker.
    pub(super) fn answer(&self, block: &Block, message: &Message) -> Option<Message> {
        let BlockBody::Message { response: Some(response), .. } = &block.body else { return None };
        let is_ours = response.uplink == self.uplink && self.protocol == MqttProtocol::V5;
        (is_ours && is_topic(response)).then(|| Message {
            topic: response.topic.to_string(),
            correlation: response.correlation.clone(),
            ..message.clone()
        })
    }

    fn user_properties(&self, block: &Block) -> Vec<(String, String)> {
        let pair = |key: &str, value: String| (key.to_owned(), value);
        let mut user = vec![
            pair("store", block.store.to_string()),
            pair("epoch", block.epoch.to_string()),
            pair("stream", block.stream.as_str().to_owned()),
            pair("seq", block.seq.to_string()),
        ];
        if self.is_late(block) {
            user.push(pair("late", "1".to_owned()));
        }
        user
    }

    /// Times of day are compared only when both clocks knew the date; else uptime has to do, and what is of another
    /// boot is late.
    fn is_late(&self, block: &Block) -> bool {
        if block.clock.is_dated() && self.clock.quality().is_dated() {
            return self.clock.now().since(block.span().1) > LATE;
        }
        block.boot != self.clock.boot() || self.clock.uptime().saturating_sub(block.uptime) > LATE
    }
}

/// Whether a topic that came from outside can be published to (MQTT 5.0, 3.3.2.1).
fn is_topic(response: &ResponseTo) -> bool {
    let topic = &response.topic;
    !topic.is_empty() && u16::try_from(topic.len()).is_ok() && !topic.contains(['+', '#', '\0'])
}
