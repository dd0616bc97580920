//! The radios: everything that is heard, as it is heard, whatever becomes of radios and `bluetoothd`.
//!
//! ```text
//! bus (one D-Bus connection) ─ states, every 3 s ─┐
//!                                                 v
//!   for each powered radio that is wanted: radio: start scan -> events -> pairing -> known -> queue
//!                                                 '- gone, off, not discovering, silent, stream over: ends
//! ```
//!
//! A radio that ended is started again as soon as the states show it powered, so one pulled and plugged in again, and a
//! `bluetoothd` that was restarted, are back within two looks. `btleplug` resumes nothing by itself, tells no error when
//! its radio goes, and does not know `Discovering`; the looks ask its own library, `bluez-async`, for that.

mod bus;
mod known;
mod pairing;
mod queue;
mod radio;

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{debug, info, warn};

pub use self::queue::Queue;
use self::{
    bus::{Bus, BusError, RadioState},
    radio::{End, Radio},
};
use crate::{adapter::Metrics, shutdown::Stop};

/// How often the radios are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// Rest before D-Bus is tried again.
const REST: Duration = Duration::from_secs(2);

/// The radios of one adapter.
pub struct Air<'a> {
    /// The adapter's name, for the log.
    pub adapter: &'a str,
    /// The one radio that is wanted; all when none is named.
    pub radio: Option<&'a str>,
    /// Where advertisements go.
    pub queue: &'a Queue,
    /// What is counted.
    pub metrics: &'a Metrics,
}

/// What was last told of the radios, so that a fault is told once.
#[derive(Debug, Default)]
struct Told {
    /// The fault.
    fault: Option<String>,
}

impl Air<'_> {
    /// Listens until stopping is asked for.
    pub async fn listen(&self, mut stop: Stop) {
        let mut told = Told::default();
        while !stop.is_requested() {
            let error = match Bus::shared().await {
                Ok(bus) => self.listen_on(&bus, &mut told, stop.clone()).await,
                Err(error) => Some(error),
            };
            self.metrics.up.set(0);
            if let Some(error) = error {
                told.fault(self.adapter, error.to_string());
            }
            tokio::select! {
                biased;
                () = stop.requested() => return,
                () = sleep(REST) => {}
            }
        }
    }

    /// Listens as long as the bus is there; `None` when stopping was asked for.
    async fn listen_on(&self, bus: &Bus, told: &mut Told, stop: Stop) -> Option<BusError> {
        let (looks, states) = watch::channel(Ok(Vec::new()));
        tokio::select! {
            biased;
            error = bus.lost() => Some(error),
            () = look(bus, &looks) => None,
            () = self.run_radios(bus, told, states, stop) => None,
        }
    }

    /// Starts radios as they come, until stopping is asked for; then waits until all have ended.
    async fn run_radios(&self, bus: &Bus, told: &mut Told, mut states: watch::Receiver<Look>, mut stop: Stop) {
        let mut running = BTreeSet::<String>::new();
        let mut radios = FuturesUnordered::<_>::new();
        while !(stop.is_requested() && radios.is_empty()) {
            tokio::select! {
                biased;
                Some((name, end)) = radios.next(), if !radios.is_empty() => {
                    running.remove::<String>(&name);
                    self.metrics.up.set(i64::from(!running.is_empty()));
                    self.tell_end(told, &name, &end);
                }
                () = stop.requested(), if radios.is_empty() => {}
                Ok(()) = states.changed() => {
                    for name in self.wanted(&mut states, told) {
                        if !stop.is_requested() && running.insert(name.clone()) {
                            radios.push(self.run_radio(bus, name, states.clone(), stop.clone()));
                        }
                    }
                }
            }
        }
    }

    /// Runs one radio to its end.
    async fn run_radio(&self, bus: &Bus, name: String, states: watch::Receiver<Look>, stop: Stop) -> (String, End) {
        let radio = Radio::new(&name, self.queue, self.metrics);
        let end = radio.run(bus, states, stop).await.unwrap_or_else(End::Failed);
        (name, end)
    }

    /// The radios that are wanted and on; tells when there is none.
    fn wanted(&self, states: &mut watch::Receiver<Look>, told: &mut Told) -> Vec<String> {
        let look = states.borrow_and_update();
        let radios = match &*look {
            Ok(radios) => radios,
            Err(error) => {
                told.fault(self.adapter, error.clone());
                return Vec::new();
            }
        };
        let is_wanted = |state: &&RadioState| self.radio.is_none_or(|radio| radio == state.name);
        let on = radios.iter().filter(|state| state.powered).filter(is_wanted);
        let names: Vec<_> = on.map(|state| state.name.clone()).collect();
        if names.is_empty() {
            told.fault(self.adapter, format!("{} is not there or not powered", self.radio.unwrap_or("a radio")));
        } else if self.metrics.up.get() > 0 {
            // Not before one scans: a radio that is there may still refuse to.
            told.fine(self.adapter, &names);
        }
        names
    }

    /// Tells why a radio ended, unless that was asked for.
    fn tell_end(&self, told: &mut Told, radio: &str, end: &End) {
        match end {
            End::Stopped => {}
            End::Silent(_) => debug!(adapter = self.adapter, radio, %end, "Starting the scan again"),
            End::Failed(_) | End::Gone | End::Off | End::NotDiscovering | End::Over => {
                told.fault(self.adapter, format!("{radio}: {end}"));
            }
        }
    }
}

/// What a look found; an error is what D-Bus said.
type Look = Result<Vec<RadioState>, String>;

/// Looks at the radios again and again.
async fn look(bus: &Bus, looks: &watch::Sender<Look>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // The look before this one is out of date, whatever it found.
        drop(looks.send_replace(bus.radios().await.map_err(|error| error.to_string())));
    }
}

impl Told {
    /// Tells a fault, unless it is the one that was told last.
    fn fault(&mut self, adapter: &str, fault: String) {
        if self.fault.as_ref() != Some(&fault) {
            warn!(adapter, fault, "Bluetooth is down, trying again");
            self.fault = Some(fault);
        }
    }

    /// Tells that a fault is over.
    fn fine(&mut self, adapter: &str, radios: &[String]) {
        if self.fault.take().is_some() {
            info!(adapter, ?radios, "Bluetooth is back");
        }
    }
}
