//! SIGKILL at random moments under load: what was seen stays true, and no number is given twice.

use std::collections::BTreeSet;

use crate::harness::{Arrived, Blocks, Broker, Gateway, Listener, Message, Site, Tap, Units, eventually, is_long};

#[test]
fn no_number_gets_two_contents_and_nothing_committed_is_lost_by_kills() {
    survive_kills(|site| site);
}

#[test]
fn nor_when_blocks_are_published_before_their_commit() {
    survive_kills(Site::express);
}

/// Kills at random moments; then everything the runs say they had must be there, once.
fn survive_kills(variant: impl Fn(Site) -> Site) {
    let units = Units::start(3, 20);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let tap = Tap::start(broker.port());
    let site = variant(Site::new(tap.port()).line(units.port(), 3, 20, "100ms"));
    let kills = if is_long() { 20 } else { 5 };
    let mut dice = fastrand::Rng::with_seed(4);

    for _ in 0..kills {
        let gateway = Gateway::start(&site);
        wait_for_new_data(&listener, dice.usize(1..30));
        gateway.kill();
    }
    let gateway = Gateway::start(&site);
    let last_epoch = wait_for_new_data(&listener, 1);
    wait_until_whole(&listener);
    assert!(gateway.stop().success());

    let blocks = Blocks::received(&listener.messages());
    assert_eq!(blocks.stores().len(), 1, "the buffer was made anew");
    assert_eq!(blocks.epochs().len(), kills + 1, "{:?}", blocks.epochs());
    assert_eq!(blocks.epochs().last(), Some(&last_epoch));
    // The tap saw every send, also those a kill interrupted: taking them all proves that repeats are identical.
    Blocks::received(&tap.sent().into_iter().map(|sent| sent.message).collect::<Vec<_>>());
    assert_no_value_twice(&blocks);
}

/// Waits until so many data messages of a new epoch have arrived, and says which epoch.
fn wait_for_new_data(listener: &Listener, count: usize) -> u64 {
    let known = epochs_of_data(&listener.messages()).into_iter().max().unwrap_or(0);
    listener.wait_for("data of this run", |messages| {
        let new: Vec<u64> = epochs_of_data(messages).into_iter().filter(|&epoch| epoch > known).collect();
        (new.len() >= count).then(|| new[0])
    })
}

/// Waits until nothing is missing of the earlier runs, by what `state` says they had.
fn wait_until_whole(listener: &Listener) {
    eventually("everything the earlier runs owed", || {
        let messages = listener.messages();
        let states = messages.iter().filter(|message| message.topic.ends_with("/state"));
        let states: Vec<_> = states.map(Message::json).collect();
        Blocks::received(&messages).missing(&states, &BTreeSet::new()).is_empty().then_some(())
    });
}

/// The server gives no value twice, so a value that arrives under two numbers was stored twice.
fn assert_no_value_twice(blocks: &Blocks) {
    for (name, readings) in blocks.series() {
        let ticks: Vec<u64> = readings.iter().filter(|reading| reading.is_good()).map(Arrived::number).collect();
        assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{name}: {ticks:?}");
    }
}

/// The epoch of each data message.
fn epochs_of_data(messages: &[Message]) -> Vec<u64> {
    let data = messages.iter().filter(|message| message.topic.ends_with("/data"));
    data.map(|message| message.json()["epoch"].as_u64().expect("a number")).collect()
}
