//! Bluetooth LE: what sensors tell in their advertisements, and what is behind a connection.
//!
//! ```text
//! air (radios, D-Bus) -> queue -> receiver -> readings
//!       |                            |- decode (pure)
//!       |                            '- profiled (scripts of profiles)
//!       '- link <- gatt (a keeper per device that is connected to) -> readings, commands
//! ```
//!
//! It promises that a value is of one advertisement or one characteristic, that no encrypted frame counts twice, and that
//! radios and `bluetoothd` may come and go. It connects only to devices whose points say so, and forwards none that is
//! not wanted.

pub mod account;
pub mod air;
pub mod config;
pub mod decode;
mod gatt;
pub mod heard;
mod learned;
pub mod profiled;
mod receiver;
pub mod section;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use self::{
    air::{Air, Queue, Turn, Voice},
    config::Config,
    gatt::Desk,
    receiver::{Found, Receiver, Ways},
};
use super::{Adapter, AdapterContext, AdapterError, Alive, BoxFuture, DeviceInfo};
use crate::{config::Pressure, model::DeviceRequest, shutdown::Stop};

/// How often silence is looked for. It also shows the watchdog that the adapter lives.
const CHECK: Duration = Duration::from_secs(1);

/// One configured adapter with its devices.
#[derive(Debug)]
pub struct Ble {
    config: Config,
    /// The devices with the points that came so far.
    found: Found,
}

impl Ble {
    /// Takes a checked configuration; no radio is touched before [`Adapter::run`].
    pub fn new(config: Config) -> Self {
        Self { found: Found::of(&config), config }
    }
}

impl Adapter for Ble {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> &'static str {
        "ble"
    }

    fn devices(&self) -> Vec<DeviceInfo> {
        self.found.all()
    }

    fn pressure(&self) -> Pressure {
        self.config.pressure
    }

    fn fingerprint(&self) -> String {
        format!("{:?}", self.config)
    }

    fn run(&self, context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(run(&self.config, &self.found, context))
    }
}

/// Listens and reads side by side, so that the radios' events are drained whatever a reading waits for.
async fn run(config: &Config, found: &Found, context: AdapterContext) -> Result<(), AdapterError> {
    let AdapterContext { readings, events, mut requests, stop, clock, metrics, alive, memory, .. } = context;
    let queue = Queue::new(metrics.unread.clone());
    let (turn, radio) = (Turn::default(), config.radio.as_deref());
    let may_cycle = config.power_cycle;
    let voice = Some(&Voice::new(events.clone(), clock.clone()));
    let air = Air { adapter: &config.name, radio, queue: &queue, turn: &turn, may_cycle, metrics: &metrics, voice };
    let gatt_ways = gatt::Ways {
        clock: clock.clone(),
        metrics: Arc::clone(&metrics),
        readings: readings.clone(),
        events: events.clone(),
    };
    let (desk, keepers) = gatt::open(config, &turn, &gatt_ways);
    let ways = Ways { clock, metrics: Arc::clone(&metrics), readings, events, memory };
    let mut receiver = Receiver::new(config, found, ways).await;
    let read = async {
        let ended = read(&mut receiver, &desk, &queue, &mut requests, &alive, stop.clone()).await;
        receiver.keep();
        ended
    };
    // All end when stopping is asked for; the radios' scans are stopped, devices let go, and a fault of one ends all.
    let listen = async {
        air.listen(stop.clone()).await;
        Ok(())
    };
    tokio::try_join!(read, listen, keepers.run(stop.clone())).map(|_| ())
}

/// Reads advertisements, answers requests and looks for silence until stopping is asked for.
async fn read(
    receiver: &mut Receiver<'_>,
    desk: &Desk,
    queue: &Queue,
    requests: &mut mpsc::Receiver<Box<DeviceRequest>>,
    alive: &Alive,
    mut stop: Stop,
) -> Result<(), AdapterError> {
    let mut checks = interval(CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return Ok(()),
            Some(request) = requests.recv() => {
                if let Some(request) = desk.take(request) {
                    receiver.serve(*request);
                }
            }
            _ = checks.tick() => {
                alive.sign();
                receiver.check_silence().await?;
                receiver.keep();
            }
            heard = queue.next() => {
                receiver.take(&heard).await?;
                receiver.note(heard);
            }
        }
    }
}
