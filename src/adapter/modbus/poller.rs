//! The work on one link: polls by the clock, requests before them, one at a time. What it learns from refusals is
//! `learning`'s, what it does about units that do not answer is `units`'s.
//!
//! Faults end here: a unit that does not answer gives bad readings, told once; a connection that is lost is reported
//! to the caller, who dials again. Only a closed way out for readings ends the adapter.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::{Instant, interval},
};
use tracing::{debug, info, warn};

use super::{
    client::{CallError, Client, Patience},
    config::{Config, Device, MappedPoint},
    decode::{decode, decode_bit},
    exception::Exception,
    health::{Change, Health},
    jobs::{Job, Jobs},
    later::Later,
    layout::{extent, is_bits},
    learned::Learned,
    link::LinkError,
    marks::Marks,
    pdu::Request,
    plan::plan,
    share::Share,
    sunspec,
};
use crate::{
    adapter::{AdapterError, Alive, Intake, Metrics, memory::Memory},
    model::{
        Batch, DeviceChange, DeviceFacts, DeviceRequest, Event, EventKind, PointAddress, Reading, SharedClock,
        Timestamp, Value,
    },
    shutdown::Stop,
};

/// Timeouts in a row after which the connection is made anew: it may be dead without saying so.
const SILENT_LIMIT: u32 = 3;

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// Stopping was asked for.
    Stopped,
    /// The connection is of no use any more.
    Lost(LinkError),
    /// The adapter cannot go on.
    Failed(AdapterError),
}

impl From<AdapterError> for End {
    fn from(error: AdapterError) -> Self {
        Self::Failed(error)
    }
}

/// Everything about one link that outlives its connections.
pub(super) struct Poller<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: SharedClock,
    pub(super) metrics: Arc<Metrics>,
    readings: Intake,
    events: mpsc::Sender<Event>,
    alive: Alive,
    /// Where each point is: device and point index.
    places: HashMap<&'a PointAddress, (usize, usize)>,
    pub(super) jobs: Jobs,
    pub(super) health: Vec<Health>,
    pub(super) marks: Marks,
    /// What is known of each device.
    pub(super) learned: Vec<Learned>,
    /// The longest blocks that each device gave: of registers, of bits.
    pub(super) given: Vec<[u16; 2]>,
    /// Where that is kept.
    pub(super) memory: Memory,
    /// Time lost to units that do not answer.
    pub(super) share: Share,
    /// The slowest answer of late, once there was one.
    pub(super) slowest: Option<Duration>,
    /// Where each device keeps its SunSpec model, if its points belong to one.
    pub(super) models: Vec<sunspec::Place>,
    /// What writes have left to be done.
    pub(super) later: Later<'a>,
    /// Timeouts in a row on this connection.
    pub(super) silent: u32,
    /// Whether anything was answered on this connection.
    pub(super) has_answered: bool,
}

impl<'a> Poller<'a> {
    /// Plans the requests for a configuration.
    pub(super) fn new(
        config: &'a Config,
        clock: SharedClock,
        metrics: Arc<Metrics>,
        readings: Intake,
        events: mpsc::Sender<Event>,
        alive: Alive,
    ) -> Self {
        let now = Instant::now();
        Self {
            config,
            clock,
            metrics,
            readings,
            events,
            alive,
            places: places(&config.devices),
            jobs: Jobs::new(plan(&config.devices), config.devices.len(), now),
            models: vec![sunspec::Place::default(); config.devices.len()],
            later: Later::default(),
            health: config.devices.iter().map(|device| Health::new(device.backoff)).collect(),
            marks: Marks::new(&config.devices),
            learned: vec![Learned::default(); config.devices.len()],
            given: vec![[0; 2]; config.devices.len()],
            memory: Memory::none(),
            share: Share::new(now),
            slowest: None,
            silent: 0,
            has_answered: false,
        }
    }

    /// Works on one connection until it ends. A stop waits for a write under way and for the readings of a poll that
    /// was answered, but not for an answer.
    pub(super) async fn session<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        client: &mut Client<S>,
        requests: &mut mpsc::Receiver<DeviceRequest>,
        stop: &mut Stop,
    ) -> End {
        (self.silent, self.has_answered) = (0, false);
        self.restart();
        let end = self.work(client, requests, stop).await;
        // A connection that is lost cannot end them; the next one will.
        if !matches!(end, End::Lost(_)) {
            self.end_pulses(client).await;
        }
        end
    }

    /// Does what is due until the connection ends or stopping is asked for.
    async fn work<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        client: &mut Client<S>,
        requests: &mut mpsc::Receiver<DeviceRequest>,
        stop: &mut Stop,
    ) -> End {
        let mut signs = interval(Alive::INTERVAL);
        loop {
            self.alive.sign();
            let worked = tokio::select! {
                biased;
                () = stop.requested() => return End::Stopped,
                // Before the polls, of which an overloaded link always has one ready.
                _ = signs.tick() => self.say_stale().await,
                task = self.later.next() => self.follow_up(client, task).await,
                Some(request) = requests.recv() => self.serve(client, request).await,
                job = self.jobs.schedule.next() => self.work_on(client, job, stop).await,
                error = client.closed(&self.metrics) => return End::Lost(error),
            };
            if let Err(end) = worked {
                return end;
            }
        }
    }

    /// The link cannot be had: every unit and point on it is offline.
    pub(super) async fn link_down(&mut self) -> Result<(), AdapterError> {
        let ts = self.clock.now();
        let config = self.config;
        for (index, device) in config.devices.iter().enumerate() {
            let all: Vec<usize> = (0..device.points.len()).collect();
            let change = self.health[index].link_lost();
            let bad = self.bad_readings((index, &all), "device-offline", ts);
            self.send(bad).await?;
            self.tell(device, change, ts).await?;
        }
        Ok(())
    }

    /// Does a job, unless it is not its unit's turn.
    async fn work_on<S>(&mut self, client: &mut Client<S>, number: usize, stop: &mut Stop) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let now = Instant::now();
        let Some(device) = self.jobs.device(number) else { return Ok(()) };
        if let Some((until, rank)) = self.not_before(device, now) {
            self.jobs.schedule.hold(number, until, rank);
            return Ok(());
        }
        let missed = self.jobs.schedule.skip_to_next(number, now);
        match self.jobs.job(number) {
            Some(Job::Again(_)) => self.ask_again(client, device, stop).await,
            Some(Job::Read(turn)) => {
                self.metrics.overruns.inc_by(missed);
                match turn.search.take() {
                    Some(search) => self.search(client, number, search, stop).await,
                    None => self.poll(client, number, stop).await,
                }
            }
            None => Ok(()),
        }
    }

    /// Sends one group's request and passes on what came of it.
    async fn poll<S>(&mut self, client: &mut Client<S>, number: usize, stop: &mut Stop) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(turn) = self.jobs.turn(number) else { return Ok(()) };
        let (device, start, request) = (turn.group.device, turn.group.start, turn.group.request.clone());
        let points = Arc::clone(&turn.group.points);
        let answer = self.ask_unless_stopped(client, device, &request, stop).await?;
        let ts = self.clock.now();
        if let Some(turn) = self.jobs.turn(number) {
            turn.heard = Instant::now();
            if answer.is_ok() {
                turn.given();
            }
        }
        let readings = match &answer {
            Ok(data) => self.good_readings((device, &points), start, data, ts),
            Err(error) if self.refused(number, error) => Vec::new(),
            Err(error) => self.bad_readings((device, &points), reason(error), ts),
        };
        let outcome = answer.map(drop);
        self.send(readings).await?;
        if matches!(outcome, Err(CallError::Exception(_))) {
            self.say_refused(device, ts).await?;
        }
        self.settle(device, outcome, ts).await
    }

    /// Asks a unit. Only the wait for the answer ends with a stop.
    pub(super) async fn ask_unless_stopped<'c, S>(
        &mut self,
        client: &'c mut Client<S>,
        device: usize,
        request: &Request,
        stop: &mut Stop,
    ) -> Result<Result<&'c [u8], CallError>, End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::select! {
            biased;
            () = stop.requested() => Err(End::Stopped),
            answer = self.ask(client, device, request) => Ok(answer),
        }
    }

    /// Asks a unit, again after a timeout if the configuration says so; a suspect unit is asked once.
    pub(super) async fn ask<'c, S>(
        &mut self,
        client: &'c mut Client<S>,
        device: usize,
        request: &Request,
    ) -> Result<&'c [u8], CallError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Device { timeout, retries, .. } = self.config.devices[device];
        let health = &self.health[device];
        let retries = if health.is_suspect() { 0 } else { retries };
        let patience = Patience { limit: health.patience(timeout, self.slowest), retries };
        let asked = Instant::now();
        let answer = self.call(client, device, request, patience).await;
        self.note_time(asked, &answer);
        if answer.is_ok() {
            self.note_given(device, request);
        }
        answer
    }

    /// Reads one point for an asker.
    pub(super) async fn ask_point<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        mapped: &MappedPoint,
        request: &Request,
    ) -> (Result<Value, &'static str>, Result<(), CallError>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.ask(client, device, request).await {
            Ok(data) => (value(mapped, extent(mapped).start, data), Ok(())),
            Err(error) => (Err(reason(&error)), Err(error)),
        }
    }

    /// What a call says about its unit and about the connection.
    pub(super) async fn settle(
        &mut self,
        device: usize,
        outcome: Result<(), CallError>,
        ts: Timestamp,
    ) -> Result<(), End> {
        let (why, end) = match outcome {
            Err(CallError::Link(error)) => return Err(End::Lost(error)),
            Err(error @ (CallError::Timeout(_) | CallError::Garbled(..))) => {
                self.silent += 1;
                let is_dead = self.silent >= SILENT_LIMIT;
                (Some(reason(&error)), is_dead.then_some(LinkError::Silent(self.silent)))
            }
            outcome => {
                (self.silent, self.has_answered) = (0, true);
                (outcome.err().filter(is_gateway_failure).map(|error| reason(&error)), None)
            }
        };
        match why {
            Some(why) => self.unit_failed(device, why, ts).await?,
            None => self.unit_answered(device, ts).await?,
        }
        end.map_or(Ok(()), |error| Err(End::Lost(error)))
    }

    /// The readings in an answer that begins at `start`.
    pub(super) fn good_readings(
        &mut self,
        (device, points): (usize, &[usize]),
        start: u16,
        data: &[u8],
        ts: Timestamp,
    ) -> Vec<Reading> {
        let mapped = &self.config.devices[device].points;
        let mut readings = Vec::with_capacity(points.len());
        for &place in points {
            let value = value(&mapped[place], start, data);
            readings.extend(self.marks.reading((device, place), &mapped[place].point, value, ts));
        }
        readings
    }

    /// One bad reading for each point that was not bad for the same reason before.
    pub(super) fn bad_readings(
        &mut self,
        (device, points): (usize, &[usize]),
        why: &'static str,
        ts: Timestamp,
    ) -> Vec<Reading> {
        let mapped = &self.config.devices[device].points;
        let readable = points.iter().filter(|&&place| mapped[place].point.access.can_read());
        readable
            .filter_map(|&place| self.marks.reading((device, place), &mapped[place].point, Err(why), ts))
            .collect()
    }

    /// Hands readings on, in batches of the size allowed; waits while the way is full.
    pub(super) async fn send(&self, mut readings: Vec<Reading>) -> Result<(), AdapterError> {
        while !readings.is_empty() {
            let rest = readings.split_off(readings.len().min(Batch::MAX_READINGS));
            self.alive.during(self.readings.send(readings.into())).await?;
            readings = rest;
        }
        Ok(())
    }

    /// Tells that a unit was lost or found.
    pub(super) async fn tell(
        &self,
        device: &Device,
        change: Option<Change>,
        ts: Timestamp,
    ) -> Result<(), AdapterError> {
        let Some(change) = change else { return Ok(()) };
        let what = match change {
            Change::Online => DeviceChange::Online,
            Change::Offline => DeviceChange::Offline,
        };
        match change {
            Change::Online => info!(device = %device.id, unit = device.unit, "Device answers"),
            Change::Offline => warn!(device = %device.id, unit = device.unit, "Device does not answer"),
        }
        let event =
            Event { ts, kind: EventKind::Device { device: device.id.clone(), what, about: DeviceFacts::default() } };
        self.events.send(event).await.map_err(|_| AdapterError::Closed)
    }

    /// The place of a point in the configuration.
    pub(super) fn place(&self, address: &PointAddress) -> Option<(usize, &'a MappedPoint)> {
        let &(device, point) = self.places.get(address)?;
        Some((device, &self.config.devices[device].points[point]))
    }
}

/// Where each point is. Ids are unique, which the configuration has checked.
fn places(devices: &[Device]) -> HashMap<&PointAddress, (usize, usize)> {
    let mut places = HashMap::new();
    for (index, device) in devices.iter().enumerate() {
        let points = device.points.iter().enumerate();
        places.extend(points.map(|(place, mapped)| (&mapped.point.address, (index, place))));
    }
    places
}

/// The value of a point in the data of an answer that begins at `start`.
fn value(mapped: &MappedPoint, start: u16, data: &[u8]) -> Result<Value, &'static str> {
    let own = extent(mapped);
    let at = usize::from(own.start - start);
    let decoded = if is_bits(mapped.register.table) {
        let byte = data.get(at / 8).ok_or("decode")?;
        decode_bit(mapped, byte >> (at % 8) & 1 == 1)
    } else {
        let end = (at + usize::from(own.count)) * 2;
        decode(mapped, data.get(at * 2..end).ok_or("decode")?)
    };
    decoded.map_err(|bad| {
        debug!(point = %mapped.point.address, why = bad.reason(), "Registers hold no value");
        bad.reason()
    })
}

/// The reason a reading carries when its request failed.
pub(super) fn reason(error: &CallError) -> &'static str {
    match error {
        CallError::Timeout(_) => "timeout",
        CallError::Exception(exception) => exception.reason(),
        CallError::Garbled(..) | CallError::Rejected(_) | CallError::Link(LinkError::Garbage(_)) => "protocol",
        CallError::NoModel => "no-model",
        CallError::Link(_) => "device-offline",
    }
}

/// A Modbus gateway that says its unit does not answer.
fn is_gateway_failure(error: &CallError) -> bool {
    matches!(error, CallError::Exception(Exception::PATH_UNAVAILABLE | Exception::TARGET_SILENT))
}
