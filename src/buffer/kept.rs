//! What the file keeps beside blocks for the next start: persisted variables of rules, and the last value of every
//! point. Each has a checksum, so that damage never passes for either.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{
    cipher::MARK,
    commit::{States, no_random},
    seal::{Seal, checksum},
    store::Store,
};
use crate::model::StateChange;

/// What the body of last values is sealed as.
const SNAPSHOT: &str = "snapshot";

/// A variable as it is stored.
#[derive(Debug)]
pub(super) struct Variable {
    rule: String,
    key: String,
    value: String,
    /// None in a row of an earlier version.
    sum: Option<u32>,
}

impl Variable {
    /// Of a row of rule, key, value and checksum.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { rule: row.get(0)?, key: row.get(1)?, value: row.get(2)?, sum: row.get(3)? })
    }

    fn computed(&self) -> u32 {
        variable_sum(&self.rule, &self.key, &self.value)
    }

    /// As a change of a rule's state; none when it is not what was written, or with `is_strict` when nothing proves it.
    pub(super) fn proven(self, is_strict: bool) -> Option<StateChange> {
        if !self.sum.map_or(!is_strict, |sum| sum == self.computed()) {
            return None;
        }
        let value = Some(serde_json::from_str(&self.value).ok()?);
        Some(StateChange { rule: self.rule.into(), key: self.key.into(), value })
    }
}

impl Store {
    /// Every persisted variable of every rule. One that is damaged is left out.
    pub(super) fn states(&self) -> rusqlite::Result<Vec<StateChange>> {
        let mut query = self.db.prepare("SELECT rule, key, value, sum FROM state")?;
        let variables: Vec<_> = query.query_map([], Variable::of)?.collect::<Result<_, _>>()?;
        Ok(variables.into_iter().filter_map(|variable| variable.proven(false)).collect())
    }

    /// The last snapshot of last values: up to which block, and its body. One that is damaged is none.
    pub(super) fn snapshot(&self) -> rusqlite::Result<Option<(u64, Vec<u8>)>> {
        let stored = self.db.query_row("SELECT up_to, body, sum FROM snapshot", [], |row| {
            Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Option<u32>>(2)?))
        });
        let Some((up_to, hidden, sum)) = stored.optional()? else { return Ok(None) };
        let is_same = sum.is_none_or(|sum| sum == checksum(&[&hidden]));
        let body = self.seal.reveal(&hidden, SNAPSHOT).ok().filter(|_| is_same);
        Ok(body.map(|body| (up_to, body.into_owned())))
    }

    /// The body of last values, only when something proves that it is what was written.
    pub(super) fn proven_snapshot(&self) -> Option<Vec<u8>> {
        let sealed =
            |row: &Row<'_>| Ok(row.get::<_, Option<u32>>(1)?.is_some() || row.get_ref(0)?.as_blob()?[..1] == [MARK]);
        let is_provable =
            self.db.query_row("SELECT body, sum FROM snapshot WHERE length(body) > 0", [], sealed).ok()?;
        let (_, body) = self.snapshot().ok().flatten().filter(|_| is_provable)?;
        Some(body)
    }
}

/// Writes changed variables, and forgets those that are gone.
pub(super) fn put_states(tx: &Transaction<'_>, states: &States) -> rusqlite::Result<()> {
    let mut put = tx.prepare_cached("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?)")?;
    let mut forget = tx.prepare_cached("DELETE FROM state WHERE rule = ? AND key = ?")?;
    for ((rule, key), value) in states {
        match value.as_ref().map(ToString::to_string) {
            Some(value) => put.execute(params![rule, key, value, variable_sum(rule, key, &value)])?,
            None => forget.execute(params![rule, key])?,
        };
    }
    Ok(())
}

/// Writes last values up to a block.
pub(super) fn put_snapshot(db: &Connection, seal: &Seal, up_to: u64, body: &[u8]) -> rusqlite::Result<()> {
    let hidden = seal.hide(body.to_vec(), SNAPSHOT).map_err(no_random)?;
    let mut put = db.prepare_cached("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?, ?)")?;
    put.execute(params![up_to, hidden, checksum(&[&hidden])]).map(drop)
}

/// Gives the variables of an earlier version their checksum.
pub(super) fn prove_states(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut query = tx.prepare("SELECT rule, key, value, sum FROM state WHERE sum IS NULL")?;
    let variables: Vec<_> = query.query_map([], Variable::of)?.collect::<Result<_, _>>()?;
    let mut prove = tx.prepare("UPDATE state SET sum = ? WHERE rule = ? AND key = ?")?;
    variables.iter().try_for_each(|one| prove.execute(params![one.computed(), one.rule, one.key]).map(drop))
}

fn variable_sum(rule: &str, key: &str, value: &str) -> u32 {
    // A length keeps what belongs to the rule from passing for a part of the key.
    let lengths = [rule.len() as u64, key.len() as u64].map(u64::to_le_bytes);
    checksum(&[lengths.as_flattened(), rule.as_bytes(), key.as_bytes(), value.as_bytes()])
}
