//! One request and its answer: reads from the live view, writes through the inbox.

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use super::{Metrics, identity, source};
use crate::{
    adapter::modbus::{
        config::Table,
        exception::Exception,
        frame::mbap::{self, Frame},
        image::{Content, Image, Wish},
        pdu::{Request, push_bits},
        response::{EXCEPTION_FLAG, echo_bytes},
    },
    config::Republish,
    live::Live,
    model::{CommandId, Envelope, OutcomeStatus, Payload, SharedClock},
};

/// What answers are made of.
pub(super) struct Answers<'a> {
    /// The server's settings.
    pub(super) config: &'a Republish,
    /// What is shown where.
    pub(super) image: &'a Image,
    /// The last readings.
    pub(super) live: &'a Live,
    /// For writes.
    pub(super) inbox: &'a mpsc::Sender<Envelope>,
    /// Time.
    pub(super) clock: &'a SharedClock,
    /// What is counted.
    pub(super) metrics: &'a Metrics,
}

impl Answers<'_> {
    /// Appends the frame that answers a request.
    pub(super) async fn answer(&self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.metrics.requests.inc();
        let mut pdu = Vec::new();
        if let Err(exception) = self.carry_out(frame, &mut pdu).await {
            self.metrics.exceptions.inc();
            pdu.clear();
            pdu.extend([frame.pdu.first().copied().unwrap_or_default() | EXCEPTION_FLAG, exception.0]);
        }
        mbap::encode(out, frame.transaction, frame.unit, |out| out.extend_from_slice(&pdu));
    }

    /// Appends the answer's PDU.
    async fn carry_out(&self, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<(), Exception> {
        self.check_unit(frame.unit)?;
        let request = Request::decode(frame.pdu)?;
        match request {
            Request::Read { table, start, count } => {
                out.push(request.function());
                return self.read((table, start, count), out);
            }
            Request::Identify(what) => {
                out.push(request.function());
                return identity::describe(what, self.config.unit, out);
            }
            Request::WriteCoil { .. }
            | Request::WriteRegister { .. }
            | Request::WriteCoils { .. }
            | Request::WriteRegisters { .. }
            | Request::MaskWrite { .. } => {}
        }
        self.write(self.image.write(&request)?).await?;
        request.encode(out);
        out.truncate(1 + echo_bytes(&request));
        Ok(())
    }

    /// A server without units behind it is asked with 0 or 255 too (MODBUS Messaging on TCP/IP 1.0b, 4.4.1.1).
    fn check_unit(&self, unit: u8) -> Result<(), Exception> {
        if [self.config.unit, 0, 255].contains(&unit) { Ok(()) } else { Err(Exception::TARGET_SILENT) }
    }

    /// Appends byte count and data.
    fn read(&self, at: (Table, u16, u16), out: &mut Vec<u8>) -> Result<(), Exception> {
        let read = self.image.read(at, self.clock.now(), |point| self.live.get(point))?;
        self.metrics.misfits.inc_by(read.misfits);
        let count_at = out.len();
        out.push(0);
        match read.content {
            Content::Bits(bits) => push_bits(out, &bits),
            Content::Words(words) => out.extend(words.iter().flat_map(|word| word.to_be_bytes())),
        }
        out[count_at] = u8::try_from(out.len() - count_at - 1).expect("a read has at most 250 bytes");
        Ok(())
    }

    /// Sends one command after the other, each when the one before is done. The first that is not ends it; what was
    /// done before stays done.
    async fn write(&self, wishes: Vec<Wish>) -> Result<(), Exception> {
        let end = Instant::now() + self.config.write_timeout;
        for wish in wishes {
            // The command is in good hands and goes on; only its outcome comes too late for the client.
            timeout_at(end, self.command(wish)).await.unwrap_or(Err(Exception::ACKNOWLEDGE))?;
        }
        Ok(())
    }

    /// Sends one command and waits for what becomes of it.
    async fn command(&self, wish: Wish) -> Result<(), Exception> {
        let (reply, answer) = oneshot::channel();
        let received = self.clock.now();
        let payload = Payload::Fields {
            id: CommandId::random(),
            target: wish.target.to_string(),
            value: wish.value,
            // No device is asked after the client was told that the write takes longer: it may ask again by then.
            expires: Some(received.plus(self.config.write_timeout)),
        };
        let source = source(&self.config.name);
        let envelope =
            Envelope { source, received, retained: false, payload, response: None, reply: Some(reply), taken: None };
        // Both fail only while the gateway stops.
        self.inbox.send(envelope).await.map_err(|_| Exception::DEVICE_FAILURE)?;
        answer.await.map_or(Err(Exception::DEVICE_FAILURE), |outcome| told(outcome.status))
    }
}

/// What a client is told of an outcome.
fn told(status: OutcomeStatus) -> Result<(), Exception> {
    match status {
        OutcomeStatus::Done => Ok(()),
        // "Not an allowable action for the server" (MODBUS Application Protocol 1.1b3, 7).
        OutcomeStatus::Denied => Err(Exception::ILLEGAL_FUNCTION),
        OutcomeStatus::Queued => Err(Exception::ACKNOWLEDGE),
        OutcomeStatus::Timeout => Err(Exception::TARGET_SILENT),
        OutcomeStatus::Failed | OutcomeStatus::Expired | OutcomeStatus::Duplicate => Err(Exception::DEVICE_FAILURE),
    }
}
