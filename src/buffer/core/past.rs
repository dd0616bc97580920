//! The history of a file that was set aside, on its way in as readings that stay in the gateway.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::info;

use super::Core;
use crate::{
    buffer::damage::{Past, PastEnd, PastRow},
    model::{ClockQuality, Event},
};

/// The part of the room that a history of old leaves for what comes: a sixteenth.
const SPARE: u64 = 16;

impl Core {
    /// Takes in a row of the history of another store; gives it back when there is no room now. How far the file was
    /// read is committed with it. A row that the store would not keep is passed over.
    pub(in crate::buffer) fn carry_past(&mut self, row: Box<PastRow>) -> Result<(), Box<PastRow>> {
        if !self.takes_old_rows() || self.status.borrow().disk_low {
            return Err(row);
        }
        let is_kept = self.keeps_past(&row);
        for block in row.blocks.iter().filter(|_| is_kept) {
            self.sum_up(block);
            self.admit_again(block, row.priority, row.cut.min(self.cutter.now()), &[]);
            self.count_salvaged(block);
        }
        let PastRow { file, reached, percent, .. } = *row;
        self.metas.extend([reached]);
        self.timers.commit.get_or_insert(Instant::now() + self.settings.commit);
        self.status.send_modify(|status| {
            let salvage = status.salvage.get_or_insert_default();
            (salvage.file, salvage.percent, salvage.is_history) = (file, percent, true);
        });
        Ok(())
    }

    /// Whether a row is as young as the history, and it and all behind it find room: of a file that is larger than the
    /// room the newest part comes over.
    fn keeps_past(&self, row: &PastRow) -> bool {
        let clock = self.cutter.clock();
        let is_believed = |other| other == clock && matches!(clock, ClockQuality::Ntp | ClockQuality::Rtc);
        let is_dated = row.blocks.first().is_some_and(|block| is_believed(block.clock));
        let is_old = is_dated && self.cutter.now().since(row.cut) >= self.settings.history;
        let limit = self.size_limit();
        // A size that cannot be asked for is no reason to write more.
        let taken = self.store.lasting_size().unwrap_or(u64::MAX).saturating_add(self.ring.waiting_size().1 as u64);
        !self.settings.history.is_zero() && !is_old && taken.saturating_add(row.left) <= limit - limit / SPARE
    }

    /// Nothing more comes of the history of a file: it is not asked again.
    pub(in crate::buffer) fn end_past(&mut self, file: &Arc<str>, end: PastEnd) {
        let carried = self.status.borrow().salvage.clone().unwrap_or_default();
        let how = match end {
            PastEnd::Read => "its history was read to its end",
            PastEnd::Gone => "it is gone before its history was read to its end",
        };
        let (blocks, readings) = (carried.blocks, carried.readings);
        let text =
            format!("{file}: {how}; {blocks} blocks with {readings} readings of it were carried over in this run");
        info!(text, "History of a damaged buffer is salvaged");
        self.event(&Event::gateway(self.cutter.now(), "history-salvaged", text));
        self.metas.extend(Past::of(file).done());
        self.status.send_modify(|status| status.salvage = None);
    }
}
