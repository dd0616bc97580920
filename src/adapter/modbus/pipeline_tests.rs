//! Pipelined polls against servers that take their time, answer in another order, or have a mute unit.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::sleep,
};

use super::{
    config::{Config, DataType, Device, MappedPoint},
    fixtures::mapped,
    frame::mbap,
    line_tests::{Line, config, unit},
    pdu::Request,
};
use crate::{adapter::memory::Memory, testing::modbus_unit::Bank};

const SECOND: Duration = Duration::from_secs(1);

/// Units 1 to `count` with `points` requests each, of which so many may be under way.
fn site(count: u8, points: u16, pipeline: usize) -> Config {
    let registers =
        || -> Vec<MappedPoint> { (0..points).map(|at| mapped("holding", at * 10, DataType::U16)).collect() };
    let unit = |number| -> Device { Device { timeout: SECOND / 2, ..unit(number, registers()) } };
    let mut config = config((1..=count).map(unit).collect());
    config.connect.pipeline = pipeline;
    config
}

/// Answers what came together a tenth of a second later, the last first; unit 9 never.
async fn answer_backwards(mut far: DuplexStream) {
    let mut received = Vec::new();
    loop {
        far.read_buf(&mut received).await.unwrap();
        sleep(SECOND / 10).await;
        let mut answers = Vec::new();
        while let Some((frame, used)) = mbap::decode(&received).unwrap() {
            let Request::Read { start, .. } = Request::decode(frame.pdu).unwrap() else { panic!("a read") };
            let mut answer = Vec::new();
            let [high, low] = start.to_be_bytes();
            mbap::encode(&mut answer, frame.transaction, frame.unit, |out| out.extend([3, 2, high, low]));
            if frame.unit != 9 {
                answers.push(answer);
            }
            received.drain(..used);
        }
        answers.reverse();
        far.write_all(&answers.concat()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_one_by_one_is_in_time_together() {
    for (pipeline, least, most) in [(1, 0, 210), (4, 310, 340)] {
        let config = site(4, 4, pipeline);
        let mut line = Line::new(&config, Memory::none()).await;

        let heard = line.work_with(answer_backwards, 20 * SECOND).await;

        let all: u64 = heard.good.values().sum();
        assert!((least..=most).contains(&all), "{pipeline} at once: {all} of 320 readings");
        assert_eq!(heard.good.len(), 16, "every point");
        assert_eq!(heard.bad, [], "{pipeline} at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mute_unit_spoils_nothing_for_those_it_was_asked_with() {
    let mut config = site(3, 2, 6);
    config.devices.push(Device { timeout: SECOND / 2, ..unit(9, vec![mapped("holding", 0, DataType::U16)]) });
    let mut line = Line::new(&config, Memory::none()).await;

    let heard = line.work_with(answer_backwards, 60 * SECOND).await;

    assert_eq!(heard.bad, [("unit-9/holding-0".to_owned(), "bad:timeout".to_owned())]);
    for (point, &count) in &heard.good {
        assert!(count >= 60 * 95 / 100, "{point}: {count} of 60 polls");
    }
    assert_eq!(heard.good.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_register_that_is_refused_is_found_while_others_are_under_way() {
    let bank = Bank::new(&[1, 2]);
    bank.set_hole(2, super::config::Table::Holding, 11..13);
    let mut config = config(
        (1..=2).map(|at| unit(at, (0..20).map(|at| mapped("holding", at, DataType::U16)).collect())).collect(),
    );
    config.connect.pipeline = 8;
    let mut line = Line::new(&config, Memory::none()).await;

    let heard = line.work(&bank, 20 * SECOND).await;

    assert_eq!(heard.bad("bad:illegal-address"), ["unit-2/holding-11", "unit-2/holding-12"]);
    assert_eq!(heard.good.len(), 38);
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nobody_answers_is_given_up() {
    let config = site(2, 2, 4);
    let mut line = Line::new(&config, Memory::none()).await;

    let heard = line.work_with(async |_far| std::future::pending().await, 20 * SECOND).await;

    assert!(heard.good.is_empty());
    assert_eq!(heard.bad("bad:timeout").len(), 4, "{:?}", heard.bad);
}
