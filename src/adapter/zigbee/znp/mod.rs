//! Coordinators with a Texas Instruments chip, spoken to as ZNP.
//!
//! ```text
//! bytes -> unpi (frames) -> link -> host (answers to requests) -> coordinator (a Radio) -> events
//!                                   command (what is asked, answered, told)
//! ```
//!
//! Numbers are those of TI's "Z-Stack Monitor and Test API", revision 1.14 and the additions of Z-Stack 3.

pub mod command;
pub mod coordinator;
mod copy;
mod error;
mod event;
#[cfg(test)]
mod fake;
pub mod host;
pub mod link;
mod long;
pub mod memory;
mod own;
mod power;
pub mod rows;
pub mod unpi;
