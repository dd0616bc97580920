//! Finds the message over which a broker closes the connection.
//!
//! A broker that announces no limit may close when a message is too large for it, or is otherwise not to its taste, and
//! would do so with each connection for ever. Which message it is, it does not say: a window is in flight. So a block
//! that was in flight at the end of [`ALONE_AFTER`] connections in a row makes the next ones send one message at a time,
//! and one that was then alone at the end of its [`CONDEMNED_AFTER`]th is given up, with the reason. An acknowledgement
//! clears a block at once.
//!
//! Two of a kind are not given up one after the other: a broker that closes over every block of readings refuses the
//! gateway, not a message, and the blocks wait for whoever mends that.

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

/// A block in flight, and whether it holds readings.
pub(super) type Suspect = (BlockId, bool);

/// Blocks that were in flight when connections ended.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Seen>);

/// What was seen so far.
#[derive(Debug, Default)]
struct Seen {
    /// How many ends each block has seen in a row; at most a window of blocks.
    ends: BTreeMap<BlockId, u32>,
    /// Whether a block of readings was given up, and a block of another kind, with none of its kind taken since.
    given_up: [bool; 2],
}

impl Suspects {
    /// A connection was lost with these in flight. Gives the one that is to be given up.
    pub(super) fn lost(&self, in_flight: &[Suspect]) -> Option<BlockId> {
        let mut seen = self.lock();
        let times = |block: &BlockId| seen.ends.get(block).copied().unwrap_or(0).saturating_add(1);
        let again: BTreeMap<_, _> = in_flight.iter().map(|(block, _)| (*block, times(block))).collect();
        seen.ends = again;
        let [(only, has_readings)] = *in_flight else { return None };
        let is_proven = seen.ends.get(&only).is_some_and(|times| *times >= CONDEMNED_AFTER);
        if !is_proven || seen.given_up[usize::from(has_readings)] {
            return None;
        }
        seen.given_up[usize::from(has_readings)] = true;
        seen.ends.remove(&only);
        Some(only)
    }

    /// The broker has answered for a block.
    pub(super) fn cleared(&self, (block, has_readings): Suspect) {
        let mut seen = self.lock();
        seen.ends.remove(&block);
        seen.given_up[usize::from(has_readings)] = false;
    }

    /// Whether one of them has to be found out.
    pub(super) fn go_alone(&self) -> bool {
        self.lock().ends.values().any(|times| *times >= ALONE_AFTER)
    }

    /// The reason in the record of a block that is given up.
    pub(super) fn reason(error: &str) -> String {
        format!("the broker closed the connection {CONDEMNED_AFTER} times while it was in flight: {error}")
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of readings.
    fn blocks(ids: impl IntoIterator<Item = u64>) -> Vec<Suspect> {
        ids.into_iter().map(|id| (BlockId(id), true)).collect()
    }

    /// What is given up when a connection ends again and again with these in flight.
    fn end(suspects: &Suspects, in_flight: &[Suspect]) -> Option<BlockId> {
        (0..CONDEMNED_AFTER).find_map(|_| suspects.lost(in_flight))
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
        suspects.cleared((BlockId(1), true));
        assert!(suspects.go_alone());

        suspects.lost(&[]);

        assert!(!suspects.go_alone());
    }

    #[test]
    fn a_broker_that_closes_over_every_block_of_a_kind_costs_one() {
        let suspects = Suspects::default();
        assert_eq!(end(&suspects, &blocks([1])), Some(BlockId(1)));
        assert_eq!(end(&suspects, &blocks([2])), None);
        // Events that get through say nothing for readings.
        suspects.cleared((BlockId(3), false));
        assert_eq!(end(&suspects, &blocks([2])), None);
        assert_eq!(end(&suspects, &[(BlockId(4), false)]), Some(BlockId(4)));

        suspects.cleared((BlockId(5), true));

        assert_eq!(end(&suspects, &blocks([2])), Some(BlockId(2)));
    }
}
