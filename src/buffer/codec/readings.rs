//! Readings as columns: which point, when, how good, and the values point by point.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{
    column,
    wire::{Reader, WireError, put_bytes, put_i64, put_len, put_option},
};
use crate::model::{DeviceId, Grade, Point, PointName, PointType, Quality, Reading, Timestamp, Value};

/// Point types in the order of their code.
const KINDS: [PointType; 6] =
    [PointType::Float, PointType::Int, PointType::Bool, PointType::Text, PointType::Bytes, PointType::Json];

const UNCERTAIN: u8 = 1;
const BAD: u8 = 2;

/// Writes readings so that [`get`] gives them back in order.
pub(super) fn put(out: &mut Vec<u8>, readings: &[&Reading]) {
    let (points, places) = dictionary(readings);
    put_len(out, points.len());
    for point in &points {
        put_point(out, point);
    }
    put_len(out, readings.len());
    put_places(out, &places);
    put_times(out, readings);
    put_sparse(
        out,
        readings.iter().map(|reading| (!reading.quality.is_good()).then_some(&reading.quality)),
        put_quality,
    );
    put_sparse(out, readings.iter().map(|reading| reading.value.is_none().then_some(())), |_, ()| {});
    put_columns(out, readings, &places, points.len());
}

/// Reads what [`put`] wrote.
pub(super) fn get(input: &mut Reader<'_>) -> Result<Vec<Reading>, WireError> {
    // The smallest point and the smallest reading bound what a count may claim.
    let points = (0..input.len(5)?).map(|_| point(input)).collect::<Result<Vec<_>, _>>()?;
    let count = input.len(2)?;
    let places = places(input, count, points.len())?;
    let times = times(input, count)?;
    let qualities = sparse(input, count, quality)?;
    let missing = sparse(input, count, |_| Ok(()))?;
    let mut columns = columns(input, &places, &missing, points.len())?;
    let mut readings = Vec::with_capacity(count);
    for (((place, ts), quality), missing) in places.into_iter().zip(times).zip(qualities).zip(missing) {
        let value = if missing.is_some() { None } else { columns[place].next() };
        let point = Arc::clone(&points[place]);
        readings.push(Reading { point, value, ts, quality: quality.unwrap_or_default() });
    }
    Ok(readings)
}

/// The points that occur, and for each reading which of them it is. Mostly it is the one behind that of the reading
/// before, as polls go through their points in order.
fn dictionary<'a>(readings: &[&'a Reading]) -> (Vec<&'a Arc<Point>>, Vec<usize>) {
    let (mut points, mut places) = (Vec::<&Arc<Point>>::new(), Vec::with_capacity(readings.len()));
    let (mut seen, mut behind) = (HashMap::<_, usize>::new(), 0);
    for &Reading { point, .. } in readings {
        let is_behind = points.get(behind).is_some_and(|known| Arc::ptr_eq(known, point));
        let place = if is_behind { behind } else { *seen.entry(Arc::as_ptr(point)).or_insert(points.len()) };
        if place == points.len() {
            points.push(point);
        }
        places.push(place);
        behind = place + 1;
    }
    (points, places)
}

fn put_point(out: &mut Vec<u8>, point: &Point) {
    put_bytes(out, point.device().as_str().as_bytes());
    put_bytes(out, point.name().as_str().as_bytes());
    let code = KINDS.iter().position(|kind| *kind == point.kind).unwrap_or_default();
    put_len(out, code);
    put_option(out, point.unit.as_deref().map(str::as_bytes));
}

fn point(input: &mut Reader<'_>) -> Result<Arc<Point>, WireError> {
    let device = DeviceId::new(input.text()?).map_err(|_| WireError::Text)?;
    let name = PointName::new(input.text()?).map_err(|_| WireError::Text)?;
    let kind = *KINDS.get(usize::from(input.u8()?)).ok_or(WireError::Range)?;
    let unit = input.option()?.map(std::str::from_utf8).transpose().map_err(|_| WireError::Text)?;
    Ok(Arc::new(Point::new(device, name, kind, unit)))
}

/// Polls go through their points in order, so the step to the next point is the usual case and costs a zero.
fn put_places(out: &mut Vec<u8>, places: &[usize]) {
    let mut expected = 0_i64;
    for &place in places {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        put_i64(out, place - expected);
        expected = place + 1;
    }
}

fn places(input: &mut Reader<'_>, count: usize, points: usize) -> Result<Vec<usize>, WireError> {
    let mut expected = 0_i64;
    let next = |_| {
        let place = input.i64()?.wrapping_add(expected);
        expected = place.wrapping_add(1);
        usize::try_from(place).ok().filter(|place| *place < points).ok_or(WireError::Range)
    };
    (0..count).map(next).collect()
}

/// Differences of differences: a steady interval is a run of zeros.
fn put_times(out: &mut Vec<u8>, readings: &[&Reading]) {
    let (mut last, mut step) = (0_i64, 0_i64);
    for ts in readings.iter().map(|reading| reading.ts.as_millis()) {
        let new_step = ts.wrapping_sub(last);
        put_i64(out, new_step.wrapping_sub(step));
        (last, step) = (ts, new_step);
    }
}

fn times(input: &mut Reader<'_>, count: usize) -> Result<Vec<Timestamp>, WireError> {
    let (mut last, mut step) = (0_i64, 0_i64);
    let next = |_| {
        step = step.wrapping_add(input.i64()?);
        last = last.wrapping_add(step);
        Ok(Timestamp::from_millis(last))
    };
    (0..count).map(next).collect()
}

/// Writes the few that are there, each behind the distance to the one before.
fn put_sparse<T>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = Option<T>> + Clone,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    put_len(out, items.clone().flatten().count());
    let mut last = 0;
    for (place, item) in items.enumerate() {
        if let Some(item) = item {
            put_len(out, place - last);
            put(out, item);
            last = place;
        }
    }
}

fn sparse<T>(
    input: &mut Reader<'_>,
    count: usize,
    mut get: impl FnMut(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<Vec<Option<T>>, WireError> {
    let mut items: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let mut place = 0_u64;
    for _ in 0..input.len(1)? {
        place = place.checked_add(input.u64()?).ok_or(WireError::Range)?;
        let item = get(input)?;
        let slot = usize::try_from(place).ok().and_then(|place| items.get_mut(place)).ok_or(WireError::Range)?;
        *slot = Some(item);
    }
    Ok(items)
}

fn put_quality(out: &mut Vec<u8>, quality: &Quality) {
    let (class, why): (u8, &str) = match quality.grade() {
        Grade::Good => (0, ""),
        Grade::Uncertain(why) => (UNCERTAIN, why),
        Grade::Bad(why) => (BAD, why),
    };
    out.push(class);
    put_bytes(out, why.as_bytes());
}

fn quality(input: &mut Reader<'_>) -> Result<Quality, WireError> {
    let (class, why) = (input.u8()?, input.text()?);
    match class {
        UNCERTAIN => Ok(Quality::uncertain(why)),
        BAD => Ok(Quality::bad(why)),
        other => Err(WireError::Format(other)),
    }
}

fn put_columns(out: &mut Vec<u8>, readings: &[&Reading], places: &[usize], points: usize) {
    // The places of all readings, point by point: one list, for a pack has thousands of points.
    let mut order: Vec<usize> = (0..readings.len()).collect();
    order.sort_by_key(|&reading| places[reading]);
    let (mut rest, mut values) = (&order[..], Vec::new());
    for point in 0..points {
        let (own, others) = rest.split_at(rest.partition_point(|&reading| places[reading] == point));
        values.clear();
        values.extend(own.iter().filter_map(|&reading| readings[reading].value.as_ref()));
        column::put(out, &values);
        rest = others;
    }
}

fn columns(
    input: &mut Reader<'_>,
    places: &[usize],
    missing: &[Option<()>],
    points: usize,
) -> Result<Vec<std::vec::IntoIter<Value>>, WireError> {
    let mut counts = vec![0_usize; points];
    for (&place, missing) in places.iter().zip(missing) {
        counts[place] += usize::from(missing.is_none());
    }
    counts.into_iter().map(|count| column::get(input, count).map(Vec::into_iter)).collect()
}
