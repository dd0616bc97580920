//! Blocks as rows: finding them by id without reading their bodies, and reading them.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use rusqlite::{OptionalExtension as _, params};

use super::{
    codec,
    codec::wire::WireError,
    commit::stream_code,
    head::head,
    pack::{NEAR, Part, SPAN},
    seal::Facts,
    store::Store,
};
use crate::model::{Block, BlockId, Lane, Replay, Stream};

pub(super) use super::head::{Head, Table, stream};

/// Every block of a row by id, or the row's head if it is damaged.
pub(super) type Unpacked = Result<BTreeMap<u64, Block>, Box<Head>>;

/// Where one block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) id: u64,
    /// How many readings it has; 0 where that cannot be read.
    pub(super) readings: u64,
    table: Table,
    row: u64,
}

impl Store {
    /// Rows that begin in `from..=to`, ascending, at most `limit`.
    pub(super) fn heads(&self, table: Table, from: u64, to: u64, limit: usize) -> rusqlite::Result<Vec<Head>> {
        let (name, columns) = (table.name(), table.columns());
        let sql = format!("SELECT {columns} FROM {name} WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?");
        let mut query = self.db.prepare_cached(&sql)?;
        query.query_map(params![from, to, limit], |row| head(table, row))?.collect()
    }

    /// The oldest rows of low priority.
    pub(super) fn low(&self, limit: usize) -> rusqlite::Result<Vec<Head>> {
        let columns = Table::Pack.columns();
        let sql =
            format!("SELECT {columns} FROM pack INDEXED BY low_priority WHERE priority = 0 ORDER BY id LIMIT ?");
        self.db.prepare_cached(&sql)?.query_map([limit], |row| head(Table::Pack, row))?.collect()
    }

    /// Where the newest rows of readings begin that are within so many ids and bytes, the last of them included whole.
    pub(super) fn newest_of(&self, last: u64, (ids, bytes): (u64, u64)) -> rusqlite::Result<u64> {
        let mut first = last.saturating_sub(ids);
        let sql = "SELECT id, length(body) FROM pack WHERE id BETWEEN ? AND ? ORDER BY id DESC";
        let mut query = self.db.prepare_cached(sql)?;
        let (mut rows, mut total) = (query.query([first, last])?, 0_u64);
        while let Some(row) = rows.next()? {
            total += row.get::<_, u64>(1)?;
            if total >= bytes {
                first = row.get(0)?;
                break;
            }
        }
        Ok(first)
    }

    /// The row a block is in. Nearly always it is the nearest that begins at or before it.
    pub(super) fn head_of(&self, id: u64) -> rusqlite::Result<Option<Head>> {
        for table in [Table::Message, Table::Pack] {
            let (name, columns) = (table.name(), table.columns());
            let sql = format!("SELECT {columns} FROM {name} WHERE id BETWEEN ? AND ? ORDER BY id DESC");
            let mut query = self.db.prepare_cached(&sql)?;
            let mut rows = query.query([table.start(id), id])?;
            while let Some(row) = rows.next()? {
                let head = head(table, row)?;
                if head.parts.iter().any(|part| part.id == id) {
                    return Ok(Some(head));
                }
            }
        }
        Ok(None)
    }

    /// Where the first blocks of a lane within some ranges of ids are, ascending, at most `limit`.
    pub(super) fn locate(
        &self,
        lane: Lane,
        ranges: impl Iterator<Item = (u64, u64)>,
        limit: usize,
    ) -> rusqlite::Result<Vec<Place>> {
        let mut places = Vec::new();
        for range in ranges {
            if places.len() >= limit {
                break;
            }
            let mut found = BTreeMap::new();
            for table in Table::of(lane) {
                self.locate_in(*table, range, limit, &mut found)?;
            }
            places.extend(found.into_values());
        }
        places.truncate(limit);
        Ok(places)
    }

    /// Goes through the rows of a table until every later one begins behind the blocks that are wanted.
    fn locate_in(
        &self,
        table: Table,
        (from, to): (u64, u64),
        limit: usize,
        found: &mut BTreeMap<u64, Place>,
    ) -> rusqlite::Result<()> {
        let (name, columns) = (table.name(), table.columns());
        let sql = format!("SELECT {columns} FROM {name} WHERE id BETWEEN ? AND ? ORDER BY id");
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query([table.start(from), to])?;
        let mut own = 0;
        let mut most = u64::MAX;
        while let Some(row) = rows.next()? {
            let head = head(table, row)?;
            if head.id > most {
                break;
            }
            for part in head.places().filter(|place| (from..=to).contains(&place.id)) {
                found.insert(part.id, part);
                own += 1;
            }
            if own >= limit && most == u64::MAX {
                // Rows up to here may still hold blocks that come before some of those that were found.
                most = found.last_key_value().map_or(head.last, |(id, _)| *id);
            }
        }
        Ok(())
    }

    /// Where the blocks of a stream's range are that come after an id, ascending, at most `limit`. Within an epoch the
    /// numbers of a stream rise with the ids, so the first is found by halving.
    pub(super) fn find(&self, what: &Replay, after: u64, limit: usize) -> rusqlite::Result<Vec<Place>> {
        let stream = &what.stream;
        let table = if stream.has_readings() { Table::Pack } else { Table::Message };
        let (first, last) = self.ids_of_epoch(what.epoch)?;
        let (mut low, mut high) = (first.max(after.saturating_add(1)), last);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.next_of(table, stream, (middle, high))? {
                Some(head) if head.parts.last().is_some_and(|part| part.seq < what.from) => low = head.id + 1,
                Some(_) | None => high = middle,
            }
        }
        let mut found = BTreeMap::new();
        let mut from = table.start(low).max(first);
        while let Some(head) = self.next_of(table, stream, (from, last))? {
            if head.seq > what.to || (found.len() >= limit && found.keys().nth(limit - 1) < Some(&head.id)) {
                break;
            }
            from = head.id + 1;
            let wanted =
                head.parts.iter().filter(|part| part.id > after && (what.from..=what.to).contains(&part.seq));
            let place = |part: &Part| Place { id: part.id, readings: part.readings, table, row: head.id };
            found.extend(wanted.map(|part| (part.id, place(part))));
        }
        Ok(found.into_values().take(limit).collect())
    }

    /// The first row of a stream in a range of ids.
    fn next_of(&self, table: Table, stream: &Stream, (from, to): (u64, u64)) -> rusqlite::Result<Option<Head>> {
        let (name, columns) = (table.name(), table.columns());
        let sql = format!("SELECT {columns} FROM {name} WHERE id BETWEEN ? AND ? AND stream = ? ORDER BY id LIMIT 1");
        let mut query = self.db.prepare_cached(&sql)?;
        let row = query.query_row(params![from, to, stream_code(stream)], |row| head(table, row));
        row.optional()
    }

    /// The ids that were given in an epoch; an empty range for one that is not known.
    fn ids_of_epoch(&self, epoch: u64) -> rusqlite::Result<(u64, u64)> {
        let sql = "SELECT coalesce((SELECT max(last_id) FROM epoch WHERE epoch < ?1), 0) + 1,
                          coalesce((SELECT last_id FROM epoch WHERE epoch = ?1), 0)";
        self.db.prepare_cached(sql)?.query_row([epoch], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The blocks at these places, in their order; a damaged row is given once, as its head.
    pub(super) fn read(&self, places: &[Place]) -> rusqlite::Result<Vec<Result<Block, Box<Head>>>> {
        let mut rows: BTreeMap<(Table, u64), BTreeMap<u64, Block>> = BTreeMap::new();
        let mut blocks = Vec::with_capacity(places.len());
        for place in places {
            let row = match rows.entry((place.table, place.row)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let unpacked = self.unpack(place.table, place.row)?.unwrap_or_else(|| Ok(BTreeMap::new()));
                    new.insert(unpacked.unwrap_or_else(|head| {
                        blocks.push(Err(head));
                        BTreeMap::new()
                    }))
                }
            };
            blocks.extend(row.remove(&place.id).map(Ok));
        }
        Ok(blocks)
    }

    /// Every block of a row by id, or its head if it is damaged.
    pub(super) fn unpack(&self, table: Table, row: u64) -> rusqlite::Result<Option<Unpacked>> {
        let sql = format!("SELECT {}, body FROM {} WHERE id = ?", table.columns(), table.name());
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query([row])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let head = head(table, row)?;
        let parts = row.get_ref(12)?.as_blob_or_null()?.unwrap_or_default();
        let clock = row.get(6)?;
        let facts = Facts { id: head.id, stream: &head.stream, epoch: head.epoch, seq: head.seq, clock, parts };
        let body = self.seal.unseal(row.get_ref(13)?.as_blob()?, &facts).and_then(|body| codec::decode_blocks(&body));
        let blocks = body.and_then(|bodies| self.join(&head, bodies));
        Ok(Some(blocks.map_err(|_| Box::new(head))))
    }

    /// Puts together what row and body say of each block.
    fn join(
        &self,
        head: &Head,
        bodies: Vec<(codec::Stamp, crate::model::BlockBody)>,
    ) -> Result<BTreeMap<u64, Block>, WireError> {
        if bodies.len() != head.parts.len() {
            return Err(WireError::Range);
        }
        let block = |(part, (stamp, body)): (&Part, (codec::Stamp, _))| {
            let block = Block {
                id: BlockId(part.id),
                gateway: stamp.gateway,
                store: Arc::clone(&self.identity.store),
                epoch: head.epoch,
                stream: head.stream.clone(),
                seq: part.seq,
                clock: head.clock,
                boot: stamp.boot,
                uptime: stamp.uptime,
                body,
            };
            (part.id, block)
        };
        Ok(head.parts.iter().zip(bodies).map(block).collect())
    }

    /// The blocks of a row whose own list of them is damaged: every id in its span that no other row has. Numbers are
    /// as if none was left out, so that a gap rather covers more than less.
    pub(super) fn presumed_parts(&self, damaged: &Head) -> rusqlite::Result<Vec<Part>> {
        let mut ids: BTreeSet<u64> = (damaged.id..=damaged.last.min(damaged.id + SPAN)).collect();
        for table in Table::ALL {
            let rows = self.heads(table, table.start(damaged.id), damaged.last, 2 * NEAR)?;
            for part in rows.iter().flat_map(|head| &head.parts) {
                ids.remove(&part.id);
            }
        }
        let part = |(id, seq)| Part { id, seq, readings: if id == damaged.id { damaged.readings } else { 0 } };
        Ok(ids.into_iter().zip(damaged.seq..).map(part).collect())
    }

    /// The first id that is stored.
    pub(super) fn oldest(&self) -> rusqlite::Result<Option<u64>> {
        let sql = "SELECT min(id) FROM (SELECT min(id) AS id FROM pack UNION ALL SELECT min(id) FROM message)";
        self.db.prepare_cached(sql)?.query_row([], |row| row.get(0))
    }
}

impl Head {
    /// The places of its blocks.
    fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let place = |id, readings| Place { id, readings, table: self.table, row: self.id };
        // A row whose parts cannot be read stands for its first block, so that whoever reads it learns of the damage.
        let first = self.parts.is_empty().then(|| place(self.id, 0));
        self.parts.iter().map(move |part| place(part.id, part.readings)).chain(first)
    }
}
