//! The host's side of a ZNP coordinator: one request at a time, its answer, and news in between.
//!
//! An answer has no number that ties it to its request, so that one which comes too late looks like the answer to the
//! next request of its kind. Therefore a request that was not answered, or not waited for, stays *owed*: before the
//! next one the stick is asked something of another kind, and what comes before that answer is thrown away.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::{
    command::{
        Command, Refusal,
        sys::{Ping, ResetInd, Version},
    },
    link::{Link, LinkError},
    unpi::{Frame, Kind, Subsystem},
};
use crate::adapter::zigbee::wire::{Wire, WireError};

/// How long an answer may take. Writing flash memory takes the stick seconds.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(6);

/// News that wait while a request is under way. At 100 messages a second an answer may take ten; beyond that the
/// oldest goes, is counted, and its device will report again.
const MAX_NEWS: usize = 1024;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The link is gone or stuck; it has to be opened again.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No answer.
    #[error("{command}: no answer within {} s", limit.as_secs())]
    Mute {
        /// What was asked.
        command: &'static str,
        /// For how long it was waited.
        limit: Duration,
    },
    /// The stick could not read the request, or does not know it.
    #[error("{command}: refused with code {code}")]
    Refused {
        /// What was asked.
        command: &'static str,
        /// 1 subsystem, 2 command, 3 parameter, 4 length.
        code: u8,
    },
    /// The answer is not what it should be.
    #[error("{command}: answer: {error}")]
    Answer {
        /// What was asked.
        command: &'static str,
        /// What is wrong.
        error: WireError,
    },
    /// The stick has restarted instead of answering: everything it was told is gone.
    #[error("{command}: the stick restarted")]
    Restarted {
        /// What was asked.
        command: &'static str,
    },
}

/// What was counted on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Bytes that belonged to no frame.
    pub skipped: u64,
    /// Answers that nobody waited for.
    pub stray: u64,
    /// News that had to go for newer ones.
    pub shed: u64,
}

/// A coordinator on a link.
#[derive(Debug)]
pub struct Host<L> {
    /// Frames in and out.
    link: Link<L>,
    /// What the stick told while a request was under way, the oldest first.
    news: VecDeque<Frame>,
    /// The request whose answer may still come.
    owed: Option<(Subsystem, u8)>,
    /// Answers that nobody waited for, and news that had to go.
    counts: Counts,
}

impl<L: AsyncRead + AsyncWrite + Unpin> Host<L> {
    /// On an open link.
    pub fn new(link: L) -> Self {
        Self { link: Link::new(link), news: VecDeque::new(), owed: None, counts: Counts::default() }
    }

    /// Asks, and waits for the answer. When it is cancelled, the next request clears up after it.
    pub async fn request<C: Command>(&mut self, command: &C) -> Result<C::Answer, HostError> {
        self.request_within(command, ANSWER_LIMIT).await
    }

    /// As [`Host::request`], with a limit of its own.
    pub async fn request_within<C: Command>(&mut self, command: &C, limit: Duration) -> Result<C::Answer, HostError> {
        if let Some(owed) = self.owed {
            self.settle(owed, limit).await?;
        }
        self.ask(command, limit).await
    }

    /// Sends what is not answered.
    pub async fn tell<C: Command>(&mut self, command: &C) -> Result<(), HostError> {
        Ok(self.link.send(&command.to_frame()).await?)
    }

    /// Sends bytes that are no frame.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        Ok(self.link.send_bytes(bytes).await?)
    }

    /// The next thing the stick tells by itself. Safe to cancel.
    pub async fn next_news(&mut self) -> Result<Frame, HostError> {
        loop {
            if let Some(frame) = self.news.pop_front() {
                return Ok(frame);
            }
            let frame = self.link.receive().await?;
            self.keep(frame);
        }
    }

    /// Waits until the stick tells a certain thing, or restarts; everything else is kept for [`Host::next_news`].
    pub async fn wait_for<C: Command>(
        &mut self,
        what: &'static str,
        is_it: impl Fn(&C) -> bool,
    ) -> Result<C, HostError> {
        let wanted = |frame: &Frame| C::of(frame).and_then(Result::ok).filter(&is_it);
        let mut seen = 0;
        loop {
            while let Some(frame) = self.news.get(seen) {
                if let Some(news) = wanted(frame) {
                    self.news.remove(seen);
                    return Ok(news);
                }
                if ResetInd::of(frame).is_some() {
                    return Err(HostError::Restarted { command: what });
                }
                seen += 1;
            }
            let frame = self.link.receive().await?;
            let room = self.news.len();
            self.keep(frame);
            // What had to go stood before what was seen.
            seen -= usize::from(seen > 0 && self.news.len() == room && room == MAX_NEWS);
        }
    }

    /// Throws away what the stick told before now.
    pub fn forget_news(&mut self) {
        self.news.clear();
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        Counts { skipped: self.link.skipped(), ..self.counts }
    }

    /// Asks something of another kind than what is owed. The stick answers in order: what comes before is stale.
    async fn settle(&mut self, owed: (Subsystem, u8), limit: Duration) -> Result<(), HostError> {
        if owed == (Ping::SUBSYSTEM, Ping::ID) {
            self.ask(&Version {}, limit).await?;
        } else {
            self.ask(&Ping {}, limit).await?;
        }
        Ok(())
    }

    /// Sends a request and reads until its answer.
    async fn ask<C: Command>(&mut self, command: &C, limit: Duration) -> Result<C::Answer, HostError> {
        self.owed = Some((C::SUBSYSTEM, C::ID));
        self.link.send(&command.to_frame()).await?;
        let answer = timeout(limit, self.answer::<C>()).await;
        answer.unwrap_or(Err(HostError::Mute { command: C::NAME, limit }))
    }

    /// Reads until the answer of a request; everything else is kept or counted.
    async fn answer<C: Command>(&mut self) -> Result<C::Answer, HostError> {
        loop {
            let frame = self.link.receive().await?;
            if let Some(answer) = C::answer_of(&frame) {
                self.owed = None;
                return answer.map_err(|error| HostError::Answer { command: C::NAME, error });
            }
            if let Some(code) = refusal::<C>(&frame) {
                self.owed = None;
                return Err(HostError::Refused { command: C::NAME, code });
            }
            let has_restarted = ResetInd::of(&frame).is_some();
            self.keep(frame);
            if has_restarted {
                self.owed = None;
                return Err(HostError::Restarted { command: C::NAME });
            }
        }
    }

    /// Keeps news; counts an answer that nobody waits for.
    fn keep(&mut self, frame: Frame) {
        if frame.kind != Kind::Areq {
            self.counts.stray += 1;
            return;
        }
        if self.news.len() >= MAX_NEWS {
            self.news.pop_front();
            self.counts.shed += 1;
        }
        self.news.push_back(frame);
    }
}

/// The code with which the stick refuses a request, if the frame does.
fn refusal<C: Command>(frame: &Frame) -> Option<u8> {
    if (frame.kind, frame.subsystem) != (Kind::Srsp, Subsystem::ERROR) {
        return None;
    }
    let refusal = Refusal::from_bytes(&frame.data).ok()?;
    let is_ours = (refusal.first & 0x1f, refusal.second) == (C::SUBSYSTEM.number(), C::ID);
    is_ours.then_some(refusal.code)
}

#[cfg(test)]
mod tests;
