//! The server's end of a connection: requests in, answers out.

use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::TcpListener,
};

use super::{
    Bank,
    line::{Line, Next},
};
use crate::{
    adapter::modbus::frame::{Framing, Step, mbap},
    shutdown::Stop,
};

/// Answers on every connection until stopping is asked for. The caller starts it.
pub async fn serve(listener: TcpListener, bank: Arc<Bank>, mut stop: Stop) {
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return,
            Ok((stream, _)) = listener.accept() => {
                // Without it answers wait for the client's next packet; with an error they are only slower.
                let _ = stream.set_nodelay(true);
                connections.push(serve_connection(stream, &bank));
            }
            // A client that went away is no concern of the others.
            Some(_) = connections.next() => {}
        }
    }
}

/// Answers in Modbus/TCP on one connection until it ends.
pub async fn serve_connection<S>(stream: S, bank: &Bank) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    serve_framed(stream, bank, Framing::Mbap).await
}

/// Answers in any framing on one connection until it ends. On a serial line an id without a unit is silent.
pub async fn serve_framed<S>(mut stream: S, bank: &Bank, framing: Framing) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut received = BytesMut::with_capacity(4096);
    let (mut line, mut asked) = (Line::new(framing), Asked::default());
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        while asked.take(framing, &mut received)? {
            match line.answer(bank, &asked) {
                Next::GoOn => {}
                Next::Delay(delay) => {
                    line.flush(&mut stream).await?;
                    tokio::time::sleep(delay).await;
                    line.release();
                }
                Next::ByteByByte => line.trickle(&mut stream).await?,
                Next::Close => return line.flush(&mut stream).await,
            }
        }
        line.flush(&mut stream).await?;
    }
}

/// A request as it came.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The transaction id, zero on a serial line.
    pub(super) transaction: u16,
    /// Unit and PDU.
    content: Vec<u8>,
}

impl Asked {
    /// The unit.
    pub(super) fn unit(&self) -> u8 {
        self.content[0]
    }

    /// Function code and data.
    pub(super) fn pdu(&self) -> &[u8] {
        &self.content[1..]
    }

    /// Takes the next request out of what was received, if there is a whole one.
    fn take(&mut self, framing: Framing, received: &mut BytesMut) -> io::Result<bool> {
        let Framing::Line(mode) = framing else { return self.take_mbap(received) };
        loop {
            match mode.find_request(received, &mut self.content) {
                Step::More => return Ok(false),
                Step::Skip(dropped, _) => received.advance(dropped),
                Step::Frame(used) => {
                    received.advance(used);
                    return Ok(true);
                }
            }
        }
    }

    /// The same on Modbus/TCP.
    fn take_mbap(&mut self, received: &mut BytesMut) -> io::Result<bool> {
        let Some((frame, used)) = mbap::decode(received).map_err(io::Error::other)? else { return Ok(false) };
        self.transaction = frame.transaction;
        self.content.clear();
        self.content.push(frame.unit);
        self.content.extend_from_slice(frame.pdu);
        received.advance(used);
        Ok(true)
    }
}
