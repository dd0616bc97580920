//! The work on one link: polls by the clock, requests before them, one at a time. How a poll goes is `polls`'s, what
//! its answer says is `readings`'s, what is learned from refusals is `learning`'s, what is done about units that do not
//! answer is `units`'s.
//!
//! Faults end here: a unit that does not answer gives bad readings, told once; a connection that is lost is reported
//! to the caller, who dials again. Only a closed way out for readings ends the adapter.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::{Instant, interval},
};

use super::{
    client::Client,
    config::{Config, MappedPoint},
    counter::Tallies,
    health::Health,
    jobs::Jobs,
    later::Later,
    learned::Learned,
    link::LinkError,
    marks::Marks,
    plan::plan,
    schedule::Grid,
    share::Share,
    sunspec,
};
use crate::{
    adapter::{AdapterError, Alive, Intake, Metrics, memory::Memory},
    model::{DeviceRequest, Event, PointAddress, SharedClock},
    shutdown::Stop,
};

/// Connections in a row that end before anything is answered on them, after which the link counts as down.
const USELESS_LIMIT: u32 = 2;

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// Stopping was asked for.
    Stopped,
    /// The connection is of no use any more.
    Lost(LinkError),
    /// A late answer may come on the connection, which works otherwise: the work goes on at once on another.
    Renewed,
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
    pub(super) readings: Intake,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) alive: Alive,
    pub(super) jobs: Jobs,
    pub(super) health: Vec<Health>,
    pub(super) marks: Marks,
    /// What counters came to.
    pub(super) tallies: Tallies,
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
    /// Jobs that had no answer while others were under way, or before the connection ended; each is asked for alone once.
    /// As many as there are, at most.
    pub(super) alone: BTreeSet<usize>,
    /// Whether the next connection goes on where the last one ended.
    pub(super) is_renewed: bool,
    /// Whether this connection ended before anything that it was needed for was answered.
    pub(super) is_useless: bool,
    /// Such connections in a row.
    pub(super) useless: u32,
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
        let grid = Grid::of(&config.name, now, clock.uptime());
        Self {
            config,
            clock,
            metrics,
            readings,
            events,
            alive,
            jobs: Jobs::new(plan(&config.devices), config.devices.len(), grid),
            models: vec![sunspec::Place::default(); config.devices.len()],
            later: Later::default(),
            health: config.devices.iter().map(|device| Health::new(device.backoff)).collect(),
            marks: Marks::new(&config.devices),
            tallies: Tallies::default(),
            learned: vec![Learned::default(); config.devices.len()],
            given: vec![[0; 2]; config.devices.len()],
            memory: Memory::none(),
            share: Share::new(now),
            slowest: None,
            alone: BTreeSet::new(),
            is_renewed: false,
            is_useless: false,
            useless: 0,
            silent: 0,
            has_answered: false,
        }
    }

    /// Works on one connection until it ends. A stop waits for a write under way and for the readings of a poll that
    /// was answered, but not for an answer.
    pub(super) async fn session<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        client: &mut Client<S>,
        requests: &mut mpsc::Receiver<Box<DeviceRequest>>,
        stop: &mut Stop,
    ) -> End {
        if std::mem::take(&mut self.is_renewed) {
            self.models.fill(sunspec::Place::default());
        } else {
            self.silent = 0;
            self.restart();
        }
        (self.has_answered, self.is_useless) = (false, false);
        let mut end = self.work(client, requests, stop).await;
        self.keep_counters(true);
        self.useless = match (self.is_useless, self.has_answered) {
            (true, _) => self.useless.saturating_add(1),
            (false, true) => 0,
            (false, false) => self.useless,
        };
        let is_down = self.is_useless && self.useless >= USELESS_LIMIT;
        if is_down && let Err(error) = Box::pin(self.link_useless()).await {
            end = End::Failed(error);
        }
        if matches!(end, End::Lost(_)) {
            self.silent = 0;
        }
        self.is_renewed = match end {
            End::Renewed => true,
            // Many servers close a connection that is idle, some after each answer: the units have their turns all the same.
            End::Lost(ref error) => !self.is_useless && !matches!(error, LinkError::Silent(_)),
            End::Stopped | End::Failed(_) => false,
        };
        // A connection that is lost cannot end them; the next one will.
        if matches!(end, End::Stopped | End::Failed(_)) {
            Box::pin(self.end_pulses(client)).await;
        }
        end
    }

    /// Does what is due until the connection ends or stopping is asked for. What is done stands on the heap while it is:
    /// each link has a task, which is as large as the largest thing that it does by itself, and which mostly waits.
    async fn work<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        client: &mut Client<S>,
        requests: &mut mpsc::Receiver<Box<DeviceRequest>>,
        stop: &mut Stop,
    ) -> End {
        let mut signs = interval(Alive::INTERVAL);
        loop {
            self.alive.sign();
            let worked = tokio::select! {
                biased;
                () = stop.requested() => return End::Stopped,
                // Before the polls, of which an overloaded link always has one ready.
                _ = signs.tick() => {
                    self.keep_counters(false);
                    Box::pin(self.say_stale()).await
                }
                task = self.later.next() => Box::pin(self.follow_up(client, task)).await,
                Some(request) = requests.recv() => Box::pin(self.serve(client, *request)).await,
                // Before the polls: a request on a connection that has ended says nothing of its unit.
                error = client.closed(&self.metrics) => {
                    let is_needed = self.jobs.schedule.due(Instant::now()).is_some();
                    self.is_useless = is_needed && !self.has_answered;
                    return End::Lost(error);
                }
                job = self.jobs.schedule.next() => Box::pin(self.work_on(client, job, stop)).await,
            };
            if let Err(end) = worked {
                return end;
            }
        }
    }

    /// The link cannot be had: every unit and point on it is offline.
    pub(super) async fn link_down(&mut self) -> Result<(), AdapterError> {
        self.is_renewed = false;
        let ts = self.clock.now();
        let config = self.config;
        // All units at once never answered, so they cannot be missed.
        let devices = config.devices.iter().enumerate().filter(|&(index, _)| !config.is_everyone(index));
        for (index, device) in devices {
            let all: Vec<usize> = (0..device.points.len()).collect();
            let change = self.health[index].link_lost();
            let bad = self.bad_readings((index, &all), "device-offline", ts);
            self.send(bad).await?;
            self.tell(device, change, ts).await?;
        }
        Ok(())
    }

    /// Connections are made and end before anything is answered. Points of which a fault is known keep it.
    async fn link_useless(&mut self) -> Result<(), AdapterError> {
        let ts = self.clock.now();
        let config = self.config;
        let devices = config.devices.iter().enumerate().filter(|&(index, _)| !config.is_everyone(index));
        for (index, device) in devices {
            let unspoiled: Vec<usize> =
                (0..device.points.len()).filter(|&place| !self.marks.is_bad(index, place)).collect();
            let change = self.health[index].link_lost();
            let bad = self.bad_readings((index, &unspoiled), "device-offline", ts);
            self.send(bad).await?;
            self.tell(device, change, ts).await?;
        }
        Ok(())
    }

    /// How long the next connection is not needed, where it goes on with the work.
    pub(super) fn idle(&mut self) -> Option<Duration> {
        let due = self.is_renewed.then(|| self.jobs.schedule.next_due()).flatten()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    /// The place of a point in the configuration: its device, its number there, and the point.
    pub(super) fn where_is(&self, address: &PointAddress) -> Option<(usize, usize, &'a MappedPoint)> {
        let devices = self.config.devices.iter().enumerate().filter(|(_, device)| device.id == address.device);
        let mut points = devices.flat_map(|(index, device)| {
            device.points.iter().enumerate().map(move |(place, mapped)| (index, place, mapped))
        });
        points.find(|(.., mapped)| mapped.point.address.point == address.point)
    }

    /// The device of a point, and the point. It is looked for with each request, of which there are few, since a table
    /// would cost every link its memory.
    pub(super) fn place(&self, address: &PointAddress) -> Option<(usize, &'a MappedPoint)> {
        self.where_is(address).map(|(device, _, mapped)| (device, mapped))
    }
}
