//! What a row says of itself without its body: in which table it stands, which blocks it has, and when they were cut.

use rusqlite::{Row, types::ValueRef};

use super::{
    pack::{self, Part, SPAN},
    store::CLOCKS,
};
use crate::{
    config::Priority,
    model::{ClockQuality, Lane, Stream, Timestamp},
};

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// Readings.
    Pack,
    /// Events and outcomes.
    Message,
}

impl Table {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Pack, Self::Message];

    /// The tables in which blocks of a lane are.
    pub(super) fn of(lane: Lane) -> &'static [Self] {
        match lane {
            Lane::All => &Self::ALL,
            Lane::Readings => &[Self::Pack],
            Lane::Messages => &[Self::Message],
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Message => "message",
        }
    }

    /// Where the row of an id may begin at the earliest.
    pub(super) fn start(self, id: u64) -> u64 {
        match self {
            Self::Pack => id.saturating_sub(SPAN - 1),
            Self::Message => id,
        }
    }

    /// The columns of a [`Head`], in order.
    pub(super) fn columns(self) -> &'static str {
        match self {
            Self::Pack => "id, last, stream, epoch, seq, n, clock, cut, length(body), priority, t0, t1, parts",
            Self::Message => "id, id, stream, epoch, seq, 0, clock, cut, length(body), 2, t0, t0, NULL",
        }
    }
}

/// A row without its body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) table: Table,
    pub(super) id: u64,
    pub(super) last: u64,
    pub(super) stream: Stream,
    pub(super) epoch: u64,
    pub(super) seq: u64,
    pub(super) readings: u64,
    pub(super) cut: Timestamp,
    pub(super) bytes: u64,
    pub(super) clock: ClockQuality,
    pub(super) priority: Priority,
    /// The oldest and the newest moment in it.
    pub(super) span: (Timestamp, Timestamp),
    /// Its blocks; empty when that cannot be read.
    pub(super) parts: Vec<Part>,
}

/// Reads the columns of a table as [`Table::columns`] names them.
pub(super) fn head(table: Table, row: &Row<'_>) -> rusqlite::Result<Head> {
    let (id, seq, readings): (u64, u64, u64) = (row.get(0)?, row.get(4)?, row.get(5)?);
    let clock: usize = row.get(6)?;
    let parts = match row.get_ref(12)?.as_blob_or_null()? {
        None => vec![Part { id, seq, readings }],
        Some(bytes) => pack::parts(bytes, (id, seq)).unwrap_or_default(),
    };
    Ok(Head {
        table,
        id,
        last: row.get(1)?,
        stream: stream(row.get_ref(2)?),
        epoch: row.get(3)?,
        seq,
        readings,
        // A damaged code reads as a clock that nobody believes.
        clock: CLOCKS.get(clock).copied().unwrap_or(ClockQuality::None),
        cut: Timestamp::from_millis(row.get(7)?),
        bytes: row.get(8)?,
        priority: pack::priority_of(row.get(9)?),
        span: (Timestamp::from_millis(row.get(10)?), Timestamp::from_millis(row.get(11)?)),
        parts,
    })
}

/// A stream's code, or the name of one that has none. A damaged one reads as data: the stream whose loss is told.
pub(super) fn stream(column: ValueRef<'_>) -> Stream {
    match column {
        ValueRef::Integer(code) => {
            let known = usize::try_from(code).ok().and_then(|code| Stream::ALL.get(code));
            known.cloned().unwrap_or(Stream::Data)
        }
        ValueRef::Text(name) => Stream::Filtered(String::from_utf8_lossy(name).into()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Stream::Data,
    }
}
