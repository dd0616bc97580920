//! Requests to all units of a serial line at once.
//!
//! Nobody answers unit 0 (MODBUS over serial line 1.02, 2.1), so all that can be said is that the request was sent. The
//! units are given time to act on it before the next request (2.4.1, turnaround delay).

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::Client;
use crate::adapter::{
    Metrics,
    modbus::{link::LinkError, pdu::Request},
};

/// The unit that all units listen to.
pub(in crate::adapter::modbus) const EVERYONE: u8 = 0;

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Sends a request to all units once the line is ours.
    pub(in crate::adapter::modbus) async fn broadcast(
        &mut self,
        request: &Request,
        limit: Duration,
        metrics: &Metrics,
    ) -> Result<(), LinkError> {
        self.settle(EVERYONE, limit, metrics).await?;
        metrics.requests.inc();
        self.write_down(EVERYONE, request);
        let flight = self.bus.flight(self.request.len());
        timeout(limit + flight, self.send()).await.map_err(|_| LinkError::Stuck)??;
        self.bus.turns_around(flight);
        Ok(())
    }
}
