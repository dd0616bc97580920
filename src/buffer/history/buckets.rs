//! Sums of spans of time, from the coarsest level that has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rusqlite::{Connection, params};

use super::Bucket;
use crate::{
    buffer::{
        rollup::{Decoder, Level, QUARTER, SeriesId, Summary, Unwritten, each, floor, group_of},
        seal::Seal,
    },
    model::Timestamp,
};

/// Sums by series and begin.
type Sums = BTreeMap<SeriesId, BTreeMap<Timestamp, Summary>>;

/// The buckets of a point in `from <= t < to`, with their unit; none when something was written since `unwritten`.
///
/// A point whose unit was changed has several series. They are not mixed: the newest in the time that is asked for is
/// shown.
pub(super) fn series(
    (db, seal): (&Connection, &Seal),
    unwritten: &Unwritten,
    (from, to): (Timestamp, Timestamp),
    every: Duration,
) -> rusqlite::Result<Option<(Option<String>, Vec<Bucket>)>> {
    let generation: u64 = db.query_row("SELECT generation FROM rolled", [], |row| row.get(0))?;
    if generation != unwritten.generation {
        return Ok(None);
    }
    let mut sums = Sums::new();
    let mut add = |t: Timestamp, id: SeriesId, sum: &Summary| {
        sums.entry(id).or_default().entry(floor(t, every)).or_default().merge(sum);
    };
    let end = Timestamp::from_millis(to.as_millis().saturating_sub(1));
    stored((db, seal), unwritten, (from, end), every, &mut add)?;
    let fresh = unwritten.sums.iter().filter(|(_, t, _)| (from..=end).contains(t));
    fresh.for_each(|(id, t, sum)| add(*t, *id, sum));
    let newest = sums.into_iter().max_by_key(|(id, buckets)| (buckets.keys().next_back().copied(), *id));
    let Some((id, buckets)) = newest else {
        return Ok(Some((unit(unwritten, unwritten.series.last().map(|(_, id)| *id)), Vec::new())));
    };
    let buckets = buckets.iter().map(|(t, sum)| bucket(*t, sum)).collect();
    Ok(Some((unit(unwritten, Some(id)), buckets)))
}

/// What is in the file: quarters where whole ones are asked for and summed up, minutes elsewhere.
fn stored(
    (db, seal): (&Connection, &Seal),
    unwritten: &Unwritten,
    (from, end): (Timestamp, Timestamp),
    every: Duration,
    add: &mut impl FnMut(Timestamp, SeriesId, &Summary),
) -> rusqlite::Result<()> {
    let is_coarse = every.as_millis().is_multiple_of(QUARTER.as_millis());
    let quarters = if is_coarse { quarters(db, from, end)? } else { BTreeSet::new() };
    let wanted: BTreeSet<SeriesId> = unwritten.series.iter().map(|(_, id)| *id).collect();
    let groups: BTreeSet<u32> = wanted.iter().map(|id| group_of(*id)).collect();
    let decoder = Decoder::new(seal.clone()).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()));
    let mut decoder = decoder?;
    for group in groups {
        let of = Some((group, &wanted));
        if is_coarse {
            each(db, (Level::Quarter, of), (from, end), &mut decoder, &mut *add)?;
        }
        for hole in holes(&quarters, from, end) {
            each(db, (Level::Minute, of), hole, &mut decoder, &mut *add)?;
        }
    }
    Ok(())
}

/// Which quarters are summed up.
fn quarters(db: &Connection, from: Timestamp, end: Timestamp) -> rusqlite::Result<BTreeSet<Timestamp>> {
    let sql = "SELECT DISTINCT t FROM rollup WHERE level = ? AND t BETWEEN ? AND ?";
    let range = params![Level::Quarter, from.as_millis(), end.as_millis()];
    db.prepare_cached(sql)?.query_map(range, |row| row.get(0).map(Timestamp::from_millis))?.collect()
}

/// The times between the quarters that are summed up.
fn holes(quarters: &BTreeSet<Timestamp>, from: Timestamp, end: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let mut holes = Vec::new();
    let mut next = from;
    for quarter in quarters {
        if *quarter > next {
            holes.push((next, Timestamp::from_millis(quarter.as_millis() - 1)));
        }
        next = quarter.plus(QUARTER);
    }
    if next <= end {
        holes.push((next, end));
    }
    holes
}

fn unit(unwritten: &Unwritten, id: Option<SeriesId>) -> Option<String> {
    let (unit, _) = unwritten.series.iter().find(|(_, known)| Some(*known) == id)?;
    (!unit.is_empty()).then(|| unit.to_string())
}

fn bucket(t: Timestamp, sum: &Summary) -> Bucket {
    let values = (sum.n > 0).then_some(sum.values);
    Bucket {
        t,
        n: sum.n,
        bad: sum.bad,
        min: values.map(|values| values.min),
        mean: values.map(|values| values.mean),
        max: values.map(|values| values.max),
        last: values.map(|values| values.last),
    }
}
