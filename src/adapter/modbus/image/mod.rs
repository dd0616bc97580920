//! The registers that a server of ours shows: points of any adapter, laid out in the four Modbus tables.
//!
//! Pure: [`Image::plan`] lays out what the configuration says and reports what cannot be, `read` makes the content of
//! registers from readings, `write` makes values for points from registers. No I/O, and no bytes from a client panic.

mod plan;
mod read;
mod write;

use std::sync::Arc;

pub use self::{
    plan::Known,
    read::{Content, Read},
    write::Wish,
};
use super::config::{MappedPoint, Table};
use crate::model::{Point, PointAddress};

/// What is where.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The points shown.
    points: Vec<Arc<Point>>,
    /// What is shown, by table and first register; nothing overlaps.
    entries: Vec<Entry>,
    /// Whether registers between the entries read as zero.
    fill: bool,
    /// Whether a point without a value refuses the read.
    refuse_bad: bool,
}

/// Registers, or bits, that belong together.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    /// The table.
    table: Table,
    /// The first one.
    start: u16,
    /// How many.
    count: u16,
    /// Index of the point.
    point: usize,
    /// What of the point is here.
    shows: Shows,
}

/// What of a point is shown.
#[derive(Debug, Clone, PartialEq)]
enum Shows {
    /// Its value, in these bytes.
    Value(Box<MappedPoint>),
    /// Whether its reading is good.
    Quality,
    /// The seconds since its reading.
    Age,
}

impl Entry {
    /// The register behind the last one.
    fn end(&self) -> u32 {
        u32::from(self.start) + u32::from(self.count)
    }
}

impl Image {
    /// How many points are shown.
    pub fn points(&self) -> usize {
        self.points.len()
    }

    /// The entries that a range touches, in order.
    fn touched(&self, table: Table, start: u16, count: u16) -> impl Iterator<Item = &Entry> {
        let end = u32::from(start) + u32::from(count);
        let from = self.entries.partition_point(|entry| (entry.table, entry.end()) <= (table, start.into()));
        let rest = self.entries.get(from..).unwrap_or_default();
        rest.iter().take_while(move |entry| entry.table == table && u32::from(entry.start) < end)
    }

    /// Where a point of the image comes from.
    fn source(&self, entry: &Entry) -> &PointAddress {
        &self.points[entry.point].address
    }
}

#[cfg(test)]
mod tests;
