//! What can go wrong, and the cards that say when.

use std::time::Duration;

use crate::{
    link::Weather,
    pass,
    table::Table,
    world::{Part, World},
};

/// How long the disk may take to refuse: what fits into the log goes on for a while.
const REFUSAL: Duration = Duration::from_secs(if cfg!(debug_assertions) { 6 } else { 3 });

/// What happens on the way to the first cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// Nothing.
    None,
    /// The broker is killed, and comes back at the end.
    BrokerKilled,
    /// Everything is swallowed.
    SilentLink,
    /// Half as fast as the readings come.
    SlowLink,
    /// Nothing is acknowledged.
    DeafBroker,
}

/// What happens to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// SIGKILL, and a start.
    Killed,
    /// SIGTERM, and a start.
    Stopped,
    /// No block is free.
    FullDisk,
    /// Bytes or pages of the buffer's file change while the gateway is down.
    Damaged,
    /// The wall clock jumps for hours, and back.
    ClockJump,
}

/// Cards that come once each before any comes again.
pub(crate) struct Deck<T> {
    /// All of them.
    cards: Vec<T>,
    /// Those still to come.
    left: Vec<T>,
}

impl<T: Copy> Deck<T> {
    /// The next card.
    pub(crate) fn draw(&mut self, dice: &mut fastrand::Rng) -> T {
        if self.left.is_empty() {
            self.left.clone_from(&self.cards);
            dice.shuffle(&mut self.left);
        }
        self.left.pop().expect("a deck has cards")
    }
}

/// The faults that this machine can make. A full disk comes first: later the log has room of its own.
pub(crate) fn decks(has_disk: bool, has_clock: bool, dice: &mut fastrand::Rng) -> (Deck<Outage>, Deck<Fault>) {
    use {Fault as F, Outage as O};
    let outages = vec![O::None, O::BrokerKilled, O::SilentLink, O::SlowLink, O::DeafBroker];
    let mut cards = vec![F::None, F::Killed, F::Stopped, F::Damaged];
    cards.extend(has_clock.then_some(F::ClockJump));
    let mut left = cards.clone();
    dice.shuffle(&mut left);
    if has_disk {
        cards.push(F::FullDisk);
        left.push(F::FullDisk);
    }
    (Deck { cards: outages, left: Vec::new() }, Deck { cards, left })
}

/// The outage begins.
pub(crate) fn begin(world: &mut World, outage: Outage) {
    let cloud = &mut world.clouds[0];
    match outage {
        Outage::None => {}
        Outage::BrokerKilled => cloud.kill(),
        Outage::SilentLink => cloud.link.set(Weather::Silent),
        Outage::SlowLink => cloud.link.set(Weather::Slow),
        Outage::DeafBroker => cloud.link.set(Weather::Deaf),
    }
}

/// The gateway's fault, from its begin to its end.
pub(crate) fn hurt(world: &mut World, fault: Fault, dice: &mut fastrand::Rng, table: &mut Table) {
    match fault {
        Fault::None => {}
        Fault::Killed => {
            world.kill();
            world.run();
        }
        Fault::Stopped => {
            world.stop();
            world.run();
        }
        Fault::FullDisk => fill_disk(world, table),
        Fault::Damaged => {
            let part = if dice.bool() { Part::File } else { Part::Log };
            if dice.bool() {
                world.stop();
            } else {
                world.kill();
            }
            table.note(&format!("damaged: {}", world.damage(part, dice)));
            world.run();
        }
        Fault::ClockJump => {
            let (sign, hours) = (if dice.bool() { '+' } else { '-' }, dice.u8(1..100));
            table.note(&format!("clock jumped by {sign}{hours} h"));
            world.clock.as_ref().expect("a clock").set(&format!("{sign}{hours}h"));
        }
    }
}

/// The disk is full until the buffer has felt it, or could not for long enough.
fn fill_disk(world: &mut World, table: &mut Table) {
    world.disk.as_ref().expect("a disk").fill();
    let mut left = REFUSAL;
    while !world.has_logged("Buffer cannot write") && !left.is_zero() {
        pass(Duration::from_millis(200));
        left = left.saturating_sub(Duration::from_millis(200));
    }
    let felt = if left.is_zero() { "did not feel it: the log had room" } else { "felt it" };
    table.note(&format!("disk full, the buffer {felt}"));
}
