//! A gateway that answers from constants, and a server for it on a socket in a temporary folder.

use std::{path::PathBuf, sync::Mutex};

use futures_util::future::{Either, select};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    model::{CommandId, DeviceId, OutcomeStatus, Point, PointName, PointType, Value as PointValue},
    shutdown::StopSignal,
};

/// A gateway with one device of two points.
pub(crate) struct Fake {
    /// Publishes live readings.
    pub(crate) readings: broadcast::Sender<Arc<[Reading]>>,
    /// What was asked to be written.
    pub(crate) written: Mutex<Vec<WriteRequest>>,
    /// What health says.
    is_healthy: bool,
}

/// A point of the one device.
fn point(name: &str) -> Arc<Point> {
    Arc::new(Point::new(
        DeviceId::new("meter-1").unwrap(),
        PointName::new(name).unwrap(),
        PointType::Float,
        Some("V"),
    ))
}

/// A good reading of one of its points.
pub(super) fn reading(name: &str, value: f64) -> Reading {
    Reading::good(point(name), PointValue::Float(value), Timestamp::from_millis(1_000))
}

impl Gateway for Fake {
    fn status(&self) -> view::Status {
        view::Status { gateway: "plant-7".into(), tasks: vec![json!({"name": "api"})], ..view::Status::default() }
    }

    fn devices(&self) -> Vec<view::Device> {
        vec![view::Device { id: "meter-1".into(), ..view::Device::default() }]
    }

    fn points(&self, select: Option<&Selector>) -> Vec<view::Point> {
        let all = [reading("voltage", 230.1), reading("current", 4.0)];
        let wanted = all.iter().filter(|r| select.is_none_or(|s| s.matches(&r.point.address)));
        wanted.map(|r| view::Point::new(&r.point, Some(r), Timestamp::from_millis(3_500))).collect()
    }

    fn watch(&self) -> broadcast::Receiver<Arc<[Reading]>> {
        self.readings.subscribe()
    }

    fn read(&self, target: PointAddress) -> BoxFuture<'_, Result<Reading, ApiError>> {
        Box::pin(async move {
            match target.point.as_str() {
                "voltage" => Ok(reading("voltage", 230.2)),
                _ => Err(ApiError::NoPoint(target)),
            }
        })
    }

    fn write(&self, request: WriteRequest) -> BoxFuture<'_, Outcome> {
        self.written.lock().unwrap().push(request);
        let outcome = Outcome::new(CommandId::new("c-1"), OutcomeStatus::Denied, Timestamp::from_millis(0));
        Box::pin(async move { outcome.because("no grant") })
    }

    fn history(&self, point: PointAddress, wish: HistoryWish) -> BoxFuture<'_, Result<view::History, ApiError>> {
        Box::pin(async move {
            if point.point.as_str() != "voltage" {
                return Err(ApiError::NoHistory { point, near: Some("meter-1/voltage".to_owned()) });
            }
            let bucket = view::Bucket {
                t: "2026-11-20T12:00:00.000Z".to_owned(),
                n: 60,
                min: Some(229.5),
                mean: Some(230.1),
                max: Some(231.0),
                last: Some(230.0),
                ..view::Bucket::default()
            };
            Ok(view::History {
                point: point.to_string(),
                unit: Some("V".to_owned()),
                from: "2026-11-20T12:00:00.000Z".to_owned(),
                to: "2026-11-20T13:00:00.000Z".to_owned(),
                every: wish.every.unwrap_or_default(),
                buckets: Some(vec![bucket]),
                readings: None,
            })
        })
    }

    fn buffer(&self) -> Value {
        json!({"committed": 3})
    }

    fn deadletters(&self, request: LetterRequest) -> BoxFuture<'_, Result<Vec<Value>, ApiError>> {
        let letter =
            |id: u64| json!({"id": id, "uplink": "cloud", "stream": "data", "seq": 7, "reason": "too large"});
        let ids = request.ids.unwrap_or_else(|| vec![3, 4]);
        Box::pin(async move { Ok(ids.into_iter().map(letter).collect()) })
    }

    fn network(&self, request: NetworkRequest) -> BoxFuture<'_, Result<Value, ApiError>> {
        let wish = format!("{:?}", request.wish);
        Box::pin(async move { Ok(json!({"adapter": request.adapter, "state": wish, "devices": []})) })
    }

    fn rules(&self) -> Value {
        json!([{"name": "cold-chain"}])
    }

    fn reload(&self, _user: Arc<str>) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async { Err("tidegate.toml:3:1: error: unknown key".to_owned()) })
    }

    fn set_log_level(&self, _user: Arc<str>, level: String) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move { if level == "debug" { Ok(()) } else { Err(format!("{level:?} is no log level")) } })
    }

    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    fn health(&self) -> view::Health {
        let problems = if self.is_healthy { vec![] } else { vec!["uplink cloud is down".to_owned()] };
        view::Health { ok: self.is_healthy, problems }
    }
}

/// A server in a temporary folder.
pub(crate) struct Harness {
    /// The gateway behind it.
    pub(crate) fake: Arc<Fake>,
    /// Removed at the end.
    _dir: TempDir,
    /// The socket.
    pub(crate) path: PathBuf,
    /// Taken when it runs.
    pub(crate) server: Option<Server>,
}

impl Harness {
    /// Bound, not running yet.
    pub(crate) fn new(is_healthy: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        let fake = Fake { readings: broadcast::channel(2).0, written: Mutex::default(), is_healthy };
        let fake = Arc::new(fake);
        let server = Server::bind(&path, Arc::clone(&fake) as Arc<dyn Gateway>, |_| "ana".to_owned()).unwrap();
        Self { fake, _dir: dir, path, server: Some(server) }
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.path)
    }

    /// Runs the server beside a talk, then stops it.
    pub(crate) async fn serve<T>(&mut self, talk: impl Future<Output = T>) -> T {
        let (signal, stop) = StopSignal::pair();
        let server = std::pin::pin!(self.server.take().unwrap().run(stop));
        match select(std::pin::pin!(talk), server).await {
            Either::Left((result, server)) => {
                signal.raise();
                server.await;
                result
            }
            Either::Right(_) => panic!("the server ended by itself"),
        }
    }
}
