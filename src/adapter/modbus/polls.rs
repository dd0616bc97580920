//! Polls: from a job that is due to a request, and from its answer to readings and to what it says of its unit.

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{
    client::{CallError, Client, Patience},
    config::{Counter, Device, MappedPoint},
    exception::Exception,
    jobs::Job,
    layout::extent,
    link::LinkError,
    pdu::Request,
    pipeline::Asked,
    poller::{End, Poller},
    readings::{broken, reason, value},
};
use crate::{
    model::{Timestamp, Value},
    shutdown::Stop,
};

/// Timeouts in a row after which the connection is made anew: it may be dead without saying so.
const SILENT_LIMIT: u32 = 3;

impl Poller<'_> {
    /// Does a job, unless it is not its unit's turn.
    pub(super) async fn work_on<S>(
        &mut self,
        client: &mut Client<S>,
        number: usize,
        stop: &mut Stop,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let now = Instant::now();
        let Some(device) = self.jobs.device(number) else { return Ok(()) };
        if let Some((until, rank)) = self.not_before(device, now) {
            self.jobs.schedule.hold(number, until, rank);
            return Ok(());
        }
        let rests_until = client.rests_until(self.config.devices[device].unit);
        if let Some(until) = rests_until.filter(|&until| until > now) {
            // Others have their turn meanwhile.
            self.jobs.schedule.postpone(number, until);
            return Ok(());
        }
        if self.config.connect.pipeline > 1 {
            let together = self.gather(number, now);
            if together.len() > 1 {
                return Box::pin(self.poll_many(client, together, stop)).await;
            }
        }
        let missed = self.jobs.schedule.skip_to_next(number, now);
        match self.jobs.job(number) {
            Some(Job::Again(_)) => Box::pin(self.ask_again(client, device, stop)).await,
            Some(Job::Read(turn)) => {
                self.metrics.overruns.inc_by(missed);
                match turn.search.take() {
                    Some(search) => Box::pin(self.search(client, number, search, stop)).await,
                    None => self.poll(client, number, stop).await,
                }
            }
            None => Ok(()),
        }
    }

    /// Sends one group's request and passes on what came of it.
    async fn poll<S>(&mut self, client: &mut Client<S>, number: usize, stop: &mut Stop) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(asked) = self.asked(number) else { return Ok(()) };
        let is_again = self.alone.remove(&number);
        match self.ask_unless_stopped(client, asked.device, &asked.request, stop).await? {
            Err(CallError::Link(error)) => Box::pin(self.cut_short(&asked, is_again, error)).await,
            answer => self.answered(&asked, answer).await,
        }
    }

    /// The connection ended before a group's answer came. Where others were answered on it that may be by chance, and the
    /// group is asked for once more. When that ends the next connection too, its unit counts as one that does not answer.
    async fn cut_short(&mut self, asked: &Asked, is_again: bool, error: LinkError) -> Result<(), End> {
        let &Asked { number, device, ref points, .. } = asked;
        if self.has_answered || is_again {
            self.alone.insert(number);
        }
        if self.has_answered && !is_again {
            self.jobs.schedule.put_first(number, Instant::now());
            return Err(End::Lost(error));
        }
        if let Some(turn) = self.jobs.turn(number) {
            turn.heard = Instant::now();
        }
        let (ts, why) = (self.clock.now(), broken(&error));
        let readings = self.bad_readings((device, points), why, ts);
        self.send(readings).await?;
        if is_again {
            self.unit_failed(device, why, ts).await?;
        } else {
            self.is_useless = true;
        }
        Err(End::Lost(error))
    }

    /// Passes on what came of a group's request.
    pub(super) async fn answered(&mut self, asked: &Asked, answer: Result<&[u8], CallError>) -> Result<(), End> {
        let &Asked { number, device, start, ref points, .. } = asked;
        let ts = self.clock.now();
        let is_current = self.is_current(asked);
        if let Some(turn) = self.jobs.turn(number).filter(|_| is_current) {
            turn.heard = Instant::now();
            if answer.is_ok() {
                turn.given();
            }
        }
        let readings = match &answer {
            Ok(data) => self.good_readings((device, points), start, data, ts),
            // The plan has changed since it was asked; what has taken its place will tell.
            Err(_) if !is_current => Vec::new(),
            Err(error) if self.refused(number, error) => Vec::new(),
            Err(error) => self.bad_readings((device, points), reason(error), ts),
        };
        let outcome = answer.map(drop);
        self.send(readings).await?;
        if matches!(outcome, Err(CallError::Exception(_))) {
            self.say_refused(device, ts).await?;
        }
        self.settle(device, outcome, ts).await
    }

    /// Asks a unit. Only the wait for the answer ends with a stop.
    pub(super) async fn ask_unless_stopped<'c, S>(
        &mut self,
        client: &'c mut Client<S>,
        device: usize,
        request: &Request,
        stop: &mut Stop,
    ) -> Result<Result<&'c [u8], CallError>, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::select! {
            biased;
            () = stop.requested() => Err(End::Stopped),
            answer = self.ask(client, device, request) => Ok(answer),
        }
    }

    /// Asks a unit, again after a timeout if the configuration says so; a suspect unit is asked once.
    pub(super) async fn ask<'c, S>(
        &mut self,
        client: &'c mut Client<S>,
        device: usize,
        request: &Request,
    ) -> Result<&'c [u8], CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Device { timeout, retries, .. } = self.config.devices[device];
        let health = &self.health[device];
        let retries = if health.is_suspect() { 0 } else { retries };
        let patience = Patience { limit: health.patience(timeout, self.slowest), retries };
        let asked = Instant::now();
        let answer = self.call(client, device, request, patience).await;
        self.note_time(asked, &answer);
        if answer.is_ok() {
            self.note_given(device, request);
        }
        answer
    }

    /// Reads one point for an asker.
    pub(super) async fn ask_point<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        mapped: &MappedPoint,
        request: &Request,
    ) -> (Result<Value, &'static str>, Result<(), CallError>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.ask(client, device, request).await {
            Ok(data) => {
                let total = |counter, raw| self.peek(mapped, counter, raw);
                (value(mapped, extent(mapped).start, data, total), Ok(()))
            }
            Err(error) => (Err(reason(&error)), Err(error)),
        }
    }

    /// What a counter would come to. Only polls count on, so that a reset is told by them.
    fn peek(&self, mapped: &MappedPoint, counter: Counter, raw: u64) -> u64 {
        let found = self.where_is(&mapped.point.address);
        found.map_or(raw, |(device, place, _)| self.tallies.peek((device, place), counter, raw).total)
    }

    /// What a call says about its unit and about the connection.
    pub(super) async fn settle(
        &mut self,
        device: usize,
        outcome: Result<(), CallError>,
        ts: Timestamp,
    ) -> Result<(), End> {
        let (why, end) = match outcome {
            Err(CallError::Link(error)) => {
                self.is_useless = !self.has_answered;
                return Err(End::Lost(error));
            }
            Err(error @ (CallError::Timeout(_) | CallError::Garbled(..))) => {
                self.silent += 1;
                let is_dead = self.silent >= SILENT_LIMIT;
                let end = if is_dead {
                    Some(End::Lost(LinkError::Silent(self.silent)))
                } else {
                    // Late answers would come among those to several later requests.
                    (self.config.connect.pipeline > 1).then_some(End::Renewed)
                };
                (Some(reason(&error)), end)
            }
            outcome => {
                (self.silent, self.has_answered) = (0, true);
                (outcome.err().filter(is_gateway_failure).map(|error| reason(&error)), None)
            }
        };
        match why {
            Some(why) => self.unit_failed(device, why, ts).await?,
            None => self.unit_answered(device, ts).await?,
        }
        end.map_or(Ok(()), Err)
    }
}

/// A Modbus gateway that says its unit does not answer.
fn is_gateway_failure(error: &CallError) -> bool {
    matches!(error, CallError::Exception(Exception::PATH_UNAVAILABLE | Exception::TARGET_SILENT))
}
