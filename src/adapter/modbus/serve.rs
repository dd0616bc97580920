//! What the gateway asks of a device besides polls: set a point, read a point now.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};

use super::{
    client::Client,
    link::LinkError,
    plan::single,
    poller::{End, Poller},
};
use crate::model::{DeviceRequest, Point, Reading, WriteError};

/// A line has no network to speak of.
fn no_network(reply: oneshot::Sender<Result<serde_json::Value, String>>) {
    // An asker that stopped waiting does not need to know.
    let _ = reply.send(Err("adapters of kind modbus have no network to join".to_owned()));
}

impl Poller<'_> {
    /// Carries out one request.
    pub(super) async fn serve<S>(&mut self, client: &mut Client<S>, request: DeviceRequest) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match request {
            DeviceRequest::Write { command, point, reply } => self.write(client, &command, &point, reply).await,
            DeviceRequest::Read { point, reply } => self.read(client, point, reply).await,
            DeviceRequest::Network { reply, .. } => {
                no_network(reply);
                Ok(())
            }
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
            DeviceRequest::Network { reply, .. } => no_network(reply),
        }
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
