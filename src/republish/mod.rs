//! Modbus TCP servers of ours, so that a PLC or SCADA reads the points of any adapter as registers.
//!
//! ```text
//! server (accept, access list, seats) -> client (frames, pace, silence) -> answer -> live view: reads
//!                                                                              '--> inbox: writes, as commands
//! ```
//!
//! What is shown where, `adapter::modbus::image` lays out; the live view has the values. A write takes the way of every
//! command, from `api:republish-<name>`, and is answered with what became of it. Everything is bounded: clients, their
//! pace, their silence, the wait for an outcome. No bytes of a client make it panic; bytes that are no Modbus end the
//! connection.

mod answer;
mod client;
mod identity;
mod metrics;
mod seats;
mod server;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use self::{
    metrics::{Families, Metrics},
    server::{ServeError, run},
};
use crate::{
    adapter::modbus::image::Image,
    live::Live,
    model::{Envelope, SharedClock, Source},
    shutdown::Stop,
};

/// What a server works with.
pub struct Context {
    /// What is shown where.
    pub image: Arc<Image>,
    /// The last readings.
    pub live: Live,
    /// For writes. When it is full, a client's write waits, up to its `write_timeout`.
    pub inbox: mpsc::Sender<Envelope>,
    /// Time.
    pub clock: SharedClock,
    /// Raised at the end.
    pub stop: Stop,
    /// What is counted.
    pub metrics: Metrics,
}

/// Whom a grant names for the writes of a server.
fn source(name: &str) -> Source {
    Source::Api { user: format!("republish-{name}").into(), roles: Vec::new() }
}

#[cfg(test)]
mod tests;
