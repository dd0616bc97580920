//! Between gateway and broker: passes every byte on and writes down what was sent, how often, and whether the broker
//! took it. So a test knows what the gateway still owed when the broker died, and sees repeats the broker swallows.

use std::{
    collections::HashMap,
    io::{self, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::{
    listener::Message,
    mqtt::{PUBACK, PUBLISH, Packet},
    watched::Watched,
};

/// `CONNECT` (MQTT 5.0, 2.1.2).
const CONNECT: u8 = 1;

/// A message the gateway has sent.
#[derive(Clone)]
pub(crate) struct Sent {
    /// As it went out.
    pub(crate) message: Message,
    /// Whether the broker has acknowledged it.
    pub(crate) is_acked: bool,
}

/// A relay on a port of its own.
pub(crate) struct Tap {
    /// Where the gateway connects.
    port: u16,
    /// Everything sent, repeats included.
    sent: Watched<Vec<Sent>>,
}

/// One connection's share of the log.
#[derive(Default)]
struct Session {
    /// MQTT 3.1.1 has no properties.
    is_v5: bool,
    /// Places in the log of what is not acknowledged, by packet identifier.
    open: HashMap<u16, usize>,
}

impl Tap {
    /// A relay to the broker on `broker_port`.
    pub(crate) fn start(broker_port: u16) -> Self {
        Self::start_on(0, broker_port)
    }

    /// The same on a port that somebody else had before.
    pub(crate) fn start_on(port: u16, broker_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let tap = Self { port: listener.local_addr().unwrap().port(), sent: Watched::new(Vec::new()) };
        let sent = tap.sent.clone();
        thread::spawn(move || {
            for gateway in listener.incoming().map_while(Result::ok) {
                // Without a broker behind it, a connection ends as it began.
                let _ = relay(&gateway, broker_port, &sent);
            }
        });
        tap
    }

    /// Where the gateway connects.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Everything sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.read(<[Sent]>::to_vec)
    }

    /// Looks at everything sent so far, which is cheaper than to have it all.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&[Sent]) -> R) -> R {
        self.sent.read(|sent| look(sent))
    }

    /// Waits until the log holds what is looked for.
    pub(crate) fn wait_for<R>(&self, what: &str, look: impl Fn(&[Sent]) -> Option<R>) -> R {
        self.sent.wait(super::LIMIT, |sent| look(sent)).unwrap_or_else(|| panic!("the tap never saw {what}"))
    }
}

/// Starts both directions of a connection.
fn relay(gateway: &TcpStream, broker_port: u16, sent: &Watched<Vec<Sent>>) -> io::Result<()> {
    let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker_port))?;
    let session = Arc::new(Mutex::new(Session::default()));
    let (up_session, up_sent) = (Arc::clone(&session), sent.clone());
    pump(gateway.try_clone()?, broker.try_clone()?, move |packet| note_up(packet, &up_session, &up_sent));
    let sent = sent.clone();
    pump(broker, gateway.try_clone()?, move |packet| note_down(packet, &session, &sent));
    Ok(())
}

/// Passes packets on until one side ends, then ends the other. A packet is noted before it is passed on, so that the
/// log never lags behind what a side knows.
fn pump(mut from: TcpStream, mut to: TcpStream, note: impl Fn(&Packet) + Send + 'static) {
    thread::spawn(move || {
        while let Ok(packet) = Packet::read(&mut from) {
            note(&packet);
            if to.write_all(&packet.bytes()).is_err() {
                break;
            }
        }
        // Either may be closed already.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

/// Notes what the gateway says.
fn note_up(packet: &Packet, session: &Mutex<Session>, sent: &Watched<Vec<Sent>>) {
    let mut session = session.lock().unwrap();
    match packet.kind() {
        // The protocol level follows the six bytes of the name (MQTT 5.0, 3.1.2.2).
        CONNECT => session.is_v5 = packet.body.get(6) == Some(&5),
        PUBLISH => {
            let message = packet.to_publish(session.is_v5);
            let packet_id = message.packet_id;
            let place = sent.update(|sent| {
                sent.push(Sent { message, is_acked: false });
                sent.len() - 1
            });
            session.open.insert(packet_id, place);
        }
        _ => {}
    }
}

/// Notes what the broker acknowledges.
fn note_down(packet: &Packet, session: &Mutex<Session>, sent: &Watched<Vec<Sent>>) {
    if packet.kind() != PUBACK || !packet.is_success() {
        return;
    }
    if let Some(place) = session.lock().unwrap().open.remove(&packet.acked_id()) {
        sent.update(|sent| sent[place].is_acked = true);
    }
}
