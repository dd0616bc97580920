//! MQTT 5.0 through the client library, whose types end here.

use rumqttc_v5::{
    AckMode, AsyncClient, Broker, ConnectionError, Event, EventLoop, Incoming, IncomingPacketSizeLimit, LastWill,
    MqttOptions, PubAckReason, PublishNotice, PublishOptions, PublishProperties, PublishResult, QoS,
    RetainForwardRule, SessionMode, SubscribeFilter, SubscribeReasonCode,
};

use super::{
    credentials::Credentials,
    fresh_session,
    link::{self, Acking, CONNECT_TIMEOUT, Inbound, Limits, LinkError, Message, Session, Token, Uplink, Verdict},
    wire,
};
use crate::config::Uplink as Config;

/// How long the broker keeps commands for a gateway that is away.
const COMMANDS_KEPT_SECONDS: u32 = 7 * 24 * 3600;

/// Commands the broker may send before the first of them is acknowledged; it keeps the others.
const COMMANDS_OPEN: u16 = 64;

/// One connection.
pub(super) struct Mqtt5 {
    client: AsyncClient,
    events: EventLoop,
    limits: Limits,
}

impl Uplink for Mqtt5 {
    async fn connect(config: &Config, session: Session) -> Result<Self, LinkError> {
        tokio::time::timeout(CONNECT_TIMEOUT, Self::open(config, session)).await.map_err(|_| LinkError::NoAnswer)?
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn publish(&mut self, message: Message) -> Result<Acking, LinkError> {
        let options = PublishOptions::at_least_once().retain(message.retain).properties(properties(&message));
        let notice = self.client.try_publish_tracked(message.topic, message.payload, options).map_err(lost)?;
        Ok(Box::pin(verdict(notice)))
    }

    fn subscribe(&mut self, topic: &str) -> Result<(), LinkError> {
        let mut filter = SubscribeFilter::new(topic, QoS::AtLeastOnce);
        // What is retained comes with the first subscription, not again with each connection.
        filter.retain_forward_rule = RetainForwardRule::OnNewSubscribe;
        // Without the flag as it was published, a retained command that arrives while we listen looks like any other.
        filter.preserve_retain = true;
        self.client.try_subscribe_many([filter]).map_err(lost)
    }

    async fn poll(&mut self) -> Result<Option<Inbound>, LinkError> {
        match self.events.poll().await.map_err(explain)? {
            Event::Incoming(Incoming::Publish(publish)) => {
                let token = self.client.prepare_ack(&publish).map(Token::V5);
                let properties = publish.properties.unwrap_or_default();
                Ok(Some(Inbound {
                    topic: publish.topic,
                    payload: publish.payload,
                    retained: publish.retain,
                    response_topic: properties.response_topic,
                    correlation: properties.correlation_data,
                    token,
                }))
            }
            Event::Incoming(Incoming::SubAck(ack))
                if !ack.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_))) =>
            {
                Err(LinkError::Subscription)
            }
            Event::Incoming(_) | Event::Outgoing(_) | Event::Auth(_) => Ok(None),
        }
    }

    fn acknowledge(&mut self, token: Token) -> Result<(), LinkError> {
        match token {
            Token::V5(ack) => self.client.try_manual_ack(ack).map_err(lost),
            // A token is only ever given back to the link that made it.
            Token::V311(_) => Ok(()),
        }
    }

    async fn disconnect(mut self) {
        if self.client.try_disconnect().is_err() {
            return;
        }
        // Ends with the error that says there is nothing left to do.
        while self.events.poll().await.is_ok() {}
    }
}

impl Mqtt5 {
    async fn open(config: &Config, session: Session) -> Result<Self, LinkError> {
        let credentials = Credentials::read(config).await?;
        let connect = wire::once(wire::dial(config, &session, credentials.tls).await?);
        let capacity = link::capacity(config, &session);
        let mut options = options(config, credentials.login, session);
        options.set_socket_connector(move |_, _| std::future::ready(connect()));
        let (client, mut events) = AsyncClient::builder(options).capacity(capacity).build();
        let limits = greeted(&mut events).await?;
        Ok(Self { client, events, limits })
    }
}

fn options(config: &Config, login: Option<(String, Option<String>)>, session: Session) -> MqttOptions {
    let broker = Broker::tcp(config.url.host.clone(), config.url.port);
    let mut options = MqttOptions::new(link::client_id(config, &session), broker);
    options.set_keep_alive(link::keep_alive(config));
    options.set_connect_timeout(CONNECT_TIMEOUT);
    options.set_outgoing_inflight_upper_limit(config.window);
    // Not announced either: a broker would keep a larger command to itself, and its sender would never hear of it.
    // `wire` cuts what is larger than we keep before it gets here.
    options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Unlimited);
    match login {
        Some((name, Some(password))) => drop(options.set_credentials(name, password)),
        Some((name, None)) => drop(options.set_username(name)),
        None => {}
    }
    match session {
        Session::Clean { topic, will } => {
            options.set_session_mode(SessionMode::Clean);
            options.set_last_will(LastWill::new(topic, will, QoS::AtLeastOnce, true, None));
        }
        Session::Kept => {
            options.set_session_mode(SessionMode::Persistent);
            options.set_ack_mode(AckMode::Manual);
            options.set_receive_maximum(Some(COMMANDS_OPEN));
            options.set_session_expiry_interval(Some(COMMANDS_KEPT_SECONDS));
            options.set_session_store(fresh_session::Empty { inflight: config.window });
        }
    }
    options
}

fn properties(message: &Message) -> PublishProperties {
    PublishProperties {
        content_type: Some("application/json".to_owned()),
        user_properties: message.user.clone(),
        correlation_data: message.correlation.as_ref().map(|data| data.to_vec().into()),
        ..PublishProperties::default()
    }
}

/// Waits for the CONNACK, which the library gives as its first event.
async fn greeted(events: &mut EventLoop) -> Result<Limits, LinkError> {
    loop {
        if let Event::Incoming(Incoming::ConnAck(ack)) = events.poll().await.map_err(explain)? {
            let receive_maximum = ack.properties.as_ref().and_then(|given| given.receive_max).unwrap_or(u16::MAX);
            let packet = ack.properties.and_then(|given| given.max_packet_size);
            return Ok(Limits { receive_maximum, packet });
        }
    }
}

async fn verdict(notice: PublishNotice) -> Verdict {
    let Ok(PublishResult::Qos1(ack)) = notice.wait_async().await else { return Verdict::Lost };
    match ack.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Verdict::Taken,
        // Another packet used the number: ours to sort out, not the message's fault.
        PubAckReason::QuotaExceeded | PubAckReason::PacketIdentifierInUse => Verdict::Later,
        PubAckReason::UnspecifiedError
        | PubAckReason::ImplementationSpecificError
        | PubAckReason::NotAuthorized
        | PubAckReason::TopicNameInvalid
        | PubAckReason::PayloadFormatInvalid => Verdict::Refused(link::words(&ack.reason)),
    }
}

/// The library's error in words an operator can act on.
fn explain(error: ConnectionError) -> LinkError {
    match error {
        ConnectionError::ConnectionRefused(code) => LinkError::Refused(link::words(&code)),
        ConnectionError::Timeout(_) => LinkError::NoAnswer,
        other => LinkError::Lost(other.to_string()),
    }
}

fn lost(error: impl std::fmt::Display) -> LinkError {
    LinkError::Lost(error.to_string())
}
