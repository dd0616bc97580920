//! The composed gateway with adapters of the tests' own.

use std::{
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::Daemon;
use crate::{
    adapter::{Adapter, AdapterContext, AdapterError, BoxFuture, DeviceInfo, registry},
    host::clock::SystemClock,
    model::{Clock, DeviceId, Point, PointName, PointType, Reading, Value},
    telemetry::logging::{self, LogControl},
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
    fn fingerprint(&self) -> String {
        "clumsy".to_owned()
    }
    fn run(&self, mut context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(async move {
            assert!(self.starts.fetch_add(1, Ordering::Relaxed) > 0, "one register too far");
            let reading = Reading::good(Arc::clone(&self.point), Value::Int(7), context.clock.now());
            context.readings.send(vec![reading].into()).await.map_err(|_| AdapterError::Closed)?;
            context.stop.requested().await;
            Ok(())
        })
    }
}

/// A gateway in a folder, with one uplink whose broker is not there and the clumsy adapter.
async fn gateway(dir: &Path) -> Daemon {
    let place = dir.display();
    let config = dir.join("tidegate.toml");
    std::fs::create_dir_all(dir.join("rules")).unwrap();
    let text = format!(
        "[gateway]\nid = \"gw\"\n[buffer]\npath = \"{place}/buffer.db\"\n[rules]\ndir = \"{place}/rules\"\n\
         [api]\nsocket = \"{place}/api.sock\"\n[[uplink]]\nname = \"cloud\"\nurl = \"mqtt://127.0.0.1:1\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let (device, name) = (DeviceId::new("meter").unwrap(), PointName::new("power").unwrap());
    let point = Arc::new(Point::new(device, name, PointType::Int, None));
    let (settings, _, warnings) = registry::load(&config).unwrap();
    let clumsy: Arc<dyn Adapter> = Arc::new(Clumsy { starts: AtomicU32::new(0), point });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Daemon::start(&config, (settings, vec![clumsy], warnings), clock, log()).await.unwrap()
}

/// Fails instead of hanging.
async fn bounded<T>(work: impl Future<Output = T>) -> T {
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
