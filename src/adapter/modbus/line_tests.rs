//! A link without a network for the tests of this folder: a poller and units joined by a pipe, in paused time.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    io::DuplexStream,
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    client::{Bus, Client},
    config::{Config, Connect, Device, Link, MappedPoint},
    fixtures::device,
    poller::{End, Poller},
};
use crate::{
    adapter::{Alive, Intake, Metrics, memory::Memory},
    config::Pressure,
    model::{Batch, DeviceId, Event, Reading},
    shutdown::StopSignal,
    testing::{
        clock::ManualClock,
        modbus_unit::{Bank, serve_connection},
    },
};

/// What was heard in a while.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Good readings by device and point.
    pub(super) good: BTreeMap<String, u64>,
    /// Bad ones with their quality, in their order.
    pub(super) bad: Vec<(String, String)>,
    /// What units became, in the order of events.
    pub(super) events: Vec<Event>,
    /// The last of all readings.
    pub(super) last: Option<Reading>,
}

/// A configuration of these devices.
pub(super) fn config(devices: Vec<Device>) -> Config {
    let link = Link::Tcp { host: "127.0.0.1".into(), port: 502 };
    Config { name: "line1".into(), pressure: Pressure::Wait, link, connect: Connect::default(), devices }
}

/// A unit named after its number.
pub(super) fn unit(number: u8, points: Vec<MappedPoint>) -> Device {
    let id = DeviceId::new(&format!("unit-{number}")).unwrap();
    let own = points.into_iter().map(|mut mapped| {
        let mut point = (*mapped.point).clone();
        point.address.device = id.clone();
        mapped.point = point.into();
        mapped
    });
    Device { id: id.clone(), unit: number, ..device(own.collect()) }
}

/// A poller between a configuration and those who listen to it.
pub(super) struct Line<'a> {
    pub(super) poller: Poller<'a>,
    readings: mpsc::Receiver<Batch>,
    events: mpsc::Receiver<Event>,
}

impl<'a> Line<'a> {
    /// A line that knows what the memory knows.
    pub(super) async fn new(config: &'a Config, memory: Memory) -> Self {
        let (readings_in, readings) = mpsc::channel(4);
        let (events_in, events) = mpsc::channel(1000);
        let clock = std::sync::Arc::new(ManualClock::default());
        let metrics = std::sync::Arc::new(Metrics::default());
        let mut poller =
            Poller::new(config, clock, metrics, Intake::waiting(readings_in), events_in, Alive::new(|| {}));
        poller.recall(memory).await;
        Self { poller, readings, events }
    }

    /// Lets the line work for a while, over as many connections as it makes.
    pub(super) async fn work(&mut self, bank: &Bank, span: Duration) -> Heard {
        let serve = async |far| {
            let served = serve_connection(far, bank).await;
            panic!("{served:?}")
        };
        self.work_with(serve, span).await
    }

    /// The same with another server at the far end of each connection.
    pub(super) async fn work_with(&mut self, serve: impl AsyncFn(DuplexStream), span: Duration) -> Heard {
        let (_requests, mut requests) = mpsc::channel(4);
        let (_signal, mut stop) = StopSignal::pair();
        let until = Instant::now() + span;
        let mut heard = Heard::default();
        let Self { poller, readings, events } = self;
        let working = async {
            loop {
                let (near, far) = tokio::io::duplex(4096);
                let mut client = Client::new(near, Bus::new(poller.config));
                tokio::select! {
                    end = poller.session(&mut client, &mut requests, &mut stop) => {
                        assert!(matches!(end, End::Lost(_) | End::Renewed), "{end:?}");
                    }
                    () = serve(far) => panic!("the server hung up"),
                }
            }
        };
        let listening = async {
            while let Some(batch) = readings.recv().await {
                batch.readings.iter().for_each(|reading| heard.note(reading));
            }
        };
        let both = async {
            tokio::select! { () = working => {}, () = listening => {} }
        };
        assert!(timeout_at(until, both).await.is_err(), "the line goes on");
        heard.events.extend(std::iter::from_fn(|| events.try_recv().ok()));
        heard
    }
}

impl Heard {
    /// Notes a reading.
    fn note(&mut self, reading: &Reading) {
        let point = reading.point.address.to_string();
        self.last = Some(reading.clone());
        match reading.value {
            Some(_) => *self.good.entry(point).or_default() += 1,
            None => self.bad.push((point, reading.quality.to_string())),
        }
    }

    /// The bad readings of one quality.
    pub(super) fn bad(&self, quality: &str) -> Vec<&str> {
        self.bad.iter().filter(|(_, why)| why == quality).map(|(point, _)| point.as_str()).collect()
    }
}
