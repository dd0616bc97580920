//! The radios: everything that is heard, as it is heard, whatever becomes of radios and `bluetoothd`.
//!
//! ```text
//! bus (one D-Bus connection) ─ states, every 3 s ─┐
//!                                                 v
//!   for each powered radio that is wanted: radio: ear (a connection of its own): signals -> known -> queue
//!                                                 '- gone, off, restarted, not discovering, silent: ends
//!   for each device that is connected: link: line (a connection of its own): signals -> queue
//! ```
//!
//! A radio that ended is started again as soon as the states show it powered, so one pulled and plugged in again, and a
//! `bluetoothd` that was restarted, are back within two looks. What is done for one that falls silent stands in
//! `life.rs`; every step is counted.

mod agent;
mod bus;
mod ear;
mod known;
mod life;
mod link;
mod looks;
mod queue;
mod radio;
mod rfkill;
mod rhythm;
mod signal;
mod turn;
mod voice;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{sync::watch, time::sleep};
use tracing::{debug, info, warn};

pub use self::{
    agent::{Pairing, Passkey},
    link::{Characteristic, Link, LinkError, Told, disconnect},
    queue::Queue,
    turn::Turn,
    voice::Voice,
};
use self::{
    bus::{Bus, BusError, RadioState},
    ear::Ear,
    life::{Life, Step},
    looks::{Look, look, why_none},
    radio::{End, Radio},
};
use crate::{adapter::Metrics, shutdown::Stop};

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
    /// Where it is told that a radio stays silent, besides the log.
    pub voice: Option<&'a Voice>,
}

impl Air<'_> {
    /// Listens until stopping is asked for.
    pub async fn listen(&self, mut stop: Stop) {
        while !stop.is_requested() {
            let error = match Bus::shared().await {
                Ok(bus) => self.listen_on(&bus, stop.clone()).await,
                Err(error) => Some(error),
            };
            self.metrics.up.set(0);
            if let Some(error) = error {
                self.tell_fault(&error);
            }
            tokio::select! {
                biased;
                () = stop.requested() => return,
                () = sleep(REST) => {}
            }
        }
    }

    /// Listens as long as the bus is there; `None` when stopping was asked for.
    async fn listen_on(&self, bus: &Bus, stop: Stop) -> Option<BusError> {
        let (looks, states) = watch::channel(Ok(Vec::new()));
        tokio::select! {
            biased;
            error = bus.lost() => Some(error),
            () = look(bus, &looks) => None,
            () = self.run_radios(bus, states, stop) => None,
        }
    }

    /// Starts radios as they come, until stopping is asked for; then waits until all have ended.
    async fn run_radios(&self, bus: &Bus, mut states: watch::Receiver<Look>, mut stop: Stop) {
        let (mut running, mut lives) = (BTreeSet::<String>::new(), BTreeMap::<String, Life>::new());
        let mut radios = FuturesUnordered::<_>::new();
        while !(stop.is_requested() && radios.is_empty()) {
            tokio::select! {
                biased;
                Some((name, end, life)) = radios.next(), if !radios.is_empty() => {
                    running.remove::<String>(&name);
                    lives.insert(name.clone(), life);
                    self.metrics.up.set(i64::from(!running.is_empty()));
                    self.tell_end(&name, &end);
                    // A silent one goes on at once; the others are there again when a look shows them.
                    if matches!(end, End::Silent(_)) {
                        states.mark_changed();
                    }
                }
                () = stop.requested(), if radios.is_empty() => {}
                Ok(()) = states.changed() => {
                    for name in self.wanted(&mut states) {
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
        self.prepare(bus, &name, &mut life).await;
        let heard = self.metrics.heard.get();
        let mut radio = Radio::new(&name, self, &life);
        let scanned = async {
            let ear = match life.ear.take() {
                Some(ear) => ear,
                None => Ear::open(&name, self.metrics.unread.clone()).await?,
            };
            radio.scan(bus, life.ear.insert(ear), states, stop).await
        };
        let end = scanned.await.unwrap_or_else(End::Failed);
        life.rhythm = radio.rhythm();
        life.ended(&end, self.metrics.heard.get() > heard);
        (name, end, life)
    }

    /// Does what is done for a radio that falls silent.
    async fn prepare(&self, bus: &Bus, name: &str, life: &mut Life) {
        match life.step(self.may_cycle) {
            Step::Scan => return,
            Step::Rescan => {
                self.metrics.rescans.inc();
                return;
            }
            Step::Renew => {
                warn!(adapter = self.adapter, radio = name, "The radio is silent, connecting to BlueZ anew");
            }
            Step::Cycle => self.cycle(bus, name).await,
            Step::Tell => self.tell_silence(name),
        }
        self.metrics.renewals.inc();
        life.ear = None;
    }

    /// Switches a radio off and on.
    async fn cycle(&self, bus: &Bus, name: &str) {
        warn!(adapter = self.adapter, radio = name, "The radio stays silent, switching it off and on");
        self.metrics.power_cycles.inc();
        if let Err(error) = bus.cycle_power(name).await {
            warn!(adapter = self.adapter, radio = name, %error, "The radio could not be switched off and on");
        }
    }

    /// Tells that nothing helps, or nothing that is allowed.
    fn tell_silence(&self, name: &str) {
        let help = if self.may_cycle { "plug it out and in" } else { "power_cycle = true may revive it" };
        warn!(adapter = self.adapter, radio = name, help, "The radio stays silent");
        if let Some(voice) = self.voice {
            voice.tell("radio-silent", format!("adapter {}: {name} stays silent (help: {help})", self.adapter));
        }
    }

    /// The radios that are wanted and on; tells when there is none.
    fn wanted(&self, states: &mut watch::Receiver<Look>) -> Vec<String> {
        let look = states.borrow_and_update();
        let radios = match &*look {
            Ok(radios) => radios,
            Err(error) => {
                self.tell_fault(error);
                return Vec::new();
            }
        };
        let is_wanted = |state: &&RadioState| self.radio.is_none_or(|radio| radio == state.name);
        let (on, off): (Vec<_>, Vec<_>) = radios.iter().filter(is_wanted).partition(|state| state.powered);
        let names: Vec<_> = on.into_iter().map(|state| state.name.clone()).collect();
        if names.is_empty() {
            self.tell_fault(&why_none(self.radio, &off));
        } else if self.metrics.up.get() > 0 {
            // Not before one scans: a radio that is there may still refuse to.
            self.tell_back(&names);
        }
        names
    }

    /// Tells why a radio ended, unless that was asked for.
    fn tell_end(&self, radio: &str, end: &End) {
        match end {
            End::Stopped => {}
            End::Silent(_) => debug!(adapter = self.adapter, radio, %end, "Starting the scan again"),
            End::Failed(_) | End::Gone | End::Off | End::Restarted | End::NotDiscovering | End::Over => {
                self.tell_fault(&format_args!("{radio}: {end}"));
            }
        }
    }

    /// Tells a fault, unless it is the one that was told last.
    fn tell_fault(&self, fault: &impl Display) {
        if self.metrics.fault.tell(fault) {
            warn!(adapter = self.adapter, %fault, "Bluetooth is down, trying again");
        }
    }

    /// Tells that a fault is over.
    fn tell_back(&self, radios: &[String]) {
        if self.metrics.fault.over() {
            info!(adapter = self.adapter, ?radios, "Bluetooth is back");
        }
    }
}
