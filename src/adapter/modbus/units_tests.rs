//! What units that do not answer cost the others.

use std::time::Duration;

use super::{
    config::{Config, DataType},
    fixtures::mapped,
    line_tests::{Line, config, unit},
};
use crate::{
    adapter::memory::Memory,
    model::{DeviceChange, EventKind},
    testing::modbus_unit::{Bank, Fault},
};

const SECOND: Duration = Duration::from_secs(1);
const DEAD: [u8; 3] = [5, 6, 7];

/// Twenty units of three registers, polled every second.
fn twenty() -> Config {
    let points = || (0..3).map(|at| mapped("holding", at, DataType::U16)).collect();
    config((1..=20).map(|number| unit(number, points())).collect())
}

fn bank() -> Bank {
    Bank::new(&(1..=20).collect::<Vec<u8>>())
}

/// The part of their polls that the good ones kept over ten minutes, in percent: that of the worst of them.
async fn kept(bank: &Bank, line: &mut Line<'_>) -> f64 {
    let heard = line.work(bank, 600 * SECOND).await;
    let good = |number: &u8| heard.good.get(&format!("unit-{number}/holding-0")).copied().unwrap_or_default();
    let least = (1..=20).filter(|number| !DEAD.contains(number)).map(|number| good(&number)).min().unwrap();
    f64::from(u32::try_from(least).unwrap()) / 6.0
}

/// Each answer takes this long on the line, as at 9600 baud.
fn slow_line(bank: &Bank) {
    (1..=20).for_each(|unit| bank.set_fault(unit, Fault::Delay(Duration::from_millis(30))));
}

fn kill(bank: &Bank) {
    for unit in DEAD {
        bank.set_fault(unit, Fault::Silent);
    }
}

#[tokio::test(start_paused = true)]
async fn three_dead_units_of_twenty_cost_the_others_of_a_serial_line_less_than_a_twentieth() {
    let (config, bank) = (twenty(), bank());
    slow_line(&bank);
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 10 * SECOND).await;

    kill(&bank);
    let kept = kept(&bank, &mut line).await;

    assert!(kept >= 95.0, "{kept} %");
}

#[tokio::test(start_paused = true)]
async fn it_is_the_same_when_they_are_dead_from_the_beginning() {
    let (config, bank) = (twenty(), bank());
    slow_line(&bank);
    kill(&bank);
    let mut line = Line::new(&config, Memory::none()).await;

    let kept = kept(&bank, &mut line).await;

    assert!(kept >= 95.0, "{kept} %");
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_rests_between_requests_does_not_hold_up_the_others() {
    let bank = bank();
    // Three requests a second, each with a rest of 300 ms: nearly all of the unit's time.
    let apart = || (0..3).map(|at| mapped("holding", at * 10, DataType::U16)).collect();
    let mut resting = unit(1, apart());
    resting.pause = Duration::from_millis(300);
    let mut quick = unit(2, vec![mapped("holding", 0, DataType::U16)]);
    quick.points[0].poll = SECOND / 20;
    let config = config(vec![resting, quick]);
    let mut line = Line::new(&config, Memory::none()).await;

    let heard = line.work(&bank, 60 * SECOND).await;

    assert!(heard.good["unit-2/holding-0"] >= 1190, "{:?}", heard.good);
    assert!(heard.good["unit-1/holding-20"] >= 59, "{:?}", heard.good);
}

#[tokio::test(start_paused = true)]
async fn over_tcp_the_others_keep_99_of_100_polls() {
    let (config, bank) = (twenty(), bank());
    kill(&bank);
    let mut line = Line::new(&config, Memory::none()).await;

    let kept = kept(&bank, &mut line).await;

    assert!(kept >= 99.0, "{kept} %");
}

#[tokio::test(start_paused = true)]
async fn dead_units_take_a_twentieth_of_the_time_however_many_they_are_and_none_is_forgotten() {
    let (config, bank) = (twenty(), bank());
    (2..=20).for_each(|unit| bank.set_fault(unit, Fault::Silent));
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 120 * SECOND).await;
    let before: Vec<u64> = (2..=20).map(|unit| bank.asked(unit)).collect();

    let heard = line.work(&bank, 1200 * SECOND).await;

    let probes: Vec<u64> = (2..=20).zip(before).map(|(unit, before)| bank.asked(unit) - before).collect();
    // Three probes of 200 ms and one of 1 s take 1.6 s.
    let lost: u64 = probes.iter().sum::<u64>() * 400;
    assert!(lost <= 1_200_000 / 20 * 11 / 10, "{lost} ms of 1200 s: {probes:?}");
    let (least, most) = (probes.iter().min().unwrap(), probes.iter().max().unwrap());
    assert!(*least >= 5 && most - least <= 3, "{probes:?}");
    assert!(heard.good["unit-1/holding-0"] >= 1140, "{:?}", heard.good);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_back_is_found_within_the_longest_pause_and_all_its_points_are_read_at_once() {
    let (config, bank) = (twenty(), bank());
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 10 * SECOND).await;
    bank.set_fault(5, Fault::Silent);
    let lost = line.work(&bank, 300 * SECOND).await;
    assert_eq!(lost.bad("bad:timeout").len(), 3);

    bank.set_fault(5, Fault::None);
    let found = line.work(&bank, 11 * SECOND).await;

    assert!(found.good["unit-5/holding-0"] >= 1);
    let changes = |events: &[crate::model::Event]| {
        let change = |event: &crate::model::Event| match &event.kind {
            EventKind::Device { what, .. } => Some(*what),
            _ => None,
        };
        events.iter().filter_map(change).collect::<Vec<_>>()
    };
    assert_eq!(changes(&lost.events), [DeviceChange::Offline]);
    assert_eq!(changes(&found.events), [DeviceChange::Online]);
}

#[tokio::test(start_paused = true)]
async fn points_that_the_link_has_no_time_for_are_stale_once_and_counted() {
    // One answer takes 4 s, and twenty units want one every second.
    let (config, bank) = (twenty(), bank());
    let mut config = config;
    for device in &mut config.devices {
        device.timeout = 10 * SECOND;
    }
    (1..=20).for_each(|unit| bank.set_fault(unit, Fault::Delay(4 * SECOND)));
    let mut line = Line::new(&config, Memory::none()).await;

    let heard = line.work(&bank, 23 * SECOND).await;
    line.work(&bank, 160 * SECOND).await;

    let mut stale = heard.bad("bad:stale");
    let said = stale.len();
    stale.sort_unstable();
    stale.dedup();
    assert_eq!(said, stale.len(), "each is said once");
    assert!(said >= 3 * 15, "{stale:?}");
    assert!(line.poller.metrics.overruns.get() > 100);
}
