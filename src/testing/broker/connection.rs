//! One client of the broker, from CONNECT to its end.

use std::{collections::BTreeMap, future::pending, io, sync::Arc};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    Broker, Faults, PubAckReason, Session,
    wire::{self, FromClient, Message, ToClient, Version},
};

/// Messages a client may leave unacknowledged.
const UNACKED: usize = 32;

/// A client that was let in.
struct Client<S> {
    stream: S,
    broker: Broker,
    version: Version,
    id: String,
    generation: u64,
    wake: Arc<Notify>,
    will: Option<Message>,
    input: BytesMut,
    output: BytesMut,
    /// PUBACKs that wait for their time, told apart by the number of the message.
    late: BTreeMap<(Instant, u64), (u16, PubAckReason)>,
    /// Messages that came.
    count: u64,
    /// When the last PUBACK goes.
    last_ack: Instant,
}

/// Serves one client; its faults end it and nothing else.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, broker: Broker) {
    if let Ok(Some(mut client)) = Client::greet(stream, broker).await {
        let is_polite = matches!(client.run().await, Ok(true));
        client.leave(is_polite);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// CONNECT and CONNACK; `None` for a client that was turned away.
    async fn greet(mut stream: S, broker: Broker) -> io::Result<Option<Self>> {
        let mut input = BytesMut::new();
        let (version, first) = loop {
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(None);
            }
            if let Some(version) = wire::version(&input).map_err(io::Error::other)?
                && let Some(first) = wire::decode(version, &mut input).map_err(io::Error::other)?
            {
                break (version, first);
            }
        };
        let FromClient::Connect { client, is_clean, will } = first else { return Ok(None) };
        let faults = broker.lock().faults.clone();
        if faults.swallow {
            return pending().await;
        }
        let mut output = BytesMut::new();
        let refused = faults.refuse_login;
        let (generation, wake, present) =
            if refused { Default::default() } else { admit(&broker, &client, is_clean) };
        let present = present || faults.claims_session;
        let answer = ToClient::ConnAck { present, refused, limits: faults.limits };
        wire::encode(version, answer, &mut output).map_err(io::Error::other)?;
        stream.write_all_buf(&mut output).await?;
        let client = Self {
            stream,
            broker,
            version,
            id: client,
            generation,
            wake,
            will,
            input,
            output,
            late: BTreeMap::new(),
            count: 0,
            last_ack: Instant::now(),
        };
        Ok((!refused).then_some(client))
    }

    /// True after a DISCONNECT.
    async fn run(&mut self) -> io::Result<bool> {
        loop {
            while let Some(packet) = wire::decode(self.version, &mut self.input).map_err(io::Error::other)? {
                if packet == FromClient::Disconnect {
                    return Ok(true);
                }
                self.heard(packet).await?;
                self.broker.changed();
            }
            if !self.is_current() {
                return Ok(false);
            }
            self.send_queued()?;
            self.stream.write_all_buf(&mut self.output).await?;
            let due = self.late.first_key_value().map(|((due, _), _)| *due);
            tokio::select! {
                read = self.stream.read_buf(&mut self.input) => if read? == 0 { return Ok(false) },
                () = self.wake.notified() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some((_, (number, reason))) = self.late.pop_first() {
                        self.say(ToClient::PubAck(number, reason))?;
                    }
                }
            }
        }
    }

    async fn heard(&mut self, packet: FromClient) -> io::Result<()> {
        match packet {
            FromClient::Publish(number, message) => self.published(number, message).await,
            FromClient::PubAck(number) => {
                self.session(|session| drop(session.unacked.remove(&number)));
                Ok(())
            }
            FromClient::Subscribe(number, filters) => {
                let count = filters.len();
                self.subscribe(filters);
                self.say(ToClient::SubAck(number, count))
            }
            FromClient::Unsubscribe(number, filters) => {
                self.session(|session| session.filters.retain(|filter| !filters.contains(filter)));
                self.say(ToClient::UnsubAck(number, filters.len()))
            }
            FromClient::Ping => self.say(ToClient::Pong),
            FromClient::Connect { .. } | FromClient::Disconnect => Err(io::Error::other("CONNECT comes once")),
        }
    }

    async fn published(&mut self, number: u16, message: Message) -> io::Result<()> {
        let is_acked = message.qos > 0;
        let faults = self.broker.lock().faults.clone();
        if faults.close_above.is_some_and(|limit| message.payload.len() > limit) {
            return Err(io::Error::other("message is too large, as asked"));
        }
        let reason = self.judge(&message.topic);
        if reason == PubAckReason::Success {
            self.broker.lock().take(message);
        }
        if !is_acked || faults.never_ack {
            return Ok(());
        }
        if self.is_time_to_break() {
            // A PUBACK is 4 bytes; this is the first half of one.
            self.stream.write_all(&[0x40, 0x02]).await?;
            return Err(io::Error::other("closed in the middle of a packet, as asked"));
        }
        self.count += 1;
        match self.ack_due(&faults) {
            Some(due) => drop(self.late.insert((due, self.count), (number, reason))),
            None => self.say(ToClient::PubAck(number, reason))?,
        }
        Ok(())
    }

    /// When the PUBACK of the last message goes; `None` for at once.
    fn ack_due(&mut self, faults: &Faults) -> Option<Instant> {
        let now = Instant::now();
        if let Some(every) = faults.ack_every {
            self.last_ack = self.last_ack.max(now) + every;
            return Some(self.last_ack);
        }
        let jitter = faults.ack_jitter.map(|longest| longest.mul_f64(fastrand::f64()));
        Some(now + jitter.or(faults.ack_delay)?)
    }

    /// The reason a message gets, which uses one up where a fault gives a number of them.
    fn judge(&self, topic: &str) -> PubAckReason {
        let mut state = self.broker.lock();
        let state = &mut *state;
        match &mut state.faults.reason {
            Some((of, reason, left)) if of == topic && *left > 0 => {
                *left -= 1;
                state.counts.turned_away += 1;
                *reason
            }
            Some(_) | None => PubAckReason::Success,
        }
    }

    fn is_time_to_break(&self) -> bool {
        let faults = &mut self.broker.lock().faults;
        match &mut faults.close_after {
            Some(0) => faults.close_after.take().is_some(),
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn subscribe(&self, filters: Vec<(String, bool)>) {
        let mut state = self.broker.lock();
        let state = &mut *state;
        let Some(session) = state.sessions.get_mut(&self.id) else { return };
        for (filter, is_quiet) in filters {
            let is_new = !session.filters.contains(&filter);
            let fits = |kept: &&Message| rumqttc_v5::mqttbytes::matches(&kept.topic, &filter);
            if is_new || !is_quiet {
                for kept in state.retained.values().filter(fits) {
                    // A full queue drops what is only a repetition.
                    session.push(kept.clone());
                }
            }
            if is_new {
                session.filters.push(filter);
            }
        }
    }

    /// Sends what waits, as far as the client may have it unacknowledged.
    fn send_queued(&mut self) -> io::Result<()> {
        while let Some((number, message)) = self.session(next_message).flatten() {
            self.say(ToClient::Publish(number, message))?;
        }
        Ok(())
    }

    fn say(&mut self, packet: ToClient) -> io::Result<()> {
        wire::encode(self.version, packet, &mut self.output).map_err(io::Error::other)
    }

    fn session<T>(&self, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.broker.lock().sessions.get_mut(&self.id).map(work)
    }

    fn is_current(&self) -> bool {
        self.session(|session| session.generation == self.generation).unwrap_or(false)
    }

    /// Forgets a clean session; an impolite end publishes the will.
    fn leave(self, is_polite: bool) {
        let mut state = self.broker.lock();
        let is_over = |session: &Session| session.is_clean && session.generation == self.generation;
        if state.sessions.get(&self.id).is_some_and(is_over) {
            state.sessions.remove(&self.id);
        }
        if let Some(will) = self.will.filter(|_| !is_polite) {
            state.take(will);
        }
        drop(state);
        self.broker.changed();
    }
}

/// Opens or resumes a session; what was not acknowledged is sent again.
fn admit(broker: &Broker, client: &str, is_clean: bool) -> (u64, Arc<Notify>, bool) {
    let mut state = broker.lock();
    state.counts.connects += 1;
    let old = state.sessions.remove(client);
    let generation = old.as_ref().map_or(0, |session| session.generation + 1);
    if let Some(old) = &old {
        old.wake.notify_one();
    }
    let resumed = old.filter(|session| !is_clean && !session.is_clean);
    let present = resumed.is_some();
    let mut session = resumed.unwrap_or_default();
    let again: Vec<_> = std::mem::take(&mut session.unacked).into_values().collect();
    for message in again.into_iter().rev() {
        session.queue.push_front(message);
    }
    (session.is_clean, session.generation, session.wake) = (is_clean, generation, Arc::default());
    let wake = Arc::clone(&session.wake);
    state.sessions.insert(client.to_owned(), session);
    drop(state);
    broker.changed();
    (generation, wake, present)
}

/// The next message and its number; `None` when nothing waits or too much is unacknowledged.
fn next_message(session: &mut Session) -> Option<(u16, Message)> {
    if session.unacked.len() >= UNACKED {
        return None;
    }
    let message = session.queue.pop_front()?;
    session.last_number = session.last_number.checked_add(1).unwrap_or(1);
    if message.qos > 0 {
        session.unacked.insert(session.last_number, message.clone());
    }
    Some((session.last_number, message))
}
