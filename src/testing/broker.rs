//! A small MQTT broker, 3.1.1 and 5.0, for the demo and for tests.
//!
//! It speaks `QoS` 0 and 1, keeps retained messages, wills and sessions in memory within bounds, shows what it saw, and
//! misbehaves on request ([`Faults`]). It checks no passwords: it belongs on a loopback address.

mod connection;
mod wire;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};

pub use rumqttc_v5::mqttbytes::v5::PubAckReason;
pub use wire::{Message, Version, WireError, decode, encode, version};

use crate::shutdown::Stop;

/// Messages remembered for inspection; the oldest are forgotten first.
const SEEN: usize = 100_000;
/// Messages waiting for one client; more are dropped and counted.
const QUEUE: usize = 10_000;
/// Retained topics; more are not kept.
const RETAINED: usize = 10_000;

/// How the broker misbehaves.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own, and a test sets one or two")]
pub struct Faults {
    /// Refuses every login.
    pub refuse_login: bool,
    /// Accepts connections and answers nothing at all.
    pub swallow: bool,
    /// Never sends a PUBACK.
    pub never_ack: bool,
    /// Sends each PUBACK this much later.
    pub ack_delay: Option<Duration>,
    /// Sends each PUBACK up to this much later, one out of the order of the other.
    pub ack_jitter: Option<Duration>,
    /// Lets this much time pass between two PUBACKs, as a slow link does.
    pub ack_every: Option<Duration>,
    /// Answers so many messages of a topic with a reason instead of taking them (MQTT 5).
    pub reason: Option<(String, PubAckReason, usize)>,
    /// Closes the connection in the middle of the PUBACK after so many messages, once.
    pub close_after: Option<usize>,
    /// Says in CONNACK that it has a session, whatever was asked for.
    pub claims_session: bool,
    /// Closes the connection over a message with a payload above so many bytes.
    pub close_above: Option<usize>,
    /// MQTT 5 receive maximum and maximum packet size in CONNACK.
    pub limits: (Option<u16>, Option<u32>),
}

/// What the broker has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Logins accepted.
    pub connects: u64,
    /// Messages taken.
    pub taken: u64,
    /// Messages that got a reason instead, as a fault wanted it.
    pub turned_away: u64,
    /// Messages dropped because a client's queue was full.
    pub dropped: u64,
}

/// A handle on the broker: for the server, for tests, for the demo's view. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Broker {
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    counts: Counts,
    seen: VecDeque<Message>,
    retained: HashMap<String, Message>,
    sessions: HashMap<String, Session>,
}

/// What is kept of one client.
#[derive(Debug, Default)]
struct Session {
    filters: Vec<String>,
    queue: VecDeque<Message>,
    unacked: BTreeMap<u16, Message>,
    last_number: u16,
    is_clean: bool,
    /// Raised with each connection, so that an older one of the same client ends.
    generation: u64,
    wake: Arc<Notify>,
}

impl Default for Broker {
    fn default() -> Self {
        Self { state: Arc::default(), changes: watch::channel(0).0 }
    }
}

impl Broker {
    /// Changes how it misbehaves from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Messages it took, oldest first.
    pub fn seen(&self) -> Vec<Message> {
        self.lock().seen.iter().cloned().collect()
    }

    /// As [`Broker::seen`], and forgets them, for a run without end.
    pub fn take_seen(&self) -> Vec<Message> {
        self.lock().seen.drain(..).collect()
    }

    /// The payloads of one topic, oldest first.
    pub fn payloads(&self, topic: &str) -> Vec<bytes::Bytes> {
        self.lock().seen.iter().filter(|seen| seen.topic == topic).map(|seen| seen.payload.clone()).collect()
    }

    /// The retained message of a topic.
    pub fn retained(&self, topic: &str) -> Option<Message> {
        self.lock().retained.get(topic).cloned()
    }

    /// What it has counted.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// How many messages clients have not acknowledged yet, and how many wait to be sent.
    pub fn owed(&self, client: &str) -> (usize, usize) {
        self.lock().sessions.get(client).map_or((0, 0), |session| (session.unacked.len(), session.queue.len()))
    }

    /// Whether a client has asked for messages.
    pub fn is_subscribed(&self, client: &str) -> bool {
        self.lock().sessions.get(client).is_some_and(|session| !session.filters.is_empty())
    }

    /// Resolves once a claim holds. Looks again after each packet.
    pub async fn until(&self, claim: impl Fn(&Self) -> bool) {
        let mut changes = self.changes.subscribe();
        while !claim(self) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Hands a message to everyone who asked for it, as if a client had published it.
    pub fn publish(&self, message: Message) {
        let mut state = self.lock();
        state.take(message);
        drop(state);
        self.changed();
    }

    /// Ends every connection.
    pub fn disconnect_all(&self) {
        for session in self.lock().sessions.values_mut() {
            session.generation += 1;
            session.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

impl State {
    /// Keeps a message if asked to, and queues it for everyone whose filter fits.
    fn take(&mut self, message: Message) {
        self.counts.taken += 1;
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(message.clone());
        let fits = |filter: &String| rumqttc_v5::mqttbytes::matches(&message.topic, filter);
        for session in self.sessions.values_mut().filter(|session| session.filters.iter().any(fits)) {
            // To those already there a retained message comes as a fresh one (MQTT 5.0, 3.3.1.3).
            self.counts.dropped += u64::from(!session.push(Message { retain: false, ..message.clone() }));
        }
        self.keep(message);
    }

    fn keep(&mut self, message: Message) {
        if !message.retain {
            return;
        }
        if message.payload.is_empty() {
            self.retained.remove(&message.topic);
        } else if self.retained.len() < RETAINED || self.retained.contains_key(&message.topic) {
            self.retained.insert(message.topic.clone(), message);
        }
    }
}

impl Session {
    /// Queues a message; false when there is no room.
    fn push(&mut self, message: Message) -> bool {
        let has_room = self.queue.len() < QUEUE;
        if has_room {
            self.queue.push_back(message);
            self.wake.notify_one();
        }
        has_room
    }
}

/// Serves clients until stopping is asked for. A client's fault ends that client alone.
pub async fn serve(listener: TcpListener, broker: Broker, mut stop: Stop) -> io::Result<()> {
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return Ok(()),
            accepted = listener.accept() => connections.push(connection::serve(accepted?.0, broker.clone())),
            Some(()) = connections.next() => {}
        }
    }
}
