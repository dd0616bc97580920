//! An adapter that is faster than the rest of the gateway: what its `pressure` makes of it, counted at the broker.

use std::sync::Arc;

use serde_json::Value as Json;

use super::tests::{bounded, configured, point, start};
use crate::{
    adapter::{Adapter, AdapterContext, AdapterError, BoxFuture, DeviceInfo},
    config::Pressure,
    host::clock::SystemClock,
    model::{Point, Reading, Value},
    shutdown::StopSignal,
    testing::broker::{self, Broker},
};

/// Far more than the way to the buffer holds: 64 batches, and 4 096 readings that may wait.
const READINGS: i64 = 20_000;

/// Sends readings as fast as it can, one in a batch, and then waits for the end.
struct Flood {
    pressure: Pressure,
    point: Arc<Point>,
}

impl Adapter for Flood {
    fn name(&self) -> &'static str {
        "flood"
    }
    fn kind(&self) -> &'static str {
        "test"
    }
    fn devices(&self) -> Vec<DeviceInfo> {
        let points = vec![Arc::clone(&self.point)];
        vec![DeviceInfo { id: self.point.device().clone(), address: "here".to_owned(), points }]
    }
    fn pressure(&self) -> Pressure {
        self.pressure
    }
    fn fingerprint(&self) -> String {
        "flood".to_owned()
    }
    fn run(&self, mut context: AdapterContext) -> BoxFuture<'_, Result<(), AdapterError>> {
        Box::pin(async move {
            for number in 0..READINGS {
                let reading = Reading::good(Arc::clone(&self.point), Value::Int(number), context.clock.now());
                context.readings.send(vec![reading].into()).await?;
            }
            context.stop.requested().await;
            Ok(())
        })
    }
}

/// The messages of a topic.
fn of(broker: &Broker, topic: &str) -> Vec<Json> {
    let seen = broker.seen().into_iter().filter(|message| message.topic.ends_with(topic));
    seen.map(|message| serde_json::from_slice(&message.payload).unwrap()).collect()
}

/// Numbers that arrived, and readings that gaps of the adapter tell.
fn account(broker: &Broker) -> (Vec<i64>, u64) {
    let readings = of(broker, "/data").into_iter().flat_map(|block| block["readings"].as_array().unwrap().clone());
    let numbers = readings.map(|reading| reading["value"].as_i64().unwrap()).collect();
    let is_shed = |gap: &Json| {
        gap["reason"] == "shed" && gap["adapter"] == "flood" && gap["since"].as_str() <= gap["until"].as_str()
    };
    let events = of(broker, "/event").into_iter().map(|event| event["gap"].clone());
    (numbers, events.filter(is_shed).map(|gap| gap["readings"].as_u64().unwrap()).sum())
}

/// Runs a gateway with such an adapter until everything is accounted for; gives what arrived, what gaps tell, and what
/// the metrics count.
async fn flooded(pressure: Pressure) -> (Vec<i64>, u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = configured(dir.path(), listener.local_addr().unwrap().port());
    let adapter = Arc::new(Flood { pressure, point: point() });
    let daemon = start(&config, adapter, Arc::new(SystemClock::new())).await;
    let (broker, (_signal, stop)) = (Broker::default(), StopSignal::pair());
    let is_all = |broker: &Broker| {
        let (numbers, told) = account(broker);
        numbers.len() as u64 + told >= READINGS.unsigned_abs()
    };
    let shed = async {
        bounded(broker.until(|broker: &Broker| account(broker).0.last() == Some(&(READINGS - 1)))).await;
        let shed = daemon.core.metrics.adapters.of("flood").shed.get();
        // At its end the adapter tells what it has not told yet.
        daemon.stop().await;
        bounded(broker.until(is_all)).await;
        shed
    };
    let shed = tokio::select! {
        end = broker::serve(listener, broker.clone(), stop) => panic!("broker ended: {end:?}"),
        shed = shed => shed,
    };
    let (numbers, told) = account(&broker);
    (numbers, told, shed)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_sheds_loses_the_oldest_and_the_broker_learns_of_each() {
    let (numbers, told, shed) = flooded(Pressure::Shed).await;

    assert!(shed > 0 && told == shed, "{shed} were shed, {told} are told");
    assert_eq!(numbers.len() as u64 + told, READINGS.unsigned_abs());
    assert!(numbers.is_sorted() && numbers.ends_with(&[READINGS - 2, READINGS - 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_waits_loses_nothing() {
    let (numbers, told, shed) = flooded(Pressure::Wait).await;

    assert_eq!((told, shed), (0, 0));
    assert!(numbers.into_iter().eq(0..READINGS));
}
