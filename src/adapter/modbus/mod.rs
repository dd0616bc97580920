//! Modbus/TCP: polls registers of several units over one connection, and writes them.
//!
//! ```text
//! plan -> schedule -> poller -> client -> mbap, pdu -> TCP
//!                       |  '- serve (writes and reads on request, before polls)
//!                       '- response -> decode -> marks (a fault is told once) -> readings
//! ```
//!
//! It promises that no answer is ever taken for the answer to another question (`client`), that a unit that does
//! not answer costs the others little (`health`), and that a write is sent at most once (`serve`).

mod client;
pub mod config;
pub mod conversion;
pub mod decode;
pub mod encode;
pub mod exception;
#[cfg(test)]
mod fixtures;
mod health;
mod later;
pub mod layout;
mod link;
mod marks;
pub mod mbap;
pub mod notation;
mod parse;
pub mod pdu;
mod plan;
mod poller;
pub mod response;
mod schedule;
pub mod section;
mod serve;
#[cfg(test)]
mod tests;
mod write;
#[cfg(test)]
mod write_tests;

use std::{sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};

use self::{
    config::{Config, Device},
    link::{Backoff, LinkError},
    poller::{End, Poller},
};
use super::{Adapter, AdapterContext, AdapterError, BoxFuture, DeviceInfo};
use crate::{model::DeviceRequest, shutdown::Stop};

/// One configured link with its units.
#[derive(Debug)]
pub struct Modbus {
    config: Config,
}

impl Modbus {
    /// Takes a checked configuration; nothing is dialled before [`Adapter::run`].
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// The device as others see it.
    fn info(&self, device: &Device) -> DeviceInfo {
        let points = device.points.iter().map(|mapped| &mapped.point);
        let groups = device.groups.iter().map(|group| &group.point);
        DeviceInfo {
            id: device.id.clone(),
            address: format!("unit {} at {}", device.unit, self.config.link),
            points: points.chain(groups).map(Arc::clone).collect(),
        }
    }
}

impl Adapter for Modbus {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> &'static str {
        "modbus"
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        self.config.devices.iter().map(|device| self.info(device)).collect()
    }

    fn fingerprint(&self) -> String {
        format!("{:?}", self.config)
    }

    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(run(&self.config, context))
    }
}

/// Dials, works, and dials again until stopping is asked for.
async fn run(config: &Config, context: AdapterContext) -> Result<(), AdapterError> {
    let AdapterContext { readings, events, mut requests, mut stop, clock, metrics, alive } = context;
    let mut poller = Poller::new(config, clock, metrics, readings, events, alive.clone());
    let mut outage = Outage { backoff: Backoff::new(), attempts: 0 };
    loop {
        let dialled = tokio::select! {
            biased;
            () = stop.requested() => return Ok(()),
            dialled = alive.during(link::connect(&config.link)) => dialled,
        };
        let error = match dialled {
            Ok(stream) => {
                debug!(adapter = config.name, link = %config.link, attempts = outage.attempts, "Connected");
                let error = match connected(&mut poller, stream, &mut requests, &mut stop).await {
                    End::Stopped => return Ok(()),
                    End::Failed(error) => return Err(error),
                    End::Lost(error) => error,
                };
                if poller.has_answered {
                    outage.over();
                }
                error
            }
            Err(error) => {
                poller.link_down().await?;
                error
            }
        };
        let wait = outage.goes_on(config, &error);
        if alive.during(pause(&poller, wait, &error, &mut requests, &mut stop)).await.is_none() {
            return Ok(());
        }
    }
}

/// Works on a connection and keeps count of it.
async fn connected(
    poller: &mut Poller<'_>,
    stream: TcpStream,
    requests: &mut mpsc::Receiver<DeviceRequest>,
    stop: &mut Stop,
) -> End {
    let metrics = Arc::clone(&poller.metrics);
    metrics.connects.inc();
    metrics.up.set(1);
    let end = poller.session(stream, requests, stop).await;
    metrics.up.set(0);
    end
}

/// How long the link has been away, for the log and the next wait.
struct Outage {
    backoff: Backoff,
    /// Failed attempts since the link was last up.
    attempts: u32,
}

impl Outage {
    /// A connection on which something was answered ends the outage; one that was only accepted does not.
    fn over(&mut self) {
        self.attempts = 0;
        self.backoff.reset();
    }

    /// Tells the first failure only, and gives the wait before the next attempt.
    fn goes_on(&mut self, config: &Config, error: &LinkError) -> Duration {
        if self.attempts == 0 {
            warn!(adapter = config.name, link = %config.link, %error, "Link is down, dialling again");
        }
        self.attempts = self.attempts.saturating_add(1);
        self.backoff.wait()
    }
}

/// Waits before the next attempt and answers requests meanwhile. `None` when stopping was asked for.
async fn pause(
    poller: &Poller<'_>,
    wait: Duration,
    error: &LinkError,
    requests: &mut mpsc::Receiver<DeviceRequest>,
    stop: &mut Stop,
) -> Option<()> {
    let until = Instant::now() + wait;
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return None,
            Some(request) = requests.recv() => poller.refuse(request, error),
            () = sleep_until(until) => return Some(()),
        }
    }
}
