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
//!
//! A radio that falls silent has its scan started again with new streams. If that does not help three times it is
//! switched off and on, where that is allowed.

mod bus;
mod known;
mod link;
mod pairing;
mod queue;
mod radio;
mod turn;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tracing::{debug, info, warn};

use self::{
    bus::{Bus, BusError, RadioState},
    radio::{End, Radio, Rhythm},
};
pub use self::{
    link::{Characteristic, Link, LinkError, Told, disconnect},
    queue::Queue,
    turn::Turn,
};
use crate::{adapter::Metrics, shutdown::Stop};

/// How often the radios are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// Silent scans in a row after which a radio is stuck.
const STUCK: u32 = 3;
/// Rest before a radio is switched off and on again: when that did not help, it does not.
const CYCLE_REST: Duration = Duration::from_secs(600);
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
    /// Whose turn it is to connect, when nobody listens.
    pub turn: &'a Turn,
    /// Whether a radio that stays silent may be switched off and on.
    pub may_cycle: bool,
    /// What is counted.
    pub metrics: &'a Metrics,
}

/// What outlives a radio's scan.
#[derive(Debug, Default)]
struct Life {
    /// How often something is heard, once it was.
    rhythm: Option<Rhythm>,
    /// Scans in a row that ended because nothing was heard any more.
    silences: u32,
    /// When it was last switched off and on.
    cycled: Option<Instant>,
}

/// What was last told of the radios, so that a fault is told once.
#[derive(Debug, Default)]
struct Faults {
    /// The fault.
    fault: Option<String>,
}

impl Air<'_> {
    /// Listens until stopping is asked for.
    pub async fn listen(&self, mut stop: Stop) {
        let mut told = Faults::default();
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
    async fn listen_on(&self, bus: &Bus, told: &mut Faults, stop: Stop) -> Option<BusError> {
        let (looks, states) = watch::channel(Ok(Vec::new()));
        tokio::select! {
            biased;
            error = bus.lost() => Some(error),
            () = look(bus, &looks) => None,
            () = self.run_radios(bus, told, states, stop) => None,
        }
    }

    /// Starts radios as they come, until stopping is asked for; then waits until all have ended.
    async fn run_radios(&self, bus: &Bus, told: &mut Faults, mut states: watch::Receiver<Look>, mut stop: Stop) {
        let (mut running, mut lives) = (BTreeSet::<String>::new(), BTreeMap::<String, Life>::new());
        let mut radios = FuturesUnordered::<_>::new();
        while !(stop.is_requested() && radios.is_empty()) {
            tokio::select! {
                biased;
                Some((name, end, life)) = radios.next(), if !radios.is_empty() => {
                    running.remove::<String>(&name);
                    lives.insert(name.clone(), life);
                    self.metrics.up.set(i64::from(!running.is_empty()));
                    self.tell_end(told, &name, &end);
                }
                () = stop.requested(), if radios.is_empty() => {}
                Ok(()) = states.changed() => {
                    for name in self.wanted(&mut states, told) {
                        if !stop.is_requested() && running.insert(name.clone()) {
                            let life = lives.remove(&name).unwrap_or_default();
                            radios.push(self.run_radio(bus, name, life, states.clone(), stop.clone()));
                        }
                    }
                }
            }
        }
    }

    /// Runs one radio to its end.
    async fn run_radio(
        &self,
        bus: &Bus,
        name: String,
        mut life: Life,
        states: watch::Receiver<Look>,
        stop: Stop,
    ) -> (String, End, Life) {
        if life.is_stuck() {
            self.revive(bus, &name, &mut life).await;
        }
        let radio = Radio::new(&name, self.queue, self.turn, self.metrics);
        let (end, rhythm) = radio.run(bus, life.rhythm, states, stop).await;
        life.silences = match end {
            End::Silent { was_heard: false, .. } => life.silences + 1,
            End::Silent { was_heard: true, .. } => 1,
            End::Stopped | End::Failed(_) | End::Gone | End::Off | End::NotDiscovering | End::Over => 0,
        };
        life.rhythm = rhythm;
        (name, end, life)
    }

    /// The last resort for a radio that stays silent: it is switched off and on where that is allowed, and told anyway.
    async fn revive(&self, bus: &Bus, name: &str, life: &mut Life) {
        if !self.may_cycle {
            if life.silences == STUCK {
                warn!(adapter = self.adapter, radio = name, "The radio stays silent, power_cycle may revive it");
            }
            return;
        }
        warn!(adapter = self.adapter, radio = name, "The radio stays silent, switching it off and on");
        self.metrics.power_cycles.inc();
        (life.silences, life.cycled) = (0, Some(Instant::now()));
        if let Err(error) = bus.cycle_power(name).await {
            warn!(adapter = self.adapter, radio = name, %error, "The radio could not be switched off and on");
        }
    }

    /// The radios that are wanted and on; tells when there is none.
    fn wanted(&self, states: &mut watch::Receiver<Look>, told: &mut Faults) -> Vec<String> {
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
    fn tell_end(&self, told: &mut Faults, radio: &str, end: &End) {
        match end {
            End::Stopped => {}
            End::Silent { .. } => debug!(adapter = self.adapter, radio, %end, "Starting the scan again"),
            End::Failed(_) | End::Gone | End::Off | End::NotDiscovering | End::Over => {
                told.fault(self.adapter, format!("{radio}: {end}"));
            }
        }
    }
}

impl Life {
    /// Whether starting scans has not helped, of a radio that did hear something.
    fn is_stuck(&self) -> bool {
        let has_rested = self.cycled.is_none_or(|at| at.elapsed() >= CYCLE_REST);
        self.rhythm.is_some() && self.silences >= STUCK && has_rested
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

impl Faults {
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
