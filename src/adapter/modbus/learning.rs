//! What becomes of refusals: the search for what is refused, and the questions for it later.
//!
//! A refused block of several points is taken apart at once, in steps that wait their turn among the polls; each step
//! that is accepted gives values. What is found goes into the plan, and the good points go on in as few requests as
//! before. A point that is refused alone is `bad:illegal-address` until it is given again.

use std::{ops::Range, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{
    blocks::Span,
    client::{CallError, Client},
    config::{Device, Table},
    exception::Exception,
    layout::is_bits,
    learned::{Cause, Document, Learned, MAX_WAIT},
    pdu::Request,
    plan::{addresses, plan_device},
    poller::{End, Poller},
    search::{Progress, Search},
};
use crate::{
    adapter::memory::Memory,
    model::{Reading, Timestamp},
    shutdown::Stop,
};

/// Longest pause for a device of which nothing else is asked, so that it is found when it comes to its senses.
const ONLY_WAIT: Duration = Duration::from_secs(60);

impl Poller<'_> {
    /// Takes up what was kept by an earlier run, and plans with it.
    pub(super) async fn recall(&mut self, memory: Memory) {
        let Document { mut devices } = memory.recall().await.unwrap_or_default();
        self.memory = memory;
        let now = Instant::now();
        for (index, device) in self.config.devices.iter().enumerate() {
            let kept = devices.remove(device.id.as_str()).filter(|kept| kept.place == self.unit(device));
            if let Some(kept) = kept {
                self.tallies.recall(index, device, &kept.counters);
                self.learned[index] = Learned::recalled(kept.refused, device, now);
                self.replan(index, now);
            }
        }
    }

    /// A group was refused: begins to take it apart, or learns that its only point is refused. Whether it takes it
    /// apart, so that nothing is to be said of its points yet.
    pub(super) fn refused(&mut self, number: usize, error: &CallError) -> bool {
        let Some(turn) = self.jobs.turn(number) else { return false };
        let Some(code) = about_content(error) else {
            turn.strikes = 0;
            return false;
        };
        if !turn.strike(code) {
            return false;
        }
        let group = &turn.group;
        let points = &self.config.devices[group.device].points;
        if let &[place] = &group.points[..] {
            if code != Exception::DEVICE_FAILURE {
                let (device, request) = (group.device, group.request.clone());
                self.learn(device, &[place], &request, Cause::Address, code);
            }
            return false;
        }
        let spans = group.points.iter().map(|&point| Span { addresses: addresses(&points[point]), point }).collect();
        turn.search = Some(Box::new(Search::new(spans)));
        self.jobs.schedule.defer(number, Instant::now());
        true
    }

    /// Goes one step further in taking a group apart.
    pub(super) async fn search<S>(
        &mut self,
        client: &mut Client<S>,
        number: usize,
        mut search: Box<Search>,
        stop: &mut Stop,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(turn) = self.jobs.turn(number) else { return Ok(()) };
        let device = turn.group.device;
        let Request::Read { table, .. } = turn.group.request else { return Ok(()) };
        let request = read(table, &search.addresses(search.asked()));
        let answer = self.ask_unless_stopped(client, device, &request, stop).await?;
        let ts = self.clock.now();
        let progress = match &answer {
            Ok(data) => {
                let readings = self.fresh_readings(device, &mut search, start_of(&request), data, ts);
                self.send(readings).await?;
                Some(search.answered(true))
            }
            Err(error) => about_content(error).map(|code| self.narrowed(device, &mut search, table, code)),
        };
        self.go_on(number, search, progress.as_ref());
        self.say_refused(device, ts).await?;
        self.settle(device, answer.map(drop), ts).await
    }

    /// The readings of a part that was given, as far as no part before it gave them.
    fn fresh_readings(
        &mut self,
        device: usize,
        search: &mut Search,
        start: u16,
        data: &[u8],
        ts: Timestamp,
    ) -> Vec<Reading> {
        let asked = search.asked();
        let fresh = search.given.max(asked.start).min(asked.end)..asked.end;
        search.given = search.given.max(asked.end);
        self.good_readings((device, &search.points(fresh)), start, data, ts)
    }

    /// Takes note that a part was refused.
    fn narrowed(&mut self, device: usize, search: &mut Search, table: Table, code: Exception) -> Progress {
        let progress = search.answered(false);
        if let Progress::Found(values) = &progress {
            self.found(device, search, values.clone(), table, code);
        }
        progress
    }

    /// Lets a search have its next turn, or the group its own again.
    fn go_on(&mut self, number: usize, search: Box<Search>, progress: Option<&Progress>) {
        match progress {
            Some(Progress::Found(_)) => return,
            Some(Progress::GoOn | Progress::Vanished) => self.jobs.schedule.defer(number, Instant::now()),
            // Nothing was learned: the same question comes again when it is due.
            None => {}
        }
        if let Some(turn) = self.jobs.turn(number).filter(|_| progress != Some(&Progress::Vanished)) {
            turn.search = Some(search);
        }
    }

    /// Learns what a search has found.
    fn found(&mut self, device: usize, search: &Search, values: Range<usize>, table: Table, code: Exception) {
        let addresses = search.addresses(values.clone());
        let points = search.points(values);
        let count = addresses.end - addresses.start;
        let cause = match points.len() {
            1 => Cause::Address,
            // Nothing as long was ever accepted.
            _ if count > self.longest_given(device, table) => Cause::Length,
            _ => Cause::Seam,
        };
        self.learn(device, &points, &read(table, &addresses), cause, code);
    }

    /// Notes what is refused and plans without it.
    fn learn(&mut self, device: usize, points: &[usize], request: &Request, cause: Cause, code: Exception) {
        let now = Instant::now();
        let mapped = &self.config.devices[device].points;
        let poll = points.iter().map(|&point| mapped[point].poll).min().unwrap_or_default();
        let has_been_given =
            cause == Cause::Address && points.iter().all(|&point| self.marks.was_read(device, point));
        let id = &self.config.devices[device].id;
        if has_been_given {
            // It may only be out of sorts, and this would be said whenever it is.
            debug!(device = %id, ?request, %code, "Device refuses what it gave before");
        } else {
            warn!(device = %id, ?request, ?cause, %code, "Device refuses a range, reading around it");
        }
        self.learned[device].note((request, cause, code), poll, has_been_given, now);
        self.replan(device, now);
        self.keep();
    }

    /// Plans a device anew with what is known of it.
    fn replan(&mut self, device: usize, now: Instant) {
        let groups = plan_device(device, &self.config.devices[device], &self.learned[device]);
        self.jobs.replan(device, groups, now);
        self.jobs.ask_again(device, self.learned[device].next().map(|(_, due)| due));
    }

    /// Asks a device for what it refused longest ago.
    pub(super) async fn ask_again<S>(
        &mut self,
        client: &mut Client<S>,
        device: usize,
        stop: &mut Stop,
    ) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some((index, _)) = self.learned[device].next() else { return Ok(()) };
        let request = self.learned[device].range(index).request();
        let answer = self.ask_unless_stopped(client, device, &request, stop).await?;
        let now = Instant::now();
        match &answer {
            Ok(_) => {
                info!(device = %self.config.devices[device].id, ?request, "Device gives what it refused before");
                self.learned[device].accepted(index, now);
                self.replan(device, now);
                self.keep();
            }
            Err(error) if about_content(error).is_some() => {
                let longest = if self.jobs.reads(device) { MAX_WAIT } else { ONLY_WAIT };
                if self.learned[device].refused_again(index, longest, now) {
                    self.keep();
                }
            }
            Err(_) => self.learned[device].not_answered(index, now),
        }
        self.jobs.ask_again(device, self.learned[device].next().map(|(_, due)| due));
        self.settle(device, answer.map(drop), self.clock.now()).await
    }

    /// Says of each point that is not asked for why it has no value, once.
    pub(super) async fn say_refused(&mut self, device: usize, ts: Timestamp) -> Result<(), End> {
        let mut readings = Vec::new();
        for (place, mapped) in self.config.devices[device].points.iter().enumerate() {
            let refusal = self.learned[device].refusal(mapped.register.table, &addresses(mapped));
            if let Some(code) = refusal.filter(|_| mapped.point.access.can_read()) {
                readings.extend(self.marks.reading((device, place), &mapped.point, Err(code.reason()), ts));
            }
        }
        Ok(self.send(readings).await?)
    }

    /// Keeps what is known of all devices.
    fn keep(&self) {
        let known = self.config.devices.iter().zip(&self.learned).enumerate();
        let kept = known.filter_map(|(index, (device, learned))| {
            let counters = self.tallies.kept(index, device);
            Some((device.id.to_string(), learned.kept(self.unit(device), counters)?))
        });
        self.memory.keep(&Document { devices: kept.collect() });
    }

    /// Keeps what counters came to, when that is due or the work ends.
    pub(super) fn keep_counters(&mut self, is_end: bool) {
        if self.tallies.wants_keeping(&self.config.devices, is_end) {
            self.keep();
        }
    }

    /// The unit that something is known of.
    fn unit(&self, device: &Device) -> String {
        format!("unit {} at {}", device.unit, self.config.link)
    }

    /// The length of the longest block that a device gave in this run, of registers or of bits.
    fn longest_given(&self, device: usize, table: Table) -> u32 {
        self.given[device][usize::from(is_bits(table))].into()
    }

    /// Notes that a device gave a block of this length.
    pub(super) fn note_given(&mut self, device: usize, request: &Request) {
        if let &Request::Read { table, count, .. } = request {
            let given = &mut self.given[device][usize::from(is_bits(table))];
            *given = count.max(*given);
        }
    }
}

/// The code of a refusal that is about what was asked, so that less of it may be given.
fn about_content(error: &CallError) -> Option<Exception> {
    let CallError::Exception(code) = error else { return None };
    let is_about_it =
        matches!(*code, Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE | Exception::DEVICE_FAILURE);
    is_about_it.then_some(*code)
}

/// The question for some addresses.
fn read(table: Table, addresses: &Range<u32>) -> Request {
    let start = u16::try_from(addresses.start).expect("points begin at a 16-bit address");
    let count = u16::try_from(addresses.end - addresses.start).expect("blocks are short");
    Request::Read { table, start, count }
}

/// Where a question begins.
fn start_of(request: &Request) -> u16 {
    let &Request::Read { start, .. } = request else { return 0 };
    start
}
