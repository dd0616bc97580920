//! One file that was set aside, on its way into the store that took its place.
//!
//! Events and outcomes come first, then readings, oldest first. A walk that goes on in a later run reads the rows it
//! had carried over once more, because what is missing is known only by what is there.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    letters::{Found as FoundLetter, LetterWalk},
    look::look,
    numbers::{Hole, Numbers, Track},
    past::Past,
    pending::{MetaRow, Pending, Sent, hand_over},
    walk::{Found, Good, Walk},
};
use crate::{
    buffer::{OpenError, ranges::Ranges, rows::Table, seal::Seal, store::Store},
    config::Priority,
    model::{Block, Event, EventKind, Gap, GapReason, GapSpan, Timestamp},
};

/// Most gaps that are told of one file, each an event; what is beyond is counted as untold.
const MAX_GAPS: usize = 1_000;

/// A row that was read, with all it needs to be taken in.
#[derive(Debug)]
pub(in crate::buffer) struct Row {
    pub(in crate::buffer) file: Arc<str>,
    pub(in crate::buffer) blocks: Vec<Block>,
    pub(in crate::buffer) cut: Timestamp,
    pub(in crate::buffer) priority: Priority,
    /// Who is owed what of it.
    pub(in crate::buffer) sent: Arc<Sent>,
    /// Whether blocks that nobody is owed are wanted as well, for the history.
    pub(in crate::buffer) is_all: bool,
    /// How far the file is read when this row is in.
    pub(in crate::buffer) reached: MetaRow,
    /// The same in percent of its ids.
    pub(in crate::buffer) percent: u8,
}

/// The end of a file.
#[derive(Debug)]
pub(in crate::buffer) struct Done {
    pub(in crate::buffer) file: Arc<str>,
    /// Blocks somebody was owed that are carried over, in this run or an earlier one, and readings in them.
    pub(in crate::buffer) carried: (u64, u64),
    /// What is missing, and which numbers moved.
    pub(in crate::buffer) gaps: Vec<Gap>,
    /// Rows that were there and could not be read.
    pub(in crate::buffer) damaged: u64,
    /// Dead letters that were read, in this run or an earlier one, and some that were there and could not be.
    pub(in crate::buffer) letters: (u64, u64),
    /// More that is missing than could be told.
    pub(in crate::buffer) untold: u64,
    /// What is forgotten with it, and what it hands over.
    pub(in crate::buffer) metas: Vec<MetaRow>,
    /// What is left in it for the history.
    pub(in crate::buffer) past: Option<Past>,
}

/// What one step gave.
#[derive(Debug)]
pub(super) enum Step {
    /// Rows to take in, maybe none.
    Rows(Vec<Row>),
    /// Dead letters to take in, maybe none.
    Letters(Vec<FoundLetter>),
    /// Everything was read.
    Done(Box<Done>),
}

/// Reads one file.
pub(super) struct Salvager {
    file: Arc<str>,
    store: Store,
    pending: Pending,
    sent: Arc<Sent>,
    settled: Ranges,
    last: u64,
    is_all: bool,
    walks: Vec<Walk>,
    letters: LetterWalk,
    numbers: Numbers,
    /// Numbers of blocks that somebody is owed and that are carried over under new ones.
    moved: BTreeMap<Track, (Ranges, u64)>,
    damaged: u64,
}

impl Salvager {
    /// Opens a file beside a store. `uplinks` say which blocks are owed to anybody.
    pub(super) fn open(
        folder: &Path,
        mut pending: Pending,
        seal: Seal,
        uplinks: &[Arc<str>],
        is_all: bool,
    ) -> Result<Self, OpenError> {
        let mut store = look(&folder.join(&pending.file), seal)?;
        // A file that was put there by hand has the mark of another.
        let id = Arc::clone(&store.identity.store);
        pending.mark = pending.mark.filter(|mark| id.is_empty() || mark.store == *id);
        if let Some(mark) = pending.mark.as_ref().filter(|_| id.is_empty()) {
            store.identity.store = mark.store.as_str().into();
        }
        let sent = Arc::new(pending.sent.clone().unwrap_or_else(|| Sent::read(&store)));
        let last = store.last_id().unwrap_or_default().max(newest(&store));
        let last = pending.mark.as_ref().map_or(last, |mark| mark.last.last_id.max(last));
        let settled = sent.settled_by_all(uplinks, last);
        let walks = [Table::Pack, Table::Message].map(|table| Walk::new(table, last)).into();
        let (file, numbers) = (pending.file.as_str().into(), Numbers::default());
        let (moved, letters) = (BTreeMap::new(), LetterWalk::new(&store, &pending));
        Ok(Self { file, store, pending, sent, settled, last, is_all, walks, letters, numbers, moved, damaged: 0 })
    }

    /// Goes on for a moment.
    pub(super) fn step(&mut self) -> Step {
        let Some(walk) = self.walks.last_mut() else { return self.step_letters() };
        let table = walk.table();
        let Some(found) = walk.step(&self.store) else {
            self.walks.pop();
            self.numbers.end_table();
            return Step::Rows(Vec::new());
        };
        Step::Rows(found.into_iter().filter_map(|found| self.take(table, found)).collect())
    }

    fn step_letters(&mut self) -> Step {
        let numbers = &self.numbers;
        let is_stored = |block: &Block| block.store == self.store.identity.store && numbers.has(block.id.0);
        match self.letters.step(&self.store, &self.pending, is_stored) {
            Some(letters) => Step::Letters(letters),
            None => Step::Done(Box::new(self.end())),
        }
    }

    fn take(&mut self, table: Table, found: Found) -> Option<Row> {
        match found {
            Found::Good(good) => self.good(table, good),
            Found::Damaged(_) => {
                self.damaged += 1;
                None
            }
            // It may be that no row was there; what is missing is told by the numbers.
            Found::Unreadable => None,
        }
    }

    fn good(&mut self, table: Table, good: Good) -> Option<Row> {
        let first = good.blocks.values().next()?;
        let (row, track) = (first.id.0, (first.stream.clone(), first.epoch));
        if good.parts.iter().any(|part| self.numbers.has(part.id)) {
            return None;
        }
        self.numbers.note(&track, &good.parts);
        for part in good.parts.iter().filter(|part| !self.settled.contains(part.id)) {
            let (numbers, readings) = self.moved.entry(track.clone()).or_default();
            numbers.insert(part.seq);
            *readings += part.readings;
        }
        let is_carried = self.pending.at.is_some_and(|(reached, next)| match (table, reached) {
            (Table::Message, Table::Pack) => true,
            (Table::Pack, Table::Message) => false,
            _ => row < next,
        });
        (!is_carried).then(|| self.row(table, row, good))
    }

    fn row(&self, table: Table, row: u64, good: Good) -> Row {
        let half = if table == Table::Message { 0 } else { 50 };
        let part = u8::try_from(row.saturating_mul(50) / self.last.max(1)).map_or(50, |part| part.min(50));
        Row {
            file: Arc::clone(&self.file),
            blocks: good.blocks.into_values().collect(),
            cut: good.cut,
            priority: good.priority,
            sent: Arc::clone(&self.sent),
            is_all: self.is_all,
            reached: self.pending.reached(table, row + 1),
            percent: half + part,
        }
    }

    fn end(&mut self) -> Done {
        let numbers = std::mem::take(&mut self.numbers);
        let untold = numbers.untold;
        let store = &self.store.identity.store;
        // Without the store's name a gap would be taken for one of the new store.
        let is_named = !store.is_empty();
        let holes = numbers.lost(&self.store.ends_with(self.pending.mark.as_ref()), &self.settled);
        let lost = holes.iter().map(|hole| corrupt(store, hole));
        let moved =
            self.moved.iter().flat_map(|(track, (numbers, readings))| moved(store, track, numbers, *readings));
        let mut gaps: Vec<Gap> = lost.chain(moved).filter(|_| is_named).collect();
        let untold = untold + gaps.len().saturating_sub(MAX_GAPS) as u64;
        gaps.truncate(MAX_GAPS);
        let carried =
            self.moved.values().fold((0, 0), |sum, (numbers, readings)| (sum.0 + numbers.len(), sum.1 + readings));
        let metas = hand_over(&self.store).into_iter().chain(self.pending.done()).collect();
        let (file, letters) = (Arc::clone(&self.file), self.letters.counts());
        let past = (!self.is_all).then(|| Past::new(&file, &self.settled));
        Done { file, carried, gaps, damaged: self.damaged, letters, untold, metas, past }
    }
}

impl Done {
    /// Of a file that somebody took away.
    pub(super) fn gone(pending: &Pending) -> Self {
        let file = pending.file.as_str().into();
        Self {
            file,
            carried: (0, 0),
            gaps: Vec::new(),
            damaged: 0,
            letters: (0, 0),
            untold: 1,
            metas: pending.done(),
            past: None,
        }
    }

    /// Whether nothing is missing.
    pub(in crate::buffer) fn is_complete(&self) -> bool {
        self.lost() + self.untold + self.letters.1 == 0
    }

    /// What an operator reads of it.
    pub(in crate::buffer) fn text(&self) -> String {
        let ((blocks, readings), (letters, unread)) = (self.carried, self.letters);
        let (file, lost, untold) = (&self.file, self.lost(), self.untold);
        format!(
            "{blocks} blocks with {readings} readings and {letters} dead letters were carried over from {file}; \
             {lost} blocks are lost as gaps say, {untold} gaps could not be told, {unread} dead letters could not be \
             read; the file is kept while there is room"
        )
    }

    /// One event per gap.
    pub(in crate::buffer) fn events(&self, now: Timestamp) -> Vec<Event> {
        self.gaps.iter().map(|gap| Event { ts: now, kind: EventKind::Gap { gap: gap.clone() } }).collect()
    }

    /// How many numbers are told as lost.
    pub(in crate::buffer) fn lost(&self) -> u64 {
        let lost = self.gaps.iter().filter(|gap| gap.reason == GapReason::Corrupt);
        let blocks = |gap: &Gap| match gap.span {
            GapSpan::Blocks { from, to, .. } => to - from + 1,
            GapSpan::Time { .. } => 0,
        };
        lost.map(blocks).sum()
    }
}

/// The newest row that can be read, where the tables that say how far the store had come cannot.
pub(super) fn newest(store: &Store) -> u64 {
    let newest = |sql| store.db.query_row(sql, [], |row| row.get::<_, Option<u64>>(0)).ok().flatten().unwrap_or(0);
    newest("SELECT max(id) FROM pack").max(newest("SELECT max(id) FROM message"))
}

fn corrupt(store: &Arc<str>, hole: &Hole) -> Gap {
    let (stream, epoch) = &hole.track;
    // How many readings were in blocks that nobody has read is not known.
    let gap = Gap::blocks(stream, *epoch, hole.from, hole.to, 0, GapReason::Corrupt);
    Gap { store: Some(Arc::clone(store)), ..gap }
}

/// Numbers that will not come because their readings come under others; the first of them carries the count.
pub(in crate::buffer) fn moved(
    store: &Arc<str>,
    (stream, epoch): &Track,
    numbers: &Ranges,
    readings: u64,
) -> Vec<Gap> {
    let gap = |(at, (from, to)): (usize, (u64, u64))| {
        let readings = if at == 0 { readings } else { 0 };
        let gap = Gap::blocks(stream, *epoch, from, to, readings, GapReason::Moved);
        Gap { store: Some(Arc::clone(store)), ..gap }
    };
    numbers.iter().enumerate().map(gap).collect()
}
