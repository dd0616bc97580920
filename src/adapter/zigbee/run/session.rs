//! Work on a running network: one loop that hears the stick, asks devices, and answers the gateway.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::{
    End, LostError, Radio, World,
    calls::{Calls, MAX_UNDER_WAY, What},
    survey::Survey,
};
use crate::{
    adapter::{
        Alive,
        zigbee::{
            address::{Cluster, Ieee, Nwk},
            interview::{self, general},
            radio::{Delivery, Destination, Event, Network, Outgoing, Radio as _},
            zcl::General,
            zdo::{
                Request as _,
                request::{IeeeAddress, NwkAddress},
            },
            znp::{command::status::Status, coordinator::ZnpError},
        },
    },
    model::{DeviceChange, DeviceRequest, Event as Told, EventKind, NetworkWish, Reading, Value},
};

/// How often the stick is asked whether it is there while it says nothing, and the limit of its answer.
const CHECK: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5));

/// How often it is looked for devices that have fallen silent.
const LOOK: Duration = Duration::from_secs(60);

/// How long steps of interviews wait to be written down together.
const KEEP: Duration = Duration::from_secs(2);

/// Silence of a device that listens all the time, after which it is asked if it is there.
const AWAKE_SILENCE: Duration = Duration::from_secs(15 * 60);
/// Silence of a device that sleeps, after which it is offline: those that report nothing say a word once a day.
const ASLEEP_SILENCE: Duration = Duration::from_secs(25 * 3600);

/// Questions without an answer after which a device that listens all the time is offline.
const OFFLINE_AFTER: u32 = 3;

/// Strangers that are asked who they are, at once. What more of them say is passed over and counted as rejected.
const MAX_STRANGERS: usize = 32;

/// Work on one connection.
pub(super) struct Session<'a, 'c> {
    pub(super) world: &'a mut World<'c>,
    pub(super) radio: Radio,
    /// The stick's own address.
    pub(super) home: Ieee,
    network: Network,
    pub(super) calls: Calls,
    /// Last values of points that can be set, for the answer to a command.
    pub(super) latest: BTreeMap<(Ieee, String), Value>,
    /// Short addresses that nobody we know has, and until when they are not asked again.
    strangers: BTreeMap<Nwk, Instant>,
    /// When the stick is asked next whether it is there.
    check: Instant,
    /// When it is looked for silent devices next.
    look: Instant,
    /// The survey for a map, while there is one.
    pub(super) survey: Option<Survey>,
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
        let (latest, strangers, now) = (BTreeMap::new(), BTreeMap::new(), Instant::now());
        let (check, look) = (now + CHECK.0, now + LOOK);
        Self { world, radio, home, network, calls, latest, strangers, check, look, survey: None, keep: None }
    }

    /// Works until stopping is asked for, or the stick is away.
    pub(super) async fn run(mut self) -> Result<(), End> {
        self.permit().await?;
        loop {
            self.world.alive.sign();
            self.pump().await?;
            let due = self.due();
            tokio::select! {
                biased;
                () = self.world.stop.requested() => return self.close().await,
                Some(request) = self.world.requests.recv() => self.request(request).await?,
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
            self.survey.as_ref().map(Survey::due),
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

    /// Tells routers for how long devices are let in.
    async fn permit(&mut self) -> Result<(), End> {
        if self.world.permit.left().is_zero() {
            return Ok(());
        }
        let seconds = self.world.permit.seconds();
        Ok(self.radio.permit_join(seconds).await.map_err(LostError::from)?)
    }

    /// Answers the gateway.
    async fn request(&mut self, request: DeviceRequest) -> Result<(), End> {
        match request {
            DeviceRequest::Write { command, point, reply } if self.world.book.group(point.device()).is_some() => {
                self.write_to_group(&command, &point, reply).await?;
            }
            DeviceRequest::Write { command, point, reply } => self.write(&command, point, reply),
            DeviceRequest::Read { point, reply } => self.read(point, reply),
            DeviceRequest::Network { wish: wish @ (NetworkWish::Backup | NetworkWish::Restore(_)), reply } => {
                self.world.keep_or_restore(&mut self.radio, wish, reply).await?;
            }
            DeviceRequest::Network { wish: NetworkWish::Map, reply } => self.survey(reply).await?,
            DeviceRequest::Network { wish, reply } => {
                let answer = match wish {
                    NetworkWish::Show | NetworkWish::Map | NetworkWish::Backup | NetworkWish::Restore(_) => Ok(()),
                    NetworkWish::Form => Err("the coordinator holds a network; it is not overwritten".to_owned()),
                    NetworkWish::PermitJoin(time) => {
                        self.world.permit.set(time);
                        let seconds = self.world.permit.seconds();
                        self.radio.permit_join(seconds).await.map_err(LostError::from)?;
                        Ok(())
                    }
                };
                // An asker that stopped waiting does not need to know.
                let _ = reply.send(answer.map(|()| self.world.view(Some(&self.network), "up")));
            }
        }
        Ok(())
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

    /// Asks what is next of every device that has something to ask.
    async fn pump(&mut self) -> Result<(), End> {
        let now = Instant::now();
        for ieee in self.calls.busy.clone() {
            if self.calls.under_way() >= MAX_UNDER_WAY {
                return Ok(());
            }
            let line = self.calls.line(ieee);
            if line.asked.is_none() && line.rests_until <= now {
                self.ask(ieee).await?;
            }
        }
        Ok(())
    }

    /// Asks a device what is next; there may be nothing.
    async fn ask(&mut self, ieee: Ieee) -> Result<(), End> {
        let number = self.calls.number();
        let Some(nwk) = self.world.book.get(ieee).and_then(|device| device.nwk) else {
            self.calls.busy.remove(&ieee);
            return self.find(ieee).await;
        };
        if let Some((message, endpoint)) = self.next_order(ieee, nwk, number) {
            return self.put(ieee, What::Order, endpoint, message).await;
        }
        let Some(device) = self.world.book.get(ieee) else { return Ok(()) };
        if let Some(step) = interview::next(device) {
            let message = interview::question(device, nwk, step, number, self.home);
            let endpoint = endpoint_of(&message);
            return self.put(ieee, What::Step(step), endpoint, message).await;
        }
        if self.calls.line(ieee).is_doubted {
            let endpoint = device.listed.first().copied().unwrap_or(1);
            // The version of the library, which every device has (ZCL, 3.2.2.2.1).
            let version = General::Read(vec![crate::adapter::zigbee::address::Attribute(0)]);
            let message = general(nwk, endpoint, Cluster(0), number, &version);
            return self.put(ieee, What::Check, endpoint, message).await;
        }
        self.calls.busy.remove(&ieee);
        Ok(())
    }

    /// Hands a question to the stick. One that is busy is asked again later.
    async fn put(&mut self, ieee: Ieee, what: What, endpoint: u8, message: Outgoing) -> Result<(), End> {
        self.world.metrics.requests.inc();
        self.calls.line(ieee).ask(what, message.transaction, endpoint, message.cluster);
        match self.radio.send(&message).await {
            Ok(()) => Ok(()),
            Err(ZnpError::Status { status, .. }) => {
                debug!(adapter = self.world.config.name, %ieee, %status, "Coordinator does not take a message now");
                let delivery = if status == Status::NO_ROUTE { Delivery::NoRoute } else { Delivery::Busy };
                self.failed(ieee, Some(delivery)).await
            }
            Err(error) => Err(LostError::from(error).into()),
        }
    }

    /// Sends what needs no answer; a stick that is busy loses it, and whoever waits for it asks again.
    pub(super) async fn send_off(&mut self, message: &Outgoing) -> Result<(), End> {
        match self.radio.send(message).await {
            Ok(()) => Ok(()),
            Err(ZnpError::Status { status, .. }) => {
                debug!(adapter = self.world.config.name, %status, "Coordinator does not take an answer now");
                Ok(())
            }
            Err(error) => Err(LostError::from(error).into()),
        }
    }

    /// A question came to nothing.
    async fn failed(&mut self, ieee: Ieee, delivery: Option<Delivery>) -> Result<(), End> {
        let line = self.calls.line(ieee);
        match line.asked.as_ref().map(|asked| asked.what) {
            Some(What::Order) => self.order_failed(ieee, delivery),
            Some(What::Step(_) | What::Check) => line.fail(),
            None => return Ok(()),
        }
        let failures = self.calls.line(ieee).failures;
        if failures == OFFLINE_AFTER {
            self.find(ieee).await?;
            let is_awake = self.world.book.get(ieee).is_some_and(|device| !device.sleeps());
            if is_awake && self.calls.line(ieee).is_doubted {
                self.offline(ieee).await?;
            }
        }
        Ok(())
    }

    /// Asks everybody for the short address of a device.
    async fn find(&mut self, ieee: Ieee) -> Result<(), End> {
        let number = self.calls.number();
        let request = NwkAddress { ieee, kind: 0, start: 0 };
        let to = Destination::Broadcast(Nwk::AWAKE, 0);
        let frame = request.to_frame(number);
        let message = Outgoing { to, from: 0, cluster: NwkAddress::CLUSTER, transaction: number, frame };
        self.send_off(&message).await
    }

    /// Asks a stranger who it is.
    pub(super) async fn who_is(&mut self, nwk: Nwk) -> Result<(), End> {
        let now = Instant::now();
        self.strangers.retain(|_, until| *until > now);
        if self.strangers.contains_key(&nwk) || self.strangers.len() >= MAX_STRANGERS {
            self.world.metrics.rejected.inc();
            return Ok(());
        }
        self.strangers.insert(nwk, now + CHECK.0);
        let number = self.calls.number();
        let message = interview::zdo(nwk, number, &IeeeAddress { nwk, kind: 0, start: 0 });
        self.send_off(&message).await
    }

    /// Asks those that listen and say nothing, and tells of sleepers that have not woken for long.
    async fn look_for_silence(&mut self) -> Result<(), End> {
        let now = self.world.clock.now();
        let mut silent = Vec::new();
        for device in self.world.book.iter().filter(|device| device.is_interviewed) {
            let silence = device.last_seen.map_or(Duration::ZERO, |seen| now.since(seen));
            let limit = if device.sleeps() { ASLEEP_SILENCE } else { AWAKE_SILENCE };
            if silence > limit {
                silent.push((device.ieee, device.sleeps(), device.is_offline));
            }
        }
        for (ieee, sleeps, is_offline) in silent {
            if sleeps && !is_offline {
                self.offline(ieee).await?;
            } else if !sleeps {
                self.calls.line(ieee).is_doubted = true;
                self.calls.wake(ieee);
            }
        }
        Ok(())
    }

    /// Tells that a device is offline, once, and that nothing is known of its points.
    async fn offline(&mut self, ieee: Ieee) -> Result<(), End> {
        let now = self.world.clock.now();
        let Some(device) = self.world.book.get_mut(ieee).filter(|device| !device.is_offline) else { return Ok(()) };
        device.is_offline = true;
        device.faulty = device.all_points().map(|point| point.name().to_string()).collect();
        let bad = device.all_points().filter(|point| point.access.can_read());
        let bad = bad.map(|point| Reading::bad(std::sync::Arc::clone(point), "device-offline", now)).collect();
        self.publish(bad).await?;
        self.tell_device(ieee, DeviceChange::Offline).await
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

/// The endpoint a message goes to.
fn endpoint_of(message: &Outgoing) -> u8 {
    match message.to {
        Destination::Device(_, endpoint) | Destination::Broadcast(_, endpoint) => endpoint,
        Destination::Group(_) => 0,
    }
}
