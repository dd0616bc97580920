//! One request, one answer, over any byte stream and in any framing.
//!
//! The one thing this must never do is take the answer to an earlier request for the answer to this one. On Modbus/TCP
//! each request has a transaction id that is not used again for 65 535 requests, whatever the connection. Frames with any
//! other id are dropped and counted while we wait, and an answer with our id counts only if unit, function and length are
//! those we asked for.
//!
//! A serial line has no ids. There
//!
//! ```text
//! settle:   the line is silent for 3.5 characters; after a timeout, a broken frame or a fresh start for a quarter
//!           of the unit's time, and what comes meanwhile is dropped
//! sound:    if an unanswered request could still be answered so that it looks like ours, the unit is asked something
//!           that looks different (`bus`); its answer proves that the line is ours again
//! exchange: the first frame that is ours counts; what comes before and behind it is dropped
//! ```
//!
//! One transaction is under way at a time, except where `many` asks several things at once.

mod broadcast;
mod bus;
mod many;

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::{Instant, sleep, sleep_until, timeout},
};

pub(super) use self::{
    broadcast::EVERYONE,
    bus::Bus,
    many::{Answers, Ask},
};
use super::{
    exception::Exception,
    frame::{Expected, Framing, LONGEST, Mode, Step, mbap},
    link::LinkError,
    pdu::Request,
    response::{self, Mismatch, ReplyError},
};
use crate::adapter::Metrics;

/// Longest frames that there is room for: an answer, and a late one before it. What is more stays with the host until
/// that was looked at.
const FRAMES: usize = 2;

/// How often a unit that says it is busy is asked again within one call. Others on the line wait meanwhile.
const BUSY_TRIES: u32 = 2;

/// Why a request has no data to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// Something came in time from the unit, but no answer that can be used. The unit may be there or not.
    #[error("no good answer within {0:?}: {1}")]
    Garbled(Duration, Mismatch),
    /// The device refused.
    #[error("{0}")]
    Exception(Exception),
    /// An answer came that does not belong to the question.
    #[error("{0}")]
    Rejected(#[from] Mismatch),
    /// The device does not have what its points belong to; it was not asked for them.
    #[error("device has none of its SunSpec models")]
    NoModel,
    /// The connection is of no use any more.
    #[error("{0}")]
    Link(#[from] LinkError),
}

/// How long a unit is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Longest wait for one answer.
    pub(super) limit: Duration,
    /// Further tries after a timeout.
    pub(super) retries: u32,
}

/// The client's end of a connection.
#[derive(Debug)]
pub(super) struct Client<S> {
    stream: S,
    bus: Bus,
    /// The last transaction id used.
    transaction: u16,
    /// The request being sent; kept for its allocation.
    request: Vec<u8>,
    /// Whether a part of a request may have been sent without the rest.
    is_sending: bool,
    received: BytesMut,
    /// Unit and PDU of the last answer.
    answer: Vec<u8>,
    /// When something last came or went.
    heard: Instant,
    /// Whether more than the usual silence is needed before the next request.
    is_unsettled: bool,
    /// What was wrong with a frame of the unit that was dropped during this exchange.
    fault: Option<Mismatch>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Takes over a fresh connection.
    pub(super) fn new(stream: S, bus: Bus) -> Self {
        Self {
            stream,
            transaction: bus.transaction,
            request: Vec::new(),
            is_sending: false,
            received: BytesMut::new(),
            answer: Vec::new(),
            heard: Instant::now(),
            is_unsettled: !bus.framing().has_transactions(),
            fault: None,
            bus,
        }
    }

    /// Until when a unit rests after its last exchange.
    pub(super) fn rests_until(&self, unit: u8) -> Option<Instant> {
        self.bus.ready(unit)
    }

    /// What is to be known on the next connection.
    pub(super) fn into_bus(mut self) -> Bus {
        self.bus.transaction = self.transaction;
        self.bus
    }

    /// Asks a unit and gives the data of its answer. After [`CallError::Link`] the client must be dropped.
    pub(super) async fn call(
        &mut self,
        unit: u8,
        request: &Request,
        patience: Patience,
        metrics: &Metrics,
    ) -> Result<&[u8], CallError> {
        let mut left = patience.retries;
        let mut busy = if request.only_reads() { BUSY_TRIES } else { 0 };
        loop {
            match self.attempt(unit, request, patience.limit, metrics).await {
                Err(CallError::Timeout(_) | CallError::Garbled(..)) if left > 0 => left -= 1,
                Err(CallError::Exception(Exception::BUSY | Exception::ACKNOWLEDGE)) if busy > 0 => {
                    busy -= 1;
                    sleep(patience.limit / 8).await;
                }
                attempted => {
                    attempted?;
                    return Ok(response::parse(request, &self.answer[1..])?);
                }
            }
        }
    }

    /// Listens while nothing is asked, drops what comes, and ends when the connection does. Safe to cancel.
    pub(super) async fn closed(&mut self, metrics: &Metrics) -> LinkError {
        loop {
            let heard = match self.receive().await {
                Ok(()) => self.drop_received(metrics),
                Err(error) => Err(error),
            };
            if let Err(error) = heard {
                return error;
            }
        }
    }

    /// One try: quiet, a sounding if there is doubt, and the exchange.
    async fn attempt(
        &mut self,
        unit: u8,
        request: &Request,
        limit: Duration,
        metrics: &Metrics,
    ) -> Result<(), CallError> {
        let expected = Expected::of(unit, request);
        if let Some(sounding) = self.bus.sounding(expected, request) {
            match self.exchange(Expected::of(unit, &sounding), &sounding, limit, metrics).await {
                // Any answer is one: what is older can no longer come.
                Ok(()) | Err(CallError::Exception(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.exchange(expected, request, limit, metrics).await
    }

    /// One exchange within its limit, once the line is ours.
    async fn exchange(
        &mut self,
        expected: Expected,
        request: &Request,
        limit: Duration,
        metrics: &Metrics,
    ) -> Result<(), CallError> {
        self.settle(expected.unit, limit, metrics).await?;
        metrics.requests.inc();
        self.write_down(expected.unit, request);
        let within = limit + self.bus.travel(self.request.len(), expected);
        let exchanged = match timeout(within, self.send_and_wait(expected, metrics)).await {
            Ok(exchanged) => exchanged.and_then(|()| Ok(response::parse(request, &self.answer[1..]).map(drop)?)),
            Err(_) => Err(self.silence(limit)),
        };
        self.conclude(expected, exchanged.as_ref().err());
        count(exchanged.as_ref().err(), metrics);
        exchanged
    }

    /// Waits until the unit has had its rest and the line has been quiet for long enough, and drops what comes.
    async fn settle(&mut self, unit: u8, limit: Duration, metrics: &Metrics) -> Result<(), LinkError> {
        let rested = self.bus.ready(unit);
        self.drop_received(metrics)?;
        if rested.is_none() && self.bus.framing().has_transactions() {
            return Ok(());
        }
        let quiet = if self.is_unsettled { self.bus.quiet(limit) } else { self.bus.gap() };
        let quiet = if self.bus.framing().has_transactions() { Duration::ZERO } else { quiet };
        // A line that never falls silent gets a new start instead of an endless wait.
        let last = Instant::now().max(rested.unwrap_or(self.heard)) + quiet + limit;
        loop {
            let ready = rested.map_or(self.heard + quiet, |rested| rested.max(self.heard + quiet));
            if ready > last {
                return Err(LinkError::Restless(limit));
            }
            tokio::select! {
                biased;
                received = self.receive() => {
                    received?;
                    self.drop_received(metrics)?;
                }
                () = sleep_until(ready) => break,
            }
        }
        self.is_unsettled = false;
        Ok(())
    }

    /// Makes the frame of a request.
    fn write_down(&mut self, unit: u8, request: &Request) {
        self.transaction = self.transaction.wrapping_add(1);
        self.request.clear();
        self.bus.framing().encode(&mut self.request, self.transaction, unit, |out| request.encode(out));
    }

    /// Sends the request and waits until `answer` holds what answers it.
    async fn send_and_wait(&mut self, expected: Expected, metrics: &Metrics) -> Result<(), CallError> {
        self.fault = None;
        self.bus.sent(expected);
        self.send().await?;
        while !self.take_answer(expected, metrics)? {
            self.receive().await?;
        }
        Ok(())
    }

    /// Sends one frame in one write.
    async fn send(&mut self) -> Result<(), LinkError> {
        self.is_sending = true;
        self.stream.write_all(&self.request).await?;
        self.stream.flush().await?;
        self.is_sending = false;
        self.heard = Instant::now();
        Ok(())
    }

    /// Looks through what has arrived for the answer, and drops what is before it.
    fn take_answer(&mut self, expected: Expected, metrics: &Metrics) -> Result<bool, CallError> {
        match self.bus.framing() {
            Framing::Mbap => self.take_by_transaction(expected.unit, metrics),
            Framing::Line(mode) => Ok(self.take_by_content(mode, expected, metrics)),
        }
    }

    /// The frame with our transaction id.
    fn take_by_transaction(&mut self, unit: u8, metrics: &Metrics) -> Result<bool, CallError> {
        while let Some((frame, used)) = mbap::decode(&self.received).map_err(LinkError::from)? {
            let (transaction, found) = (frame.transaction, frame.unit);
            self.answer.clear();
            self.answer.push(found);
            self.answer.extend_from_slice(frame.pdu);
            self.received.advance(used);
            if transaction != self.transaction {
                metrics.rejected.inc();
                continue;
            }
            return if found == unit { Ok(true) } else { Err(Mismatch::Unit { asked: unit, found }.into()) };
        }
        Ok(false)
    }

    /// The first frame that is what we asked for. What follows it is dropped before the next request: many drivers add a
    /// byte of noise when they fall silent, so that it is no reason for more than the usual gap.
    fn take_by_content(&mut self, mode: Mode, expected: Expected, metrics: &Metrics) -> bool {
        loop {
            match mode.find_answer(&self.received, expected, &mut self.answer) {
                Step::More => return false,
                Step::Skip(dropped, fault) => {
                    metrics.rejected.inc();
                    self.received.advance(dropped);
                    self.fault = fault.or(self.fault);
                }
                Step::Frame(used) => {
                    self.received.advance(used);
                    return true;
                }
            }
        }
    }

    /// Drops what nobody asked for. A late answer on Modbus/TCP leaves the stream in order, other bytes do not.
    fn drop_received(&mut self, metrics: &Metrics) -> Result<(), LinkError> {
        if !self.bus.framing().has_transactions() {
            metrics.rejected.inc_by(u64::from(!self.received.is_empty()));
            self.received.clear();
            return Ok(());
        }
        loop {
            match mbap::decode(&self.received) {
                Ok(Some((_, used))) => self.received.advance(used),
                Ok(None) => return Ok(()),
                Err(error) => {
                    metrics.rejected.inc();
                    return Err(error.into());
                }
            }
            metrics.rejected.inc();
        }
    }

    /// Why nothing came of an exchange whose time is over.
    fn silence(&self, limit: Duration) -> CallError {
        match self.fault {
            _ if self.is_sending => LinkError::Stuck.into(),
            Some(fault) => CallError::Garbled(limit, fault),
            None => CallError::Timeout(limit),
        }
    }

    /// What an exchange says about the line and what the unit still owes.
    fn conclude(&mut self, expected: Expected, error: Option<&CallError>) {
        self.bus.rests(expected.unit);
        match error {
            None => self.bus.answered(expected),
            Some(CallError::Exception(_)) => self.bus.refused(expected),
            // Nothing was sent.
            Some(CallError::NoModel) => {}
            Some(CallError::Timeout(_) | CallError::Garbled(..) | CallError::Rejected(_) | CallError::Link(_)) => {
                self.heard = Instant::now();
                self.is_unsettled = !self.bus.framing().has_transactions();
            }
        }
    }

    /// Waits for more bytes. Safe to cancel.
    async fn receive(&mut self) -> Result<(), LinkError> {
        let received = poll_fn(|cx| self.poll_receive(cx)).await?;
        self.heard = Instant::now();
        if received == 0 { Err(LinkError::Closed) } else { Ok(()) }
    }

    /// Takes what has come, at most what there is room for. The room is on the stack: hundreds of links mostly wait, and
    /// keep no more than the answers that they got.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [0; FRAMES * LONGEST];
        let mut read = ReadBuf::new(&mut room[..FRAMES * self.bus.framing().longest()]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
        self.received.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }
}

impl From<ReplyError> for CallError {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Exception(exception) => Self::Exception(exception),
            ReplyError::Mismatch(mismatch) => Self::Rejected(mismatch),
        }
    }
}

/// Counts what went wrong with a call.
fn count(error: Option<&CallError>, metrics: &Metrics) {
    match error {
        Some(CallError::Timeout(_) | CallError::Garbled(..) | CallError::Link(LinkError::Stuck)) => {
            metrics.timeouts.inc()
        }
        Some(CallError::Exception(_)) => metrics.exceptions.inc(),
        Some(CallError::Rejected(_) | CallError::Link(LinkError::Garbage(_))) => metrics.rejected.inc(),
        Some(CallError::NoModel | CallError::Link(_)) | None => 0,
    };
}

#[cfg(test)]
mod tests;
