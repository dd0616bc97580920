//! Takes an approved command to its device and waits for the answer.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::policy::Approved;
use crate::model::{
    DeviceRequest, OutcomeStatus, Timestamp, Told, Value, WriteAnswer, WriteError, WriteReply, Written,
};

/// What became of a command on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// What became of it.
    pub(super) status: OutcomeStatus,
    /// The value that was set.
    pub(super) value: Option<Value>,
    /// Why it was not done.
    pub(super) error: Option<String>,
}

impl Answer {
    /// It was not done.
    pub(super) fn because(status: OutcomeStatus, error: impl Into<String>) -> Self {
        Self { status, value: None, error: Some(error.into()) }
    }
}

/// Where a command is after its device had time to answer.
#[derive(Debug)]
pub(super) enum Reached {
    /// It has ended.
    End(Answer),
    /// The device sleeps, and the adapter keeps the command until it wakes.
    Sleeper(Sleeping),
}

/// A command that waits for a device to wake.
#[derive(Debug)]
pub(super) struct Sleeping {
    /// Where its end is told.
    answer: WriteAnswer,
    /// What it sets.
    wanted: Value,
    /// When its time is over.
    expires: Timestamp,
}

/// Hands the command to its adapter, unless its time is over, and waits for at most `limit`.
pub(super) async fn carry_out(approved: Approved, limit: Duration, now: Timestamp) -> Reached {
    let Approved { command, route } = approved;
    let expires = command.command().expires;
    if expires <= now {
        let why = "expired while it waited for earlier commands";
        return Reached::End(Answer::because(OutcomeStatus::Expired, why));
    }
    let wanted = command.command().value.clone();
    let (reply, mut answer) = WriteReply::pair();
    let request = DeviceRequest::Write { command, point: Arc::clone(&route.point), reply };
    let asked = async {
        route.requests.send(Box::new(request)).await.map_err(|_| Lost::BeforeSending)?;
        answer.next().await.ok_or(Lost::AfterSending)
    };
    let end = match timeout(limit, asked).await {
        Ok(Ok(Told::Queued)) => return Reached::Sleeper(Sleeping { answer, wanted, expires }),
        Ok(Ok(Told::Done(result))) => of_device(result, wanted),
        Ok(Err(lost)) => lost.answer(),
        Err(_) => Answer::because(OutcomeStatus::Timeout, format!("no answer within {limit:?}")),
    };
    Reached::End(end)
}

impl Sleeping {
    /// Waits until the device has woken, or the command's time is over; the adapter ends it then, and has `limit` to
    /// say so.
    pub(super) async fn end(mut self, limit: Duration, now: Timestamp) -> Answer {
        let left = self.expires.since(now).saturating_add(limit);
        match timeout(left, self.answer.next()).await {
            Ok(Some(Told::Done(result))) => of_device(result, self.wanted),
            Ok(Some(Told::Queued) | None) => Lost::AfterSending.answer(),
            Err(_) => Answer::because(OutcomeStatus::Timeout, "the device did not wake up in time"),
        }
    }
}

/// Where a command met an adapter that is gone.
enum Lost {
    /// Nothing was asked of the device.
    BeforeSending,
    /// The device may have been asked.
    AfterSending,
}

impl Lost {
    /// What can be told of it.
    fn answer(self) -> Answer {
        let why = match self {
            Self::BeforeSending => "the adapter is not running",
            Self::AfterSending => "the adapter stopped; it may or may not have been carried out",
        };
        Answer::because(OutcomeStatus::Failed, why)
    }
}

/// The adapter's answer in the words of an outcome.
fn of_device(result: Written, wanted: Value) -> Answer {
    match result {
        Ok(read_back) => {
            Answer { status: OutcomeStatus::Done, value: Some(read_back.unwrap_or(wanted)), error: None }
        }
        Err(error) => {
            let status = match error {
                WriteError::Timeout(_) => OutcomeStatus::Timeout,
                WriteError::Refused(_) => OutcomeStatus::Failed,
                WriteError::Misfit(_) => OutcomeStatus::Denied,
                WriteError::Expired => OutcomeStatus::Expired,
            };
            Answer::because(status, error.to_string())
        }
    }
}
