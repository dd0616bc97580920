//! Takes an approved command to its device and waits for the answer.

use std::{sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::policy::Approved;
use crate::model::{DeviceRequest, OutcomeStatus, Timestamp, Value, WriteError};

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

/// Hands the command to its adapter, unless its time is over, and waits for at most `limit`.
pub(super) async fn carry_out(approved: Approved, limit: Duration, now: Timestamp) -> Answer {
    let Approved { command, route } = approved;
    if command.command().expires <= now {
        return Answer::because(OutcomeStatus::Expired, "expired while it waited for earlier commands");
    }
    let wanted = command.command().value.clone();
    let (reply, answer) = oneshot::channel();
    let request = DeviceRequest::Write { command: Box::new(command), point: Arc::clone(&route.point), reply };
    let asked = async {
        route.requests.send(request).await.map_err(|_| Lost::BeforeSending)?;
        answer.await.map_err(|_| Lost::AfterSending)
    };
    match timeout(limit, asked).await {
        Ok(Ok(result)) => of_device(result, wanted),
        Ok(Err(Lost::BeforeSending)) => Answer::because(OutcomeStatus::Failed, "the adapter is not running"),
        Ok(Err(Lost::AfterSending)) => {
            Answer::because(OutcomeStatus::Failed, "the adapter stopped; it may or may not have been carried out")
        }
        Err(_) => Answer::because(OutcomeStatus::Timeout, format!("no answer within {limit:?}")),
    }
}

/// Where a command met an adapter that is gone.
enum Lost {
    /// Nothing was asked of the device.
    BeforeSending,
    /// The device may have been asked.
    AfterSending,
}

/// The adapter's answer in the words of an outcome.
fn of_device(result: Result<Option<Value>, WriteError>, wanted: Value) -> Answer {
    match result {
        Ok(read_back) => {
            Answer { status: OutcomeStatus::Done, value: Some(read_back.unwrap_or(wanted)), error: None }
        }
        Err(error) => {
            let status = match error {
                WriteError::Timeout(_) => OutcomeStatus::Timeout,
                WriteError::Refused(_) => OutcomeStatus::Failed,
                WriteError::Expired => OutcomeStatus::Expired,
            };
            Answer::because(status, error.to_string())
        }
    }
}
