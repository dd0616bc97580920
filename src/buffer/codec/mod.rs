//! The stored form of what is in blocks: columns per point, compressed.
//!
//! ```text
//! version, compression, [raw length] payload
//! payload 1 = gateway, boot, uptime, 0 readings | 1 message
//! payload 2 = gateway, boot, blocks, uptime and count of readings of each, readings of all
//! readings = points, point of each reading, times, qualities, missing values, one column per point
//! ```
//!
//! Bodies are pure data: what was encoded comes back bit for bit, in order, with exactly the fields an upstream
//! message shows (a point's access and limits are not stored). Arbitrary bytes give an error, never a panic, and
//! never more than [`MAX_RAW`] of memory from compression. Store, epoch, stream and `seq` stand in the row.
//!
//! 1 000 readings of 50 series (0.01-quantised walks, one poll a second) measured 0.93 bytes per reading, blocks of
//! 100 readings 3.6.

mod column;
mod readings;
pub(super) mod wire;

use std::{io, sync::Arc, time::Duration};

use zstd::{bulk::Compressor, zstd_safe::CParameter};

use self::wire::{Reader, WireError, put_bytes, put_i64, put_len, put_option, put_u64};
use crate::model::{Block, BlockBody, BootId, Reading, ResponseTo, Timestamp};

/// The first byte of a body: one block, or several of readings.
const SINGLE: u8 = 1;
const SEVERAL: u8 = 2;
/// Largest payload that is unpacked.
const MAX_RAW: usize = 16 << 20;
/// Payloads up to here are stored as they are: zstd's frame would cost more than it saves.
const COMPRESS_ABOVE: usize = 512;
/// The level where zstd is still cheap on a small board.
const LEVEL: i32 = 3;
/// Powers of two of entries in the tables where zstd looks up what it has seen. A quarter of what it would take for bodies
/// as large as a pack; bodies come out no larger.
const TABLES: [CParameter; 2] = [CParameter::HashLog(15), CParameter::ChainLog(14)];

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const READINGS: u8 = 0;
const MESSAGE: u8 = 1;

/// What a body says of its block besides the content.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stamp {
    /// The gateway's id when the block was cut.
    pub(super) gateway: Arc<str>,
    /// The boot `uptime` counts from.
    pub(super) boot: BootId,
    /// Uptime when it was cut, in whole milliseconds.
    pub(super) uptime: Duration,
}

/// Encodes bodies, with buffers that live from block to block until it rests.
pub(super) struct Encoder {
    raw: Vec<u8>,
    /// `None` while it rests.
    zstd: Option<Compressor<'static>>,
}

impl Encoder {
    /// Ready to begin.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { raw: Vec::new(), zstd: Some(compressor()?) })
    }

    /// Gives the memory back that the last bodies took, after one that is large and will not be followed by another at
    /// once: of a pack it is a MiB, and it takes a tenth of a millisecond to have again.
    pub(super) fn rest(&mut self) {
        (self.raw, self.zstd) = (Vec::new(), None);
    }

    /// The stored form of a body.
    pub(super) fn encode(&mut self, stamp: &Stamp, body: &BlockBody) -> Vec<u8> {
        self.raw.clear();
        put_payload(&mut self.raw, stamp, body);
        self.pack(SINGLE)
    }

    /// The stored form of one block of these readings.
    pub(super) fn encode_readings(&mut self, stamp: &Stamp, readings: &[&Reading]) -> Vec<u8> {
        self.raw.clear();
        put_origin(&mut self.raw, stamp);
        put_uptime(&mut self.raw, stamp.uptime);
        put_list(&mut self.raw, readings);
        self.pack(SINGLE)
    }

    /// The stored form of blocks of readings that were cut by one gateway in one boot. Together they take a fraction
    /// of what they would alone.
    pub(super) fn encode_blocks(&mut self, blocks: &[Arc<Block>]) -> Vec<u8> {
        let [first, rest @ ..] = blocks else { return Vec::new() };
        if rest.is_empty() {
            return self.encode(&Stamp::of(first), &first.body);
        }
        self.raw.clear();
        put_several(&mut self.raw, &Stamp::of(first), blocks);
        self.pack(SEVERAL)
    }

    /// Compresses what is in `raw` when that makes it smaller.
    fn pack(&mut self, version: u8) -> Vec<u8> {
        if self.raw.len() > COMPRESS_ABOVE
            && let Ok(packed) = self.compressed()
            && packed.len() < self.raw.len()
        {
            let mut out = vec![version, ZSTD];
            put_u64(&mut out, self.raw.len() as u64);
            out.extend_from_slice(&packed);
            return out;
        }
        let mut out = vec![version, PLAIN];
        out.extend_from_slice(&self.raw);
        out
    }

    /// What is in `raw`, compressed.
    fn compressed(&mut self) -> io::Result<Vec<u8>> {
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            resting => resting.insert(compressor()?),
        };
        zstd.compress(&self.raw)
    }
}

/// What bodies are compressed with.
fn compressor() -> io::Result<Compressor<'static>> {
    let mut zstd = Compressor::new(LEVEL)?;
    for size in TABLES {
        zstd.set_parameter(size)?;
    }
    Ok(zstd)
}

/// Reads the one block that [`Encoder::encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Result<(Stamp, BlockBody), WireError> {
    let mut blocks = decode_blocks(bytes)?;
    blocks.pop().filter(|_| blocks.is_empty()).ok_or(WireError::Range)
}

/// Reads what [`Encoder::encode`] and [`Encoder::encode_blocks`] wrote.
pub(super) fn decode_blocks(bytes: &[u8]) -> Result<Vec<(Stamp, BlockBody)>, WireError> {
    let mut input = Reader::new(bytes);
    match input.u8()? {
        SINGLE => unpack(&mut input, |input| Ok(vec![payload(input)?])),
        SEVERAL => unpack(&mut input, several),
        other => Err(WireError::Format(other)),
    }
}

/// Decompresses if need be, and hands the payload on.
fn unpack<T>(
    input: &mut Reader<'_>,
    payload: impl FnOnce(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<T, WireError> {
    match input.u8()? {
        PLAIN => payload(input),
        ZSTD => {
            let len = usize::try_from(input.u64()?).map_err(|_| WireError::Range)?;
            if len > MAX_RAW {
                return Err(WireError::Range);
            }
            let raw = zstd::bulk::decompress(input.rest(), len).map_err(|_| WireError::Compression)?;
            payload(&mut Reader::new(&raw))
        }
        other => Err(WireError::Format(other)),
    }
}

impl Stamp {
    /// What a block's body says of it.
    pub(super) fn of(block: &Block) -> Self {
        Self { gateway: Arc::clone(&block.gateway), boot: block.boot.clone(), uptime: block.uptime }
    }
}

fn put_payload(out: &mut Vec<u8>, stamp: &Stamp, body: &BlockBody) {
    put_origin(out, stamp);
    put_uptime(out, stamp.uptime);
    match body {
        BlockBody::Readings(list) => put_list(out, &list.iter().collect::<Vec<_>>()),
        BlockBody::Message { ts, fields, response } => {
            out.push(MESSAGE);
            put_i64(out, ts.as_millis());
            put_bytes(out, fields.as_bytes());
            put_response(out, response.as_ref());
        }
    }
}

fn put_list(out: &mut Vec<u8>, list: &[&Reading]) {
    out.push(READINGS);
    readings::put(out, list);
}

fn put_several(out: &mut Vec<u8>, stamp: &Stamp, blocks: &[Arc<Block>]) {
    put_origin(out, stamp);
    put_len(out, blocks.len());
    for block in blocks {
        put_uptime(out, block.uptime);
        put_len(out, block.readings());
    }
    let all: Vec<&Reading> = blocks.iter().flat_map(|block| block.body.readings()).collect();
    readings::put(out, &all);
}

fn several(input: &mut Reader<'_>) -> Result<Vec<(Stamp, BlockBody)>, WireError> {
    let (gateway, boot): (Arc<str>, BootId) = (input.text()?.into(), BootId::new(input.text()?));
    let heads =
        (0..input.len(2)?).map(|_| Ok((input.u64()?, input.u64()?))).collect::<Result<Vec<_>, WireError>>()?;
    let mut readings = readings::get(input)?.into_iter();
    let mut blocks = Vec::with_capacity(heads.len());
    for (uptime, count) in heads {
        let count = usize::try_from(count).ok().filter(|count| *count <= readings.len()).ok_or(WireError::Range)?;
        let stamp =
            Stamp { gateway: Arc::clone(&gateway), boot: boot.clone(), uptime: Duration::from_millis(uptime) };
        blocks.push((stamp, BlockBody::Readings(readings.by_ref().take(count).collect())));
    }
    if readings.next().is_some() { Err(WireError::Range) } else { Ok(blocks) }
}

fn put_origin(out: &mut Vec<u8>, stamp: &Stamp) {
    put_bytes(out, stamp.gateway.as_bytes());
    put_bytes(out, stamp.boot.as_str().as_bytes());
}

fn put_uptime(out: &mut Vec<u8>, uptime: Duration) {
    put_u64(out, u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX));
}

fn payload(input: &mut Reader<'_>) -> Result<(Stamp, BlockBody), WireError> {
    let gateway = input.text()?.into();
    let boot = BootId::new(input.text()?);
    let stamp = Stamp { gateway, boot, uptime: Duration::from_millis(input.u64()?) };
    let body = match input.u8()? {
        READINGS => BlockBody::Readings(readings::get(input)?.into()),
        MESSAGE => BlockBody::Message {
            ts: Timestamp::from_millis(input.i64()?),
            fields: input.text()?.into(),
            response: response(input)?,
        },
        other => return Err(WireError::Format(other)),
    };
    Ok((stamp, body))
}

fn put_response(out: &mut Vec<u8>, response: Option<&ResponseTo>) {
    out.push(u8::from(response.is_some()));
    if let Some(to) = response {
        put_bytes(out, to.uplink.as_bytes());
        put_bytes(out, to.topic.as_bytes());
        put_option(out, to.correlation.as_deref());
    }
}

fn response(input: &mut Reader<'_>) -> Result<Option<ResponseTo>, WireError> {
    if input.u8()? == 0 {
        return Ok(None);
    }
    let (uplink, topic) = (input.text()?.into(), input.text()?.into());
    let correlation = input.option()?.map(Arc::from);
    Ok(Some(ResponseTo { uplink, topic, correlation }))
}

#[cfg(test)]
mod tests;
