//! One connection: frames in, answers out, at a bounded pace.

use std::{io, time::Duration};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, sleep_until, timeout},
};
use tracing::debug;

use super::{answer::Answers, seats::Ticket};
use crate::{adapter::modbus::frame::mbap, model::Rate};

/// Room for some requests that were sent at once; more waits in the socket.
const ROOM: usize = 2048;

/// Serves a client until it goes, is silent for too long, sends what is no Modbus, or has to make room. Gives its
/// number back.
pub(super) async fn serve<S>(mut stream: S, mut ticket: Ticket, answers: &Answers<'_>) -> u64
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut end = ticket.end.clone();
    tokio::select! {
        biased;
        () = end.requested() => debug!(republish = %answers.config.name, "Client makes room for another"),
        ended = converse(&mut stream, &mut ticket, answers) => {
            if let Err(error) = ended {
                debug!(republish = %answers.config.name, %error, "Client is gone");
            }
        }
    }
    ticket.number
}

/// Answers one request after the other.
async fn converse<S>(stream: &mut S, ticket: &mut Ticket, answers: &Answers<'_>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let idle = answers.config.idle;
    let mut pace = Pace::new(answers.config.max_rate);
    let (mut received, mut answer) = (BytesMut::with_capacity(ROOM), Vec::new());
    loop {
        if timeout(idle, stream.read_buf(&mut received)).await?? == 0 {
            return Ok(());
        }
        while let Some((frame, used)) = mbap::decode(&received).map_err(io::Error::other)? {
            pace.wait().await;
            ticket.spoke();
            answer.clear();
            answers.answer(frame, &mut answer).await;
            received.advance(used);
            timeout(idle, stream.write_all(&answer)).await??;
        }
    }
}

/// Lets so many requests through in a span, some of them at once, and makes the others wait.
#[derive(Debug)]
struct Pace {
    /// What one request costs.
    cost: Duration,
    /// What may be spent ahead.
    burst: Duration,
    /// When everything spent so far is paid.
    paid: Instant,
}

impl Pace {
    /// At most this rate; as many as a span has may come at once after a pause of a span.
    fn new(Rate { count, per }: Rate) -> Self {
        let cost = per / u32::try_from(count).unwrap_or(u32::MAX).max(1);
        Self { cost, burst: per.saturating_sub(cost), paid: Instant::now() }
    }

    /// Waits for the turn of one more request.
    async fn wait(&mut self) {
        let now = Instant::now();
        self.paid = self.paid.max(now);
        if self.paid > now + self.burst {
            sleep_until(self.paid - self.burst).await;
        }
        self.paid += self.cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut pace = Pace::new(Rate { count: 10, per: Duration::from_secs(1) });

        for _ in 0..10 {
            pace.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            pace.wait().await;
        }

        assert!((1990..=2010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}
