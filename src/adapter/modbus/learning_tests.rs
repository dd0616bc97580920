//! What is learned of units that refuse, over restarts.

use std::{sync::Arc, time::Duration};

use super::{
    config::{DataType, MappedPoint, Table},
    fixtures::mapped,
    line_tests::{Heard, Line, config, unit},
};
use crate::{
    adapter::memory::{Memories, Memory},
    shutdown::StopSignal,
    testing::modbus_unit::Bank,
};

const SECOND: Duration = Duration::from_secs(1);

/// Where the unit of these tests has no registers.
const HOLES: [std::ops::Range<u32>; 4] = [17..18, 40..43, 150..151, 222..223];

/// The fewest requests for its 294 registers, 64 at once: the parts between the holes take 1, 1, 2, 2 and 2.
const FEWEST: u64 = 8;

fn registers(count: u16) -> Vec<MappedPoint> {
    (0..count).map(|at| mapped("holding", at, DataType::U16)).collect()
}

/// A unit with holes that gives 64 registers at once.
fn difficult(exception: u8) -> Bank {
    let bank = Bank::new(&[1]);
    for hole in HOLES {
        bank.set_hole(1, Table::Holding, hole);
    }
    bank.set_block_limit(1, 64, exception);
    bank
}

/// How many requests the unit was sent while the line worked.
async fn asked(line: &mut Line<'_>, bank: &Bank, span: Duration) -> (u64, Heard) {
    let before = bank.asked(1);
    let heard = line.work(bank, span).await;
    (bank.asked(1) - before, heard)
}

#[tokio::test(start_paused = true)]
async fn a_unit_with_holes_and_a_block_limit_is_read_with_the_fewest_requests_after_a_while() {
    for exception in [2, 3, 4] {
        let bank = difficult(exception);
        let config = config(vec![unit(1, registers(300))]);
        let mut line = Line::new(&config, Memory::none()).await;

        let learning = line.work(&bank, 30 * SECOND).await;
        let (asked, heard) = asked(&mut line, &bank, 60 * SECOND).await;

        assert!(asked <= FEWEST * 60 * 11 / 10, "{asked} requests in 60 polls, exception {exception}");
        assert_eq!(learning.bad("bad:illegal-address").len(), 6);
        assert_eq!(learning.good.len(), 294);
        assert!(heard.good.values().all(|&count| count >= 60), "{:?}", heard.good);
        assert_eq!(heard.bad, []);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(vec![unit(1, registers(300))]);
    let bank = difficult(3);
    let run = async |span| {
        let memories = Memories::new(folder.path().to_owned());
        let mut line = Line::new(&config, memories.of("line1", "modbus", Arc::default())).await;
        let heard = asked(&mut line, &bank, span).await;
        let (signal, stop) = StopSignal::pair();
        signal.raise();
        let Ok(()) = memories.run(stop).await;
        heard
    };
    run(30 * SECOND).await;

    let (asked, heard) = run(SECOND / 2).await;

    assert!(
        (FEWEST..=FEWEST * 3 / 2 + 1).contains(&asked),
        "{asked} requests in the first round and half of the second"
    );
    assert_eq!(heard.good.len(), 294);
    assert_eq!(heard.bad("bad:illegal-address").len(), 6);
}

#[tokio::test(start_paused = true)]
async fn registers_that_come_to_be_are_found() {
    let bank = difficult(2);
    let config = config(vec![unit(1, registers(100))]);
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 30 * SECOND).await;

    bank.fill_holes(1);
    bank.set_block_limit(1, 125, 2);
    let found = line.work(&bank, 200 * SECOND).await;
    let (asked, _) = asked(&mut line, &bank, 60 * SECOND).await;

    assert_eq!(found.good.len(), 100);
    assert!((60..=61).contains(&asked), "one block again: {asked} requests in 60 polls");
}

#[tokio::test(start_paused = true)]
async fn a_seam_between_two_areas_is_not_crossed_again() {
    let bank = Bank::new(&[1]);
    bank.set_seam(1, 40);
    let config = config(vec![unit(1, registers(100))]);
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 10 * SECOND).await;

    let (asked, heard) = asked(&mut line, &bank, 60 * SECOND).await;

    assert_eq!(heard.good.len(), 100);
    assert!((120..=124).contains(&asked), "two blocks: {asked} requests in 60 polls");
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_refuses_everything_for_a_moment_is_back_soon_after() {
    let bank = Bank::new(&[1]);
    let config = config(vec![unit(1, registers(100))]);
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 5 * SECOND).await;
    bank.set_hole(1, Table::Holding, 0..65_536);
    let (asked_for_nothing, refused) = asked(&mut line, &bank, 8 * SECOND).await;
    assert_eq!(refused.bad("bad:illegal-address").len(), 100);
    assert!(asked_for_nothing <= 9, "{asked_for_nothing}");

    bank.fill_holes(1);
    let (asked, heard) = asked(&mut line, &bank, 60 * SECOND).await;

    assert_eq!(heard.good.len(), 100);
    assert!((59..=61).contains(&asked), "one block again: {asked} requests in 60 polls");
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_refuses_everything_for_minutes_is_read_as_before_soon_after() {
    let bank = Bank::new(&[1]);
    let config = config(vec![unit(1, registers(100))]);
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 5 * SECOND).await;
    bank.set_hole(1, Table::Holding, 0..65_536);
    line.work(&bank, 300 * SECOND).await;

    bank.fill_holes(1);
    line.work(&bank, 60 * SECOND).await;
    let (asked, heard) = asked(&mut line, &bank, 60 * SECOND).await;

    assert_eq!(heard.good.len(), 100);
    assert!((59..=61).contains(&asked), "one block again: {asked} requests in 60 polls");
}

#[tokio::test(start_paused = true)]
async fn a_register_that_vanishes_is_found_after_a_while() {
    let bank = Bank::new(&[1]);
    let config = config(vec![unit(1, registers(100))]);
    let mut line = Line::new(&config, Memory::none()).await;
    line.work(&bank, 5 * SECOND).await;

    bank.set_hole(1, Table::Holding, 40..41);
    let refused = line.work(&bank, 15 * SECOND).await;
    let heard = line.work(&bank, 20 * SECOND).await;

    assert_eq!(refused.bad("bad:illegal-address").len(), 100, "until it is known which it is");
    assert_eq!((heard.good.len(), heard.bad.len()), (99, 0));
}
