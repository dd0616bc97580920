//! The adapter: a stick, its network and its devices, from the first byte to readings, for as long as it is asked to.
//!
//! ```text
//! connect ─> start ─> what does it hold? ─┬─ the network that is wanted ─> session ──┐
//!    ^                                    ├─ another: refused, nothing is written    │
//!    │                                    └─ none: empty, until it may form one      │
//!    └──────── backoff <──── link lost, stick mute or restarted ─────────────────────┘
//! ```

mod book;
mod calls;
mod groups;
mod hear;
mod joining;
mod keeping;
mod orders;
mod quirks;
mod resting;
mod session;
mod setup;
mod survey;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use self::{book::Book, joining::Permit, keeping::Keeper, session::Session};
use super::{
    config::Config,
    link::LinkError,
    network::Wish,
    quirk::{Scripts, Shelf},
    radio::{Network, Radio as _, Stick},
    znp::coordinator::{Coordinator, ZnpError},
};
use crate::{
    adapter::{
        Adapter, AdapterContext, AdapterError, Alive, Announce, BoxFuture, Condition, DeviceInfo, Intake, Metrics,
        backoff::Backoff, memory::Memory,
    },
    config::Pressure,
    model::{DeviceRequest, Event, SharedClock},
    shutdown::Stop,
};

/// One configured coordinator.
#[derive(Debug)]
pub struct Zigbee {
    config: Config,
    /// What others see while it works.
    shown: Shown,
}

/// What a running adapter shows.
#[derive(Debug, Default, Clone)]
struct Shown(Arc<Mutex<View>>);

/// What is shown.
#[derive(Debug, Default)]
struct View {
    /// The devices, once they are known.
    devices: Option<Vec<DeviceInfo>>,
    /// Why it rests, if it does.
    condition: Option<Condition>,
}

impl Shown {
    /// The view; a holder that panicked left it whole.
    fn lock(&self) -> MutexGuard<'_, View> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Zigbee {
    /// Takes a checked configuration; nothing is opened before [`Adapter::run`].
    pub fn new(config: Config) -> Self {
        Self { config, shown: Shown::default() }
    }
}

impl Adapter for Zigbee {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> &'static str {
        "zigbee"
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        let known = self.shown.lock().devices.clone();
        known.unwrap_or_else(|| book::listed(&self.config))
    }

    fn pressure(&self) -> Pressure {
        self.config.pressure
    }

    fn fingerprint(&self) -> String {
        format!("{:?}", self.config)
    }

    fn condition(&self) -> Option<Condition> {
        self.shown.lock().condition.clone()
    }

    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(run(&self.config, self.shown.clone(), context))
    }
}

/// Everything that outlives a connection.
struct World<'a> {
    config: &'a Config,
    shown: Shown,
    book: Book,
    /// Profiles, by maker and model.
    shelf: Shelf,
    /// Scripts of profiles.
    scripts: Scripts,
    /// Until when devices are let in.
    permit: Permit,
    /// Backups of the coordinator.
    keeper: Keeper,
    readings: Intake,
    events: mpsc::Sender<Event>,
    requests: mpsc::Receiver<DeviceRequest>,
    stop: Stop,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    alive: Alive,
    memory: Memory,
    announce: Announce,
    /// What was last told of the network, so that it is told once.
    told: Option<String>,
}

/// Why a connection ended.
#[derive(Debug)]
enum End {
    /// Stopping was asked for.
    Stopped,
    /// The readings' way out is gone.
    Closed(AdapterError),
    /// The stick was given another network, and has to be started.
    Anew,
    /// The stick or the way to it.
    Lost(LostError),
}

/// Why the stick is no longer there.
#[derive(Debug, thiserror::Error)]
enum LostError {
    /// The way to it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The stick itself.
    #[error(transparent)]
    Stick(#[from] ZnpError),
    /// It lost everything it was told.
    #[error("the coordinator has restarted by itself")]
    Restarted,
}

impl<E: Into<LostError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Lost(error.into())
    }
}

/// The stick on its link.
type Radio = Coordinator<Box<dyn super::link::Bytes>>;

/// Longest life of a connection that still counts as part of an outage.
const STEADY: Duration = Duration::from_secs(30);

/// Connects, works, and connects again until stopping is asked for.
async fn run(config: &Config, shown: Shown, context: AdapterContext) -> Result<(), AdapterError> {
    let AdapterContext { readings, events, requests, stop, clock, metrics, alive, memory, announce } = context;
    let book = Book::recall(config, &memory).await;
    let keeper = Keeper::recall(config, &memory, clock.now()).await;
    let (permit, told) = (Permit::default(), None);
    let (shelf, scripts) = (Shelf::new(config.quirks.clone()), Scripts::default());
    let mut world = World {
        config,
        shown,
        book,
        shelf,
        scripts,
        permit,
        keeper,
        readings,
        events,
        requests,
        stop,
        clock,
        metrics,
        alive,
        memory,
        announce,
        told,
    };
    world.apply_quirks().await;
    world.show();
    let mut backoff = Backoff::new();
    let mut failures = 0u32;
    loop {
        let began = Instant::now();
        let end = world.connection().await;
        world.metrics.up.set(0);
        let error = match end {
            End::Stopped => return Ok(()),
            End::Closed(error) => return Err(error),
            End::Anew => continue,
            End::Lost(error) => error,
        };
        if began.elapsed() > STEADY {
            failures = 0;
            backoff.reset();
        }
        if failures == 0 {
            warn!(adapter = config.name, link = %config.link, %error, "Coordinator is away, trying again");
        }
        failures = failures.saturating_add(1);
        if world.pause(backoff.wait(), &error.to_string()).await.is_none() {
            return Ok(());
        }
    }
}

impl World<'_> {
    /// One connection, from dialling to its end.
    async fn connection(&mut self) -> End {
        let mut stop = self.stop.clone();
        let alive = self.alive.clone();
        let begun = tokio::select! {
            biased;
            () = stop.requested() => return End::Stopped,
            begun = alive.during(self.begin()) => begun,
        };
        let (mut radio, stick) = match begun {
            Ok(begun) => begun,
            Err(error) => return error.into(),
        };
        let network = match self.settle(&mut radio, &stick).await {
            Ok(network) => network,
            Err(end) => return end,
        };
        self.shown.lock().condition = None;
        self.told = None;
        self.metrics.up.set(1);
        let (channel, pan) = (network.channel, network.pan);
        info!(adapter = self.config.name, firmware = stick.firmware, channel, %pan, "Zigbee network is at work");
        match Session::new(self, radio, stick.ieee, network).run().await {
            Ok(()) => End::Stopped,
            Err(end) => end,
        }
    }

    /// Connects and starts the stick.
    async fn begin(&mut self) -> Result<(Radio, Stick), LostError> {
        let mut radio = Coordinator::new(self.config.link.connect().await?);
        let stick = radio.start().await?;
        self.metrics.connects.inc();
        Ok((radio, stick))
    }

    /// What is wanted of the network; the key is read each time, so that a new file counts.
    fn wish(&self) -> Result<Wish, String> {
        let network = &self.config.network;
        let key = match &network.key {
            None => None,
            Some(secret) => {
                let text = secret.read().map_err(|error| format!("network key: {error}"))?;
                Some(text.expose().parse().map_err(|error| format!("network key: {error}"))?)
            }
        };
        Ok(Wish { channel: network.channel, pan: network.pan, extended_pan: network.extended_pan, key })
    }

    /// Waits before the next attempt and answers requests meanwhile. `None` when stopping was asked for.
    async fn pause(&mut self, wait: Duration, why: &str) -> Option<()> {
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                () = self.stop.requested() => return None,
                Some(request) = self.requests.recv() => self.refuse(request, why),
                () = sleep_until(until) => return Some(()),
            }
            self.alive.sign();
        }
    }

    /// Lets others see the devices as they are now.
    fn show(&self) {
        self.shown.lock().devices = Some(self.book.infos(self.config));
        self.announce.changed();
    }

    /// Tells others and keeps for the next start what has changed.
    fn keep(&self) {
        self.show();
        self.memory.keep(&self.book.kept());
    }

    /// Tells something of the gateway itself.
    async fn tell(&self, what: &str, text: String) -> Result<(), End> {
        let event = Event::gateway(self.clock.now(), what, text);
        self.send_event(event).await
    }

    /// Hands an event over; waits for room.
    async fn send_event(&self, event: Event) -> Result<(), End> {
        self.events.send(event).await.map_err(|_| End::Closed(AdapterError::Closed))
    }

    /// The network at work, for people and programs.
    fn view(&self, network: Option<&Network>, state: &str) -> serde_json::Value {
        serde_json::json!({
            "adapter": self.config.name,
            "state": state,
            "channel": network.map(|network| network.channel),
            "pan_id": network.map(|network| network.pan),
            "extended_pan_id": network.map(|network| format!("{:016x}", network.extended_pan.0)),
            "permit_join": self.permit.left().as_secs(),
            "backed_up": self.keeper.newest(),
            "devices": self.book.views(),
        })
    }
}
