//! The cloud's side: a subscriber with a session of its own that keeps every message it is given.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    LIMIT,
    mqtt::{self, CONNACK, Outgoing, PUBLISH, Packet, Publish, SUBACK},
    watched::Watched,
};

/// One message as it arrived.
pub(crate) type Message = Publish;

/// What the listener's thread shares with the test.
#[derive(Default)]
struct Shared {
    /// Messages in the order they arrived.
    messages: Vec<Message>,
    /// How often it has subscribed.
    sessions: usize,
    /// The present connection.
    stream: Option<TcpStream>,
}

/// A subscriber to everything, connected again whenever the broker comes back.
pub(crate) struct Listener {
    /// The broker's port.
    port: u16,
    /// What arrived.
    shared: Watched<Shared>,
    /// Ends the thread.
    is_over: Arc<AtomicBool>,
}

impl Listener {
    /// Starts and waits until the broker has taken the subscription.
    pub(crate) fn start(port: u16) -> Self {
        let client = format!("listener-{:016x}", fastrand::u64(..));
        let listener =
            Self { port, shared: Watched::new(Shared::default()), is_over: Arc::new(AtomicBool::new(false)) };
        let (shared, is_over) = (listener.shared.clone(), Arc::clone(&listener.is_over));
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                // The broker is away now and then; the pause keeps the loop from spinning.
                let _ = listen(port, &client, &shared);
                thread::park_timeout(Duration::from_millis(50));
            }
        });
        listener.wait_sessions(1);
        listener
    }

    /// Waits until it has subscribed so often in all: after a restart of the broker, once more.
    pub(crate) fn wait_sessions(&self, sessions: usize) {
        let seen = self.shared.wait(LIMIT, |shared| (shared.sessions >= sessions).then_some(()));
        assert!(seen.is_some(), "the listener got no session {sessions}");
    }

    /// How often it has subscribed.
    pub(crate) fn sessions(&self) -> usize {
        self.shared.read(|shared| shared.sessions)
    }

    /// Waits until the messages, all of them, hold what is looked for.
    pub(crate) fn wait_for<R>(&self, what: &str, look: impl Fn(&[Message]) -> Option<R>) -> R {
        let found = self.shared.wait(LIMIT, |shared| look(&shared.messages));
        found.unwrap_or_else(|| panic!("waited {LIMIT:?} for {what}; got {}", self.summary()))
    }

    /// Waits for a message below a topic that ends so.
    pub(crate) fn wait_for_message(
        &self,
        topic: &str,
        is_it: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        self.wait_for(topic, |messages| {
            let fitting = messages.iter().filter(|message| message.topic.ends_with(topic));
            fitting.map(Message::json).find(|json| is_it(json))
        })
    }

    /// Every message so far.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.shared.read(|shared| shared.messages.clone())
    }

    /// Sends a message to the broker, as somebody else.
    pub(crate) fn send(&self, message: &Outgoing<'_>) {
        mqtt::send(self.port, message).unwrap();
    }

    /// Topics with the number of their messages.
    fn summary(&self) -> String {
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        self.shared.read(|shared| {
            for message in &shared.messages {
                *counts.entry(message.topic.clone()).or_default() += 1;
            }
        });
        format!("{counts:?}")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.shared.update(|shared| {
            if let Some(stream) = &shared.stream {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }
}

impl Message {
    /// The content as JSON; everything the gateway sends is.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{} is no JSON: {error}", self.topic))
    }

    /// A user property.
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One connection, until it ends.
fn listen(port: u16, client: &str, shared: &Watched<Shared>) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let mut writer = stream.try_clone()?;
    writer.write_all(&Packet::connect(client, false).bytes())?;
    mqtt::expect(&mut stream, CONNACK)?;
    writer.write_all(&Packet::subscribe("#").bytes())?;
    shared.update(|shared| shared.stream = stream.try_clone().ok());
    loop {
        let packet = Packet::read(&mut stream)?;
        match packet.kind() {
            SUBACK => shared.update(|shared| shared.sessions += 1),
            PUBLISH => {
                let message = packet.to_publish(true);
                let (qos, packet_id) = (message.qos, message.packet_id);
                shared.update(|shared| shared.messages.push(message));
                if qos == 1 {
                    writer.write_all(&Packet::puback(packet_id).bytes())?;
                }
            }
            _ => {}
        }
    }
}
