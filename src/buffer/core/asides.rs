//! What stands beside the way of a block: letters that no broker takes, and blocks that are asked for again.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{error, warn};

use super::{Core, ticking::PERSIST};
use crate::{
    buffer::{
        codec::{Encoder, Stamp},
        commit::Message,
        evict::{self, Lost},
        letters::{Letter, Letters},
        pack::{Loose, Pack, Part},
    },
    config::Priority,
    model::{Block, BlockId, GapReason, Lane, Replay, Stream, Timestamp},
};

impl Core {
    /// An uplink's broker will never take a block. It becomes a letter, and the uplink is told of the gap: except
    /// about an event, because the event that tells of it would most likely be refused as well, and so on for ever.
    pub(in crate::buffer) fn refused(&mut self, uplink: &str, id: BlockId, why: &str) {
        let Some(block) = self.block(id) else { return };
        let letter = (uplink, why, self.cutter.now());
        match self.store.keep_letter(&block, letter, &mut self.encoder) {
            Ok(gone) => {
                self.metrics.letters_dropped.inc_by(gone);
            }
            // The block counts as refused all the same: a letter must not hold up the stream.
            Err(error) => error!(%error, block = id.0, why, "A refused block could not be kept"),
        }
        self.metrics.letters.inc();
        let readings = block.readings() as u64;
        if block.stream != Stream::Event {
            let part = Part { id: id.0, seq: block.seq, readings };
            let lost = Lost { stream: &block.stream, epoch: block.epoch, part, reason: GapReason::Refused };
            for gap in evict::gaps(vec![lost], self.cutter.now()) {
                self.event(&gap);
            }
        }
        self.delivered(uplink, &[id]);
    }

    /// The letters that are meant.
    pub(in crate::buffer) fn letters(&self, which: &Letters) -> Vec<Letter> {
        self.store.letters(which).unwrap_or_else(|error| {
            error!(%error, "Dead letters cannot be read");
            Vec::new()
        })
    }

    /// Throws letters away; gives what they were.
    pub(in crate::buffer) fn drop_letters(&mut self, which: &Letters) -> Vec<Letter> {
        let letters = self.letters(which);
        match self.store.drop_letters(&letters) {
            Ok(()) => letters,
            Err(error) => {
                self.fail(&error);
                Vec::new()
            }
        }
    }

    /// Owes letters to their uplinks again; gives what they were. The uplink finds them at its next connection.
    pub(in crate::buffer) fn retry_letters(&mut self, which: &Letters) -> Vec<Letter> {
        let mut retried = Vec::new();
        for letter in self.letters(which) {
            match self.retry_letter(&letter) {
                Ok(true) => retried.push(letter),
                Ok(false) => warn!(block = letter.id, "A dead letter cannot be sent again and stays where it is"),
                Err(error) => self.fail(&error),
            }
        }
        self.timers.persist.get_or_insert(Instant::now() + PERSIST);
        retried
    }

    fn retry_letter(&mut self, letter: &Letter) -> rusqlite::Result<bool> {
        let Some(block) = self.store.letter_block(letter)? else { return Ok(false) };
        if letter.store.is_some() {
            return self.retry_foreign(letter, block);
        }
        let is_stored = self.ring.get(letter.id).is_some() || self.store.head_of(letter.id)?.is_some();
        if !is_stored {
            self.store_again(Arc::new(block))?;
        }
        self.store.drop_letters(std::slice::from_ref(letter))?;
        self.delivery.owe_again(&letter.uplink, letter.id, letter.readings);
        Ok(true)
    }

    /// A block of a store that was set aside gets a number of this one, for the uplink of the letter alone.
    fn retry_foreign(&mut self, letter: &Letter, block: Block) -> rusqlite::Result<bool> {
        let (others, own): (Vec<_>, Vec<_>) =
            self.delivery.names().into_iter().partition(|name| *name != letter.uplink);
        if own.is_empty() {
            warn!(uplink = %letter.uplink, "The uplink of a dead letter is configured no more, it stays where it is");
            return Ok(false);
        }
        let block = Arc::new(block);
        self.admit_again(&block, Priority::Normal, self.cutter.now(), &others);
        self.tell_moved(std::iter::once(&block));
        self.tell_skipped();
        // Only what is stored under its new number may go under the old one.
        let is_stored = self.commit();
        if is_stored {
            self.store.drop_letters(std::slice::from_ref(letter))?;
        }
        Ok(is_stored)
    }

    /// Puts a block back that has left the store meanwhile.
    fn store_again(&mut self, block: Arc<Block>) -> rusqlite::Result<()> {
        let cut = self.cutter.now();
        let (packs, messages) = rows(block, cut, &mut self.encoder);
        self.write_beside(&packs, &messages, &[], false)
    }

    /// Blocks of a stream that are asked for again and still there, after an id, ascending, at most `limit`.
    pub(in crate::buffer) fn replay(
        &mut self,
        what: &Replay,
        after: BlockId,
        limit: usize,
    ) -> rusqlite::Result<Vec<Arc<Block>>> {
        self.is_withholding = false;
        if what.store != self.store.identity.store {
            return Ok(Vec::new());
        }
        if after.0 == 0 && what.epoch == self.store.identity.epoch {
            // What memory alone holds is stored first, so that there is one place to look.
            self.commit_history();
        }
        let blocks = self.store.find(what, after.0, limit).and_then(|places| self.read(&places));
        let blocks = blocks.inspect_err(|error| self.fail(error))?;
        let cleared = self.cleared();
        self.is_withholding = blocks.first().is_some_and(|block| block.id.0 > cleared);
        Ok(self.hand_out(blocks.into_iter().take_while(|block| block.id.0 <= cleared).collect()))
    }

    /// A block, wherever it is.
    fn block(&mut self, id: BlockId) -> Option<Arc<Block>> {
        if let Some(entry) = self.ring.get(id.0) {
            return Some(Arc::clone(&entry.loose.block));
        }
        let places = self.store.locate(Lane::All, [(id.0, id.0)].into_iter(), 1);
        places.and_then(|places| self.read(&places)).unwrap_or_default().into_iter().next()
    }
}

/// The row of one block.
fn rows(block: Arc<Block>, cut: Timestamp, encoder: &mut Encoder) -> (Vec<Pack>, Vec<Message>) {
    if block.stream.has_readings() {
        let loose = Loose { block, cut, priority: Priority::Normal, bytes: 0 };
        return (Pack::of(encoder, &[loose]).into_iter().collect(), Vec::new());
    }
    let body = encoder.encode(&Stamp::of(&block), &block.body);
    (Vec::new(), vec![Message { block, cut, body }])
}
