//! What a broker may ask for, and what it may fail to give.

use std::time::Duration;

use tidegate::{
    config::{Compression, MqttProtocol, Order, Uplink},
    testing::{
        broker::{Faults, Message, PubAckReason},
        consumer::Consumer,
    },
};

use super::{
    sequence,
    support::{Memory, config, data, embedded, event, large, start},
};

/// Answers so many data messages with a reason.
fn refuse(reason: PubAckReason, count: usize) -> Faults {
    Faults { reason: Some(("t/data".into(), reason, count)), ..Faults::default() }
}

#[tokio::test]
async fn a_refused_message_is_set_aside_and_a_used_up_quota_is_waited_for() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(refuse(PubAckReason::NotAuthorized, 1));
    let outbox = Memory::new();
    outbox.fill(1);

    let running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    broker.set_faults(refuse(PubAckReason::QuotaExceeded, 1));
    outbox.push(data(2));
    outbox.push(data(3));
    outbox.drained().await;
    running.stop().await;

    assert_eq!(outbox.refusals()[0].1, "not authorized");
    let mut delivered = outbox.delivered();
    delivered.sort_unstable();
    assert_eq!(delivered, [2, 3]);
}

#[tokio::test]
async fn nothing_is_sent_past_a_block_that_must_wait_when_order_is_strict() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    outbox.fill(30);
    let mut config = config(port, MqttProtocol::V5);
    config.order = Order::Strict;
    // A whole window, and then the first of it once more.
    let window = usize::from(config.window);
    broker.set_faults(refuse(PubAckReason::QuotaExceeded, window + 1));

    let running = start(config, outbox.clone());
    outbox.drained().await;
    running.stop().await;

    assert_eq!(sequence(&broker.payloads("t/data")), (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_packet_size_of_the_broker_is_kept() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(Faults { limits: (None, Some(200)), ..Faults::default() });
    let outbox = Memory::new();
    outbox.fill(1);

    let running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    running.stop().await;

    assert!(outbox.refusals()[0].1.contains("above the broker's limit of 200"));
}

#[tokio::test]
async fn packed_messages_are_smaller_and_say_so_and_hold_the_same() {
    for protocol in super::BOTH {
        let (broker, port, _stop) = embedded().await;
        let outbox = Memory::new();
        outbox.push(large(1, 100));
        outbox.push(event(2));
        let mut consumer = Consumer::default();

        let config = Uplink { compression: Compression::Zstd, ..config(port, protocol) };
        let running = start(config, outbox.clone());
        outbox.drained().await;
        running.stop().await;

        let seen = broker.seen();
        let of = |topic: &str| seen.iter().find(|seen| seen.topic == topic).unwrap();
        let is_marked = |message: &Message| message.user.contains(&("encoding".into(), "zstd".into()));
        assert!(of("t/data").payload.len() < 1000 && of("t/data").payload.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        assert_eq!(is_marked(of("t/data")), protocol == MqttProtocol::V5);
        assert!(of("t/state").payload.starts_with(b"{") && !is_marked(of("t/state")));
        assert!(seen.iter().filter(|seen| seen.topic != "t/state").all(|seen| consumer.take(&seen.payload)));
        assert_eq!((consumer.messages(), consumer.readings()), (2, 100));
    }
}

#[tokio::test]
async fn the_receive_maximum_of_the_broker_is_kept() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(Faults { limits: (Some(3), None), never_ack: true, ..Faults::default() });
    let outbox = Memory::new();
    outbox.fill(30);
    let mut config = config(port, MqttProtocol::V5);
    // Long enough for a busy machine to send what it may.
    config.ack_timeout = Duration::from_secs(1);
    config.reconnect = (Duration::from_secs(60), Duration::from_secs(60));

    let mut running = start(config, outbox);
    running.error("acknowledged nothing").await;

    // The `state` message is one of the three.
    assert_eq!(sequence(&broker.payloads("t/data")), [1, 2]);
    running.stop().await;
}

#[tokio::test]
async fn late_acknowledgements_keep_the_window_full_and_the_connection_up() {
    for protocol in [MqttProtocol::V5, MqttProtocol::V311] {
        let (broker, port, _stop) = embedded().await;
        broker.set_faults(Faults { ack_delay: Some(Duration::from_millis(20)), ..Faults::default() });
        let outbox = Memory::new();
        outbox.fill(100);

        let mut running = start(config(port, protocol), outbox.clone());
        running.in_flight(10).await;
        outbox.drained().await;
        running.stop().await;

        assert_eq!(sequence(&broker.payloads("t/data")), (1..=100).collect::<Vec<_>>());
        assert_eq!(broker.counts().connects, 1);
    }
}

#[tokio::test]
async fn acknowledgements_out_of_order_find_their_blocks() {
    for (protocol, order) in super::BOTH.into_iter().zip(super::ORDERS) {
        let (broker, port, _stop) = embedded().await;
        let jitter = Some(Duration::from_millis(15));
        let reason = Some(("t/data".into(), PubAckReason::NotAuthorized, 5));
        broker.set_faults(Faults { ack_jitter: jitter, reason, ..Faults::default() });
        let outbox = Memory::new();
        outbox.fill(400);

        let running = start(Uplink { order, ..config(port, protocol) }, outbox.clone());
        outbox.drained().await;
        running.stop().await;

        // Nobody hears of a reason with 3.1.1.
        let refused = if protocol == MqttProtocol::V5 { 5 } else { 0 };
        assert_eq!((outbox.refusals().len(), outbox.delivered().len()), (refused, 400 - refused));
        assert_eq!(broker.counts().connects, 1);
    }
}

#[tokio::test]
async fn a_session_that_was_not_asked_for_does_not_keep_the_gateway_out() {
    for protocol in super::BOTH {
        let (broker, port, _stop) = embedded().await;
        broker.set_faults(Faults { claims_session: true, ..Faults::default() });
        let outbox = Memory::new();
        outbox.fill(20);

        let running = start(config(port, protocol), outbox.clone());
        outbox.drained().await;
        running.stop().await;

        assert_eq!(sequence(&broker.payloads("t/data")), (1..=20).collect::<Vec<_>>());
        assert_eq!(broker.counts().connects, 1);
    }
}

#[tokio::test]
async fn a_message_over_which_the_broker_closes_is_found_and_set_aside_and_the_others_arrive() {
    for (protocol, order) in super::BOTH.into_iter().zip(super::ORDERS) {
        let (broker, port, _stop) = embedded().await;
        broker.set_faults(Faults { close_above: Some(5_000), ..Faults::default() });
        let outbox = Memory::new();
        (1..=40).for_each(|seq| outbox.push(if seq == 20 { large(seq, 100) } else { data(seq) }));

        let running = start(Uplink { order, ..config(port, protocol) }, outbox.clone());
        outbox.drained().await;
        running.stop().await;

        let refusals = outbox.refusals();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].0.0, 20);
        assert!(refusals[0].1.starts_with("the broker closed the connection 8 times"), "{}", refusals[0].1);
        let mut arrived = sequence(&broker.payloads("t/data"));
        arrived.sort_unstable();
        arrived.dedup();
        assert_eq!(arrived, (1..=40).filter(|&seq| seq != 20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn each_refusal_is_reported_once_and_the_status_has_the_reason() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(refuse(PubAckReason::PayloadFormatInvalid, 30));
    let outbox = Memory::new();
    outbox.fill(50);

    let mut running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    let status = running.shows(|status| status.refused.is_some()).await;
    running.stop().await;

    let refusals = outbox.refusals();
    assert_eq!(refusals.iter().map(|(block, _)| block.0).collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
    assert!(refusals.iter().all(|(_, why)| why == "payload format invalid"));
    assert_eq!(status.refused.as_deref(), Some("payload format invalid"));
}

/// Time is paused until the silence is over, so that nobody waits for it.
#[tokio::test]
async fn a_broker_that_swallows_the_login_is_left_and_tried_again() {
    for protocol in [MqttProtocol::V5, MqttProtocol::V311] {
        tokio::time::pause();
        let (broker, port, _stop) = embedded().await;
        broker.set_faults(Faults { swallow: true, ..Faults::default() });
        let outbox = Memory::new();
        outbox.fill(3);

        let mut running = start(config(port, protocol), outbox.clone());
        running.error("did not answer the login").await;
        tokio::time::resume();
        broker.set_faults(Faults::default());
        // Whatever was swallowed before the faults ended is cut off.
        broker.disconnect_all();
        outbox.drained().await;

        running.stop().await;
    }
}
