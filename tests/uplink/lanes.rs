//! Which message goes first, and what one that goes nowhere leaves to the others.

use std::time::Duration;

use tidegate::{
    config::{Backlog, MqttProtocol, Order, Uplink},
    model::{Block, Rate},
    testing::broker::{Broker, Faults, PubAckReason},
    uplink::LaneName,
};

use super::{
    sequence,
    support::{Memory, Mosquitto, config, data, embedded, event, free_port, start, within},
};

/// An uplink that sends new readings first.
fn live_first(port: u16) -> Uplink {
    Uplink { order: Order::LiveFirst, ..config(port, MqttProtocol::V5) }
}

/// A link that lets one message through after the other.
fn slow() -> Faults {
    Faults { ack_every: Some(Duration::from_millis(2)), ..Faults::default() }
}

fn push(outbox: &Memory, blocks: impl IntoIterator<Item = Block>) {
    blocks.into_iter().for_each(|block| outbox.push(block));
}

fn order_of(broker: &Broker, topic: &str) -> Vec<u64> {
    sequence(&broker.payloads(topic))
}

fn is_ascending(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

#[tokio::test]
async fn new_readings_overtake_the_backlog_and_both_keep_their_order() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(slow());
    let outbox = Memory::new();
    outbox.fill(600);

    let running = start(live_first(port), outbox.clone());
    within(broker.until(|broker| broker.payloads("t/data").len() >= 20)).await;
    push(&outbox, (601..=620).map(data));
    outbox.until(|outbox| outbox.delivered().contains(&620)).await;
    assert!(outbox.delivered().len() < 600, "the backlog was there first and is not done");
    outbox.drained().await;
    running.stop().await;

    let (live, backlog): (Vec<_>, Vec<_>) = order_of(&broker, "t/data").into_iter().partition(|&seq| seq > 600);
    assert_eq!((live, backlog), ((601..=620).collect(), (1..=600).collect()));
}

#[tokio::test]
async fn events_go_before_all_readings_also_those_of_the_backlog() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(slow());
    let outbox = Memory::new();
    push(&outbox, (1..=300).map(|seq| if seq % 100 == 0 { event(seq) } else { data(seq) }));

    let running = start(live_first(port), outbox.clone());
    outbox.until(|outbox| outbox.delivered().contains(&300)).await;
    assert!(outbox.delivered().len() < 200, "the readings between the events are not done");
    outbox.drained().await;
    running.stop().await;

    assert_eq!(order_of(&broker, "t/event"), [100, 200, 300]);
    assert!(is_ascending(&order_of(&broker, "t/data")));
}

#[tokio::test]
async fn everything_goes_in_its_order_when_order_is_strict() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    push(&outbox, (1..=300).map(|seq| if seq % 3 == 0 { event(seq) } else { data(seq) }));

    let running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    push(&outbox, [data(301), event(302)]);
    outbox.drained().await;
    running.stop().await;

    let seen: Vec<_> = broker.seen().into_iter().filter(|seen| seen.topic != "t/state").collect();
    let payloads: Vec<_> = seen.into_iter().map(|seen| seen.payload).collect();
    assert_eq!(sequence(&payloads), (1..=302).collect::<Vec<_>>());
}

#[tokio::test]
async fn readings_the_broker_has_no_quota_for_hold_up_no_event_and_are_not_lost() {
    let (broker, port, _stop) = embedded().await;
    let reason = Some(("t/data".into(), PubAckReason::QuotaExceeded, usize::MAX));
    broker.set_faults(Faults { reason, ..Faults::default() });
    let outbox = Memory::new();
    outbox.fill(100);
    let config = live_first(port);
    let window = u64::from(config.window);

    let mut running = start(config, outbox.clone());
    push(&outbox, (101..=110).map(data));
    running.shows(|status| status.lanes.iter().any(|row| row.lane == LaneName::Backlog && row.paused)).await;
    push(&outbox, (111..=140).map(event));
    outbox.until(|outbox| outbox.delivered().len() == 30).await;
    let turned_away = broker.counts().turned_away;
    broker.set_faults(Faults::default());
    outbox.drained().await;
    running.stop().await;

    assert_eq!(order_of(&broker, "t/event"), (111..=140).collect::<Vec<_>>());
    assert!(turned_away <= window + 2, "a window, and one probe for each lane of readings: {turned_away}");
    let mut arrived = order_of(&broker, "t/data");
    arrived.sort_unstable();
    assert_eq!(arrived, (1..=110).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_window_of_one_starves_no_lane() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    outbox.fill(50);

    let running = start(Uplink { window: 1, ..live_first(port) }, outbox.clone());
    within(broker.until(|broker| !broker.payloads("t/data").is_empty())).await;
    push(&outbox, (51..=1500).map(data));
    outbox.drained().await;
    running.stop().await;

    let arrived = order_of(&broker, "t/data");
    let (last_live, last_owed) =
        (arrived.iter().position(|&seq| seq == 1500), arrived.iter().position(|&seq| seq == 50));
    assert!(last_owed < last_live, "the backlog had its turns");
}

#[tokio::test]
async fn a_block_that_the_outbox_gives_again_is_sent_once() {
    for order in super::ORDERS {
        let (broker, port, _stop) = embedded().await;
        let outbox = Memory::new();
        outbox.repeat(7);
        push(&outbox, (1..=200).map(|seq| if seq % 5 == 0 { event(seq) } else { data(seq) }));

        let running = start(Uplink { order, ..live_first(port) }, outbox.clone());
        outbox.drained().await;
        push(&outbox, (201..=220).map(data));
        outbox.drained().await;
        running.stop().await;

        let mut arrived = [order_of(&broker, "t/data"), order_of(&broker, "t/event")].concat();
        arrived.sort_unstable();
        assert_eq!(arrived, (1..=220).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_outbox_that_cannot_be_read_for_a_moment_is_asked_again() {
    for order in super::ORDERS {
        let (broker, port, _stop) = embedded().await;
        let outbox = Memory::new();
        outbox.fail(4);
        outbox.fill(20);

        let running = start(Uplink { order, ..live_first(port) }, outbox.clone());
        outbox.drained().await;
        running.stop().await;

        assert_eq!(order_of(&broker, "t/data"), (1..=20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_slow_link_throttles_the_backlog_and_the_status_says_so() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(Faults { ack_every: Some(Duration::from_millis(4)), ..Faults::default() });
    let outbox = Memory::new();
    outbox.fill(1500);

    let mut running = start(Uplink { window: 100, ..live_first(port) }, outbox.clone());
    // What comes before the connection belongs to the backlog.
    within(broker.until(|broker| !broker.payloads("t/data").is_empty())).await;
    let live = outbox.clone();
    let arriving = async {
        for seq in 1501.. {
            live.push(data(seq));
            live.until(|outbox| outbox.delivered().contains(&seq)).await;
        }
    };
    let status = tokio::select! {
        () = arriving => unreachable!("new readings come without end"),
        status = running.shows(|status| status.throttled && status.drain_rate > 0.0) => status,
    };
    outbox.drained().await;
    running.stop().await;

    assert!(status.latency_ms.is_some_and(|millis| millis > 1.0), "{status:?}");
    let backlog = status.lanes.iter().find(|row| row.lane == LaneName::Backlog).unwrap();
    assert!(backlog.acked > 0 && backlog.in_flight <= 50, "{status:?}");
}

#[tokio::test]
async fn a_rate_holds_the_backlog_back_and_nothing_else() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    outbox.fill(100);
    let rate = Some(Rate { count: 50, per: Duration::from_secs(1) });
    let config = Uplink { backlog: Backlog { rate, share: 0.5 }, ..live_first(port) };

    let began = std::time::Instant::now();
    let running = start(config, outbox.clone());
    within(broker.until(|broker| !broker.payloads("t/data").is_empty())).await;
    // As many as take an instant, also where the machine is busy, and four seconds at that rate.
    push(&outbox, (101..=300).map(data));
    outbox.until(|outbox| outbox.delivered().contains(&300)).await;
    assert!(outbox.delivered().len() < 300, "the backlog is not done");
    outbox.drained().await;
    running.stop().await;

    assert!(began.elapsed() >= Duration::from_secs(1), "100 messages at 50 a second");
}

#[tokio::test]
async fn a_backlog_and_new_readings_all_reach_mosquitto_through_a_restart() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let broker = Mosquitto::start(folder.path(), port, "").await;
    let outbox = Memory::new();
    push(&outbox, (1..=2000).map(|seq| if seq % 50 == 0 { event(seq) } else { data(seq) }));

    let running = start(live_first(port), outbox.clone());
    outbox.until(|outbox| outbox.delivered().len() >= 200).await;
    push(&outbox, (2001..=2200).map(data));
    outbox.until(|outbox| outbox.delivered().len() >= 600).await;
    broker.kill();
    push(&outbox, (2201..=2300).map(data));
    let _again = Mosquitto::start(folder.path(), port, "").await;
    outbox.drained().await;
    running.stop().await;

    let mut delivered = outbox.delivered();
    delivered.sort_unstable();
    assert_eq!(delivered, (1..=2300).collect::<Vec<_>>());
}
