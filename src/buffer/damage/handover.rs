//! What a new store takes over at once of the file that was set aside, before anybody asks for it: variables of rules
//! and last values. Only what its checksum or its key proves.

use std::{fmt, path::Path};

use rusqlite::Connection;

use super::{ends::from_both_ends, look::look};
use crate::{
    buffer::{
        codec,
        commit::States,
        kept::{Variable, put_snapshot, put_states},
        seal::Seal,
        store::Store,
    },
    model::{BlockBody, StateChange},
};

/// Variables and last values of a file.
#[derive(Debug, Default)]
pub(in crate::buffer) struct Handover {
    states: States,
    /// Variables that were there and are not what was written.
    damaged: usize,
    /// Whether the table of variables could be read from one end to the other.
    is_whole: bool,
    /// The body of last values, and how many there are.
    last: Option<(Vec<u8>, usize)>,
}

impl Handover {
    /// Reads what it can.
    pub(in crate::buffer) fn read(file: &Path, seal: &Seal) -> Self {
        // A file that cannot be opened hands nothing over; its salvage tells why.
        look(file, seal.clone()).map_or_else(|_| Self::default(), |store| Self::of(&store))
    }

    fn of(store: &Store) -> Self {
        let select = "SELECT rule, key, value, sum FROM state";
        let (variables, is_whole) = from_both_ends(&store.db, select, &["rule", "key"], Variable::of);
        let mut new = Self { is_whole, last: last_values(store), ..Self::default() };
        for variable in variables {
            match variable.proven(true) {
                Some(StateChange { rule, key, value }) => drop(new.states.insert((rule, key), value)),
                None => new.damaged += 1,
            }
        }
        new
    }

    /// Puts it into the new store, all or nothing.
    pub(in crate::buffer) fn write(&self, db: &mut Connection, seal: &Seal) -> rusqlite::Result<()> {
        let tx = db.transaction()?;
        put_states(&tx, &self.states)?;
        // It is older than every block of the new store.
        self.last.as_ref().map_or(Ok(()), |(body, _)| put_snapshot(&tx, seal, 0, body))?;
        tx.commit()
    }
}

/// What an operator reads of it.
impl fmt::Display for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.last.as_ref().map_or(0, |(_, count)| *count);
        write!(f, "{} variables of rules and {last} last values were taken over", self.states.len())?;
        match (self.is_whole, self.damaged) {
            (true, 0) => Ok(()),
            (true, damaged) => write!(f, ", {damaged} variables are damaged and lost"),
            (false, _) => f.write_str(", variables may be lost: not all of them can be read"),
        }
    }
}

fn last_values(store: &Store) -> Option<(Vec<u8>, usize)> {
    let body = store.proven_snapshot()?;
    let count = match codec::decode(&body) {
        Ok((_, BlockBody::Readings(readings))) => readings.len(),
        _ => return None,
    };
    Some((body, count))
}
