//! Work on a running network: one loop that hears the stick, asks devices, and answers the gateway.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::{End, LostError, Radio, World, calls::Calls, energy::Scan, survey::Survey};
use crate::{
    adapter::{
        Alive,
        zigbee::{
            address::{Ieee, Nwk},
            radio::{Delivery, Event, Network, Radio as _},
        },
    },
    model::{DeviceChange, Event as Told, EventKind, Reading, Value},
};

/// How often the stick is asked whether it is there while it says nothing, and the limit of its answer.
pub(super) const CHECK: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));

/// How often it is looked for devices that have fallen silent.
const LOOK: Duration = Duration::from_secs(60);

/// How long steps of interviews wait to be written down together.
const KEEP: Duration = Duration::from_secs(2);

/// Work on one connection.
pub(super) struct Session<'a, 'c> {
    pub(super) world: &'a mut World<'c>,
    pub(super) radio: Radio,
    /// The stick's own address.
    pub(super) home: Ieee,
    pub(super) network: Network,
    pub(super) calls: Calls,
    /// Last values of points that can be set, for the answer to a command.
    pub(super) latest: BTreeMap<(Ieee, String), Value>,
    /// Short addresses that nobody we know has, and until when they are not asked again.
    pub(super) strangers: BTreeMap<Nwk, Instant>,
    /// When the stick is asked next whether it is there.
    check: Instant,
    /// When it is looked for silent devices next.
    look: Instant,
    /// The survey for a map, while there is one.
    pub(super) survey: Option<Survey>,
    /// The measurement of channels, while there is one.
    pub(super) scan: Option<Scan>,
    /// When the steps of interviews that are done are written down.
    keep: Option<Instant>,
}

impl<'a, 'c> Session<'a, 'c> {
    /// On a running network.
    pub(super) fn new(world: &'a mut World<'c>, radio: Radio, home: Ieee, network: Network) -> Self {
        let mut calls = Calls::default();
        for device in world.book.iter() {
            calls.wake(device.ieee);
        }
        world.put_aside.give_back(&mut calls);
        let (latest, strangers, now) = (BTreeMap::new(), BTreeMap::new(), Instant::now());
        let (check, look) = (now + CHECK.0, now + LOOK);
        Self {
            world,
            radio,
            home,
            network,
            calls,
            latest,
            strangers,
            check,
            look,
            survey: None,
            scan: None,
            keep: None,
        }
    }

    /// Works until stopping is asked for, or the stick is away. What waits for sleepers outlives that.
    pub(super) async fn run(mut self) -> Result<(), End> {
        let end = self.work().await;
        let why = if end.is_ok() { "the gateway is stopping" } else { "the coordinator is no longer there" };
        self.end_scan(Err(why.to_owned()));
        self.world.put_aside.take(self.calls);
        self.world.updates.hang_up();
        end
    }

    /// Works until stopping is asked for, or the stick is away.
    async fn work(&mut self) -> Result<(), End> {
        self.permit().await?;
        loop {
            self.world.alive.sign();
            self.pump().await?;
            let due = self.due();
            tokio::select! {
                biased;
                () = self.world.stop.requested() => return self.close().await,
                Some(request) = self.world.requests.recv() => self.request(*request).await?,
                event = self.radio.next_event() => self.event(event.map_err(LostError::from)?).await?,
                () = sleep_until(due) => self.time_is_up().await?,
            }
        }
    }

    /// Closes the network to newcomers, within a limit: the stick may be the reason for stopping.
    async fn close(&mut self) -> Result<(), End> {
        if !self.world.permit.left().is_zero() {
            self.world.permit.set(Duration::ZERO);
            let closed = timeout(CHECK.1, self.radio.permit_join(0)).await;
            if !matches!(closed, Ok(Ok(()))) {
                debug!(adapter = self.world.config.name, "Joining ends by itself, the coordinator did not answer");
            }
        }
        self.back_up_at_the_end().await;
        self.world.keep();
        Ok(())
    }

    /// When something is due at the latest.
    fn due(&self) -> Instant {
        let sign = Instant::now() + Alive::INTERVAL;
        let more = [
            self.calls.due(),
            self.world.permit.due(),
            self.world.keeper.due(),
            self.keep,
            self.world.updates.due(),
            self.survey.as_ref().map(Survey::due),
            self.scan.as_ref().map(Scan::due),
        ]
        .into_iter()
        .flatten();
        more.chain([sign, self.check, self.look]).min().expect("there are three at least")
    }

    /// Does what is due.
    async fn time_is_up(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if self.world.permit.due().is_some_and(|due| due <= now) {
            self.permit().await?;
        }
        if self.world.keeper.due().is_some_and(|due| due <= now) {
            self.back_up().await?;
        }
        if self.check <= now {
            self.radio.check(CHECK.1).await.map_err(LostError::from)?;
            self.check = Instant::now() + CHECK.0;
        }
        self.survey_fails(None).await?;
        self.scan_on().await?;
        self.look_at_orders();
        self.give_parts().await?;
        self.end_late_updates().await?;
        for ieee in self.calls.late(now) {
            self.world.metrics.timeouts.inc();
            self.failed(ieee, None).await?;
        }
        if self.keep.is_some_and(|due| due <= now) {
            self.keep = None;
            self.world.keep();
        }
        if self.look <= now {
            self.look = now + LOOK;
            self.look_for_silence().await?;
        }
        Ok(())
    }

    /// Steps of an interview are done, and will be written down together with those that follow at once.
    pub(super) fn keep_soon(&mut self) {
        self.keep.get_or_insert_with(|| Instant::now() + KEEP);
    }

    /// Takes what happened.
    async fn event(&mut self, event: Event) -> Result<(), End> {
        self.check = Instant::now() + CHECK.0;
        match event {
            Event::Message(message) => self.hear(message).await,
            Event::Confirmed { delivery: Delivery::Done, .. } | Event::Route { .. } | Event::Permitted(_) => Ok(()),
            Event::Confirmed { transaction, delivery, .. } => match self.calls.asked_as(transaction) {
                Some(ieee) => self.failed(ieee, Some(delivery)).await,
                None => self.survey_fails(Some(transaction)).await,
            },
            Event::Joined { nwk, ieee, .. } => self.joined(nwk, ieee).await,
            Event::Left { ieee, will_rejoin, .. } => self.left(ieee, will_rejoin).await,
            Event::Restarted => Err(LostError::Restarted.into()),
        }
    }

    /// Hands readings on.
    pub(super) async fn publish(&mut self, readings: Vec<Reading>) -> Result<(), End> {
        if readings.is_empty() {
            return Ok(());
        }
        let alive = self.world.alive.clone();
        alive.during(self.world.readings.send(readings.into())).await.map_err(End::Closed)
    }

    /// Tells what a device did.
    pub(super) async fn tell_device(&mut self, ieee: Ieee, what: DeviceChange) -> Result<(), End> {
        let Some(device) = self.world.book.get(ieee) else { return Ok(()) };
        let kind = EventKind::Device { device: device.id.clone(), what, about: device.facts() };
        let event = Told { ts: self.world.clock.now(), kind };
        self.world.send_event(event).await
    }
}
