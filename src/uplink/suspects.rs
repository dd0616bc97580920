//! Finds the message over which a broker closes the connection.
//!
//! A broker that announces no limit may close when a message is too large for it, or is otherwise not to its taste, and
//! would do so with each connection for ever. Which message it is, it does not say: a window is in flight. So a block
//! that was in flight at the end of [`ALONE_AFTER`] connections in a row makes the next ones send one message at a time,
//! and one that was then alone at the end of its [`CONDEMNED_AFTER`]th is given up, with the reason. An acknowledgement
//! clears a block at once.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::BlockId;

/// Connections that ended with a block in flight, after which messages go one at a time.
const ALONE_AFTER: u32 = 2;
/// Connections that ended with a block in flight, the last of them with nothing else, after which it is given up. With
/// the waits between connections a link that merely breaks often has minutes to get one message through.
const CONDEMNED_AFTER: u32 = 8;

/// Blocks that were in flight when connections ended; at most a window.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<BTreeMap<BlockId, u32>>);

impl Suspects {
    /// A connection was lost with these in flight. Gives the one that is to be given up.
    pub(super) fn lost(&self, in_flight: &[BlockId]) -> Option<BlockId> {
        let mut seen = self.lock();
        let times = |block: &BlockId| seen.get(block).copied().unwrap_or(0) + 1;
        let again: BTreeMap<_, _> = in_flight.iter().map(|block| (*block, times(block))).collect();
        *seen = again;
        match in_flight {
            [only] if seen.get(only).is_some_and(|times| *times >= CONDEMNED_AFTER) => {
                seen.remove(only);
                Some(*only)
            }
            _ => None,
        }
    }

    /// The broker has answered for a block.
    pub(super) fn cleared(&self, block: BlockId) {
        self.lock().remove(&block);
    }

    /// Whether one of them has to be found out.
    pub(super) fn go_alone(&self) -> bool {
        self.lock().values().any(|times| *times >= ALONE_AFTER)
    }

    /// The reason in the record of a block that is given up.
    pub(super) fn reason(error: &str) -> String {
        format!("the broker closed the connection {CONDEMNED_AFTER} times while it was in flight: {error}")
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BlockId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(ids: impl IntoIterator<Item = u64>) -> Vec<BlockId> {
        ids.into_iter().map(BlockId).collect()
    }

    #[test]
    fn the_one_that_is_always_there_is_found_and_only_alone_given_up() {
        let suspects = Suspects::default();
        assert_eq!(suspects.lost(&blocks(1..=10)), None);
        assert!(!suspects.go_alone());
        assert_eq!(suspects.lost(&blocks(5..=14)), None);
        assert!(suspects.go_alone());

        for _ in 2..CONDEMNED_AFTER - 1 {
            assert_eq!(suspects.lost(&blocks([7])), None);
        }
        // Not while another one is there, however often.
        assert_eq!(suspects.lost(&blocks([7, 8])), None);
        assert_eq!(suspects.lost(&blocks([7])), Some(BlockId(7)));
        assert!(!suspects.go_alone());
    }

    #[test]
    fn an_acknowledgement_and_a_quiet_end_clear() {
        let suspects = Suspects::default();
        for _ in 0..3 {
            suspects.lost(&blocks([1, 2]));
        }
        suspects.cleared(BlockId(1));
        assert!(suspects.go_alone());

        suspects.lost(&[]);

        assert!(!suspects.go_alone());
    }
}
