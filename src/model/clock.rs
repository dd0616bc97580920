//! Where time comes from. The host's clock in the daemon, one moved by hand in tests.

use std::{sync::Arc, time::Duration};

use super::{BootId, ClockQuality, Timestamp};

/// A source of time. Wall time may jump; uptime never does.
pub trait Clock: Send + Sync + 'static {
    /// Wall time, UTC.
    fn now(&self) -> Timestamp;
    /// Time since boot, including suspend.
    fn uptime(&self) -> Duration;
    /// How far [`Clock::now`] can be trusted.
    fn quality(&self) -> ClockQuality;
    /// The boot that [`Clock::uptime`] counts from.
    fn boot(&self) -> BootId;
}

/// A clock that many tasks share.
pub type SharedClock = Arc<dyn Clock>;
