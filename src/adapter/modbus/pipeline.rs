//! Several polls under way at once, where a TCP server takes them (`pipeline = N`).
//!
//! ```text
//! due polls, N at most -> one write -> answers in any order -> as if each had been asked alone
//!                                '- one without an answer -> a new connection, and that poll once more, alone
//! ```
//!
//! Which of several units kept the others waiting cannot be known, so a unit is found mute only by a request of its
//! own. One that was mute last time is asked alone from the start, and so costs the others what it would cost without
//! pipelining. Writes, searches and first questions are always alone.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::{
    client::{Answers, Ask, CallError, Client},
    exception::Exception,
    jobs::Job,
    pdu::Request,
    poller::{End, Poller},
};
use crate::shutdown::Stop;

/// A group that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Its job.
    pub(super) number: usize,
    /// Whose it is.
    pub(super) device: usize,
    /// The question.
    pub(super) request: Request,
    /// First address of the answer.
    pub(super) start: u16,
    /// Its points.
    pub(super) points: Arc<[usize]>,
}

impl Poller<'_> {
    /// The jobs that go out together with one that is due, itself first. Just that one when it has to be alone.
    pub(super) fn gather(&mut self, first: usize, now: Instant) -> Vec<usize> {
        let mut gathered = Vec::new();
        let mut next = Some(first);
        while let Some(number) = next.filter(|&number| self.may_share(number)) {
            let missed = self.jobs.schedule.skip_to_next(number, now);
            self.metrics.overruns.inc_by(missed);
            gathered.push(number);
            if gathered.len() >= self.config.connect.pipeline {
                break;
            }
            next = self.jobs.schedule.due(now);
        }
        gathered
    }

    /// Whether a job may be under way together with others.
    fn may_share(&mut self, number: usize) -> bool {
        let Some(device) = self.jobs.device(number) else { return false };
        let has_place = self.config.devices[device].sunspec.is_empty();
        let is_poll = matches!(self.jobs.job(number), Some(Job::Read(turn)) if turn.search.is_none());
        is_poll && has_place && !self.health[device].is_failing() && !self.alone.contains(&number)
    }

    /// Asks for several groups at once.
    pub(super) async fn poll_many<S>(
        &mut self,
        client: &mut Client<S>,
        numbers: Vec<usize>,
        stop: &mut Stop,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let asked: Vec<Asked> = numbers.into_iter().filter_map(|number| self.asked(number)).collect();
        let devices = &self.config.devices;
        let ask = |asked: &Asked| Ask { unit: devices[asked.device].unit, request: asked.request.clone() };
        let asks: Vec<Ask> = asked.iter().map(ask).collect();
        let limit = asked.iter().map(|asked| devices[asked.device].timeout).max().unwrap_or_default();
        let since = Instant::now();
        let Answers { each, lost } = tokio::select! {
            biased;
            () = stop.requested() => return Err(End::Stopped),
            answers = client.call_many(&asks, limit, &self.metrics) => answers,
        };
        let is_open = each.iter().any(Option::is_none);
        for (asked, answer) in asked.iter().zip(each) {
            self.take(since, asked, answer).await?;
        }
        match lost {
            Some(error) => {
                self.is_useless = !self.has_answered;
                Err(End::Lost(error))
            }
            None if is_open => {
                self.note_time(since, &Err(CallError::Timeout(limit)));
                Err(End::Renewed)
            }
            None => Ok(()),
        }
    }

    /// The question of a job.
    pub(super) fn asked(&mut self, number: usize) -> Option<Asked> {
        let group = &self.jobs.turn(number)?.group;
        let (device, start) = (group.device, group.start);
        let (request, points) = (group.request.clone(), Arc::clone(&group.points));
        Some(Asked { number, device, request, start, points })
    }

    /// Takes one of several answers. What is not answered, or not now, is asked for once more, alone.
    async fn take(
        &mut self,
        since: Instant,
        asked: &Asked,
        answer: Option<Result<Vec<u8>, CallError>>,
    ) -> Result<(), End> {
        match answer {
            None | Some(Err(CallError::Exception(Exception::BUSY | Exception::ACKNOWLEDGE))) => {
                self.alone.insert(asked.number);
                if self.is_current(asked) {
                    self.jobs.schedule.defer(asked.number, Instant::now());
                }
                Ok(())
            }
            Some(Ok(data)) => {
                self.note_time(since, &Ok(&data));
                self.note_given(asked.device, &asked.request);
                self.answered(asked, Ok(&data)).await
            }
            Some(Err(error)) => {
                let answer = Err(error);
                self.note_time(since, &answer);
                self.answered(asked, answer).await
            }
        }
    }

    /// Whether a job still asks for what was asked: what was learned from another answer may have changed the plan.
    pub(super) fn is_current(&mut self, asked: &Asked) -> bool {
        let turn = self.jobs.turn(asked.number);
        turn.is_some_and(|turn| turn.group.device == asked.device && turn.group.request == asked.request)
    }
}
