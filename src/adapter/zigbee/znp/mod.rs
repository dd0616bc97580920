//! Coordinators with a Texas Instruments chip, spoken to as ZNP: frames (`unpi`) that carry commands (`command`).
//!
//! Numbers are those of TI's "Z-Stack Monitor and Test API", revision 1.14 and the additions of Z-Stack 3.

pub mod command;
pub mod unpi;
