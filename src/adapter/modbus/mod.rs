//! Modbus: polls registers of several units over one link, and writes them.
//!
//! ```text
//! plan -> schedule -> poller -> polls -> client -> pdu, frame -> link: TCP, TLS, serial port
//!                       |          '- response -> decode -> marks (a fault is told once) -> readings
//!                       '- serve (writes and reads on request, before polls)
//! ```
//!
//! Refusals change the plan (`search`, `learned`, `learning`), silence takes units out of it (`health`, `units`,
//! `share`). On TCP several polls may be under way at once (`pipeline`). Counters are counted on beyond their end (`counter`).
//!
//! The other way round, `image` lays out points of any adapter as the registers of a server of ours (`republish`).
//!
//! It promises that no answer is ever taken for the answer to another question (`client`), that a unit that does
//! not answer costs the others little (`health`), and that a write is sent at most once (`serve`).

pub mod asking;
mod blocks;
mod client;
pub mod config;
pub mod conversion;
mod cost;
mod counter;
#[cfg(test)]
mod counter_tests;
pub mod decode;
pub mod encode;
pub mod exception;
pub mod explain;
#[cfg(test)]
mod fixtures;
pub mod frame;
mod health;
pub mod identity;
pub mod image;
mod jobs;
mod later;
pub mod layout;
mod learned;
mod learning;
#[cfg(test)]
mod learning_tests;
#[cfg(test)]
mod line_tests;
mod link;
mod marks;
pub mod notation;
mod parse;
pub mod pdu;
mod pipeline;
#[cfg(test)]
mod pipeline_tests;
mod plan;
mod poller;
mod polls;
mod readings;
pub mod response;
mod schedule;
mod search;
pub mod section;
mod serve;
mod share;
pub mod shared;
mod shortest;
#[cfg(test)]
mod size_tests;
pub mod sunspec;
#[cfg(test)]
mod tests;
mod units;
#[cfg(test)]
mod units_tests;
mod write;
#[cfg(test)]
mod write_tests;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{debug, warn};

use self::{
    client::{Bus, Client},
    config::{Config, Device},
    link::{LinkError, Stream},
    poller::{End, Poller},
};
use super::{
    Adapter, AdapterContext, AdapterError, BoxFuture, DeviceInfo,
    backoff::Backoff,
    load::{Line, Load},
};
use crate::{config::Pressure, model::DeviceRequest, shutdown::Stop};

/// A connection that lasted so long is dialled again at once when its server closes it unused.
const LASTED: Duration = Duration::from_millis(100);

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

    fn pressure(&self) -> Pressure {
        self.config.pressure
    }

    fn fingerprint(&self) -> String {
        format!("{:?}", self.config)
    }

    fn load(&self, behind: Option<Line>) -> Option<Load> {
        Some(cost::load(&self.config, behind))
    }

    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        let mut work = Work::new(&self.config, context);
        Box::pin(async move { work.run().await })
    }
}

/// The work on a link for as long as the adapter runs. A gateway may have hundreds of links, each with a task in which
/// all of this stands: once, where a function that is handed it would hold it twice. Everything but the work on a
/// connection stands on the heap while it is done.
struct Work<'a> {
    poller: Poller<'a>,
    requests: mpsc::Receiver<Box<DeviceRequest>>,
    stop: Stop,
}

impl<'a> Work<'a> {
    /// Nothing is dialled yet.
    fn new(config: &'a Config, context: AdapterContext) -> Self {
        let AdapterContext { readings, events, requests, stop, clock, metrics, alive, memory, announce: _ } = context;
        let mut poller = Poller::new(config, clock, metrics, readings, events, alive);
        poller.memory = memory;
        Self { poller, requests, stop }
    }

    /// Connects, works, and connects again until stopping is asked for.
    async fn run(&mut self) -> Result<(), AdapterError> {
        let config = self.poller.config;
        Box::pin(self.poller.recall(self.poller.memory.clone())).await;
        let mut bus = Bus::new(config);
        let mut outage = Outage { backoff: Backoff::new(), attempts: 0, is_told: false };
        loop {
            let dialled = tokio::select! {
                biased;
                () = self.stop.requested() => return Ok(()),
                dialled = self.poller.alive.during(Box::pin(link::connect(config))) => dialled,
            };
            let error = match dialled {
                Ok(stream) => {
                    debug!(adapter = config.name, link = %config.link, attempts = outage.attempts, "Connected");
                    let since = Instant::now();
                    let mut client = Client::new(stream, bus);
                    let end = self.connected(&mut client).await;
                    bus = client.into_bus();
                    // Commands may come before the next poll, so one that was closed unused is made anew at once.
                    let was_unused = self.poller.is_renewed && since.elapsed() >= LASTED;
                    if self.poller.has_answered || was_unused {
                        outage.over();
                    }
                    match end {
                        End::Stopped => return Ok(()),
                        End::Failed(error) => return Err(error),
                        End::Renewed => continue,
                        End::Lost(error) => error,
                    }
                }
                Err(error) => {
                    Box::pin(self.poller.link_down()).await?;
                    error
                }
            };
            self.poller.metrics.fault.tell(&error);
            // A port that is gone was taken away; a server that closes a connection mostly does so by habit.
            let idle = if config.link.is_serial() { None } else { self.poller.idle() };
            let wait = outage.goes_on(config, &error, idle);
            let Self { poller, requests, stop } = self;
            if poller.alive.during(Box::pin(pause(poller, wait, &error, requests, stop))).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Works on a connection and keeps count of it.
    async fn connected(&mut self, client: &mut Client<Stream>) -> End {
        let metrics = &self.poller.metrics;
        metrics.connects.inc();
        metrics.up.set(1);
        metrics.fault.over();
        let end = self.poller.session(client, &mut self.requests, &mut self.stop).await;
        self.poller.metrics.up.set(0);
        end
    }
}

/// How long the link has been away, for the log and the next wait.
struct Outage {
    backoff: Backoff,
    /// Failed attempts since the link was last up.
    attempts: u32,
    /// Whether it was told.
    is_told: bool,
}

impl Outage {
    /// A connection on which something was answered ends the outage; one that was only accepted does not.
    fn over(&mut self) {
        (self.attempts, self.is_told) = (0, false);
        self.backoff.reset();
    }

    /// Tells the first failure only, and gives the wait before the next attempt. A connection that ended after it had
    /// answered, and is not needed before a time, is no failure.
    fn goes_on(&mut self, config: &Config, error: &LinkError, idle: Option<Duration>) -> Duration {
        let wait = self.backoff.wait();
        self.attempts = self.attempts.saturating_add(1);
        let Some(idle) = idle else {
            if !std::mem::replace(&mut self.is_told, true) {
                warn!(adapter = config.name, link = %config.link, %error, "Link is down, trying again");
            }
            return wait;
        };
        debug!(adapter = config.name, link = %config.link, %error, "Connection ended, making it anew");
        wait.min(idle)
    }
}

/// Waits before the next attempt and answers requests meanwhile. `None` when stopping was asked for.
async fn pause(
    poller: &Poller<'_>,
    wait: Duration,
    error: &LinkError,
    requests: &mut mpsc::Receiver<Box<DeviceRequest>>,
    stop: &mut Stop,
) -> Option<()> {
    let until = Instant::now() + wait;
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return None,
            Some(request) = requests.recv() => poller.refuse(*request, error),
            () = sleep_until(until) => return Some(()),
        }
    }
}
