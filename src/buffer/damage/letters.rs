//! Dead letters of a file that was set aside, a few at a time. Their rows are found through the table and through its
//! index, so that a damaged page of either hides none that is not in it.

use std::collections::BTreeSet;

use super::{ends::from_both_ends, pending::Pending};
use crate::{
    buffer::{letters::Letter, store::Store},
    model::Block,
};

/// Letters read in one step: a body may have 100 KiB.
const STEP: usize = 8;
/// Rows that are looked at; a store keeps fewer, and a damaged page may make some up.
const MAX_LETTERS: usize = 10_000;

/// A letter that proved itself.
#[derive(Debug)]
pub(in crate::buffer) struct Found {
    pub(in crate::buffer) letter: Letter,
    pub(in crate::buffer) block: Block,
    /// Whether the block was read among the others as well.
    pub(in crate::buffer) is_stored: bool,
    /// Key and value of what is remembered when this letter is in.
    pub(in crate::buffer) reached: (String, String),
}

/// The way through all letters of a file.
#[derive(Debug)]
pub(super) struct LetterWalk {
    /// Rows that are left, the next one last.
    left: Vec<i64>,
    read: u64,
    unread: u64,
}

impl LetterWalk {
    /// From the letter on that an earlier run had not carried over.
    pub(super) fn new(store: &Store, pending: &Pending) -> Self {
        let rows = rows(store);
        let left: Vec<_> = rows.iter().rev().copied().filter(|row| *row > pending.letter).collect();
        Self { read: (rows.len() - left.len()) as u64, left, unread: 0 }
    }

    /// Goes on for a moment; none at the end.
    pub(super) fn step(
        &mut self,
        store: &Store,
        pending: &Pending,
        is_stored: impl Fn(&Block) -> bool,
    ) -> Option<Vec<Found>> {
        let rows = self.left.split_off(self.left.len().saturating_sub(STEP));
        let count = rows.len() as u64;
        let read = |row: i64| {
            let letter = store.letter_at(row).ok()??;
            let block = store.letter_block_at(row, &letter).ok()??;
            Some(Found { is_stored: is_stored(&block), letter, block, reached: pending.reached_letter(row) })
        };
        // What gives none is counted, and told at the end.
        let found: Vec<_> = rows.into_iter().rev().filter_map(read).collect();
        self.read += found.len() as u64;
        self.unread += count - found.len() as u64;
        (count > 0).then_some(found)
    }

    /// Letters that were read, and that were not.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.read, self.unread)
    }
}

fn rows(store: &Store) -> BTreeSet<i64> {
    let ways = [
        ("SELECT rowid FROM deadletter NOT INDEXED", &["rowid"][..]),
        ("SELECT rowid FROM deadletter INDEXED BY sqlite_autoindex_deadletter_1", &["uplink", "id"]),
    ];
    let rows = ways.iter().flat_map(|(select, order)| from_both_ends(&store.db, select, order, |row| row.get(0)).0);
    rows.take(MAX_LETTERS).collect()
}
