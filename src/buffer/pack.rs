//! Packs: blocks of one stream that are stored in one row, because together they take a fraction of the room.
//!
//! A pack is a row and no more: its blocks keep their ids and numbers, are owed, delivered and told of one by one, and
//! come out of it bit for bit. Only what one gateway cut in one epoch with one clock quality goes together, and only
//! within [`SPAN`] ids, so that whoever looks for an id need not look far.

use std::sync::Arc;

use super::{
    codec::{
        Encoder,
        wire::{Reader, WireError, put_len, put_u64},
    },
    sight::offset_ms,
    trail::is_one_setting,
};
use crate::{
    config::Priority,
    model::{Block, ClockQuality, Stream, Timestamp},
};

/// Ids between the first and the last block of a pack, at most.
pub(super) const SPAN: u64 = 128;
/// Most rows of which an id may be a part.
pub(super) const NEAR: usize = 128;
/// Readings of a pack, beyond which it is closed: more would save little and cost memory to read.
const FULL: usize = 8_192;
/// The same in bytes of JSON.
const FULL_BYTES: usize = 1 << 20;

/// Every priority, in the order of its code: what goes first comes first.
pub(super) const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

/// A priority's code in the database.
pub(super) fn priority_code(priority: Priority) -> usize {
    PRIORITIES.iter().position(|known| *known == priority).unwrap_or_default()
}

/// The priority of a code; a damaged one is as usual.
pub(super) fn priority_of(code: u64) -> Priority {
    let known = usize::try_from(code).ok().and_then(|code| PRIORITIES.get(code));
    known.copied().unwrap_or_default()
}

/// A block on its way into the database.
#[derive(Debug, Clone)]
pub(super) struct Loose {
    pub(super) block: Arc<Block>,
    pub(super) cut: Timestamp,
    pub(super) priority: Priority,
    /// Bytes of JSON.
    pub(super) bytes: usize,
}

impl Loose {
    /// What lay between uptime and wall time when it was cut.
    pub(super) fn offset_ms(&self) -> i64 {
        offset_ms(self.cut, self.block.uptime)
    }
}

/// A block of a pack, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: u64,
    pub(super) seq: u64,
    pub(super) readings: u64,
}

/// A row of the table of packs.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) parts: Vec<Part>,
    pub(super) stream: Stream,
    pub(super) epoch: u64,
    pub(super) span: (Timestamp, Timestamp),
    pub(super) readings: u64,
    pub(super) clock: ClockQuality,
    pub(super) cut: Timestamp,
    pub(super) priority: Priority,
    pub(super) body: Vec<u8>,
}

impl Pack {
    /// Of blocks that go together; none of none.
    pub(super) fn of(encoder: &mut Encoder, loose: &[Loose]) -> Option<Self> {
        let (first, newest) = (loose.first()?, loose.last()?);
        let blocks: Vec<_> = loose.iter().map(|loose| Arc::clone(&loose.block)).collect();
        let part = |block: &Arc<Block>| Part { id: block.id.0, seq: block.seq, readings: block.readings() as u64 };
        let parts: Vec<_> = blocks.iter().map(part).collect();
        let spans = || blocks.iter().map(|block| block.span());
        Some(Self {
            readings: parts.iter().map(|part| part.readings).sum(),
            parts,
            stream: first.block.stream.clone(),
            epoch: first.block.epoch,
            span: (spans().map(|span| span.0).min()?, spans().map(|span| span.1).max()?),
            clock: first.block.clock,
            cut: newest.cut,
            priority: first.priority,
            body: encoder.encode_blocks(&blocks),
        })
    }

    /// What it takes in memory: of blocks of one reading, most of it is not the body.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.parts.capacity() * size_of::<Part>() + self.body.capacity()
    }

    /// The first id, which is the row's.
    pub(super) fn id(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.id)
    }

    /// The last id.
    pub(super) fn last(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.id)
    }
}

/// Blocks that gather for one pack.
#[derive(Debug, Default)]
pub(super) struct Run {
    loose: Vec<Loose>,
    readings: usize,
    bytes: usize,
}

impl Run {
    /// Adds a block behind those that are there; gives them back as a whole if it does not go with them.
    pub(super) fn add(&mut self, loose: Loose) -> Option<Vec<Loose>> {
        let done = if self.has_place(&loose) { None } else { Some(self.take()) };
        self.readings += loose.block.readings();
        self.bytes += loose.bytes;
        self.loose.push(loose);
        done
    }

    /// What has gathered.
    pub(super) fn take(&mut self) -> Vec<Loose> {
        std::mem::take(self).loose
    }

    /// Bytes of JSON that have gathered.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn has_place(&self, new: &Loose) -> bool {
        let Some(first) = self.loose.first() else { return true };
        let is_alike = first.block.clock == new.block.clock
            && first.block.boot == new.block.boot
            && first.block.epoch == new.block.epoch
            && first.block.gateway == new.block.gateway
            && first.priority == new.priority;
        // Blocks mostly come in the order of their ids, and a pack holds them in no other.
        let last = self.loose.last().map_or(0, |last| last.block.id.0);
        let is_near = new.block.id.0 > last && new.block.id.0 - first.block.id.0 < SPAN;
        // Blocks with untrusted times are set right by the row, so one row holds one setting of the clock.
        let is_alike =
            is_alike && (first.block.clock.is_trusted() || is_one_setting(first.offset_ms(), new.offset_ms()));
        let has_room = self.readings + new.block.readings() <= FULL && self.bytes + new.bytes <= FULL_BYTES;
        is_alike && is_near && has_room
    }
}

/// The parts as bytes: steps of id and number, and readings. One alone needs none.
pub(super) fn put_parts(parts: &[Part]) -> Option<Vec<u8>> {
    let [first, rest @ ..] = parts else { return None };
    if rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(4 * parts.len());
    put_len(&mut out, parts.len());
    let mut before = *first;
    for part in parts {
        put_u64(&mut out, part.id - before.id);
        put_u64(&mut out, part.seq - before.seq);
        put_u64(&mut out, part.readings);
        before = *part;
    }
    Some(out)
}

/// Reads [`put_parts`], beginning at the first block.
pub(super) fn parts(bytes: &[u8], (id, seq): (u64, u64)) -> Result<Vec<Part>, WireError> {
    let mut input = Reader::new(bytes);
    let (mut id, mut seq) = (id, seq);
    let mut next = |input: &mut Reader<'_>| {
        id = id.checked_add(input.u64()?).ok_or(WireError::Range)?;
        seq = seq.checked_add(input.u64()?).ok_or(WireError::Range)?;
        Ok(Part { id, seq, readings: input.u64()? })
    };
    (0..input.len(3)?).map(|_| next(&mut input)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_come_back_as_they_were(steps in prop::collection::vec((1_u64..5, 1_u64..3, 0_u64..2_000), 2..40)) {
            let (mut id, mut seq) = (7, 3);
            let all: Vec<Part> = steps
                .into_iter()
                .map(|(step, number, readings)| {
                    (id, seq) = (id + step, seq + number);
                    Part { id, seq, readings }
                })
                .collect();

            let bytes = put_parts(&all).unwrap();

            prop_assert_eq!(parts(&bytes, (all[0].id, all[0].seq)).unwrap(), all);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, id: u64, seq: u64) {
            let _ = parts(&bytes, (id, seq));
        }
    }
}
