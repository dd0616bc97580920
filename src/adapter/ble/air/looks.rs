//! Looking at the radios again and again, because nobody tells when one has come.

use std::{path::Path, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use super::{
    bus::{Bus, RadioState},
    rfkill,
};

/// How often the radios are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// What a look found; an error is what D-Bus said.
pub(super) type Look = Result<Vec<RadioState>, String>;

/// Looks at the radios again and again.
pub(super) async fn look(bus: &Bus, looks: &watch::Sender<Look>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // The look before this one is out of date, whatever it found.
        drop(looks.send_replace(bus.radios().await.map_err(|error| error.to_string())));
    }
}

/// Why there is no radio, as far as one can tell.
pub(super) fn why_none(wanted: Option<&str>, off: &[&RadioState]) -> String {
    let switched = off.iter().find_map(|state| rfkill::blocked(Path::new(rfkill::RADIOS), &state.name));
    switched.unwrap_or_else(|| match off.first() {
        Some(state) => format!("{} is not powered (help: bluetoothctl power on)", state.name),
        None => format!("{} is not there", wanted.unwrap_or("a radio")),
    })
}
