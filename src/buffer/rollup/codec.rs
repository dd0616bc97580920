//! The stored form of a rollup: the sums of up to 256 series in one span of time, column by column, compressed.
//!
//! ```text
//! version, raw length in two bytes, zstd frame with its checksum
//! raw = how many, series, counts, bad counts, then of those with a count:
//!       layouts, last values, minimum, maximum and mean where the count is above 1, times of the last values
//! ```
//!
//! Values with few decimals are stored as differences to the last value in units of their last decimal, the mean with
//! three decimals more, so it is rounded to a thousandth of the finest step its readings show. Everything else is
//! stored as it is. Arbitrary bytes give an error, never a panic, and never more than 64 KiB of memory.
//!
//! 1 000 points read once a second (0.01-quantised walks) measured 8.3 bytes per point and minute: 0.14 bytes per
//! reading.

use super::{
    series::SeriesId,
    summary::{Summary, Values},
};
use crate::{
    buffer::{
        codec::wire::{Reader, WireError, put_u64},
        seal::Seal,
    },
    model::Timestamp,
};

/// Series in one body. Few enough that a chart of one point unpacks little that it does not show, enough that
/// compression finds what they have in common.
pub(super) const GROUP: u32 = 256;
/// The first byte of every body.
const VERSION: u8 = 1;
/// As for blocks.
const LEVEL: i32 = 3;
/// The layout of values that are no short decimals; below it a layout is the number of decimals.
const FLOATS: u64 = 7;
/// Powers of ten; each is exact as a float.
const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Decimals a mean has more than its readings, and their power.
const MEAN: (usize, i64) = (3, 1_000);
/// Every integer up to here is exact as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The group a series belongs to.
pub(in crate::buffer) fn group_of(id: SeriesId) -> u32 {
    id / GROUP
}

/// Packs sums, with a buffer that lives from body to body.
pub(super) struct Encoder {
    /// What bodies are sealed with.
    pub(super) seal: Seal,
    raw: Vec<u8>,
    zstd: zstd::bulk::Compressor<'static>,
}

/// Unpacks them.
pub(in crate::buffer) struct Decoder {
    seal: Seal,
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Encoder {
    /// For bodies of any group.
    pub(super) fn new(seal: Seal) -> std::io::Result<Self> {
        let mut zstd = zstd::bulk::Compressor::new(LEVEL)?;
        zstd.include_checksum(true)?;
        Ok(Self { seal, raw: Vec::with_capacity(8 << 10), zstd })
    }

    /// The stored form of sums of one group from `t` on, which are ascending.
    pub(super) fn encode(&mut self, t: Timestamp, sums: &[(SeriesId, Summary)]) -> std::io::Result<Vec<u8>> {
        self.raw.clear();
        put_sums(&mut self.raw, t, sums);
        let packed = self.zstd.compress(&self.raw)?;
        let len = u16::try_from(self.raw.len()).map_err(std::io::Error::other)?;
        let [low, high] = len.to_le_bytes();
        let group = sums.first().map_or(0, |(id, _)| group_of(*id));
        self.seal.hide([&[VERSION, low, high], &*packed].concat(), &name(group, t)).map_err(std::io::Error::other)
    }
}

impl Decoder {
    /// For bodies of any group.
    pub(in crate::buffer) fn new(seal: Seal) -> std::io::Result<Self> {
        Ok(Self { seal, zstd: zstd::bulk::Decompressor::new()? })
    }

    /// Reads what [`Encoder::encode`] wrote for a group and a time, as far as it is wanted.
    pub(in crate::buffer) fn decode(
        &mut self,
        group: u32,
        t: Timestamp,
        body: &[u8],
        is_wanted: impl Fn(SeriesId) -> bool,
    ) -> Result<Vec<(SeriesId, Summary)>, WireError> {
        let body = self.seal.reveal(body, &name(group, t))?;
        let [version, low, high, frame @ ..] = &*body else { return Err(WireError::Truncated) };
        if *version != VERSION {
            return Err(WireError::Format(*version));
        }
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let raw = self.zstd.decompress(frame, len).map_err(|_| WireError::Compression)?;
        sums(&mut Reader::new(&raw), group, t, is_wanted)
    }
}

/// What a body is sealed as.
fn name(group: u32, t: Timestamp) -> String {
    format!("rollup {group} {}", t.as_millis())
}

fn put_sums(out: &mut Vec<u8>, t: Timestamp, sums: &[(SeriesId, Summary)]) {
    put_u64(out, sums.len() as u64);
    let mut expected = sums.first().map_or(0, |(id, _)| id - id % GROUP);
    for (id, _) in sums {
        put_u64(out, u64::from(id - expected));
        expected = id + 1;
    }
    put_column(out, sums.iter().map(|(_, sum)| sum.n));
    put_column(out, sums.iter().map(|(_, sum)| sum.bad));
    let measured: Vec<_> = sums.iter().map(|(_, sum)| sum).filter(|sum| sum.n > 0).collect();
    let scaled: Vec<_> = measured.iter().map(|sum| Scaled::of(&sum.values)).collect();
    put_column(out, scaled.iter().map(|scaled| scaled.layout));
    put_column(out, scaled.iter().map(|scaled| scaled.last));
    let several = measured.iter().zip(&scaled).filter(|(sum, _)| sum.n > 1);
    put_column(out, several.flat_map(|(_, scaled)| scaled.spread));
    // Polls read many points in one go, so the step from one time to the next is short.
    let mut last = 0_i64;
    for sum in measured {
        let offset = sum.values.last_ts.as_millis().wrapping_sub(t.as_millis());
        put_u64(out, zigzag(offset.wrapping_sub(last)));
        last = offset;
    }
}

fn put_column(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>) {
    numbers.for_each(|number| put_u64(out, number));
}

fn sums(
    input: &mut Reader<'_>,
    group: u32,
    t: Timestamp,
    is_wanted: impl Fn(SeriesId) -> bool,
) -> Result<Vec<(SeriesId, Summary)>, WireError> {
    let count = usize::try_from(input.u64()?).ok().filter(|count| *count <= GROUP as usize);
    let ids = ids(input, group, count.ok_or(WireError::Range)?)?;
    let (counts, bad) = (column(input, ids.len())?, column(input, ids.len())?);
    let mut scaled = scaled(input, &counts)?.into_iter();
    let mut sums = Vec::new();
    let mut offset = 0_i64;
    for ((id, n), bad) in ids.into_iter().zip(counts).zip(bad) {
        let mut values = Values::default();
        if n > 0 {
            let scaled = scaled.next().ok_or(WireError::Truncated)?;
            offset = offset.wrapping_add(unzigzag(input.u64()?));
            if is_wanted(id) {
                let last_ts = Timestamp::from_millis(t.as_millis().wrapping_add(offset));
                values = Values { last_ts, ..scaled.values(n == 1)? };
            }
        }
        if is_wanted(id) {
            sums.push((id, Summary { n, bad, values }));
        }
    }
    if input.is_empty() { Ok(sums) } else { Err(WireError::Range) }
}

fn column(input: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, WireError> {
    (0..count).map(|_| input.u64()).collect()
}

/// The values of those that have a count.
fn scaled(input: &mut Reader<'_>, counts: &[u64]) -> Result<Vec<Scaled>, WireError> {
    let measured: Vec<u64> = counts.iter().copied().filter(|n| *n > 0).collect();
    let (layouts, lasts) = (column(input, measured.len())?, column(input, measured.len())?);
    let scaled = measured.into_iter().zip(layouts).zip(lasts).map(|((n, layout), last)| {
        let spread = if n > 1 { [input.u64()?, input.u64()?, input.u64()?] } else { [0; 3] };
        Ok(Scaled { layout, last, spread })
    });
    scaled.collect()
}

fn ids(input: &mut Reader<'_>, group: u32, count: usize) -> Result<Vec<SeriesId>, WireError> {
    let first = group.checked_mul(GROUP).ok_or(WireError::Range)?;
    let mut expected = u64::from(first);
    let next = |_| {
        let id = expected.checked_add(input.u64()?).ok_or(WireError::Range)?;
        expected = id + 1;
        SeriesId::try_from(id).ok().filter(|id| id - first < GROUP).ok_or(WireError::Range)
    };
    (0..count).map(next).collect()
}

/// Values as the numbers that are written.
#[derive(Debug, Clone, Copy)]
struct Scaled {
    layout: u64,
    last: u64,
    /// What lies below the last value, above it, and the mean.
    spread: [u64; 3],
}

impl Scaled {
    fn of(values: &Values) -> Self {
        (0..FLOATS).find_map(|decimals| Self::decimals(values, decimals)).unwrap_or_else(|| {
            let [last, min, max, mean] = [values.last, values.min, values.max, values.mean].map(float_bits);
            Self { layout: FLOATS, last, spread: [min, max, mean] }
        })
    }

    /// In units of the last of some decimals, if that loses no bit of last, least and largest value.
    fn decimals(values: &Values, decimals: u64) -> Option<Self> {
        let place = usize::try_from(decimals).ok()?;
        let power = *POWERS.get(place)?;
        let [last, min, max] = [values.last, values.min, values.max].map(|value| exactly(value, power));
        let (last, min, max) = (last?, min?, max?);
        let mean = rounded(values.mean * POWERS.get(place + MEAN.0)?)?;
        let spread = [last.checked_sub(min)?, max.checked_sub(last)?, mean.checked_sub(last * MEAN.1)?];
        Some(Self { layout: decimals, last: zigzag(last), spread: spread.map(zigzag) })
    }

    fn values(self, is_single: bool) -> Result<Values, WireError> {
        let Self { layout, last, spread } = self;
        let values = if layout == FLOATS {
            let [min, max, mean] = spread.map(bits_float);
            Values { last: bits_float(last), min, max, mean, last_ts: Timestamp::default() }
        } else {
            let place = usize::try_from(layout).ok().filter(|_| layout < FLOATS).ok_or(WireError::Range)?;
            let (last, [below, above, mean]) = (unzigzag(last), spread.map(unzigzag));
            let unscale = |number: i64| float(number) / POWERS[place];
            let mean = last.wrapping_mul(MEAN.1).wrapping_add(mean);
            Values {
                last: unscale(last),
                min: unscale(last.wrapping_sub(below)),
                max: unscale(last.wrapping_add(above)),
                mean: float(mean) / POWERS[place + MEAN.0],
                last_ts: Timestamp::default(),
            }
        };
        if is_single {
            let last = values.last;
            return checked(Values { min: last, mean: last, max: last, ..values });
        }
        checked(values)
    }
}

/// Nothing that is no number, and nothing out of order, gets any further.
fn checked(values: Values) -> Result<Values, WireError> {
    let Values { min, mean, max, last, .. } = values;
    let is_sound = [min, mean, max, last].into_iter().all(f64::is_finite) && min <= last && last <= max;
    // A mean that was rounded may lie just outside.
    if is_sound { Ok(Values { mean: mean.max(min).min(max), ..values }) } else { Err(WireError::Range) }
}

/// A float as an integer of its last decimal, if that loses no bit.
fn exactly(value: f64, power: f64) -> Option<i64> {
    let scaled = rounded(value * power)?;
    (float(scaled) / power).to_bits().eq(&value.to_bits()).then_some(scaled)
}

#[expect(clippy::cast_possible_truncation, reason = "checked against the range in which integers are exact")]
fn rounded(value: f64) -> Option<i64> {
    let rounded = value.round();
    (rounded.abs() < EXACT).then_some(rounded as i64)
}

#[expect(clippy::cast_precision_loss, reason = "what was written is exact; what was not is any number")]
fn float(number: i64) -> f64 {
    number as f64
}

/// The bits of a float with the busy end last, so that round numbers are short.
fn float_bits(value: f64) -> u64 {
    value.to_bits().swap_bytes()
}

fn bits_float(bits: u64) -> f64 {
    f64::from_bits(bits.swap_bytes())
}

/// A signed number so that small magnitudes stay short.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests;
