//! Tidegate: an edge gateway that loses nothing it accepted, and says exactly what it could not keep.
//!
//! The modules are the words of the way a reading takes, and the way a command takes back; `ARCHITECTURE.md` beside
//! this file is the map.

extern crate alloc;

pub mod model;

pub mod config;
pub mod profile;

pub mod adapter;
pub mod rules;
mod script;

pub mod buffer;
pub mod uplink;

pub mod command;

pub mod api;
pub mod cli;
#[cfg(feature = "modbus")]
pub mod republish;

pub mod daemon;
pub mod live;
pub mod pipeline;
pub mod shutdown;
pub mod supervisor;

pub mod host;
pub mod telemetry;
mod tls;

pub mod testing;
