//! The server's end of a connection: frames in, answers out, and what faults make of them.

use std::{sync::Arc, time::Duration};

use bytes::{Buf as _, BytesMut};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{Bank, Fault, push_exception};
use crate::{adapter::modbus::mbap, shutdown::Stop};

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

/// Answers on one connection until it ends.
pub async fn serve_connection<S>(mut stream: S, bank: &Bank) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut received = BytesMut::with_capacity(4096);
    let mut line = Line::default();
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        while let Some((frame, used)) = mbap::decode(&received).map_err(io::Error::other)? {
            let next = line.answer(bank, frame);
            received.advance(used);
            match next {
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

/// What a connection does after an answer was made.
enum Next {
    GoOn,
    Delay(Duration),
    ByteByByte,
    Close,
}

/// A connection's answers on their way out.
#[derive(Debug, Default)]
struct Line {
    /// To be sent with the next flush.
    out: Vec<u8>,
    /// Held back by [`Fault::Delay`] or [`Fault::Late`].
    held: Vec<u8>,
    /// The PDU being made; kept for its allocation.
    pdu: Vec<u8>,
}

impl Line {
    /// Makes the answer to one request, or what the unit's fault turns it into.
    fn answer(&mut self, bank: &Bank, frame: mbap::Frame<'_>) -> Next {
        let fault = bank.next_fault(frame.unit);
        let (mut transaction, mut unit) = (frame.transaction, frame.unit);
        let mut pdu = std::mem::take(&mut self.pdu);
        pdu.clear();
        match fault {
            Fault::Silent | Fault::Close | Fault::Garbage => {}
            Fault::Exception(code) => push_exception(&mut pdu, frame.pdu, code),
            _ => bank.answer(frame.unit, frame.pdu, &mut pdu),
        }
        match fault {
            Fault::WrongUnit => unit = unit.wrapping_add(1),
            Fault::WrongTransaction => transaction = transaction.wrapping_add(0x4000),
            Fault::WrongFunction => pdu[0] ^= 0x07,
            Fault::WrongByteCount => shrink(&mut pdu),
            _ => {}
        }
        let next = self.place(fault, |out| mbap::encode(out, transaction, unit, |out| out.extend_from_slice(&pdu)));
        self.pdu = pdu;
        next
    }

    /// Puts a frame where its fault wants it.
    fn place(&mut self, fault: Fault, frame: impl FnOnce(&mut Vec<u8>)) -> Next {
        match fault {
            Fault::Silent => return Next::GoOn,
            Fault::Close => return Next::Close,
            Fault::Garbage => self.out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Fault::Delay(delay) => {
                frame(&mut self.held);
                return Next::Delay(delay);
            }
            Fault::Late => {
                self.release();
                frame(&mut self.held);
            }
            Fault::Short => {
                frame(&mut self.out);
                self.out.truncate(self.out.len() - 2);
                return Next::Close;
            }
            Fault::ByteByByte => {
                frame(&mut self.out);
                return Next::ByteByByte;
            }
            Fault::None
            | Fault::Deaf
            | Fault::Exception(_)
            | Fault::WrongUnit
            | Fault::WrongFunction
            | Fault::WrongTransaction
            | Fault::WrongByteCount => frame(&mut self.out),
        }
        Next::GoOn
    }

    /// Lets go what was held back.
    fn release(&mut self) {
        self.out.append(&mut self.held);
    }

    /// Sends everything in one write.
    async fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        stream.write_all(&self.out).await?;
        self.out.clear();
        stream.flush().await
    }

    /// Sends everything byte by byte.
    async fn trickle<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        for byte in std::mem::take(&mut self.out) {
            stream.write_all(&[byte]).await?;
            stream.flush().await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Takes the last register or byte of a read away and corrects the byte count; other answers lose a byte.
fn shrink(pdu: &mut Vec<u8>) {
    let (lost, has_count) = match pdu[0] {
        1 | 2 => (1u8, true),
        3 | 4 => (2, true),
        _ => (1, false),
    };
    pdu.truncate(pdu.len() - usize::from(lost));
    if has_count {
        pdu[1] -= lost;
    }
}
