//! One radio that scans: its events become advertisements.
//!
//! `btleplug` tells the parts of an advertisement one by one, tells of a new device without its data, and asks `BlueZ`
//! once per part, so this drains its events as fast as they come and leaves everything else to who reads the queue.

use std::{fmt, time::Duration};

use btleplug::{
    api::{Central as _, CentralEvent, CentralState, Peripheral as _, PeripheralProperties, ScanFilter},
    platform::{Adapter, PeripheralId},
};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tracing::{debug, trace};

use super::{
    Look, Queue, Turn,
    bus::{Bus, BusError, text, within},
    known::Known,
    pairing::{Pairing, Part},
};
use crate::{
    adapter::{
        Metrics,
        ble::{
            decode::{Address, Uuid},
            heard::Heard,
        },
    },
    shutdown::Stop,
};

/// How long the next part of an advertisement may take: an answer of `bluetoothd`, which may be busy.
const NEXT_PART: Duration = Duration::from_millis(100);
/// Silence after which the scan is started again, at least and while nothing is known; and how many times the usual
/// time between two advertisements it is.
const SILENCE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(120), 20);
/// Looks in a row that must show no discovery: one may have been under way while the scan was started.
const NOT_DISCOVERING: u8 = 2;

/// Why a radio no longer scans.
#[derive(Debug)]
pub(super) enum End {
    /// Stopping was asked for.
    Stopped,
    /// It could not be started.
    Failed(BusError),
    /// It is not there any more.
    Gone,
    /// It was switched off, or `bluetoothd` was.
    Off,
    /// `BlueZ` does not discover any more.
    NotDiscovering,
    /// Nothing was heard any more.
    Silent {
        /// For so long.
        span: Duration,
        /// Whether anything was before.
        was_heard: bool,
    },
    /// The library gives no more events.
    Over,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Failed(error) => error.fmt(f),
            Self::Gone => f.write_str("it is gone"),
            Self::Off => f.write_str("it was switched off"),
            Self::NotDiscovering => f.write_str("the scan has ended by itself"),
            Self::Silent { span, .. } => write!(f, "nothing heard for {span:?}"),
            Self::Over => f.write_str("no more events"),
        }
    }
}

/// One radio.
pub(super) struct Radio<'a> {
    name: &'a str,
    queue: &'a Queue,
    turn: &'a Turn,
    metrics: &'a Metrics,
    pairing: Pairing,
    known: Known,
    /// When the last event came, and the usual time between two.
    rhythm: Rhythm,
}

/// How often something is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    last: Instant,
    /// Usual time between two, once enough came to tell.
    usual: Duration,
    /// How many came.
    count: u32,
}

impl<'a> Radio<'a> {
    /// A radio that has heard nothing.
    pub(super) fn new(name: &'a str, queue: &'a Queue, turn: &'a Turn, metrics: &'a Metrics) -> Self {
        let (pairing, known) = (Pairing::default(), Known::default());
        Self { name, queue, turn, metrics, pairing, known, rhythm: Rhythm::new(Instant::now()) }
    }

    /// Scans until something ends it. Gives how often something was heard, for the next scan.
    pub(super) async fn run(
        mut self,
        bus: &Bus,
        rhythm: Option<Rhythm>,
        states: watch::Receiver<Look>,
        stop: Stop,
    ) -> (End, Option<Rhythm>) {
        if let Some(known) = rhythm {
            self.rhythm = known;
        }
        let end = self.scan(bus, states, stop).await.unwrap_or_else(End::Failed);
        (end, (self.rhythm.count > 0).then_some(self.rhythm))
    }

    /// Scans until something ends it.
    async fn scan(&mut self, bus: &Bus, mut states: watch::Receiver<Look>, mut stop: Stop) -> Result<End, BusError> {
        let central = bus.radio(self.name).await?;
        // Before the scan, so that its first advertisement is not missed.
        let mut events = within(central.events()).await?;
        // Those that `BlueZ` knows from before come first. Their names are of use, their data are old.
        while let Some(Some(event)) = events.next().now_or_never() {
            if let CentralEvent::DeviceDiscovered(id) = event {
                self.ask_name(&central, &id).await;
            }
        }
        within(central.start_scan(ScanFilter::default())).await?;
        self.metrics.connects.inc();
        self.metrics.up.set(1);
        debug!(radio = self.name, "Scanning");
        self.rhythm.last = Instant::now();
        let heard_before = self.rhythm.count;
        states.mark_unchanged();
        let (mut not_discovering, mut part_due) = (0, Instant::now());
        let end = loop {
            let silence = self.rhythm.patience();
            tokio::select! {
                biased;
                () = stop.requested() => break End::Stopped,
                event = events.next() => match event {
                    None => break End::Over,
                    Some(CentralEvent::StateUpdate(CentralState::PoweredOff)) => break End::Off,
                    Some(event) => {
                        self.take(&central, event).await;
                        part_due = Instant::now() + NEXT_PART;
                    }
                },
                () = sleep_until(part_due), if self.pairing.is_open() => self.finish_open(),
                Ok(()) = states.changed() => {
                    if let Some(end) = self.judge(&states.borrow_and_update(), &mut not_discovering) {
                        break end;
                    }
                }
                () = sleep_until(self.rhythm.last + silence) => {
                    break End::Silent { span: silence, was_heard: self.rhythm.count > heard_before };
                }
            }
        };
        self.finish_open();
        // It may have ended before us ("No discovery started"), and a radio that is gone cannot answer.
        if let Err(error) = within(central.stop_scan()).await {
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

    /// Takes one event.
    async fn take(&mut self, central: &Adapter, event: CentralEvent) {
        let (id, part) = match event {
            CentralEvent::DeviceDiscovered(id) => return self.meet(central, &id).await,
            CentralEvent::RssiUpdate { id, rssi } => (id, Part::Rssi(rssi)),
            CentralEvent::ManufacturerDataAdvertisement { id, manufacturer_data } => {
                (id, Part::Manufacturer(manufacturer_data))
            }
            CentralEvent::ServiceDataAdvertisement { id, service_data } => {
                let service = service_data.into_iter().map(|(uuid, data)| (Uuid(uuid.as_u128()), data));
                (id, Part::Service(service.collect()))
            }
            CentralEvent::ServicesAdvertisement { id, services } => {
                (id, Part::Services(services.iter().map(|uuid| Uuid(uuid.as_u128())).collect()))
            }
            CentralEvent::StateUpdate(_)
            | CentralEvent::DeviceUpdated(_)
            | CentralEvent::DeviceConnected(_)
            | CentralEvent::DeviceDisconnected(_)
            | CentralEvent::DeviceServicesModified(_) => return,
        };
        let Some(address) = address_of(&id) else { return };
        self.rhythm.beat(Instant::now());
        if let Some(complete) = self.pairing.add(address, part) {
            self.finish(complete);
        }
        if self.known.wants_name(address, Instant::now()) {
            self.ask_name(central, &id).await;
        }
    }

    /// A new device: its first advertisement is in its properties, and in no event.
    async fn meet(&mut self, central: &Adapter, id: &PeripheralId) {
        self.finish_open();
        let Some(properties) = properties(central, id).await else { return };
        let heard = heard(properties);
        self.rhythm.beat(Instant::now());
        // `BlueZ` knows devices from before, but the power only of those it hears now.
        if heard.rssi.is_some() {
            self.finish(heard);
        }
    }

    /// Asks for the name of a device.
    async fn ask_name(&mut self, central: &Adapter, id: &PeripheralId) {
        let Some(properties) = properties(central, id).await else { return };
        let told = heard(properties);
        if told.name.is_some() {
            let mut named = Heard { manufacturer: Vec::new(), service: Vec::new(), ..told };
            self.known.complete(&mut named, Instant::now());
        }
    }

    /// Passes on the advertisement whose parts were coming.
    fn finish_open(&mut self) {
        if let Some(heard) = self.pairing.flush() {
            self.finish(heard);
        }
    }

    /// Passes on an advertisement.
    fn finish(&mut self, mut heard: Heard) {
        self.known.complete(&mut heard, Instant::now());
        if heard.has_data() {
            self.name.clone_into(&mut heard.radio);
            self.metrics.heard.inc();
            self.queue.push(heard);
        }
    }
}

impl Rhythm {
    /// Nothing was heard yet.
    fn new(now: Instant) -> Self {
        Self { last: now, usual: Duration::ZERO, count: 0 }
    }

    /// Something was heard.
    fn beat(&mut self, now: Instant) {
        let gap = now - self.last;
        self.count = self.count.saturating_add(1);
        self.usual = (self.usual * 15 + gap) / 16;
        self.last = now;
    }

    /// How long a silence may last.
    fn patience(&self) -> Duration {
        let (least, unknown, times) = SILENCE;
        if self.count < times { unknown } else { (self.usual * times).clamp(least, unknown) }
    }
}

/// What `BlueZ` knows of a device; nothing when it has just gone.
async fn properties(central: &Adapter, id: &PeripheralId) -> Option<PeripheralProperties> {
    let peripheral = within(central.peripheral(id)).await.ok()?;
    within(peripheral.properties()).await.ok()?
}

/// Properties as an advertisement.
fn heard(properties: PeripheralProperties) -> Heard {
    let mut manufacturer: Vec<_> = properties.manufacturer_data.into_iter().collect();
    manufacturer.sort_unstable();
    let service = properties.service_data.into_iter().map(|(uuid, data)| (Uuid(uuid.as_u128()), data));
    let mut service: Vec<_> = service.collect();
    service.sort_unstable();
    Heard {
        address: Address(properties.address.into_inner()),
        rssi: properties.rssi,
        // Not `local_name`, which is `BlueZ`'s alias and never absent.
        name: properties.advertisement_name,
        manufacturer,
        service,
        services: properties.services.iter().map(|uuid| Uuid(uuid.as_u128())).collect(),
        radio: String::new(),
    }
}

/// The address in a device's path: `hci0/dev_CB_B8_33_4C_88_4F`.
fn address_of(id: &PeripheralId) -> Option<Address> {
    let path = text(id)?;
    Address::parse(&path.rsplit_once("dev_")?.1.replace('_', ":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_busier_it_is_the_sooner_silence_counts() {
        let mut rhythm = Rhythm::new(Instant::now());
        assert_eq!(rhythm.patience(), SILENCE.1);

        for _ in 0..200 {
            tokio::time::advance(Duration::from_millis(20)).await;
            rhythm.beat(Instant::now());
        }
        assert_eq!(rhythm.patience(), SILENCE.0);

        for _ in 0..200 {
            tokio::time::advance(Duration::from_secs(2)).await;
            rhythm.beat(Instant::now());
        }
        assert!((Duration::from_secs(39)..=Duration::from_secs(40)).contains(&rhythm.patience()));
    }
}
