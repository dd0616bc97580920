//! What the gateway asks of a device besides polls: set a point, read a point now.
//!
//! A write is sent at most once. When its answer does not come nobody knows whether the unit acted, and only the
//! sender can decide what to do; sending it again could act twice.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};

use super::{
    client::{CallError, Client, Patience},
    config::Device,
    encode::encode,
    link::LinkError,
    pdu::Request,
    plan::single,
    poller::{End, Poller},
};
use crate::model::{Authorized, Command, DeviceRequest, Point, Reading, Value, WriteError};

/// Where the answer to a write goes.
type WriteReply = oneshot::Sender<Result<Option<Value>, WriteError>>;

impl Poller<'_> {
    /// Carries out one request.
    pub(super) async fn serve<S>(&mut self, client: &mut Client<S>, request: DeviceRequest) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match request {
            DeviceRequest::Write { command, point, reply } => self.write(client, &command, &point, reply).await,
            DeviceRequest::Read { point, reply } => self.read(client, point, reply).await,
        }
    }

    /// Answers a request that cannot be carried out because there is no connection.
    pub(super) fn refuse(&self, request: DeviceRequest, error: &LinkError) {
        // An asker that stopped waiting does not need to know.
        match request {
            DeviceRequest::Write { reply, .. } => {
                let why = format!("{}: {error}", self.config.link);
                let _ = reply.send(Err(WriteError::Refused(why)));
            }
            DeviceRequest::Read { point, reply } => {
                let _ = reply.send(Reading::bad(point, "device-offline", self.clock.now()));
            }
        }
    }

    /// Sets a point once, unless its time is over or nobody waits any more.
    async fn write<S>(
        &mut self,
        client: &mut Client<S>,
        command: &Authorized<Command>,
        point: &Point,
        reply: WriteReply,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if reply.is_closed() {
            return Ok(());
        }
        let (device, request) = match self.prepare(command, point) {
            Ok(prepared) => prepared,
            Err(refusal) => {
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(Err(refusal));
                return Ok(());
            }
        };
        let Device { unit, timeout: limit, .. } = self.config.devices[device];
        let once = Patience { limit, retries: 0 };
        let called = client.call(unit, &request, once, &self.metrics).await.map(drop);
        // As above; the ledger notes a reply that nobody heard as a timeout.
        let _ = reply.send(called.as_ref().map(|()| None).map_err(|error| failure(unit, error)));
        self.settle(device, called, self.clock.now()).await
    }

    /// The unit and request for a command, or why there is none.
    fn prepare(&self, command: &Authorized<Command>, point: &Point) -> Result<(usize, Request), WriteError> {
        let command = command.command();
        if command.target != point.address {
            return Err(WriteError::Refused(format!("command is for {}, not {}", command.target, point.address)));
        }
        let Some((device, mapped)) = self.place(&command.target) else {
            return Err(WriteError::Refused(format!("{} is not on this link", command.target)));
        };
        let request = encode(mapped, &command.value).map_err(|error| WriteError::Refused(error.to_string()))?;
        // Looked at last, right before the bytes go out.
        if self.clock.now() > command.expires { Err(WriteError::Expired) } else { Ok((device, request)) }
    }

    /// Reads a point now.
    async fn read<S>(
        &mut self,
        client: &mut Client<S>,
        point: Arc<Point>,
        reply: oneshot::Sender<Reading>,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let place = self.place(&point.address).filter(|(_, mapped)| mapped.point.access.can_read());
        let Some((device, mapped)) = place else {
            let _ = reply.send(Reading::bad(point, "not-readable", self.clock.now()));
            return Ok(());
        };
        let (value, called) = self.ask_point(client, device, mapped, &single(mapped)).await;
        let ts = self.clock.now();
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(match value {
            Ok(value) => Reading::good(point, value, ts),
            Err(why) => Reading::bad(point, why, ts),
        });
        self.settle(device, called, ts).await
    }
}

/// What a failed call means for a command. Only an exception says for certain that the unit did not act.
fn failure(unit: u8, error: &CallError) -> WriteError {
    match error {
        CallError::Exception(_) => WriteError::Refused(format!("unit {unit}: {error}")),
        CallError::Rejected(_) => WriteError::Refused(format!("unit {unit}: {error}; it may have acted")),
        CallError::Timeout(_) | CallError::Garbled(..) | CallError::Link(_) => {
            WriteError::Timeout(format!("unit {unit}: {error}; it may have acted"))
        }
    }
}
