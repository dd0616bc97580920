//! A broker that takes connections and never makes a session of one.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::{LIMIT, free_port, watched::Watched};

/// Longest `CONNECT` it reads.
const MAX_CONNECT: usize = 4096;

/// Misbehaves in turn, one connection after the other.
pub(crate) struct BadBroker {
    /// Where it listens.
    port: u16,
    /// Connections so far; those that are never answered are kept open here.
    connections: Watched<(usize, Vec<TcpStream>)>,
    /// Ends the thread.
    is_over: Arc<AtomicBool>,
    /// Gives the port back when it has ended.
    thread: Option<JoinHandle<()>>,
}

impl BadBroker {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, is_over) = (Watched::new((0, Vec::new())), Arc::new(AtomicBool::new(false)));
        let (seen, ends) = (connections.clone(), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let turn = seen.read(|(count, _)| *count);
                // A gateway that hangs up first has seen enough.
                let held = misbehave(stream, turn).ok().flatten();
                seen.update(|(count, open)| {
                    *count += 1;
                    open.extend(held);
                });
            }
        });
        Self { port, connections, is_over, thread: Some(thread) }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it has misbehaved in every way.
    pub(crate) fn wait_for_all(&self) {
        let seen = self.connections.wait(LIMIT, |(count, _)| (*count >= 4).then_some(()));
        assert!(
            seen.is_some(),
            "the gateway gave up after {} connections",
            self.connections.read(|(count, _)| *count)
        );
    }
}

impl Drop for BadBroker {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // One more connection, so that the thread looks at the flag.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.connections.update(|(_, open)| open.clear());
    }
}

/// Closes, talks nonsense, stops in the middle of a packet, and then never answers. Gives the connection back where it
/// shall stay open.
fn misbehave(mut stream: TcpStream, turn: usize) -> io::Result<Option<TcpStream>> {
    let mut connect = [0; MAX_CONNECT];
    let _ = stream.read(&mut connect)?;
    match turn {
        0 => Ok(None),
        1 => stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").map(|()| None),
        // `CONNACK` with three bytes to come, of which one does.
        2 => stream.write_all(&[0x20, 3, 0]).map(|()| None),
        _ => Ok(Some(stream)),
    }
}
