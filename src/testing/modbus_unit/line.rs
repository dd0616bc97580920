//! Answers on their way out, and what faults make of them.

use std::time::Duration;

use tokio::io::{self, AsyncWrite, AsyncWriteExt as _};

use super::{Bank, Fault, push_exception, server::Asked};
use crate::adapter::modbus::frame::Framing;

/// What a connection does after an answer was made.
pub(super) enum Next {
    /// The next request.
    GoOn,
    /// Nothing for so long; then what is held back is released.
    Delay(Duration),
    /// The answer goes out in single bytes.
    ByteByByte,
    /// The connection ends.
    Close,
}

/// A connection's answers on their way out.
#[derive(Debug)]
pub(super) struct Line {
    framing: Framing,
    /// To be sent with the next flush.
    out: Vec<u8>,
    /// Held back by [`Fault::Delay`] or [`Fault::Late`].
    held: Vec<u8>,
    /// The PDU being made; kept for its allocation.
    pdu: Vec<u8>,
}

impl Line {
    /// Nothing is on its way.
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, out: Vec::new(), held: Vec::new(), pdu: Vec::new() }
    }

    /// Makes the answer to one request, or what the unit's fault turns it into.
    pub(super) fn answer(&mut self, bank: &Bank, asked: &Asked) -> Next {
        if asked.unit() == 0 && !self.framing.has_transactions() {
            bank.hear(asked.pdu());
            return Next::GoOn;
        }
        if bank.with(asked.unit(), |_| ()).is_none() && !self.framing.has_transactions() {
            return Next::GoOn;
        }
        let fault = bank.next_fault(asked.unit());
        let (mut transaction, mut unit) = (asked.transaction, asked.unit());
        let mut pdu = std::mem::take(&mut self.pdu);
        pdu.clear();
        match fault {
            Fault::Silent | Fault::Close | Fault::Garbage => {}
            Fault::Exception(code) => push_exception(&mut pdu, asked.pdu(), code),
            _ => bank.answer(asked.unit(), asked.pdu(), &mut pdu),
        }
        match fault {
            Fault::WrongUnit => unit = unit.wrapping_add(1),
            Fault::WrongTransaction => transaction = transaction.wrapping_add(0x4000),
            Fault::WrongFunction => pdu[0] ^= 0x07,
            Fault::WrongByteCount => shrink(&mut pdu),
            _ => {}
        }
        let mut frame = Vec::with_capacity(pdu.len() + 16);
        self.framing.encode(&mut frame, transaction, unit, |out| out.extend_from_slice(&pdu));
        self.pdu = pdu;
        self.place(fault, frame, asked)
    }

    /// Puts a frame where its fault wants it.
    fn place(&mut self, fault: Fault, mut frame: Vec<u8>, asked: &Asked) -> Next {
        if fault == Fault::Silent {
            return Next::GoOn;
        }
        // However late a unit is, it answers in order.
        self.release();
        match fault {
            Fault::Silent => {}
            Fault::Close => return Next::Close,
            Fault::Garbage => self.out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Fault::Delay(delay) => {
                self.held.append(&mut frame);
                return Next::Delay(delay);
            }
            Fault::Late => self.held.append(&mut frame),
            Fault::Short | Fault::Cut => {
                self.out.extend_from_slice(&frame[..frame.len() - 2]);
                return if fault == Fault::Short { Next::Close } else { Next::GoOn };
            }
            Fault::WrongChecksum => self.damage(frame),
            Fault::Twice => {
                self.out.extend_from_slice(&frame);
                self.out.append(&mut frame);
            }
            Fault::Noise => self.after_noise(frame),
            Fault::Foreign => {
                self.push_foreign(asked);
                self.out.append(&mut frame);
            }
            Fault::Merged => {
                self.out.append(&mut frame);
                self.push_foreign(asked);
            }
            Fault::ByteByByte => {
                self.out.append(&mut frame);
                return Next::ByteByByte;
            }
            Fault::None
            | Fault::Deaf
            | Fault::Slow
            | Fault::Exception(_)
            | Fault::WrongUnit
            | Fault::WrongFunction
            | Fault::WrongTransaction
            | Fault::WrongByteCount => self.out.append(&mut frame),
        }
        Next::GoOn
    }

    /// Sends a frame whose checksum is wrong, where there is one. The last digit of an ASCII checksum is before its end.
    fn damage(&mut self, mut frame: Vec<u8>) {
        let at = match frame[..] {
            [b':', .., b'\r', b'\n'] => frame.len() - 3,
            _ => frame.len() - 1,
        };
        if !self.framing.has_transactions() {
            frame[at] = if frame[at] == b'0' { b'1' } else { b'0' };
        }
        self.out.append(&mut frame);
    }

    /// Sends a frame behind its own beginning, which a resynchronising reader must not take for it.
    fn after_noise(&mut self, mut frame: Vec<u8>) {
        if self.framing.has_transactions() {
            self.out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            return;
        }
        self.out.push(0xFF);
        self.out.extend_from_slice(&frame[..4]);
        self.out.append(&mut frame);
    }

    /// Sends a whole frame that nobody here asked for: another unit's word on a serial line, another transaction's on
    /// Modbus/TCP.
    fn push_foreign(&mut self, asked: &Asked) {
        let (transaction, unit) = match self.framing {
            Framing::Mbap => (asked.transaction.wrapping_add(0x4000), asked.unit()),
            Framing::Line(_) => (0, asked.unit().wrapping_add(1)),
        };
        self.framing.encode(&mut self.out, transaction, unit, |out| {
            out.extend_from_slice(&[asked.pdu()[0], 2, 0xBA, 0xD0]);
        });
    }

    /// Lets go what was held back.
    pub(super) fn release(&mut self) {
        self.out.append(&mut self.held);
    }

    /// Sends everything in one write.
    pub(super) async fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        stream.write_all(&self.out).await?;
        self.out.clear();
        stream.flush().await
    }

    /// Sends everything byte by byte.
    pub(super) async fn trickle<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
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
