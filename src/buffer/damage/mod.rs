//! Files that are damaged: what is wrong with one, what can still be read of it, and how that moves to a new store.
//!
//! ```text
//! Walk (rows that prove themselves) ─> Numbers (what is missing) ─> Salvager ─> Core::carry_over, in the background
//!                                                              └──> check         or for repair and salvage
//! ```
//!
//! `past` brings the history behind what is owed.
//!
//! A row counts as read when its body passes its checksum or its key: numbers of a row that does not are never
//! believed, so that nothing is invented. What is missing is told by the numbers around it. A file that was set aside is
//! only read, and stays.

mod asides;
mod background;
mod check;
mod ends;
mod handover;
mod letters;
mod look;
mod numbers;
mod offline;
mod past;
mod pending;
mod salvager;
mod skipped;
#[cfg(test)]
mod tests;
mod walk;

pub use asides::{Aside, asides};
pub use background::Salvage;
pub use check::{Checked, DamagedRow, Missing, Progress, Seen, check};
pub use offline::{Rescued, SalvageError, read_out, rebuild, repair};

pub(super) use asides::{delete, excess};
pub(super) use handover::Handover;
pub(super) use letters::Found as FoundLetter;
pub(super) use past::{Past, PastEnd, PastRow};
pub(super) use pending::{Pending, Sent};
pub(super) use salvager::{Done, Row, moved};
pub(super) use skipped::Skipped;
