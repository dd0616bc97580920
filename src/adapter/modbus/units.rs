//! What is done about units that do not answer, and about points that are not heard of.
//!
//! A unit that failed so often that it is left alone costs one small request now and then, never its polls, and all
//! such units together cost the others a twentieth of the link's time at most (`share`). Its first answer brings
//! everything back at once.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    client::CallError,
    health::{Change, Health},
    poller::{End, Poller},
    sunspec,
};
use crate::model::Timestamp;

/// Intervals without word of a point, good or bad, after which it is stale.
const STALE_AFTER: u32 = 5;

/// Shortest time after which a point is stale: polls faster than this may well be late for a moment.
const STALE_AT_LEAST: Duration = Duration::from_secs(10);

impl Poller<'_> {
    /// Makes everything due on a new connection. Of units that are left alone only the probe is.
    pub(super) fn restart(&mut self) {
        let now = Instant::now();
        self.jobs.schedule.restart(now);
        self.alone.clear();
        self.models.fill(sunspec::Place::default());
        for device in 0..self.health.len() {
            if self.health[device].is_suspect() {
                self.jobs.park(device, self.health[device].paused_until(now).unwrap_or(now));
            } else {
                if self.health[device].is_failing() {
                    // Units in a row that fall silent would lose the connection before the others had a turn.
                    self.jobs.yield_to_others(device, now);
                }
                // What was refused is not asked for sooner because the connection is new.
                self.jobs.ask_again(device, self.learned[device].next().map(|(_, due)| due));
            }
        }
        self.jobs.turns().for_each(|turn| turn.heard = now);
    }

    /// Until when a device has to wait, and since when it does: the longest wait goes first.
    pub(super) fn not_before(&mut self, device: usize, now: Instant) -> Option<(Instant, Instant)> {
        let since = self.health[device].suspected()?;
        if since > now {
            return Some((since, since));
        }
        let spares_others = self.health.iter().any(Health::is_online);
        let full_until = spares_others.then(|| self.share.full_until(now)).flatten()?;
        Some((full_until, since))
    }

    /// Notes how long a call took: what was lost, or how slow an answer may be.
    pub(super) fn note_time(&mut self, asked: Instant, answer: &Result<&[u8], CallError>) {
        let now = Instant::now();
        let took = now - asked;
        match answer {
            // The quiet that a line needs afterwards, a quarter of the timeout, is lost with it.
            Err(CallError::Timeout(_) | CallError::Garbled(..)) => self.share.charge(took + took / 4, now),
            // Part of this wait was that quiet.
            Ok(_) | Err(CallError::Exception(_) | CallError::Rejected(_)) if self.silent > 0 => {}
            Ok(_) | Err(CallError::Exception(_) | CallError::Rejected(_)) => {
                // Slowly forgotten, so that one bad moment does not count for ever.
                let slowest = self.slowest.map_or(took, |slowest| took.max(slowest / 128 * 127));
                self.slowest = Some(slowest);
            }
            Err(CallError::NoModel | CallError::Link(_)) => {}
        }
    }

    /// A unit did not answer. When it is left alone from now on, all its points are bad.
    pub(super) async fn unit_failed(&mut self, device: usize, why: &'static str, ts: Timestamp) -> Result<(), End> {
        let now = Instant::now();
        let change = self.health[device].failed(now);
        if let Some(until) = self.health[device].suspected() {
            self.jobs.park(device, until);
        }
        if change == Some(Change::Offline) {
            let all: Vec<usize> = (0..self.config.devices[device].points.len()).collect();
            let readings = self.bad_readings((device, &all), why, ts);
            self.send(readings).await?;
        }
        Ok(self.tell(&self.config.devices[device], change, ts).await?)
    }

    /// A unit answered. If it had been left alone, everything of it is due.
    pub(super) async fn unit_answered(&mut self, device: usize, ts: Timestamp) -> Result<(), End> {
        let was_suspect = self.health[device].is_suspect();
        let change = self.health[device].answered();
        if was_suspect {
            let now = Instant::now();
            self.jobs.wake(device, now);
            self.jobs.ask_again(device, self.learned[device].next().map(|(_, due)| due));
        }
        if change == Some(Change::Online) {
            self.say_refused(device, ts).await?;
        }
        Ok(self.tell(&self.config.devices[device], change, ts).await?)
    }

    /// Says of points that were not heard of for long that they are stale, once: the link is asked for more than it
    /// can carry.
    pub(super) async fn say_stale(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let mut ts = None;
        let devices = &self.config.devices;
        let mut readings = Vec::new();
        for turn in self.jobs.turns() {
            let group = &turn.group;
            let is_late = now - turn.heard > (group.poll * STALE_AFTER).max(STALE_AT_LEAST);
            if !is_late || self.health[group.device].is_suspect() {
                continue;
            }
            for &place in group.points.iter() {
                let point = &devices[group.device].points[place].point;
                let ts = *ts.get_or_insert_with(|| self.clock.now());
                readings.extend(self.marks.reading((group.device, place), point, Err("stale"), ts));
            }
        }
        Ok(self.send(readings).await?)
    }
}
