//! The composed gateway with adapters of the tests' own.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::Daemon;
use crate::{
    adapter::{Adapter, AdapterContext, AdapterError, BoxFuture, DeviceInfo, registry},
    config::Pressure,
    host::clock::SystemClock,
    model::{ClockQuality, DeviceId, Point, PointName, PointType, Reading, SharedClock, Timestamp, Value},
    shutdown::StopSignal,
    telemetry::logging::{self, LogControl},
    testing::{
        broker::{self, Broker},
        clock::ManualClock,
    },
};

/// Logging can be started once in a process.
fn log() -> LogControl {
    static LOG: OnceLock<LogControl> = OnceLock::new();
    LOG.get_or_init(|| logging::start("error").unwrap()).clone()
}

/// Panics at its first start, hands on one reading at the second.
struct Clumsy {
    starts: AtomicU32,
    point: Arc<Point>,
}

impl Adapter for Clumsy {
    fn name(&self) -> &'static str {
        "clumsy"
    }
    fn kind(&self) -> &'static str {
        "test"
    }
    fn devices(&self) -> Vec<DeviceInfo> {
        let points = vec![Arc::clone(&self.point)];
        vec![DeviceInfo { id: self.point.device().clone(), address: "here".to_owned(), points }]
    }
    fn pressure(&self) -> Pressure {
        Pressure::Shed
    }
    fn fingerprint(&self) -> String {
        "clumsy".to_owned()
    }
    fn run(&self, mut context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(async move {
            assert!(self.starts.fetch_add(1, Ordering::Relaxed) > 0, "one register too far");
            let reading = Reading::good(Arc::clone(&self.point), Value::Int(7), context.clock.now());
            context.readings.send(vec![reading].into()).await?;
            context.stop.requested().await;
            Ok(())
        })
    }
}

/// A gateway in a folder, with one uplink whose broker is not there and the clumsy adapter.
async fn gateway(dir: &Path) -> Daemon {
    gateway_with(dir, 1, Arc::new(SystemClock::new())).await
}

/// The same with the broker's port and a clock.
async fn gateway_with(dir: &Path, port: u16, clock: SharedClock) -> Daemon {
    let config = configured(dir, port);
    start(&config, Arc::new(Clumsy { starts: AtomicU32::new(0), point: point() }), clock).await
}

/// A configuration with one uplink, in a folder.
pub(super) fn configured(dir: &Path, port: u16) -> PathBuf {
    let place = dir.display();
    let config = dir.join("tidegate.toml");
    std::fs::create_dir_all(dir.join("rules")).unwrap();
    let text = format!(
        "[gateway]\nid = \"gw\"\n[buffer]\npath = \"{place}/buffer.db\"\n[rules]\ndir = \"{place}/rules\"\n\
         [api]\nsocket = \"{place}/api.sock\"\n[[uplink]]\nname = \"cloud\"\nurl = \"mqtt://127.0.0.1:{port}\"\n"
    );
    std::fs::write(&config, text).unwrap();
    config
}

/// The one point there is.
pub(super) fn point() -> Arc<Point> {
    let (device, name) = (DeviceId::new("meter").unwrap(), PointName::new("power").unwrap());
    Arc::new(Point::new(device, name, PointType::Int, None))
}

/// A gateway with one adapter.
pub(super) async fn start(config: &Path, adapter: Arc<dyn Adapter>, clock: SharedClock) -> Daemon {
    let (settings, _, warnings) = registry::load(config).unwrap();
    Daemon::start(config, (settings, vec![adapter], warnings), clock, log()).await.unwrap()
}

/// Fails instead of hanging.
pub(super) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("nothing happened for half a minute")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_panics_is_told_and_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = gateway(dir.path()).await;
    let buffer = daemon.core.buffer.clone();
    let mut newest = buffer.newest();
    let mut stored = String::new();

    bounded(async {
        while !(stored.contains("one register too far") && stored.contains("Int(7)")) {
            newest.changed().await.unwrap();
            stored = format!(
                "{:?}",
                buffer
                    .fetch(&"cloud".into(), crate::model::Wanted::all_after(crate::model::BlockId(0)), 9)
                    .await
                    .unwrap()
            );
        }
    })
    .await;

    assert!(stored.contains("task-panicked"), "{stored}");
    assert_eq!(daemon.stop().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_writer_is_noticed_and_the_rest_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = gateway(dir.path()).await;

    daemon.core.buffer.close().await;

    assert_eq!(bounded(daemon.core.supervisor.thread_lost()).await, "buffer writer");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_booted_in_1970_sends_what_it_kept_with_right_times() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::default()));
    clock.set(Timestamp::from_millis(5_000));
    clock.trust(ClockQuality::None);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let daemon = gateway_with(dir.path(), listener.local_addr().unwrap().port(), clock.clone()).await;
    let (mut status, mut newest) = (daemon.core.buffer.status(), daemon.core.buffer.newest());
    bounded(status.wait_for(|status| status.committed >= 1)).await.unwrap();

    let before = *newest.borrow_and_update();
    clock.set(ManualClock::START);
    clock.trust(ClockQuality::Ntp);
    // The jump, and that nothing is left to be set right, are two events.
    bounded(newest.wait_for(|newest| newest.0 >= before.0 + 2)).await.unwrap();
    let (broker, (_signal, stop)) = (Broker::default(), StopSignal::pair());
    let of = |broker: &Broker, topic: &str| -> Vec<serde_json::Value> {
        let seen = broker.seen().into_iter().filter(|message| message.topic.ends_with(topic));
        seen.map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
    };
    let is_trusted = |event: &serde_json::Value| event["change"]["what"] == "trusted";
    let is_there = |broker: &Broker| !of(broker, "/data").is_empty() && of(broker, "/event").iter().any(is_trusted);
    let stopped = async {
        bounded(broker.until(is_there)).await;
        daemon.stop().await
    };
    tokio::select! {
        end = broker::serve(listener, broker.clone(), stop) => panic!("broker ended: {end:?}"),
        late = stopped => assert_eq!(late, Vec::<String>::new()),
    }

    let (data, events) = (of(&broker, "/data"), of(&broker, "/event"));
    assert_eq!(data[0]["clock"], "ntp");
    assert_eq!(data[0]["readings"][0]["ts"], "2026-11-20T12:00:00.000Z");
    assert!(events.iter().all(|event| event["clock"] == "ntp"), "{events:#?}");
    assert!(events.iter().all(|event| event["ts"] == "2026-11-20T12:00:00.000Z"), "{events:#?}");
    let trusted = events.iter().find(|event| is_trusted(event)).unwrap();
    assert_eq!(trusted["change"].get("blocks"), None);
}
