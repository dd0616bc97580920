//! One coordinator at work: connect, settle which network it is, run it, and connect again when it is lost.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{
    End, LostError, Shown, book::Book, joining::Permit, keeper::Keeper, panel::Panel, power::Sending,
    put_aside::PutAside, session::Session, updates::Updates,
};
use crate::{
    adapter::{
        AdapterContext, AdapterError, Alive, Announce, Intake, Metrics,
        backoff::Backoff,
        memory::Memory,
        zigbee::{
            config::Config,
            kept::Kept,
            link,
            network::Wish,
            quirk::{Scripts, Shelf},
            radio::{Network, Radio as _, Stick},
            znp::coordinator::Coordinator,
        },
    },
    model::{DeviceRequest, Event, SharedClock},
    shutdown::Stop,
};

/// Everything that outlives a connection.
pub(super) struct World<'a> {
    pub(super) config: &'a Config,
    pub(super) shown: Shown,
    pub(super) book: Book,
    /// Until when devices are let in.
    pub(super) permit: Permit,
    /// Commands for sleepers, while there is no connection.
    pub(super) put_aside: PutAside,
    /// What keypads are told of the alarm panel.
    pub(super) panel: Panel,
    /// What the stick says of the power that is wanted.
    pub(super) sending: Sending,
    /// Devices that are given new firmware.
    pub(super) updates: Updates,
    /// Profiles, by maker and model.
    pub(super) shelf: Shelf,
    /// Scripts of profiles.
    pub(super) scripts: Scripts,
    /// Backups of the coordinator.
    pub(super) keeper: Keeper,
    pub(super) readings: Intake,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) requests: mpsc::Receiver<Box<DeviceRequest>>,
    pub(super) stop: Stop,
    pub(super) clock: SharedClock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) alive: Alive,
    pub(super) memory: Memory,
    pub(super) announce: Announce,
    /// What was last told of the network, so that it is told once.
    pub(super) told: Option<String>,
}

/// The stick on its link.
pub(super) type Radio = Coordinator<Box<dyn link::Bytes>>;

/// Longest life of a connection that still counts as part of an outage.
const STEADY: Duration = Duration::from_secs(30);

/// Connects, works, and connects again until stopping is asked for.
pub(super) async fn run(config: &Config, shown: Shown, context: AdapterContext) -> Result<(), AdapterError> {
    let mut world = World::recall(config, shown, context).await;
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
        world.metrics.fault.tell(&error);
        if failures == 0 {
            warn!(adapter = config.name, link = %config.link, %error, "Coordinator is away, trying again");
        }
        failures = failures.saturating_add(1);
        if world.pause(backoff.wait(), &error.to_string()).await.is_none() {
            return Ok(());
        }
    }
}

impl<'a> World<'a> {
    /// What was known at the end of the last run.
    async fn recall(config: &'a Config, shown: Shown, context: AdapterContext) -> Self {
        let AdapterContext { readings, events, requests, stop, clock, metrics, alive, memory, announce } = context;
        let mut kept: Kept = memory.recall().await.unwrap_or_default();
        let ordered = std::mem::take(&mut kept.updates);
        Self {
            config,
            shown,
            book: Book::of(config, kept),
            permit: Permit::default(),
            put_aside: PutAside::default(),
            panel: Panel::default(),
            sending: Sending::default(),
            updates: Updates::new(config.firmware_rate, ordered, clock.now()),
            shelf: Shelf::new(config.quirks.clone()),
            scripts: Scripts::default(),
            keeper: Keeper::recall(config, &memory, clock.now()).await,
            readings,
            events,
            requests,
            stop,
            clock,
            metrics,
            alive,
            memory,
            announce,
            told: None,
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
        if let Err(end) = self.set_power(&mut radio).await {
            return end;
        }
        self.shown.lock().condition = None;
        self.told = None;
        self.metrics.up.set(1);
        self.metrics.fault.over();
        let (channel, pan) = (network.channel, network.pan);
        info!(adapter = self.config.name, firmware = stick.firmware, channel, %pan, "Zigbee network is at work");
        match Session::new(self, radio, stick.ieee, network).run().await {
            Ok(()) => End::Stopped,
            Err(end) => end,
        }
    }

    /// Connects and starts the stick.
    async fn begin(&mut self) -> Result<(Radio, Stick), LostError> {
        self.sending.forget();
        let mut radio = Coordinator::new(self.config.link.connect().await?);
        let stick = radio.start().await?;
        self.metrics.connects.inc();
        Ok((radio, stick))
    }

    /// What is wanted of the network; the key is read each time, so that a new file counts.
    pub(super) fn wish(&self) -> Result<Wish, String> {
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
            let due = self.put_aside.due().map_or(until, |due| due.min(until));
            tokio::select! {
                biased;
                () = self.stop.requested() => return None,
                Some(request) = self.requests.recv() => self.refuse(*request, why),
                () = sleep_until(due) => {}
            }
            if until <= Instant::now() {
                return Some(());
            }
            self.put_aside.end_overdue(self.clock.now());
            self.alive.sign();
        }
    }

    /// Lets others see the devices as they are now.
    pub(super) fn show(&self) {
        self.shown.lock().devices = Some(self.book.infos(self.config));
        self.announce.changed();
    }

    /// Tells others and keeps for the next start what has changed.
    pub(super) fn keep(&self) {
        self.show();
        self.memory.keep(&self.kept());
    }

    /// The same for what a person ordered, which must outlive a power cut: it is on disk then.
    pub(super) async fn keep_now(&self) {
        self.show();
        self.alive.clone().during(self.memory.keep_now(&self.kept())).await;
    }

    /// What the next start shall know.
    fn kept(&self) -> Kept {
        Kept::of(self.book.iter(), self.updates.ordered(self.clock.now()))
    }

    /// Tells something of the gateway itself.
    pub(super) async fn tell(&self, what: &str, text: String) -> Result<(), End> {
        let event = Event::gateway(self.clock.now(), what, text);
        self.send_event(event).await
    }

    /// Hands an event over; waits for room.
    pub(super) async fn send_event(&self, event: Event) -> Result<(), End> {
        self.events.send(event).await.map_err(|_| End::Closed(AdapterError::Closed))
    }

    /// The network at work, for people and programs.
    pub(super) fn view(&self, network: Option<&Network>, state: &str) -> serde_json::Value {
        serde_json::json!({
            "adapter": self.config.name,
            "state": state,
            "channel": network.map(|network| network.channel),
            "pan_id": network.map(|network| network.pan),
            "extended_pan_id": network.map(|network| format!("{:016x}", network.extended_pan.0)),
            "permit_join": self.permit.left().as_secs(),
            "tx_power": self.sending.view(self.config.tx_power),
            "backed_up": self.keeper.newest(),
            "devices": self.book.views(),
        })
    }
}
