//! Counters of simulated units, over roll-overs, resets and restarts.

use std::{sync::Arc, time::Duration};

use super::{
    config::{Counter, DataType, MappedPoint},
    fixtures::{device, mapped},
    line_tests::{Line, config, unit},
    tests::at_unit,
};
use crate::{
    adapter::memory::Memories,
    model::{DeviceRequest, Quality, Value},
    shutdown::StopSignal,
    testing::modbus_unit::Bank,
};

/// A counter of 16 bits whose first register holds 7 at first.
fn counter(step: u64) -> MappedPoint {
    let mut point = mapped("holding", 0, DataType::U16);
    point.conversion.counter = Some(Box::new(Counter { last: 65_535, step }));
    point
}

#[tokio::test]
async fn a_counter_goes_on_over_its_end_and_after_a_reset_which_is_told_once() {
    let mut scaled = counter(600);
    scaled.conversion.scale = 0.5;
    at_unit(device(vec![scaled]), async |mut site| {
        assert_eq!(site.next().await, "3.5");
        site.bank.set_holdings(1, 0, &[65_000]);
        assert_eq!(site.next_but("3.5").await, "32500");
        site.bank.set_holdings(1, 0, &[10]);
        assert_eq!(site.next_but("32500").await, "32773");

        site.bank.set_holdings(1, 0, &[4]);
        let mut reading = site.reading().await;
        while reading.value == Some(Value::Float(32_773.0)) {
            reading = site.reading().await;
        }
        assert_eq!(reading.value, Some(Value::Float(32_775.0)));
        assert_eq!(reading.quality, Quality::uncertain("counter-reset"));
        assert!(site.reading().await.quality.is_good());
    })
    .await;
}

#[tokio::test]
async fn a_read_between_polls_gives_the_total_and_leaves_the_counting_to_the_polls() {
    at_unit(device(vec![counter(600)]), async |mut site| {
        site.bank.set_holdings(1, 0, &[65_500]);
        assert_eq!(site.next_but("7").await, "65500");
        site.bank.set_holdings(1, 0, &[1]);
        let (reply, answer) = tokio::sync::oneshot::channel();
        site.ask(DeviceRequest::Read { point: Arc::clone(&site.point), reply }).await;

        assert_eq!(site.hear_until(answer).await.unwrap().value, Some(Value::Int(65_537)));
        assert_eq!(site.next_but("65500").await, "65537");
        assert_eq!(site.next().await, "65537");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(vec![unit(1, vec![counter(600)])]);
    let bank = Bank::new(&[1]);
    let run = async |shown: &[u16]| {
        let memories = Memories::new(folder.path().to_owned());
        let mut line = Line::new(&config, memories.of("line1", "modbus", Arc::default())).await;
        let mut last = None;
        for &number in shown {
            bank.set_holdings(1, 0, &[number]);
            last = line.work(&bank, Duration::from_secs(6)).await.last;
        }
        let (signal, stop) = StopSignal::pair();
        signal.raise();
        let Ok(()) = memories.run(stop).await;
        last.and_then(|reading| reading.value)
    };
    assert_eq!(run(&[65_500, 4]).await, Some(Value::Int(65_540)));
    assert_eq!(run(&[65_535]).await, Some(Value::Int(65_536 + 65_535)));
    // It went on through its end while nobody looked.
    assert_eq!(run(&[100]).await, Some(Value::Int(2 * 65_536 + 100)));
}
