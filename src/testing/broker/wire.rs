//! Packets of both MQTT versions as the broker sees them.

use bytes::{Bytes, BytesMut};
use rumqttc_v4::mqttbytes::v4;
use rumqttc_v5::mqttbytes::{self, QoS, v5};

/// Largest packet the broker takes.
const MAX_PACKET: usize = 1024 * 1024;

/// Bytes that are no MQTT, or a packet the broker does not speak.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WireError(String);

/// The version a client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

/// A message with what the tests look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Where it went.
    pub topic: String,
    /// Its bytes.
    pub payload: Bytes,
    /// Whether it asked to be kept; on the way out, whether it was kept.
    pub retain: bool,
    /// 0 or 1.
    pub qos: u8,
    /// MQTT 5 user properties.
    pub user: Vec<(String, String)>,
    /// MQTT 5 content type.
    pub content_type: Option<String>,
    /// MQTT 5 response topic.
    pub response_topic: Option<String>,
    /// MQTT 5 correlation data.
    pub correlation: Option<Bytes>,
}

/// What a client can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromClient {
    /// CONNECT.
    Connect {
        /// Client id.
        client: String,
        /// Whether the session starts anew and is forgotten at its end.
        is_clean: bool,
        /// Last will.
        will: Option<Message>,
    },
    /// PUBLISH and its packet number.
    Publish(u16, Message),
    /// PUBACK.
    PubAck(u16),
    /// SUBSCRIBE: number and filters, each with whether retained messages come only with a new subscription.
    Subscribe(u16, Vec<(String, bool)>),
    /// UNSUBSCRIBE: number and filters.
    Unsubscribe(u16, Vec<String>),
    /// PINGREQ.
    Ping,
    /// DISCONNECT.
    Disconnect,
}

/// What the broker can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToClient {
    /// CONNACK.
    ConnAck {
        /// The session was kept.
        present: bool,
        /// The login is refused.
        refused: bool,
        /// MQTT 5 receive maximum and maximum packet size.
        limits: (Option<u16>, Option<u32>),
    },
    /// PUBLISH.
    Publish(u16, Message),
    /// PUBACK, with an MQTT 5 reason.
    PubAck(u16, v5::PubAckReason),
    /// SUBACK for so many filters.
    SubAck(u16, usize),
    /// UNSUBACK for so many filters.
    UnsubAck(u16, usize),
    /// PINGRESP.
    Pong,
}

/// The version in a CONNECT at the start of the bytes; `None` while it is not there yet (MQTT 5.0, 3.1.2).
pub fn version(bytes: &[u8]) -> Result<Option<Version>, WireError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    if first != 0x10 {
        return Err(WireError(format!("first packet is {first:#04x}, no CONNECT")));
    }
    let Some(length) = bytes.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0) else {
        return if bytes.len() > 4 { Err(WireError("length has more than 4 bytes".into())) } else { Ok(None) };
    };
    match bytes.get(length + 2..length + 9) {
        None => Ok(None),
        Some([0, 4, b'M', b'Q', b'T', b'T', 4]) => Ok(Some(Version::V311)),
        Some([0, 4, b'M', b'Q', b'T', b'T', 5]) => Ok(Some(Version::V5)),
        Some(_) => Err(WireError("neither MQTT 3.1.1 nor 5.0".into())),
    }
}

/// Takes the next packet off the bytes; `None` while it is not complete.
pub fn decode(version: Version, bytes: &mut BytesMut) -> Result<Option<FromClient>, WireError> {
    match version {
        Version::V5 => match v5::Packet::read(bytes, Some(u32::try_from(MAX_PACKET).unwrap_or(u32::MAX))) {
            Ok(packet) => from_v5(packet).map(Some),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(WireError(error.to_string())),
        },
        Version::V311 => match v4::Packet::read(bytes, MAX_PACKET) {
            Ok(packet) => from_v4(packet).map(Some),
            Err(rumqttc_v4::mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(WireError(error.to_string())),
        },
    }
}

fn from_v5(packet: v5::Packet) -> Result<FromClient, WireError> {
    Ok(match packet {
        v5::Packet::Connect(connect, will, _) => {
            let kept = connect.properties.and_then(|given| given.session_expiry_interval).unwrap_or(0) > 0;
            let is_clean = connect.clean_start || !kept;
            let will = will.map(|will| message(&will.topic, will.message, will.retain, 1));
            FromClient::Connect { client: connect.client_id, is_clean, will }
        }
        v5::Packet::Publish(publish) => {
            let given = publish.properties.unwrap_or_default();
            let plain = message(&publish.topic, publish.payload, publish.retain, publish.qos as u8);
            let (user, content_type) = (given.user_properties, given.content_type);
            let (response_topic, correlation) = (given.response_topic, given.correlation_data);
            FromClient::Publish(publish.pkid, Message { user, content_type, response_topic, correlation, ..plain })
        }
        v5::Packet::PubAck(ack) => FromClient::PubAck(ack.pkid),
        v5::Packet::Subscribe(subscribe) => {
            let is_quiet = |rule| rule == v5::RetainForwardRule::OnNewSubscribe;
            let filters = subscribe.filters.into_iter();
            let filters = filters.map(|filter| (filter.path, is_quiet(filter.retain_forward_rule))).collect();
            FromClient::Subscribe(subscribe.pkid, filters)
        }
        v5::Packet::Unsubscribe(unsubscribe) => FromClient::Unsubscribe(unsubscribe.pkid, unsubscribe.filters),
        v5::Packet::PingReq => FromClient::Ping,
        v5::Packet::Disconnect(_) => FromClient::Disconnect,
        other => return Err(WireError(format!("{:?} is not for this broker", other.packet_type()))),
    })
}

fn from_v4(packet: v4::Packet) -> Result<FromClient, WireError> {
    Ok(match packet {
        v4::Packet::Connect(connect) => {
            let will = connect.last_will.map(|will| message(will.topic.as_bytes(), will.message, will.retain, 1));
            FromClient::Connect { client: connect.client_id, is_clean: connect.clean_session, will }
        }
        v4::Packet::Publish(publish) => {
            let plain = message(&publish.topic, publish.payload, publish.retain, publish.qos as u8);
            FromClient::Publish(publish.pkid, plain)
        }
        v4::Packet::PubAck(ack) => FromClient::PubAck(ack.pkid),
        v4::Packet::Subscribe(subscribe) => {
            let filters = subscribe.filters.into_iter().map(|filter| (filter.path, false)).collect();
            FromClient::Subscribe(subscribe.pkid, filters)
        }
        v4::Packet::Unsubscribe(unsubscribe) => FromClient::Unsubscribe(unsubscribe.pkid, unsubscribe.topics),
        v4::Packet::PingReq => FromClient::Ping,
        v4::Packet::Disconnect => FromClient::Disconnect,
        other => return Err(WireError(format!("{:?} is not for this broker", other.packet_type()))),
    })
}

fn message(topic: &[u8], payload: Bytes, retain: bool, qos: u8) -> Message {
    Message { topic: String::from_utf8_lossy(topic).into_owned(), payload, retain, qos, ..Message::default() }
}

/// Puts a packet after the bytes that wait to be sent.
pub fn encode(version: Version, packet: ToClient, out: &mut BytesMut) -> Result<(), WireError> {
    let written = match version {
        Version::V5 => to_v5(packet).write(out, None).map_err(|error| error.to_string()),
        Version::V311 => to_v4(packet).write(out, MAX_PACKET).map_err(|error| error.to_string()),
    };
    written.map(drop).map_err(WireError)
}

fn to_v5(packet: ToClient) -> v5::Packet {
    match packet {
        ToClient::ConnAck { present, refused, limits: (receive_max, max_packet_size) } => {
            let code =
                if refused { v5::ConnectReturnCode::BadUserNamePassword } else { v5::ConnectReturnCode::Success };
            let properties = Some(connack_properties(receive_max, max_packet_size));
            v5::Packet::ConnAck(v5::ConnAck { session_present: present, code, properties })
        }
        ToClient::Publish(pkid, message) => {
            let properties = Some(v5::PublishProperties {
                user_properties: message.user,
                content_type: message.content_type,
                response_topic: message.response_topic,
                correlation_data: message.correlation,
                ..v5::PublishProperties::default()
            });
            let mut publish = v5::Publish::new(message.topic, qos(message.qos), message.payload, properties);
            (publish.pkid, publish.retain) = (pkid, message.retain);
            v5::Packet::Publish(publish)
        }
        ToClient::PubAck(pkid, reason) => v5::Packet::PubAck(v5::PubAck { pkid, reason, properties: None }),
        ToClient::SubAck(pkid, count) => v5::Packet::SubAck(v5::SubAck {
            pkid,
            return_codes: vec![v5::SubscribeReasonCode::Success(QoS::AtLeastOnce); count],
            properties: None,
        }),
        ToClient::UnsubAck(pkid, count) => {
            let reasons = vec![v5::UnsubAckReason::Success; count];
            v5::Packet::UnsubAck(v5::UnsubAck { pkid, reasons, properties: None })
        }
        ToClient::Pong => v5::Packet::PingResp,
    }
}

fn connack_properties(receive_max: Option<u16>, max_packet_size: Option<u32>) -> v5::ConnAckProperties {
    v5::ConnAckProperties {
        receive_max,
        max_packet_size,
        session_expiry_interval: None,
        max_qos: None,
        retain_available: None,
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}

fn to_v4(packet: ToClient) -> v4::Packet {
    match packet {
        ToClient::ConnAck { present, refused, .. } => {
            let code =
                if refused { v4::ConnectReturnCode::BadUserNamePassword } else { v4::ConnectReturnCode::Success };
            v4::Packet::ConnAck(v4::ConnAck::new(code, present))
        }
        ToClient::Publish(pkid, message) => {
            let mut publish = v4::Publish::new(message.topic, qos(message.qos), message.payload.to_vec());
            (publish.pkid, publish.retain) = (pkid, message.retain);
            v4::Packet::Publish(publish)
        }
        ToClient::PubAck(pkid, _) => v4::Packet::PubAck(v4::PubAck::new(pkid)),
        ToClient::SubAck(pkid, count) => {
            let codes = vec![v4::SubscribeReasonCode::Success(QoS::AtLeastOnce); count];
            v4::Packet::SubAck(v4::SubAck::new(pkid, codes))
        }
        ToClient::UnsubAck(pkid, _) => v4::Packet::UnsubAck(v4::UnsubAck::new(pkid)),
        ToClient::Pong => v4::Packet::PingResp,
    }
}

fn qos(level: u8) -> QoS {
    if level == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = version(&bytes);
            for version in [Version::V311, Version::V5] {
                let mut buffer = BytesMut::from(&bytes[..]);
                while let Ok(Some(_)) = decode(version, &mut buffer) {}
            }
        }

        #[test]
        fn a_message_survives_both_versions(topic in "[a-z/]{1,20}", payload: Vec<u8>, pkid in 1u16.., retain: bool) {
            let sent = Message { topic, payload: payload.into(), retain, qos: 1, ..Message::default() };
            for version in [Version::V311, Version::V5] {
                let mut buffer = BytesMut::new();
                encode(version, ToClient::Publish(pkid, sent.clone()), &mut buffer).unwrap();

                prop_assert_eq!(decode(version, &mut buffer), Ok(Some(FromClient::Publish(pkid, sent.clone()))));
                prop_assert!(buffer.is_empty());
            }
        }
    }
}
