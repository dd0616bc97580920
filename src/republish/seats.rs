//! Who is connected, so that a client that is gone without a word does not keep a new one out.
//!
//! A PLC that lost its power never closes its connection and comes back with a new one. So when all seats are taken,
//! the client that has been silent longest goes (MODBUS Messaging on TCP/IP 1.0b, 4.2.1: the oldest unused one).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::time::Instant;

use crate::shutdown::{Stop, StopSignal};

/// The clients that are connected.
#[derive(Debug)]
pub(super) struct Seats {
    /// As many as there may be.
    max: usize,
    /// Who has one; a client that ended on its own leaves with [`Seats::leave`].
    taken: Vec<Seat>,
    /// Number of the next client.
    next: u64,
    /// What silence is counted from.
    start: Instant,
}

/// One client's place.
#[derive(Debug)]
struct Seat {
    /// Its number.
    number: u64,
    /// Milliseconds from the start to its last request.
    last: Arc<AtomicU64>,
    /// Ends it.
    end: StopSignal,
}

/// What a client keeps of its seat.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Its number.
    pub(super) number: u64,
    /// Raised when it has to go.
    pub(super) end: Stop,
    /// Milliseconds from the start to its last request.
    last: Arc<AtomicU64>,
    /// What silence is counted from.
    start: Instant,
}

impl Seats {
    /// So many seats, at least one.
    pub(super) fn new(max: usize) -> Self {
        Self { max: max.max(1), taken: Vec::new(), next: 0, start: Instant::now() }
    }

    /// A seat for one more client, and whether another one lost its own for it.
    pub(super) fn take(&mut self) -> (Ticket, bool) {
        let is_full = self.taken.len() >= self.max;
        if is_full {
            self.displace();
        }
        let number = self.next;
        self.next += 1;
        let (end, listener) = StopSignal::pair();
        let last = Arc::new(AtomicU64::new(millis(self.start)));
        self.taken.push(Seat { number, last: Arc::clone(&last), end });
        (Ticket { number, end: listener, last, start: self.start }, is_full)
    }

    /// Ends the client that has been silent longest.
    fn displace(&mut self) {
        let silent = self.taken.iter().enumerate();
        let silent = silent.min_by_key(|(_, seat)| (seat.last.load(Ordering::Relaxed), seat.number));
        if let Some((index, _)) = silent {
            self.taken.swap_remove(index).end.raise();
        }
    }

    /// A client has ended.
    pub(super) fn leave(&mut self, number: u64) {
        self.taken.retain(|seat| seat.number != number);
    }

    /// How many are taken.
    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }
}

impl Ticket {
    /// The client asked something.
    pub(super) fn spoke(&self) {
        self.last.store(millis(self.start), Ordering::Relaxed);
    }
}

/// Milliseconds from the start until now.
fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_client_that_was_silent_longest_makes_room() {
        let mut seats = Seats::new(2);
        let (first, _) = seats.take();
        advance(Duration::from_secs(1)).await;
        let (second, displaced) = seats.take();
        assert!(!displaced);
        advance(Duration::from_secs(1)).await;
        first.spoke();

        let (third, displaced) = seats.take();

        assert!(displaced && second.end.is_requested());
        assert!(!first.end.is_requested() && !third.end.is_requested());
        assert_eq!(seats.len(), 2);
    }

    #[tokio::test]
    async fn a_client_that_left_makes_room_by_itself() {
        let mut seats = Seats::new(1);
        let (first, _) = seats.take();
        seats.leave(first.number);
        assert!(!seats.take().1);
    }
}
