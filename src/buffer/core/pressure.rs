//! What happens when there is no room: a disk that refuses, a disk that is nearly full, a memory that is.
//!
//! Nothing here stops the flow. While the database refuses, readings wait in memory; what is delivered leaves it; and
//! when it is full all the same, the oldest readings go and a gap names them, so that rules and devices go on.

use std::{path::Path, time::Duration};

use rustix::fs::statvfs;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::{Core, intake::MAX_PENDING};
use crate::{
    buffer::{
        evict::{self, Doomed, Lost},
        opening,
        pack::Part,
        store::MAX_LOG,
        thin::Thinner,
    },
    model::{ClockQuality, Event, GapReason, Stream},
};

/// How often free space is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// A disk with less than this share free, in percent, is nearly full; above the second it is not any more.
const LOW: (u64, u64) = (5, 6);
/// However large the disk is, this much is enough.
const ENOUGH: u64 = 1 << 30;
/// What memory gives up at once when it is full, so that one gap tells of many blocks.
const SHED: usize = MAX_PENDING / 8;

/// What is known of the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    looked: Option<Instant>,
    is_low: bool,
    /// When the place of the file was looked at.
    pub(super) followed: Option<Instant>,
}

impl Core {
    /// The database refused. Everything stays in memory and is tried again after the commit interval.
    pub(super) fn fail(&mut self, error: &rusqlite::Error) {
        self.metrics.commit_failures.inc();
        let again = Instant::now() + self.settings.commit;
        self.timers.commit = Some(again);
        // What was committed before is not on the disk for that: it stays due.
        self.timers.sync = self.timers.sync.map(|due| due.max(again));
        let text = error.to_string();
        if opening::is_damaged(error) && !self.store.is_detached() {
            self.damage.get_or_insert_with(|| text.clone());
        }
        self.shed_history();
        let was_failing = self.status.borrow().failing.is_some();
        if !was_failing {
            error!(%error, "Buffer cannot write, readings wait in memory");
            self.status.send_modify(|status| status.failing = Some(text.clone()));
            self.tell("buffer-failing", format!("the buffer cannot write, readings wait in memory: {text}"));
        }
    }

    /// The database took something.
    pub(super) fn succeeded(&mut self) {
        let was_failing = self.status.borrow().failing.is_some();
        if was_failing {
            self.status.send_modify(|status| status.failing = None);
            info!("Buffer commits again");
            self.tell("buffer-recovered", "the buffer writes again; what waited in memory is stored".to_owned());
        }
    }

    /// An event about the buffer itself.
    pub(super) fn tell(&mut self, what: &str, text: String) {
        let event = Event::gateway(self.cutter.now(), what, text);
        self.event(&event);
    }

    /// While the database refuses, what stands on the shelf is bounded; what goes is missing from the history alone.
    fn shed_history(&mut self) {
        let gone = self.shelf.postpone(self.settings.commit);
        for part in gone.iter().flat_map(|pack| &pack.parts) {
            // Nobody who comes later is owed what was never stored.
            self.delivery.forget(part.id, part.readings);
        }
        if !gone.is_empty() {
            let readings: u64 = gone.iter().map(|pack| pack.readings).sum();
            self.metrics.history_shed.inc_by(readings);
            debug!(readings, "Delivered readings are left out of the history");
        }
    }

    /// While the database refuses and memory is full, the oldest readings go, and a gap says which.
    pub(super) fn shed_memory(&mut self) {
        let is_failing = self.status.borrow().failing.is_some();
        if !is_failing || self.ring.waiting_size().1 < MAX_PENDING {
            return;
        }
        let gone = self.ring.shed(SHED);
        let mut lost = Vec::new();
        for loose in &gone {
            let block = &loose.block;
            let part = Part { id: block.id.0, seq: block.seq, readings: block.readings() as u64 };
            let was_owed = self.delivery.forget(part.id, if block.stream.is_upstream() { part.readings } else { 0 });
            self.metrics.memory_shed.inc_by(part.readings);
            if was_owed {
                lost.push(Lost { stream: &block.stream, epoch: block.epoch, part, reason: GapReason::Full });
            }
        }
        let (blocks, readings) = (lost.len() as u64, lost.iter().map(|lost| lost.part.readings).sum::<u64>());
        warn!(blocks, readings, "Memory is full and the disk refuses: the oldest readings were given up");
        self.count_lost(blocks, readings);
        for gap in evict::gaps(lost, self.cutter.now()) {
            self.event(&gap);
        }
    }

    /// What has to go for lack of room and may be thinned comes back as means, in blocks of their own.
    pub(super) fn thin(&mut self, doomed: &mut [Doomed]) -> rusqlite::Result<()> {
        if !self.router.may_thin() {
            return Ok(());
        }
        let mut thinner = Thinner::default();
        // Means are stamped with the clock of now, so only what was stamped by one as good goes into them.
        let quality = self.cutter.sight().quality;
        let full = doomed.iter_mut().filter(|row| row.reason == GapReason::Full && !row.owed.is_empty());
        for row in full.filter(|row| {
            row.head.stream == Stream::Data && row.head.clock == quality && quality != ClockQuality::None
        }) {
            let Some(Ok(blocks)) = self.store.unpack(row.head.table, row.head.id)? else { continue };
            let mut dropped = 0_usize;
            for reading in blocks.values().flat_map(|block| block.body.readings()) {
                let is_kept = self.router.thins(&reading.point.address) && thinner.take(reading);
                dropped += usize::from(!is_kept);
            }
            if dropped == 0 {
                row.reason = GapReason::Thinned;
            }
        }
        let now = Instant::now();
        for reading in thinner.finish() {
            self.metrics.thinned.inc();
            let tracks = self.router.forward(&reading);
            self.append_reading(&tracks, reading, now);
            self.timers.commit.get_or_insert(now + self.settings.commit);
        }
        Ok(())
    }

    /// Blocks that somebody was owed are gone.
    pub(super) fn count_lost(&mut self, blocks: u64, readings: u64) {
        self.metrics.evicted.inc_by(blocks);
        self.status.send_modify(|status| {
            status.evicted_blocks += blocks;
            status.evicted_readings += readings;
        });
    }

    /// Most bytes the store may take now: on a disk that is nearly full it does not grow.
    pub(super) fn size_limit(&self) -> u64 {
        let max_size = self.settings.max_size;
        if !self.disk.is_low {
            return max_size;
        }
        // The log is grown already, as far as it is kept.
        self.store.allocated().map_or(max_size, |bytes| max_size.min(bytes + MAX_LOG))
    }

    /// Looks at the disk's free space, unless that was done a moment ago, and tells of a change.
    pub(super) fn look_at_disk(&mut self, now: Instant) {
        if self.disk.looked.is_some_and(|looked| now.duration_since(looked) < LOOK) {
            return;
        }
        self.disk.looked = Some(now);
        let Some((free, total)) = space(&self.settings.path) else { return };
        let percent = if self.disk.is_low { LOW.1 } else { LOW.0 };
        let is_low = free < (total / 100 * percent).min(ENOUGH);
        if is_low == self.disk.is_low {
            return;
        }
        self.disk.is_low = is_low;
        self.status.send_modify(|status| status.disk_low = is_low);
        let (what, then) = if is_low { ("disk-low", ": it stops growing") } else { ("disk-ok", " again") };
        let text = format!("{free} of {total} bytes of the buffer's disk are free{then}");
        warn!(free, total, is_low, "Free space of the buffer's disk has changed");
        self.tell(what, text);
    }
}

/// Bytes that are free for us, and all there are, on the disk of a file. None where the system does not tell.
fn space(path: &Path) -> Option<(u64, u64)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = statvfs(folder).ok()?;
    Some((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}
