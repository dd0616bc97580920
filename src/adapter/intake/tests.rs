//! Both policies, with a queue of one batch and nobody who takes it before the test does.

use std::sync::Arc;

use tokio::{
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant, advance, timeout},
};

use super::{
    queue::{MAX_WAITING, SUM_UP},
    *,
};
use crate::{
    model::{DeviceId, Gap, GapReason, GapSpan, Point, PointName, PointType, Reading, Receipt, Timestamp, Value},
    testing::clock::ManualClock,
};

/// Readings with these numbers as value and time.
fn batch(numbers: impl IntoIterator<Item = i64>) -> Batch {
    let (device, name) = (DeviceId::new("tag").unwrap(), PointName::new("n").unwrap());
    let point = Arc::new(Point::new(device, name, PointType::Int, None));
    let reading = |n| Reading::good(Arc::clone(&point), Value::Int(n), Timestamp::from_millis(n));
    numbers.into_iter().map(reading).collect::<Vec<_>>().into()
}

/// The numbers of a batch.
fn numbers(batch: &Batch) -> Vec<i64> {
    batch.readings.iter().map(|reading| reading.ts.as_millis()).collect()
}

/// An intake that sheds, into a queue of one batch, and its other ends.
struct Site {
    intake: Intake,
    way: Receiver<Batch>,
    events: Receiver<Event>,
    teller: Teller,
    shed: Counter,
}

fn shedding() -> Site {
    let (way_in, way) = channel(1);
    let (events_in, events) = channel(8);
    let shed = Counter::default();
    let teller = Teller { adapter: "ble".into(), events: events_in, clock: Arc::new(ManualClock::default()) };
    Site { intake: Intake::new(way_in, Pressure::Shed, shed.clone()), way, events, teller, shed }
}

/// The next gap.
async fn gap(events: &mut Receiver<Event>) -> Gap {
    match events.recv().await.unwrap().kind {
        EventKind::Gap { gap } => gap,
        other => panic!("{other:?} is no gap"),
    }
}

/// Works for ever.
async fn idle() -> Result<(), AdapterError> {
    pending().await
}

/// The gap of so many readings of the adapter, from and until these numbers.
fn lost(readings: u64, since: i64, until: i64) -> Gap {
    let [since, until] = [since, until].map(Timestamp::from_millis);
    let span = GapSpan::Time { since, until, adapter: "ble".into() };
    Gap { store: None, stream: "data".into(), span, readings, reason: GapReason::Shed }
}

#[tokio::test]
async fn who_waits_loses_nothing() {
    let (way_in, mut way) = channel(1);
    let shed = Counter::default();
    let intake = Intake::new(way_in, Pressure::Wait, shed.clone());

    let sending = async {
        for number in 0..100 {
            intake.send(batch([number])).await.unwrap();
        }
        drop(intake);
    };
    let taking = async {
        let mut taken = Vec::new();
        while let Some(batch) = way.recv().await {
            taken.extend(numbers(&batch));
        }
        taken
    };
    let ((), taken) = tokio::join!(sending, taking);

    assert_eq!(taken, (0..100).collect::<Vec<_>>());
    assert_eq!(shed.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_on_when_there_is_room() {
    let (way_in, mut way) = channel(1);
    let intake = Intake::waiting(way_in);
    intake.send(batch([1])).await.unwrap();

    assert!(timeout(Duration::from_secs(3600), intake.send(batch([2]))).await.is_err(), "there is no room");
    way.recv().await.unwrap();

    intake.send(batch([3])).await.unwrap();
    assert_eq!(numbers(&way.recv().await.unwrap()), [3]);
}

#[tokio::test(start_paused = true)]
async fn who_sheds_never_waits_and_loses_the_oldest_which_a_gap_tells() {
    let Site { intake, mut way, mut events, teller, shed } = shedding();
    let extra = 7;
    // One batch is on the way; as many as may wait follow, and then some.
    let last = i64::try_from(MAX_WAITING).unwrap() + extra;
    for number in 0..=last {
        intake.send(batch([number])).await.unwrap();
    }
    assert_eq!(shed.get(), extra.unsigned_abs());

    let taking = async {
        let mut taken = Vec::new();
        while taken.last() != Some(&last) {
            taken.extend(numbers(&way.recv().await.unwrap()));
        }
        (taken, gap(&mut events).await)
    };
    let (taken, gap) = tokio::select! { told = taking => told, _ = intake.carry(idle(), &teller) => unreachable!() };

    assert_eq!(taken, [0].into_iter().chain(1 + extra..=last).collect::<Vec<_>>());
    assert_eq!(gap, lost(extra.unsigned_abs(), 1, extra));
}

#[tokio::test(start_paused = true)]
async fn shedding_that_goes_on_is_told_in_sums() {
    let Site { intake, way: _way, mut events, teller, shed } = shedding();
    let full = 0..i64::try_from(MAX_WAITING).unwrap();
    intake.send(batch([-1])).await.unwrap();
    intake.send(batch(full)).await.unwrap();
    let started = Instant::now();

    // Each batch takes the place of one that is as large.
    let flood = async {
        for round in 1..=20 {
            advance(Duration::from_secs(1)).await;
            intake.send(batch((0..1000).map(|n| round * 10_000 + n))).await.unwrap();
        }
        idle().await
    };
    let hearing = async {
        let mut told = Vec::new();
        while told.iter().map(|gap: &Gap| gap.readings).sum::<u64>() < 4096 + 16_000 {
            told.push(gap(&mut events).await);
        }
        told
    };
    let told = tokio::select! { told = hearing => told, _ = intake.carry(flood, &teller) => unreachable!() };

    let most = started.elapsed().as_secs() / SUM_UP.as_secs() + 1;
    assert!(told.len() as u64 <= most && told.len() > 1, "{told:?}");
    assert_eq!(shed.get(), 4096 + 16_000);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_adapter_hands_on_what_waits_and_tells_what_is_gone() {
    let Site { intake, mut way, mut events, teller, .. } = shedding();
    let work = async {
        intake.send(batch([1])).await?;
        for round in 0..6 {
            intake.send(batch((0..1000).map(|n| round * 1000 + n))).await?;
        }
        Err(AdapterError::Failed("unplugged".into()))
    };
    let taking = async {
        let mut taken = 0;
        while let Some(batch) = way.recv().await {
            taken += batch.readings.len();
            if taken == 1 + 4000 {
                break;
            }
        }
        gap(&mut events).await
    };

    let (ended, gap) = tokio::join!(intake.carry(work, &teller), taking);

    assert!(matches!(ended, Err(AdapterError::Failed(_))), "{ended:?}");
    assert_eq!(gap, lost(2000, 0, 1999));
}

#[tokio::test]
async fn the_sender_of_a_shed_batch_learns_that_it_was_not_accepted() {
    let Site { intake, way: _way, .. } = shedding();
    let (receipt, accepted) = Receipt::pair();
    intake.send(batch([1])).await.unwrap();
    intake.send(Batch { receipt: Some(receipt), ..batch([2]) }).await.unwrap();

    for round in 0..5 {
        intake.send(batch((0..1000).map(|n| round * 1000 + n))).await.unwrap();
    }

    assert!(accepted.await.is_err());
}

#[tokio::test]
async fn nobody_who_takes_readings_is_an_error_for_both() {
    for pressure in [Pressure::Wait, Pressure::Shed] {
        let (way_in, way) = channel(1);
        drop(way);

        let sent = Intake::new(way_in, pressure, Counter::default()).send(batch([1])).await;

        assert!(matches!(sent, Err(AdapterError::Closed)), "{pressure:?}: {sent:?}");
    }
}
