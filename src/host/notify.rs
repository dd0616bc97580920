//! What systemd is told: ready, reloading, stopping, a line of status, and that we still live.
//!
//! All of it is silent when the gateway was not started by systemd (no `NOTIFY_SOCKET`), and a notification that
//! cannot be sent is a debug line: systemd will act on its absence, we cannot do better.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// Start is over: dependents may start.
pub fn ready() {
    send(&[NotifyState::Ready]);
}

/// A reload has begun; [`ready`] ends it. systemd wants the moment with it (`Type=notify-reload`).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(moment) => send(&[NotifyState::Reloading, moment]),
        Err(error) => debug!(%error, "Monotonic clock could not be read, systemd does not learn of the reload"),
    }
}

/// The ordered stop has begun.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    // A line end would begin another variable of the protocol.
    let line = text.replace('\n', " ");
    send(&[NotifyState::Status(&line)]);
}

/// The gateway lives. To be called at least twice per [`watchdog_interval`].
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// How long systemd waits for a [`watchdog`] before it kills us; `None` when it does not watch this process.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Hands one datagram to systemd.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "systemd could not be notified");
    }
}
