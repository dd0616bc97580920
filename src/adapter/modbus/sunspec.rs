//! SunSpec devices: where a device keeps the model that its points belong to.
//!
//! Such a device says `SunS` at one of three places and lists its models one behind the other, each with its id and
//! length, up to the id 0xFFFF (SunSpec Device Information Model Specification 1.1, 6). Holding registers of its points
//! count from the id of the first model that is wanted, which is looked for once on each connection: another firmware may
//! have moved it. Nothing is read or written before it is known, so no value is ever taken from another model.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tracing::{info, warn};

use super::{
    client::{CallError, Client, Patience},
    config::{Device, Table},
    pdu::Request,
    poller::Poller,
};

/// Where the mark can stand (6.2).
pub const BASES: [u16; 3] = [40_000, 50_000, 0];

/// The mark, `SunS`.
const MARK: [u8; 4] = *b"SunS";

/// The id behind the last model.
const END: u16 = 0xffff;

/// Most models of a device; one that goes on for longer repeats itself or is no SunSpec.
pub const MAX_MODELS: usize = 64;

/// Wait before a device that has no such model is asked again on the same connection.
const AGAIN: Duration = Duration::from_secs(60);

/// What is known of a device on this connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Place {
    /// Nothing yet.
    #[default]
    Unknown,
    /// The register of the model's id.
    At(u16),
    /// It has none of the models, which is believed until then.
    Nowhere(Instant),
}

/// What a walk along the models came to.
enum Walk {
    /// One that is wanted, and the register of its id.
    Found(u16, u16),
    /// Why there is none, for people.
    Nothing(String),
}

impl Poller<'_> {
    /// Sends a request to a device, to where its registers are.
    pub(super) async fn call<'c, S>(
        &mut self,
        client: &'c mut Client<S>,
        device: usize,
        request: &Request,
        patience: Patience,
    ) -> Result<&'c [u8], CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Device { unit, sunspec, .. } = &self.config.devices[device];
        if sunspec.is_empty() || !request.is_of_holdings() {
            return client.call(*unit, request, patience, &self.metrics).await;
        }
        let first = self.locate(client, device, patience).await?;
        let request = request.moved(first).ok_or(CallError::NoModel)?;
        client.call(*unit, &request, patience, &self.metrics).await
    }

    /// Where a device's model is.
    async fn locate<S>(&mut self, client: &mut Client<S>, device: usize, patience: Patience) -> Result<u16, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.models[device] {
            Place::At(first) => return Ok(first),
            Place::Nowhere(until) if Instant::now() < until => return Err(CallError::NoModel),
            Place::Nowhere(_) | Place::Unknown => {}
        }
        let Device { id, sunspec, .. } = &self.config.devices[device];
        match self.walk(client, device, patience).await? {
            Walk::Found(model, first) => {
                info!(device = %id, model, register = first, "Found the SunSpec model");
                self.models[device] = Place::At(first);
                Ok(first)
            }
            Walk::Nothing(why) => {
                warn!(device = %id, wanted = ?sunspec, "Device has no such SunSpec model: {why}");
                self.models[device] = Place::Nowhere(Instant::now() + AGAIN);
                Err(CallError::NoModel)
            }
        }
    }

    /// Goes from the mark along the models.
    async fn walk<S>(&self, client: &mut Client<S>, device: usize, patience: Patience) -> Result<Walk, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(base) = self.base(client, device, patience).await? else {
            return Ok(Walk::Nothing(format!("no SunS at {}", BASES.map(|base| base.to_string()).join(", "))));
        };
        let mut next = base.checked_add(2);
        let mut seen = Vec::new();
        while let (Some(start), true) = (next, seen.len() < MAX_MODELS) {
            let Some([a, b, c, d]) = self.two(client, device, start, patience).await? else { break };
            let (id, length) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            if self.config.devices[device].sunspec.contains(&id) {
                return Ok(Walk::Found(id, start));
            }
            if id == END {
                return Ok(Walk::Nothing(format!("it has {seen:?}")));
            }
            seen.push(id);
            next = start.checked_add(2).and_then(|data| data.checked_add(length));
        }
        Ok(Walk::Nothing(format!("after {seen:?} the models end without their mark")))
    }

    /// The register of the mark, if there is one.
    async fn base<S>(
        &self,
        client: &mut Client<S>,
        device: usize,
        patience: Patience,
    ) -> Result<Option<u16>, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        for base in BASES {
            if self.two(client, device, base, patience).await? == Some(MARK) {
                return Ok(Some(base));
            }
        }
        Ok(None)
    }

    /// The bytes of two holding registers; `None` when the unit refuses them.
    async fn two<S>(
        &self,
        client: &mut Client<S>,
        device: usize,
        start: u16,
        patience: Patience,
    ) -> Result<Option<[u8; 4]>, CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let request = Request::Read { table: Table::Holding, start, count: 2 };
        match client.call(self.config.devices[device].unit, &request, patience, &self.metrics).await {
            Ok(data) => Ok(data.try_into().ok()),
            Err(CallError::Exception(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
#[path = "sunspec_tests.rs"]
mod tests;
