//! Walking through the rows of a table that may be damaged: around a place that gives errors the range of ids is
//! halved until only the ids behind it are left out.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    buffer::{
        pack::Part,
        rows::{Head, Table},
        store::Store,
    },
    config::Priority,
    model::{Block, Timestamp},
};

/// Rows read in one step: a row may unpack to some MiB, and all of a step are in memory at once.
const STEP: usize = 8;
/// One step takes about this long, so that whoever walks can be stopped.
const STEP_TIME: Duration = Duration::from_millis(20);
/// Ids that cannot be read one after the other, beyond which the walk gives up: the rest of the table is then taken as
/// unreadable. It keeps a damaged number from sending the walk through ids that never were.
const MAX_UNREADABLE: u64 = 1 << 22;

/// A row that proved itself.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) parts: Vec<Part>,
    pub(super) cut: Timestamp,
    pub(super) priority: Priority,
    pub(super) blocks: BTreeMap<u64, Block>,
}

/// What a walk comes across.
#[derive(Debug)]
pub(super) enum Found {
    /// A row whose body is what was written.
    Good(Good),
    /// A row that is there and is not; what it says of itself is not to be believed.
    Damaged(Box<Head>),
    /// An id at which nothing can be read, whether or not a row is there.
    Unreadable,
}

/// The way through one table.
#[derive(Debug)]
pub(super) struct Walk {
    table: Table,
    /// What is left, the next range last.
    left: Vec<(u64, u64)>,
    /// Ids that could not be read since the last that could.
    unreadable: u64,
}

impl Walk {
    /// Through the rows of a table that begin up to `last`.
    pub(super) fn new(table: Table, last: u64) -> Self {
        Self::from(table, 0, last)
    }

    /// Through those that begin in a range.
    pub(super) fn from(table: Table, first: u64, last: u64) -> Self {
        Self { table, left: if first <= last { vec![(first, last)] } else { Vec::new() }, unreadable: 0 }
    }

    /// The table.
    pub(super) fn table(&self) -> Table {
        self.table
    }

    /// The first id that was not looked at.
    pub(super) fn at(&self) -> u64 {
        self.left.last().map_or(u64::MAX, |range| range.0)
    }

    /// Goes on for a moment; none at the end. Ids of what is found rise.
    pub(super) fn step(&mut self, store: &Store) -> Option<Vec<Found>> {
        let begun = Instant::now();
        let mut found = Vec::new();
        while found.is_empty() && begun.elapsed() < STEP_TIME {
            let Some((from, to)) = self.left.pop() else { break };
            if self.unreadable < MAX_UNREADABLE {
                self.look(store, (from, to), &mut found);
            }
        }
        (!found.is_empty() || !self.left.is_empty()).then_some(found)
    }

    fn look(&mut self, store: &Store, (from, to): (u64, u64), found: &mut Vec<Found>) {
        match store.heads(self.table, from, to, STEP) {
            Ok(heads) => {
                // A damaged page may give ids that are not in order: the walk goes on upwards in any case.
                let next = heads.iter().map(|head| head.id).max().unwrap_or(to).max(from);
                if heads.len() == STEP && next < to {
                    self.left.push((next + 1, to));
                }
                let is_asked = |head: &Head| (from..=to).contains(&head.id);
                found.extend(heads.into_iter().filter(is_asked).map(|head| read(store, head)));
                self.unreadable = 0;
            }
            Err(_) if from < to => {
                let middle = from + (to - from) / 2;
                self.left.extend([(middle + 1, to), (from, middle)]);
            }
            Err(_) => {
                self.unreadable += 1;
                found.push(Found::Unreadable);
            }
        }
    }
}

fn read(store: &Store, head: Head) -> Found {
    match store.unpack(head.table, head.id) {
        Ok(Some(Ok(blocks))) => {
            Found::Good(Good { parts: head.parts, cut: head.cut, priority: head.priority, blocks })
        }
        Ok(Some(Err(_)) | None) | Err(_) => Found::Damaged(Box::new(head)),
    }
}
