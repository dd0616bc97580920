//! A way to a broker that goes wrong: it swallows everything without closing, crawls, or loses acknowledgements.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    harness::mqtt::{PUBACK, Packet},
    pass,
};

/// Bytes in a second of a slow link: about half of what the readings need.
const SLOW: u32 = 8 << 10;

/// How the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Everything passes.
    Fair,
    /// Nothing passes, and nobody is told. A connection that has lost a packet never passes another one.
    Silent,
    /// Everything passes slowly on the way up.
    Slow,
    /// Everything passes but `PUBACK`: a broker that takes messages and never says so.
    Deaf,
}

/// A relay on a port of its own.
pub(crate) struct Link {
    /// Where the gateway connects.
    port: u16,
    /// how it is.
    weather: Arc<Mutex<Weather>>,
}

impl Link {
    /// A fair link to whoever listens on `target`.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let weather = Arc::new(Mutex::new(Weather::Fair));
        let shared = Arc::clone(&weather);
        thread::spawn(move || {
            for gateway in listener.incoming().map_while(Result::ok) {
                // Without anybody behind it, a connection ends as it began.
                let _ = relay(&gateway, target, &shared);
            }
        });
        Self { port, weather }
    }

    /// Where the gateway connects.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Changes the weather, for open connections too.
    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }
}

/// Starts both directions of a connection.
fn relay(gateway: &TcpStream, target: u16, weather: &Arc<Mutex<Weather>>) -> io::Result<()> {
    let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, target))?;
    let is_lost = Arc::new(AtomicBool::new(false));
    let way = |is_up| Way { is_up, weather: Arc::clone(weather), is_lost: Arc::clone(&is_lost) };
    way(true).pump(gateway.try_clone()?, broker.try_clone()?);
    way(false).pump(broker, gateway.try_clone()?);
    Ok(())
}

/// One direction of a connection.
struct Way {
    /// From the gateway to the broker.
    is_up: bool,
    /// How the link is.
    weather: Arc<Mutex<Weather>>,
    /// A packet was swallowed: what follows would make no sense to the other side.
    is_lost: Arc<AtomicBool>,
}

impl Way {
    /// Passes packets on until one side ends, then ends the other, unless nobody is to be told.
    fn pump(self, mut from: TcpStream, mut to: TcpStream) {
        thread::spawn(move || {
            while let Ok(packet) = Packet::read(&mut from) {
                if self.passes(&packet) && to.write_all(&packet.bytes()).is_err() {
                    break;
                }
            }
            if self.is_up || !self.is_lost.load(Ordering::Relaxed) {
                // Either may be closed already.
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            }
        });
    }

    /// Whether a packet gets through; on a slow link it takes its time.
    fn passes(&self, packet: &Packet) -> bool {
        let weather = *self.weather.lock().unwrap();
        match weather {
            Weather::Silent => self.is_lost.store(true, Ordering::Relaxed),
            Weather::Slow if self.is_up => pass(Duration::from_secs(1) * bytes(packet) / SLOW),
            Weather::Deaf if !self.is_up && packet.kind() == PUBACK => return false,
            Weather::Slow | Weather::Deaf | Weather::Fair => {}
        }
        !self.is_lost.load(Ordering::Relaxed)
    }
}

/// The size of a packet's body.
fn bytes(packet: &Packet) -> u32 {
    u32::try_from(packet.bytes().len()).expect("a packet has less than 256 MiB")
}

/// The link on a connection of our own.
mod tests {
    use std::io::{ErrorKind, Read};

    use super::*;
    use crate::harness::Broker;

    #[test]
    fn a_link_that_swallows_keeps_the_connection_open_and_dead() {
        let broker = Broker::start();
        let link = Link::start(broker.port());
        link.set(Weather::Silent);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let connect = Packet::connect("judge", true).bytes();

        stream.write_all(&connect).unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        link.set(Weather::Fair);
        stream.write_all(&connect).unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);

        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        stream.write_all(&connect).unwrap();
        assert!(stream.read(&mut [0; 8]).unwrap() > 0);
    }
}
