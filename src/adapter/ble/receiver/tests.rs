use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::{strangers::MAX_STRANGERS, *};
use crate::{
    adapter::ble::{
        config::{self, Accept},
        decode::Uuid,
        profiled::{Match, Profile},
    },
    config::Pressure,
    model::{Batch, DeviceRequest, NetworkWish, Point, PointName, PointType},
    profile::Script,
    testing::clock::ManualClock,
};

/// A device of the tests.
const ONE: Address = Address([0xC0, 0, 0, 0, 0, 1]);

/// A receiver with the far ends of its ways.
struct Bench {
    config: Config,
    found: Found,
    readings: mpsc::Receiver<Batch>,
    events: mpsc::Receiver<Event>,
    metrics: Arc<Metrics>,
    ways: Option<Ways>,
}

/// An adapter with one device.
fn bench(accept: Accept, change: impl FnOnce(&mut Config)) -> Bench {
    let device = config::Device {
        id: DeviceId::new("d").unwrap(),
        address: ONE,
        key: None,
        expect: Some(Duration::from_secs(10)),
        min_interval: None,
        model: None,
        points: Vec::new(),
        behind: Vec::new(),
        stays: false,
        profile: None,
        bond: None,
    };
    let mut config = Config {
        name: "ble".into(),
        pressure: Pressure::Shed,
        radio: None,
        accept,
        signal: false,
        raw: false,
        min_interval: None,
        connections: 3,
        power_cycle: false,
        devices: vec![device],
        profiles: Vec::new(),
    };
    change(&mut config);
    let (way, readings) = mpsc::channel(10_000);
    let (events_way, events) = mpsc::channel(10_000);
    let metrics = Arc::new(Metrics::default());
    let ways = Ways {
        clock: Arc::new(ManualClock::default()),
        metrics: Arc::clone(&metrics),
        readings: Intake::new(way, Pressure::Shed, Counter::default()),
        events: events_way,
        memory: Memory::none(),
    };
    Bench { found: Found::of(&config), config, readings, events, metrics, ways: Some(ways) }
}

/// A BTHome frame of a device.
fn bthome(address: Address, objects: &[u8]) -> Heard {
    let service = vec![(Uuid::short(0xFCD2), [&[0x40], objects].concat())];
    Heard { address, rssi: Some(-60), service, ..Heard::default() }
}

/// A device that names a profile, and one of nobody's that another profile fits.
#[tokio::test(start_paused = true)]
async fn profiles_read_what_no_format_knows_and_their_faults_concern_nobody_else() {
    let script = |name: &str, text: &str| {
        let mut script = Script::of("decode", text);
        script.file = name.into();
        script
    };
    let point = |name: &str| {
        let id = DeviceId::new("profile").unwrap();
        Arc::new(Point::new(id, PointName::new(name).unwrap(), PointType::Float, Some("[pH]")))
    };
    let profile = |name: &str, company, text: &str| {
        let matches = vec![Match { company: Some(company), service: None, name: None }];
        Arc::new(Profile { name: name.into(), matches, points: vec![point("ph")], script: script(name, text) })
    };
    let mut bench = bench(Accept::Formats, |config| {
        let wrong = "fn decode(a) { if a.manufacturer_data[\"0x0f0f\"].len() > 1 { throw \"no\"; } #{ ph: 7 } }";
        config.devices[0].profile = Some(profile("acme/named", 0, wrong));
        config.profiles =
            vec![profile("acme/found", 0x0f0e, "fn decode(a) { #{ ph: u8(a.manufacturer_data[\"0x0f0e\"], 0) } }")];
    });
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;
    let heard = |address, company, data: &[u8]| Heard {
        address,
        manufacturer: vec![(company, data.to_vec())],
        ..Heard::default()
    };

    let stranger = Address([0xC0, 0, 0, 0, 0, 9]);
    receiver.take(&heard(ONE, 0x0f0f, &[1])).await.unwrap();
    receiver.take(&heard(ONE, 0x0f0f, &[1, 2])).await.unwrap();
    receiver.take(&heard(stranger, 0x0f0e, &[8])).await.unwrap();
    receiver.take(&bthome(ONE, &[0x01, 97])).await.unwrap();

    assert_eq!(sent(&mut bench.readings), ["d/ph 7", "ble-c00000000009/ph 8", "d/battery 97"]);
    // The throw, and the frame of a format, which the script cannot read.
    assert_eq!(bench.metrics.scripts.get(), 2);
}

/// Everything that was sent so far, as text.
fn sent(readings: &mut mpsc::Receiver<Batch>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(batch) = readings.try_recv() {
        all.extend(batch.readings.iter().map(|reading| {
            let value = reading.value.as_ref().map_or_else(|| reading.quality.to_string(), ToString::to_string);
            format!("{} {value}", reading.point.address)
        }));
    }
    all
}

/// Every change that was told so far.
fn told(events: &mut mpsc::Receiver<Event>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(event) = events.try_recv() {
        let EventKind::Device { device, what, about } = event.kind else { panic!("{event:?}") };
        assert!(about.mac.is_some_and(|mac| mac.starts_with("C0:00:00:00:00:")), "{device}");
        all.push(format!("{device} {what:?}"));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_nobody_unless_formats_are_accepted() {
    for (accept, expected) in [(Accept::Configured, vec![]), (Accept::Formats, vec!["ble-c00000000002/battery 97"])] {
        let mut bench = bench(accept, |_| {});
        let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;

        receiver.take(&bthome(Address([0xC0, 0, 0, 0, 0, 2]), &[0x01, 97])).await.unwrap();

        assert_eq!(sent(&mut bench.readings), expected);
        assert_eq!(bench.found.all().len(), 1 + expected.len());
    }
}

#[tokio::test(start_paused = true)]
async fn only_listed_points_are_read_and_power_and_data_when_asked_for() {
    let point = |name: &str| {
        let name = PointName::new(name).unwrap();
        let device = DeviceId::new("d").unwrap();
        Arc::new(crate::model::Point::new(device, name, crate::model::PointType::Float, Some("%")))
    };
    let mut bench = bench(Accept::Configured, |config| {
        (config.signal, config.raw) = (true, true);
        config.devices[0].points = vec![point("humidity")];
    });
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;

    receiver.take(&bthome(ONE, &[0x01, 97, 0x2E, 35])).await.unwrap();
    receiver.take(&Heard { manufacturer: vec![(0xFFFF, vec![1])], address: ONE, ..Heard::default() }).await.unwrap();

    let expected = ["d/humidity 35", "d/rssi -60", "d/raw fcd2:4001612e23", "d/raw ffff:01"];
    assert_eq!(sent(&mut bench.readings), expected);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_come_too_soon_are_left_out_and_counted_and_switches_are_not() {
    let mut bench = bench(Accept::Configured, |config| {
        config.devices[0].min_interval = Some(Duration::from_secs(10));
    });
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;

    for (battery, door) in [(97, 0), (96, 0), (95, 1)] {
        receiver.take(&bthome(ONE, &[0x01, battery, 0x1A, door])).await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    receiver.take(&bthome(ONE, &[0x01, 94])).await.unwrap();

    let expected = ["d/battery 97", "d/door false", "d/door true", "d/battery 94"];
    assert_eq!(sent(&mut bench.readings), expected);
    assert_eq!(bench.metrics.limited.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn everybody_in_reach_is_told_with_what_is_made_of_them() {
    let mut bench = bench(Accept::Configured, |_| {});
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;
    for heard in [bthome(ONE, &[0x01, 97]), bthome(Address([0xD0; 6]), &[0xEE])] {
        receiver.take(&heard).await.unwrap();
        receiver.note(heard);
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    let (reply, answer) = oneshot::channel();

    receiver.serve(DeviceRequest::Network { wish: NetworkWish::Show, reply });

    let shown = answer.await.unwrap().unwrap();
    let device = |address: &str| {
        let all = shown["devices"].as_array().unwrap();
        all.iter().find(|device| device["address"] == address).unwrap().clone()
    };
    let (one, stranger) = (device("C0:00:00:00:00:01"), device("D0:D0:D0:D0:D0:D0"));
    assert_eq!((&one["device"], &one["readings"][0]["value"], &one["age_s"]), (&"d".into(), &97.into(), &2.into()));
    assert_eq!((&stranger["device"], &stranger["readings"]), (&serde_json::Value::Null, &serde_json::json!([])));
    drop(bench.readings.try_recv());
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_once_and_ended_by_the_next_word() {
    let mut bench = bench(Accept::Configured, |_| {});
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;
    receiver.take(&bthome(ONE, &[0x01, 97])).await.unwrap();

    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(31)).await;
        receiver.check_silence().await.unwrap();
    }
    receiver.take(&bthome(ONE, &[0x01, 96])).await.unwrap();

    assert_eq!(sent(&mut bench.readings), ["d/battery 97", "d/battery bad:stale", "d/battery 96"]);
    assert_eq!(told(&mut bench.events), ["d Online", "d Offline", "d Online"]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_addresses_is_bounded_and_leaves_the_configured_alone() {
    let mut bench = bench(Accept::Formats, |_| {});
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;

    for n in 0..2000_u16 {
        let [high, low] = n.to_be_bytes();
        receiver.take(&bthome(Address([0xD0, 0, 0, 0, high, low]), &[0x01, 97])).await.unwrap();
    }

    assert_eq!(bench.found.all().len(), MAX_STRANGERS + 1);
    assert_eq!(bench.metrics.forgotten.get(), 2000 - MAX_STRANGERS as u64);
    assert!(bench.found.all().iter().any(|device| device.id.as_str() == "d"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_counted_once_and_does_not_count_as_presence() {
    let mut bench = bench(Accept::Configured, |_| {});
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;
    let sealed = |counter| {
        let data = [&[0x41, 0xa4, 0x72, 0x66, 0xc9], &[counter, 1, 1, 1, 1, 1, 1, 1][..]].concat();
        Heard { address: ONE, service: vec![(Uuid::short(0xFCD2), data)], ..Heard::default() }
    };

    receiver.take(&sealed(1)).await.unwrap();
    receiver.take(&sealed(2)).await.unwrap();

    assert_eq!((bench.metrics.rejected.get(), sent(&mut bench.readings)), (1, vec![]));
    assert_eq!(told(&mut bench.events), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_with_the_last_word() {
    let mut bench = bench(Accept::Configured, |_| {});
    let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;
    receiver.take(&bthome(ONE, &[0x01, 97])).await.unwrap();
    let (reply, answer) = oneshot::channel();

    receiver.serve(DeviceRequest::Read { point: Arc::clone(&bench.found.all()[0].points[0]), reply });

    assert_eq!(answer.await.unwrap().value, Some(crate::model::Value::Float(97.0)));
    drop(bench.readings.try_recv());
}

proptest! {
    #[test]
    fn no_advertisement_panics(
        company in any::<u16>(),
        short in prop::sample::select(vec![0xFCD2_u16, 0xFE95, 0x181A, 0xFEAA, 0xFFE1]),
        data in prop::collection::vec(any::<u8>(), 0..64),
        name in prop::option::of("\\PC{0,12}"),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut bench = bench(Accept::Formats, |config| (config.signal, config.raw) = (true, true));
            let mut receiver = Receiver::new(&bench.config, &bench.found, bench.ways.take().unwrap()).await;
            let (manufacturer, service) = (vec![(company, data.clone())], vec![(Uuid::short(short), data)]);

            let heard = Heard { address: ONE, name, manufacturer, service, ..Heard::default() };
            receiver.take(&heard).await.unwrap();
            receiver.take(&Heard { address: Address([9; 6]), ..heard }).await.unwrap();
        });
    }
}
