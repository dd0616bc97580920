//! Several requests under way at once on a connection with transaction ids.
//!
//! Answers may come in any order; each is matched by its id, and has to be of the unit, function and length that were
//! asked. When nothing more comes in time, what is still open has no answer: the caller then gives the connection up, so
//! that nothing late can meet a later request.

use bytes::Buf as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Duration, Instant, timeout, timeout_at},
};

use super::{CallError, Client, count, mbap};
use crate::adapter::{
    Metrics,
    modbus::{
        link::LinkError,
        pdu::Request,
        response::{self, Mismatch},
    },
};

/// One of the questions.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::adapter::modbus) struct Ask {
    /// The unit.
    pub(in crate::adapter::modbus) unit: u8,
    /// What it is asked.
    pub(in crate::adapter::modbus) request: Request,
}

/// What became of the questions.
#[derive(Debug)]
pub(in crate::adapter::modbus) struct Answers {
    /// The data of each in their order; `None` for one without an answer.
    pub(in crate::adapter::modbus) each: Vec<Option<Result<Vec<u8>, CallError>>>,
    /// Why the connection is of no use any more, if it is not. Answers before that count.
    pub(in crate::adapter::modbus) lost: Option<LinkError>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Asks several things at once, and waits until all are answered or nothing was for `limit`. With an open question
    /// or a lost connection the client must be dropped.
    pub(in crate::adapter::modbus) async fn call_many(
        &mut self,
        asks: &[Ask],
        limit: Duration,
        metrics: &Metrics,
    ) -> Answers {
        debug_assert!(self.bus.framing().has_transactions(), "a line carries one request at a time");
        let mut each: Vec<_> = asks.iter().map(|_| None).collect();
        let lost = self.ask_all(asks, &mut each, limit, metrics).await.err();
        for answer in &each {
            match answer {
                Some(answer) => count(answer.as_ref().err(), metrics),
                None => drop(metrics.timeouts.inc()),
            }
        }
        if matches!(lost, Some(LinkError::Garbage(_))) {
            metrics.rejected.inc();
        }
        Answers { each, lost }
    }

    /// Sends all requests in one write and takes their answers.
    async fn ask_all(
        &mut self,
        asks: &[Ask],
        each: &mut [Option<Result<Vec<u8>, CallError>>],
        limit: Duration,
        metrics: &Metrics,
    ) -> Result<(), LinkError> {
        self.drop_received(metrics)?;
        let first = self.transaction.wrapping_add(1);
        self.request.clear();
        for Ask { unit, request } in asks {
            self.transaction = self.transaction.wrapping_add(1);
            mbap::encode(&mut self.request, self.transaction, *unit, |out| request.encode(out));
            metrics.requests.inc();
        }
        timeout(limit, self.send()).await.map_err(|_| LinkError::Stuck)??;
        let mut open = asks.len();
        // Each answer gives the others their whole time again: what they wait for may be the unit before them. So it
        // lasts no longer than one after the other would.
        let mut until = Instant::now() + limit;
        while open > 0 {
            let Ok(received) = timeout_at(until, self.receive()).await else { return Ok(()) };
            received?;
            let taken = self.take_each(asks, first, each, metrics)?;
            if taken > 0 {
                until = Instant::now() + limit;
            }
            open -= taken;
        }
        Ok(())
    }

    /// Takes the frames that have arrived; gives how many questions they answered.
    fn take_each(
        &mut self,
        asks: &[Ask],
        first: u16,
        each: &mut [Option<Result<Vec<u8>, CallError>>],
        metrics: &Metrics,
    ) -> Result<usize, LinkError> {
        let mut taken = 0;
        while let Some((frame, used)) = mbap::decode(&self.received)? {
            let index = usize::from(frame.transaction.wrapping_sub(first));
            match (asks.get(index), each.get_mut(index)) {
                (Some(ask), Some(answer @ None)) => {
                    *answer = Some(answer_to(ask, frame));
                    taken += 1;
                }
                // Nobody asked, or it was answered already.
                _ => drop(metrics.rejected.inc()),
            }
            self.received.advance(used);
        }
        Ok(taken)
    }
}

/// What a frame with a question's id says.
fn answer_to(ask: &Ask, frame: mbap::Frame<'_>) -> Result<Vec<u8>, CallError> {
    if frame.unit != ask.unit {
        return Err(Mismatch::Unit { asked: ask.unit, found: frame.unit }.into());
    }
    Ok(response::parse(&ask.request, frame.pdu)?.to_vec())
}
