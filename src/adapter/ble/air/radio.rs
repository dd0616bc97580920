//! One radio that scans: what it hears becomes advertisements, until something ends it.

use std::{fmt, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{debug, trace};

use super::{
    Air, Queue, Turn, Voice,
    bus::{Bus, BusError},
    ear::Ear,
    known::Known,
    life::Life,
    looks::Look,
    rhythm::Rhythm,
};
use crate::{
    adapter::{Metrics, ble::heard::Heard},
    shutdown::Stop,
};

/// Looks in a row that must show no discovery: one may have been under way while the scan was started.
const NOT_DISCOVERING: u8 = 2;

/// Why a radio no longer scans.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// Stopping was asked for.
    Stopped,
    /// It could not be started.
    Failed(BusError),
    /// It is not there any more.
    Gone,
    /// It was switched off.
    Off,
    /// `bluetoothd` has ended, or another has begun.
    Restarted,
    /// `BlueZ` does not discover any more.
    NotDiscovering,
    /// Nothing was heard any more for so long.
    Silent(Duration),
    /// The connection broke.
    Over,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Failed(error) => error.fmt(f),
            Self::Gone => f.write_str("it is gone"),
            Self::Off => f.write_str("it was switched off"),
            Self::Restarted => f.write_str("bluetoothd has ended"),
            Self::NotDiscovering => f.write_str("the scan has ended by itself"),
            Self::Silent(span) => write!(f, "nothing heard for {span:?}"),
            Self::Over => f.write_str("the connection to D-Bus is lost"),
        }
    }
}

/// One radio.
pub(super) struct Radio<'a> {
    name: &'a str,
    queue: &'a Queue,
    turn: &'a Turn,
    metrics: &'a Metrics,
    known: Known,
    rhythm: Rhythm,
    /// Whom to tell that something is heard again, of a radio that was said to be silent.
    was_silent: Option<&'a Voice>,
}

impl<'a> Radio<'a> {
    /// A radio that has heard nothing in this scan.
    pub(super) fn new(name: &'a str, air: &Air<'a>, life: &Life) -> Self {
        let Air { queue, turn, metrics, voice, .. } = *air;
        let rhythm = life.rhythm.unwrap_or_else(|| Rhythm::new(Instant::now()));
        let was_silent = voice.filter(|_| life.is_told);
        Self { name, queue, turn, metrics, known: Known::default(), rhythm, was_silent }
    }

    /// How often something is heard, for the next scan; `None` when nothing ever was.
    pub(super) fn rhythm(&self) -> Option<Rhythm> {
        (self.rhythm.count() > 0).then_some(self.rhythm)
    }

    /// Scans until something ends it.
    pub(super) async fn scan(
        &mut self,
        bus: &Bus,
        ear: &mut Ear,
        mut states: watch::Receiver<Look>,
        mut stop: Stop,
    ) -> Result<End, BusError> {
        let now = Instant::now();
        bus.acquaintances(self.name).await?.iter_mut().for_each(|known| self.known.complete(known, now));
        ear.start().await?;
        self.metrics.connects.inc();
        self.metrics.up.set(1);
        debug!(radio = self.name, "Scanning");
        self.rhythm.last = Instant::now();
        states.mark_unchanged();
        let mut not_discovering = 0;
        let end = loop {
            let silence = self.rhythm.patience();
            tokio::select! {
                biased;
                () = stop.requested() => break End::Stopped,
                Ok(()) = states.changed() => {
                    if let Some(end) = self.judge(&states.borrow_and_update(), &mut not_discovering) {
                        break end;
                    }
                }
                heard = ear.next() => match heard {
                    Ok(heard) => self.take(heard),
                    Err(end) => break end,
                },
                () = sleep_until(self.rhythm.last + silence) => break End::Silent(silence),
            }
        };
        // It may have ended before us ("No discovery started"), and a radio that is gone cannot answer.
        if let Err(error) = ear.stop().await {
            trace!(radio = self.name, %error, "The scan was over already");
        }
        Ok(end)
    }

    /// What a look says of this radio: whether it is over.
    fn judge(&self, look: &Look, not_discovering: &mut u8) -> Option<End> {
        // A look that failed says nothing; the next will.
        let radios = look.as_ref().ok()?;
        let Some(state) = radios.iter().find(|state| state.name == self.name) else { return Some(End::Gone) };
        if !state.powered {
            return Some(End::Off);
        }
        // While it connects it does not listen, and a scan that is started then may break that off.
        *not_discovering = if state.discovering || self.turn.is_taken() { 0 } else { *not_discovering + 1 };
        (*not_discovering >= NOT_DISCOVERING).then_some(End::NotDiscovering)
    }

    /// Takes what was heard, and passes it on if it is more than a name or a power.
    fn take(&mut self, mut heard: Heard) {
        let now = Instant::now();
        if heard.rssi.is_some() || heard.has_data() {
            self.rhythm.beat(now);
            if let Some(voice) = self.was_silent.take() {
                voice.tell("radio-heard", format!("{} hears something again", self.name));
            }
        }
        self.known.complete(&mut heard, now);
        if heard.has_data() {
            self.name.clone_into(&mut heard.radio);
            self.metrics.heard.inc();
            self.queue.push(heard);
        }
    }
}
