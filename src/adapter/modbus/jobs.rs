//! The requests of a link and when each is due: the plan of every unit, and the questions for what it refused.
//!
//! A unit that does not answer has its requests parked, all but the smallest, which probes it. A plan that changes
//! replaces only what differs, so that the other requests keep their ticks.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    exception::Exception,
    pdu::Request,
    plan::Group,
    schedule::{Grid, Schedule},
    search::Search,
};

/// Later than the deadline of all that is due and polled in earnest.
const LATER: Duration = Duration::from_secs(3600);

/// Refusals in a row after which a group that was given before is taken apart: a unit that starts anew refuses
/// everything for a while.
const STRIKES_AFTER_GOOD: u8 = 10;

/// The same for one that was never given, when the unit says it failed: some say so when a request is too long.
const STRIKES_OF_FAILURE: u8 = 3;

/// What an entry of the schedule is for.
#[derive(Debug)]
pub(super) enum Job {
    /// Reads a group of points.
    Read(Turn),
    /// Asks a device for what it refused before.
    Again(usize),
}

/// A group whose turn comes again and again.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) group: Group,
    /// Under way while the group is refused as a whole.
    pub(super) search: Option<Box<Search>>,
    /// Refusals in a row.
    pub(super) strikes: u8,
    /// Whether it was ever given as it is.
    pub(super) was_given: bool,
    /// When its points were last heard of, good or bad.
    pub(super) heard: Instant,
}

impl Turn {
    /// A group that is new.
    fn new(group: Group, heard: Instant) -> Self {
        Self { group, search: None, strikes: 0, was_given: false, heard }
    }
}

impl Turn {
    /// Notes that the group was given.
    pub(super) fn given(&mut self) {
        (self.strikes, self.was_given) = (0, true);
    }

    /// Notes a refusal. Whether it is time to find out what of the group is refused.
    pub(super) fn strike(&mut self, code: Exception) -> bool {
        let needed = match code {
            _ if self.was_given => STRIKES_AFTER_GOOD,
            Exception::DEVICE_FAILURE => STRIKES_OF_FAILURE,
            _ => 1,
        };
        self.strikes = self.strikes.saturating_add(1);
        let is_out = self.strikes >= needed;
        if is_out {
            self.strikes = 0;
        }
        is_out
    }
}

/// The jobs of a link.
#[derive(Debug)]
pub(super) struct Jobs {
    /// By number of the schedule's entry; those that were removed are `None`.
    all: Vec<Option<Job>>,
    /// The jobs of each device.
    of: Vec<Vec<usize>>,
    pub(super) schedule: Schedule,
}

impl Jobs {
    /// The jobs of a fresh plan.
    pub(super) fn new(groups: Vec<Group>, devices: usize, grid: Grid) -> Self {
        let schedule = Schedule::new(groups.iter().map(|group| group.poll), grid);
        let mut of = vec![Vec::new(); devices];
        for (number, group) in groups.iter().enumerate() {
            of[group.device].push(number);
        }
        let all = groups.into_iter().map(|group| Some(Job::Read(Turn::new(group, grid.start)))).collect();
        Self { all, of, schedule }
    }

    /// A job, and whose it is. The schedule gives only numbers of jobs that are there.
    pub(super) fn job(&mut self, number: usize) -> Option<&mut Job> {
        self.all.get_mut(number)?.as_mut()
    }

    /// The group that a job reads.
    pub(super) fn turn(&mut self, number: usize) -> Option<&mut Turn> {
        match self.job(number)? {
            Job::Read(turn) => Some(turn),
            Job::Again(_) => None,
        }
    }

    /// Whose a job is.
    pub(super) fn device(&self, number: usize) -> Option<usize> {
        match self.all.get(number)?.as_ref()? {
            Job::Read(turn) => Some(turn.group.device),
            Job::Again(device) => Some(*device),
        }
    }

    /// Every group that is read.
    pub(super) fn turns(&mut self) -> impl Iterator<Item = &mut Turn> {
        self.all.iter_mut().flatten().filter_map(|job| match job {
            Job::Read(turn) => Some(turn),
            Job::Again(_) => None,
        })
    }

    /// Whether a device has anything that is read regularly.
    pub(super) fn reads(&self, device: usize) -> bool {
        self.of[device].iter().any(|&number| matches!(self.all[number], Some(Job::Read(_))))
    }

    /// Replaces the groups of a device where they differ; new ones are due now.
    pub(super) fn replan(&mut self, device: usize, mut groups: Vec<Group>, now: Instant) {
        for number in self.of[device].clone() {
            let Some(Job::Read(turn)) = &mut self.all[number] else { continue };
            match groups.iter().position(|group| *group == turn.group) {
                Some(same) => drop(groups.swap_remove(same)),
                None => self.remove(device, number),
            }
        }
        for group in groups {
            self.add(device, group.poll, now, Job::Read(Turn::new(group, now)));
        }
    }

    /// Sets when a device is asked for what it refused; `None` for never.
    pub(super) fn ask_again(&mut self, device: usize, due: Option<Instant>) {
        let found = self.of[device].iter().find(|&&number| matches!(self.all[number], Some(Job::Again(_)))).copied();
        match (found, due) {
            (Some(number), Some(due)) => self.schedule.defer(number, due),
            (Some(number), None) => self.remove(device, number),
            // The interval says only how long others may go first.
            (None, Some(due)) => self.add(device, Duration::from_secs(60), due, Job::Again(device)),
            (None, None) => {}
        }
    }

    /// Lets the jobs of a device rest, but the smallest: that one waits until the moment given.
    pub(super) fn park(&mut self, device: usize, until: Instant) {
        let Some(smallest) = self.of[device].iter().copied().min_by_key(|&number| self.size(number)) else { return };
        for &number in self.of[device].iter().filter(|&&number| number != smallest) {
            self.schedule.park(number);
        }
        self.schedule.defer(smallest, until);
    }

    /// Makes all jobs of a device due.
    pub(super) fn wake(&mut self, device: usize, now: Instant) {
        for &number in &self.of[device] {
            self.schedule.defer(number, now);
        }
    }

    /// Reads what a request has written when a moment has come, instead of whenever its turn is: who sets a point that is
    /// read once an hour wants to see it.
    pub(super) fn show(&mut self, device: usize, written: &Request, at: Instant) {
        let overlaps = |number: &usize| match &self.all[*number] {
            Some(Job::Read(turn)) => turn.group.request.meets(written),
            Some(Job::Again(_)) | None => false,
        };
        for &number in self.of[device].iter().filter(|number| overlaps(number)) {
            self.schedule.hasten(number, at);
        }
    }

    /// Lets the jobs of a device go after those of the others that are due.
    pub(super) fn yield_to_others(&mut self, device: usize, now: Instant) {
        for &number in &self.of[device] {
            self.schedule.hold(number, now, now + LATER);
        }
    }

    /// How much a job asks for. What was refused is no good question for whether a unit is there, unless there is no
    /// other.
    fn size(&self, number: usize) -> u16 {
        match &self.all[number] {
            Some(Job::Read(Turn { group: Group { request: Request::Read { count, .. }, .. }, .. })) => *count,
            Some(_) | None => u16::MAX,
        }
    }

    /// Adds a job.
    fn add(&mut self, device: usize, interval: Duration, due: Instant, job: Job) {
        let number = self.schedule.add(interval, due);
        if number == self.all.len() {
            self.all.push(None);
        }
        self.all[number] = Some(job);
        self.of[device].push(number);
    }

    /// Takes a job away.
    fn remove(&mut self, device: usize, number: usize) {
        self.schedule.remove(number);
        self.all[number] = None;
        self.of[device].retain(|&other| other != number);
    }
}
