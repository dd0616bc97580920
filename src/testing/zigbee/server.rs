//! The coordinator on a TCP port, one host at a time, as network sticks have it.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::Sim;
use crate::{adapter::zigbee::znp::unpi::Decoder, shutdown::Stop};

/// Bytes before each frame while there is garbage on the line; the start byte in it announces more than comes.
const GARBAGE: [u8; 5] = [0x00, 0xfe, 0x10, 0x45, 0x99];

/// Serves hosts until stopping is asked for.
pub async fn serve(listener: TcpListener, sim: Sim, mut stop: Stop) {
    loop {
        let accepted = tokio::select! {
            () = stop.requested() => return,
            accepted = listener.accept() => accepted,
        };
        // A host that is gone already, or that goes, is not the end of the stick.
        if let Ok((stream, _)) = accepted
            && !sim.lock().is_gone
        {
            let _ = tokio::select! {
                () = stop.requested() => return,
                ended = host(stream, &sim) => ended,
            };
        }
    }
}

/// Serves a host until it, or the stick, hangs up.
async fn host(mut stream: TcpStream, sim: &Sim) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sim.lock().is_hanging_up = false;
    let mut decoder = Decoder::default();
    let mut chunk = [0; 512];
    loop {
        let bytes = outgoing(sim);
        for part in bytes.chunks(if sim.lock().is_chunked { 1 } else { bytes.len().max(1) }) {
            stream.write_all(part).await?;
        }
        if sim.lock().is_hanging_up {
            return Ok(());
        }
        tokio::select! {
            read = stream.read(&mut chunk) => match read? {
                0 => return Ok(()),
                got => decoder.push(&chunk[..got]),
            },
            () = sim.0.changed.notified() => {}
        }
        while let Some(frame) = decoder.next_frame() {
            sim.lock().take(&frame);
        }
    }
}

/// What the stick has to say, as bytes.
fn outgoing(sim: &Sim) -> Vec<u8> {
    let mut stick = sim.lock();
    let frames = std::mem::take(&mut stick.out);
    let mut bytes = Vec::new();
    for frame in frames.iter().filter(|_| !stick.is_mute) {
        if stick.has_garbage {
            bytes.extend_from_slice(&GARBAGE);
        }
        frame.encode(&mut bytes).expect("frames of the stick are short");
    }
    bytes
}
