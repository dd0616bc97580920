//! One request, one answer, over any byte stream.
//!
//! The one thing this must never do is take the answer to an earlier request for the answer to this one. So each
//! request has a transaction id that is not used again for 65 535 requests, frames with any other id are dropped
//! and counted while we wait, and an answer with our id counts only if unit, function and length are those we asked
//! for. One transaction is under way at a time.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    exception::Exception,
    frame::mbap,
    link::LinkError,
    pdu::Request,
    response::{self, Mismatch, ReplyError},
};
use crate::adapter::Metrics;

/// Room for two longest frames: an answer, and a late one before it.
const RECEIVE_BUFFER: usize = 2 * (mbap::HEADER + mbap::MAX_PDU);

/// Why a request has no data to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The device refused.
    #[error("{0}")]
    Exception(Exception),
    /// An answer came that does not belong to the question.
    #[error("{0}")]
    Rejected(#[from] Mismatch),
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
    /// The last transaction id used.
    transaction: u16,
    /// The request being sent; kept for its allocation.
    request: Vec<u8>,
    /// Whether a part of a request may have been sent without the rest.
    is_sending: bool,
    received: BytesMut,
    /// The PDU of the last answer.
    answer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Takes over a fresh connection.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            transaction: 0,
            request: Vec::with_capacity(mbap::HEADER + mbap::MAX_PDU),
            is_sending: false,
            received: BytesMut::with_capacity(RECEIVE_BUFFER),
            answer: Vec::with_capacity(mbap::MAX_PDU),
        }
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
        let exchanged = loop {
            match self.attempt(unit, request, patience.limit, metrics).await {
                Err(CallError::Timeout(_)) if left > 0 => left -= 1,
                exchanged => break exchanged,
            }
        };
        exchanged?;
        let parsed = response::parse(request, &self.answer).map_err(CallError::from);
        count(parsed.as_ref().err(), metrics);
        parsed
    }

    /// Listens while nothing is asked, drops late answers, and ends when the connection does. Safe to cancel.
    pub(super) async fn closed(&mut self, metrics: &Metrics) -> LinkError {
        loop {
            if let Err(error) = self.receive().await {
                return error;
            }
            // No transaction is open, so that no frame can be its answer.
            while let Ok(Some((_, used))) = mbap::decode(&self.received) {
                self.received.advance(used);
                metrics.rejected.inc();
            }
            if let Err(error) = mbap::decode(&self.received) {
                metrics.rejected.inc();
                return error.into();
            }
        }
    }

    /// One exchange within its limit.
    async fn attempt(
        &mut self,
        unit: u8,
        request: &Request,
        limit: Duration,
        metrics: &Metrics,
    ) -> Result<(), CallError> {
        metrics.requests.inc();
        let exchanged = match timeout(limit, self.exchange(unit, request, metrics)).await {
            Ok(exchanged) => exchanged,
            Err(_) if self.is_sending => Err(LinkError::Stuck.into()),
            Err(_) => Err(CallError::Timeout(limit)),
        };
        count(exchanged.as_ref().err(), metrics);
        exchanged
    }

    /// Sends the request and waits until `answer` holds the PDU with its transaction id.
    async fn exchange(&mut self, unit: u8, request: &Request, metrics: &Metrics) -> Result<(), CallError> {
        self.transaction = self.transaction.wrapping_add(1);
        self.send(unit, request).await?;
        while !self.take_answer(unit, metrics)? {
            self.receive().await?;
        }
        Ok(())
    }

    /// Sends one frame in one write.
    async fn send(&mut self, unit: u8, request: &Request) -> Result<(), LinkError> {
        self.request.clear();
        mbap::encode(&mut self.request, self.transaction, unit, |out| request.encode(out));
        self.is_sending = true;
        self.stream.write_all(&self.request).await?;
        self.stream.flush().await?;
        self.is_sending = false;
        Ok(())
    }

    /// Looks through the frames that have arrived for ours, and drops the others.
    fn take_answer(&mut self, unit: u8, metrics: &Metrics) -> Result<bool, CallError> {
        while let Some((frame, used)) = mbap::decode(&self.received).map_err(LinkError::from)? {
            let (transaction, found) = (frame.transaction, frame.unit);
            self.answer.clear();
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

    /// Waits for more bytes. Safe to cancel.
    async fn receive(&mut self) -> Result<(), LinkError> {
        self.received.reserve(RECEIVE_BUFFER);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(LinkError::Closed),
            _ => Ok(()),
        }
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
        Some(CallError::Timeout(_) | CallError::Link(LinkError::Stuck)) => metrics.timeouts.inc(),
        Some(CallError::Exception(_)) => metrics.exceptions.inc(),
        Some(CallError::Rejected(_) | CallError::Link(LinkError::Garbage(_))) => metrics.rejected.inc(),
        Some(CallError::Link(_)) | None => 0,
    };
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
