//! MQTT 3.1.1 through the client library, whose types end here.

use rumqttc_v4::{
    AckMode, AsyncClient, Broker, ConnectionError, Event, EventLoop, Incoming, LastWill, MqttOptions, NetworkOptions,
    PublishNotice, PublishOptions, QoS, SessionMode, SubscribeReasonCode,
};

use super::{
    credentials::Credentials,
    link::{
        self, Acking, CONNECT_TIMEOUT, Inbound, Limits, LinkError, MAX_INCOMING, Message, Session, Token, Uplink,
        Verdict,
    },
    wire,
};
use crate::config::Uplink as Config;

/// One connection.
pub(super) struct Mqtt311 {
    client: AsyncClient,
    events: EventLoop,
    limits: Limits,
}

impl Uplink for Mqtt311 {
    async fn connect(config: &Config, session: Session) -> Result<Self, LinkError> {
        tokio::time::timeout(CONNECT_TIMEOUT, Self::open(config, session)).await.map_err(|_| LinkError::NoAnswer)?
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn publish(&mut self, message: Message) -> Result<Acking, LinkError> {
        let options = PublishOptions::at_least_once().retain(message.retain);
        let notice = self.client.try_publish_tracked(message.topic, message.payload, options).map_err(lost)?;
        Ok(Box::pin(verdict(notice)))
    }

    fn subscribe(&mut self, topic: &str) -> Result<(), LinkError> {
        self.client.try_subscribe(topic, QoS::AtLeastOnce).map_err(lost)
    }

    async fn poll(&mut self) -> Result<Option<Inbound>, LinkError> {
        match self.events.poll().await.map_err(explain)? {
            Event::Incoming(Incoming::Publish(publish)) => {
                let token = self.client.prepare_ack(&publish).map(Token::V311);
                Ok(Some(Inbound {
                    topic: publish.topic,
                    payload: publish.payload,
                    retained: publish.retain,
                    response_topic: None,
                    correlation: None,
                    token,
                }))
            }
            Event::Incoming(Incoming::SubAck(ack))
                if !ack.return_codes.iter().all(|code| matches!(code, SubscribeReasonCode::Success(_))) =>
            {
                Err(LinkError::Subscription)
            }
            Event::Incoming(_) | Event::Outgoing(_) => Ok(None),
        }
    }

    fn acknowledge(&mut self, token: Token) -> Result<(), LinkError> {
        match token {
            Token::V311(ack) => self.client.try_manual_ack(ack).map_err(lost),
            // A token is only ever given back to the link that made it.
            Token::V5(_) => Ok(()),
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

impl Mqtt311 {
    async fn open(config: &Config, session: Session) -> Result<Self, LinkError> {
        let credentials = Credentials::read(config).await?;
        let connect = wire::once(wire::dial(config, &session, credentials.tls).await?);
        let capacity = link::capacity(config, &session);
        let mut options = options(config, credentials.login, session);
        options.set_socket_connector(move |_, _| std::future::ready(connect()));
        let (client, mut events) = AsyncClient::builder(options).capacity(capacity).build();
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
        events.set_network_options(network);
        let limits = greeted(&mut events).await?;
        Ok(Self { client, events, limits })
    }
}

fn options(config: &Config, login: Option<(String, Option<String>)>, session: Session) -> MqttOptions {
    let broker = Broker::tcp(config.url.host.clone(), config.url.port);
    let mut options = MqttOptions::new(link::client_id(config, &session), broker);
    options.set_keep_alive(link::keep_alive(config));
    options.set_inflight(config.window);
    options.set_max_packet_size(MAX_INCOMING as usize, usize::MAX);
    match login {
        Some((name, Some(password))) => drop(options.set_credentials(name, password)),
        Some((name, None)) => drop(options.set_username(name)),
        None => {}
    }
    match session {
        Session::Clean { topic, will } => {
            options.set_session_mode(SessionMode::Clean);
            options.set_last_will(LastWill::new(topic, will, QoS::AtLeastOnce, true));
        }
        Session::Kept => {
            options.set_session_mode(SessionMode::Persistent);
            options.set_ack_mode(AckMode::Manual);
        }
    }
    options
}

/// Waits for the CONNACK, which the library gives as its first event.
async fn greeted(events: &mut EventLoop) -> Result<Limits, LinkError> {
    loop {
        if let Event::Incoming(Incoming::ConnAck(_)) = events.poll().await.map_err(explain)? {
            return Ok(Limits { receive_maximum: u16::MAX, packet: None });
        }
    }
}

/// MQTT 3.1.1 knows no refusal of a message: a broker that does not want it closes or acknowledges all the same.
async fn verdict(notice: PublishNotice) -> Verdict {
    notice.wait_async().await.map_or(Verdict::Lost, |_| Verdict::Taken)
}

/// The library's error in words an operator can act on.
fn explain(error: ConnectionError) -> LinkError {
    match error {
        ConnectionError::ConnectionRefused(code) => LinkError::Refused(link::words(&code)),
        ConnectionError::NetworkTimeout => LinkError::NoAnswer,
        other => LinkError::Lost(other.to_string()),
    }
}

fn lost(error: impl std::fmt::Display) -> LinkError {
    LinkError::Lost(error.to_string())
}
