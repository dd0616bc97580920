//! What the tests are made of: a site with the real daemon, a real broker, real Modbus units, and judges.
//!
//! Nothing here sleeps to let something happen: everything waits for the event it needs, with a limit.

mod bad_broker;
#[cfg(feature = "ble")]
mod bluez;
mod broker;
mod faults;
mod gateway;
mod judge;
mod lines;
mod listener;
pub(crate) mod mqtt;
pub(crate) mod process;
mod site;
mod tap;
mod units;
mod watched;

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

pub(crate) use bad_broker::BadBroker;
#[cfg(feature = "ble")]
pub(crate) use bluez::Bluez;
pub(crate) use broker::Broker;
pub(crate) use faults::FaultyLink;
pub(crate) use gateway::Gateway;
pub(crate) use judge::{Arrived, Blocks, Id, value_of};
pub(crate) use lines::{Cable, Libmodbus, is_here};
pub(crate) use listener::{Listener, Message};
pub(crate) use mqtt::Outgoing;
pub(crate) use site::{PREFIX, Site};
pub(crate) use tap::Tap;
pub(crate) use units::{Units, Write};

/// The longest any single wait may take; generous, because the machine may be busy with everything else.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The full length of the scenarios that have a short and a long form.
pub(crate) fn is_long() -> bool {
    std::env::var_os("TIDEGATE_LONG").is_some_and(|value| value == "1")
}

/// Looks again and again until `look` finds something, for what sends no event of its own.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// A loopback port that nobody has. It lies below those that the kernel gives away by itself (`ip_local_port_range` of
/// ip(7)), so that nothing takes it before its server has started, or while that is down.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Other test programs may run at the same time: each begins somewhere else.
        let place = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_000 + place % 20_000).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
