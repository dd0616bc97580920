//! The uplink against brokers: the embedded one, which misbehaves on request, and mosquitto.
#![allow(missing_docs, reason = "tests are named as claims")]

mod lanes;
mod limits;
mod replays;
mod support;
mod tls;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use support::{Memory, Mosquitto, NOW, config, data, data_at, embedded, free_port, outcome, start, within};
use tidegate::{
    config::{MqttProtocol, Order, Uplink},
    model::{Block, BootId, ClockQuality, EpochEnd, Payload, ResponseTo, Timestamp},
    testing::broker::{Faults, Message},
};

const BOTH: [MqttProtocol; 2] = [MqttProtocol::V5, MqttProtocol::V311];
const ORDERS: [Order; 2] = [Order::LiveFirst, Order::Strict];

fn sequence(payloads: &[Bytes]) -> Vec<u64> {
    let seq =
        |payload: &Bytes| serde_json::from_slice::<serde_json::Value>(payload).unwrap()["seq"].as_u64().unwrap();
    payloads.iter().map(seq).collect()
}

#[tokio::test]
async fn every_block_arrives_once_and_in_order_and_offline_is_said_at_the_end() {
    for protocol in BOTH {
        let (broker, port, _stop) = embedded().await;
        let outbox = Memory::new();
        outbox.leave_open(EpochEnd {
            epoch: 41,
            data: Some(7),
            event: None,
            outcome: None,
            filtered: BTreeMap::new(),
        });
        outbox.fill(500);

        let running = start(config(port, protocol), outbox.clone());
        outbox.drained().await;
        outbox.until(|outbox| !outbox.has_open_epochs()).await;
        running.stop().await;

        assert_eq!(sequence(&broker.payloads("t/data")), (1..=500).collect::<Vec<_>>());
        assert_eq!(outbox.delivered(), (1..=500).collect::<Vec<_>>());
        let states = broker.payloads("t/state");
        assert!(states[0].ends_with(br#""previous":[{"epoch":41,"data":7}]}"#));
        let offline = &br#"{"v":1,"gateway":"plant-7","state":"offline","store":"6f2c","epoch":42}"#[..];
        assert_eq!(broker.retained("t/state").unwrap().payload, offline);
        assert_eq!(states.len(), 2, "the last will is not sent after a goodbye");
    }
}

#[tokio::test]
async fn what_came_just_before_the_stop_is_delivered_before_offline() {
    for order in ORDERS {
        let (broker, port, _stop) = embedded().await;
        let outbox = Memory::new();
        outbox.fill(5);
        let running = start(Uplink { order, ..config(port, MqttProtocol::V5) }, outbox.clone());
        outbox.drained().await;

        // The stop is heard before anybody has looked at the new blocks.
        (6..=10).for_each(|seq| outbox.push(data(seq)));
        running.stop().await;

        assert_eq!(sequence(&broker.payloads("t/data")), (1..=10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_packet_costs_only_identical_repetitions() {
    for protocol in BOTH {
        let (broker, port, _stop) = embedded().await;
        broker.set_faults(Faults { close_after: Some(50), ..Faults::default() });
        let outbox = Memory::new();
        outbox.fill(200);

        let running = start(config(port, protocol), outbox.clone());
        outbox.drained().await;
        running.stop().await;

        let mut payloads = broker.payloads("t/data");
        assert!(payloads.len() > 200, "the cut makes some be sent again");
        payloads.sort_by_key(|payload| sequence(std::slice::from_ref(payload)));
        payloads.dedup();
        assert_eq!(sequence(&payloads), (1..=200).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_broker_that_acknowledges_nothing_is_left_and_tried_again() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(Faults { never_ack: true, ..Faults::default() });
    let outbox = Memory::new();
    outbox.fill(3);
    let mut config = config(port, MqttProtocol::V5);
    config.ack_timeout = std::time::Duration::from_millis(200);

    let mut running = start(config, outbox.clone());
    running.error("acknowledged nothing").await;
    broker.set_faults(Faults::default());
    outbox.drained().await;

    running.stop().await;
}

#[tokio::test]
async fn a_refused_login_and_an_unknown_name_are_told() {
    let (broker, port, _stop) = embedded().await;
    broker.set_faults(Faults { refuse_login: true, ..Faults::default() });
    for protocol in BOTH {
        let mut running = start(config(port, protocol), Memory::new());
        let error = running.error("refused the login").await;
        assert!(error.ends_with("bad user name password"), "{error}");
        running.stop().await;
    }

    let mut config = config(port, MqttProtocol::V5);
    config.url.host = "nowhere.invalid".into();
    let mut running = start(config, Memory::new());
    running.error("cannot resolve nowhere.invalid").await;
    running.stop().await;
}

#[tokio::test]
async fn a_command_is_acknowledged_once_it_is_taken_and_waits_for_a_gateway_that_is_away() {
    for protocol in BOTH {
        let (broker, port, _stop) = embedded().await;
        let mut config = config(port, protocol);
        config.commands = true;
        let command = |retain| Message {
            topic: "t/command".into(),
            payload: "{}".into(),
            retain,
            qos: 1,
            response_topic: Some("answers".into()),
            ..Message::default()
        };
        broker.publish(command(true));

        let mut running = start(config.clone(), Memory::new());
        let first = within(running.commands.recv()).await.unwrap();
        assert!(first.retained);
        assert!(matches!(&first.payload, Payload::Json(bytes) if bytes == b"{}"));
        assert_eq!(broker.owed("gw-cmd"), (1, 0));
        first.taken.unwrap().send(()).unwrap();
        within(broker.until(|broker| broker.owed("gw-cmd") == (0, 0))).await;

        broker.publish(command(false));
        let second = within(running.commands.recv()).await.unwrap();
        assert_eq!(
            second.response.as_ref().map(|to| &*to.topic),
            (protocol == MqttProtocol::V5).then_some("answers")
        );
        running.stop().await;
        drop(second);

        let mut running = start(config, Memory::new());
        // The one that was never taken; 3.1.1 subscribes anew, which brings the retained one again.
        let expected = if protocol == MqttProtocol::V5 { &[false][..] } else { &[false, true] };
        let mut retained = Vec::new();
        for _ in expected {
            let again = within(running.commands.recv()).await.unwrap();
            retained.push(again.retained);
            again.taken.unwrap().send(()).unwrap();
        }
        assert_eq!(retained, expected);
        within(broker.until(|broker| broker.owed("gw-cmd") == (0, 0))).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn an_outcome_also_goes_where_its_asker_wants_it() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    let correlation = Some([1, 2].into());
    outbox.push(outcome(1, ResponseTo { uplink: "cloud".into(), topic: "answers".into(), correlation }));

    let running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    within(broker.until(|broker| !broker.payloads("answers").is_empty())).await;
    running.stop().await;

    let seen = broker.seen();
    let answer = seen.iter().find(|seen| seen.topic == "answers").unwrap();
    assert_eq!(answer.correlation.as_deref(), Some(&[1, 2][..]));
    assert_eq!(broker.payloads("t/outcome"), std::slice::from_ref(&answer.payload));
    assert!(answer.user.contains(&("seq".into(), "1".into())));
}

#[tokio::test]
async fn commands_come_under_a_new_prefix_although_the_broker_remembers_the_old_one() {
    for protocol in BOTH {
        let (broker, port, _stop) = embedded().await;
        let mut config = config(port, protocol);
        config.commands = true;
        config.topic_prefix = "old".into();
        let command = |topic: &str, payload: &'static str| Message {
            topic: topic.into(),
            payload: payload.into(),
            qos: 1,
            ..Message::default()
        };
        let running = start(config.clone(), Memory::new());
        within(broker.until(|broker| broker.is_subscribed("gw-cmd"))).await;
        running.stop().await;

        config.topic_prefix = "t".into();
        broker.publish(command("old/command", "stray"));
        let mut running = start(config, Memory::new());
        within(broker.until(|broker| broker.owed("gw-cmd") == (0, 0))).await;
        // Nobody says when the second subscription is there, so the message is retained for it to find.
        broker.publish(Message { retain: true, ..command("t/command", "mine") });

        let first = within(running.commands.recv()).await.unwrap();
        assert!(matches!(&first.payload, Payload::Json(bytes) if bytes == b"mine"), "{:?}", first.payload);
        running.stop().await;
    }
}

#[tokio::test]
async fn commands_that_are_taken_all_at_once_are_all_acknowledged() {
    for protocol in BOTH {
        let (broker, port, _stop) = embedded().await;
        let mut config = config(port, protocol);
        config.commands = true;
        config.window = 1;
        let mut running = start(config, Memory::new());
        within(broker.until(|broker| broker.is_subscribed("gw-cmd"))).await;
        let command = Message { topic: "t/command".into(), payload: "{}".into(), qos: 1, ..Message::default() };
        (0..32).for_each(|_| broker.publish(command.clone()));

        let mut taken = Vec::new();
        while taken.len() < 32 {
            taken.push(within(running.commands.recv()).await.unwrap().taken.unwrap());
        }
        for taken in taken {
            taken.send(()).unwrap();
        }

        within(broker.until(|broker| broker.owed("gw-cmd") == (0, 0))).await;
        // One connection for the blocks and one for the commands.
        assert_eq!(broker.counts().connects, 2);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_message_that_is_handed_over_long_after_its_readings_is_marked_late() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    let minute = 60_000;
    outbox.push(data_at(1, Timestamp::from_millis(NOW.as_millis() - minute - 1)));
    outbox.push(data_at(2, Timestamp::from_millis(NOW.as_millis() - minute)));

    let running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    running.stop().await;

    let seen = broker.seen();
    let is_late = |message: &Message| message.user.contains(&("late".into(), "1".into()));
    let late: Vec<_> = seen.iter().filter(|message| message.topic == "t/data").map(is_late).collect();
    assert_eq!(late, [true, false]);
}

#[tokio::test]
async fn with_a_clock_that_was_not_set_uptime_says_what_is_late() {
    let (broker, port, _stop) = embedded().await;
    let outbox = Memory::new();
    let unset = |id, boot: &str, uptime| {
        let block = data_at(id, Timestamp::from_millis(5_000));
        Block { clock: ClockQuality::None, boot: BootId::new(boot), uptime: Duration::from_secs(uptime), ..block }
    };
    // The gateway has been up for an hour.
    outbox.push(unset(1, "test-boot", 3_539));
    outbox.push(unset(2, "test-boot", 3_540));
    outbox.push(unset(3, "another", 3_600));

    let running = start(config(port, MqttProtocol::V5), outbox.clone());
    outbox.drained().await;
    running.stop().await;

    let seen = broker.seen();
    let is_late = |message: &Message| message.user.contains(&("late".into(), "1".into()));
    let late: Vec<_> = seen.iter().filter(|message| message.topic == "t/data").map(is_late).collect();
    assert_eq!(late, [true, false, true]);
}

#[tokio::test]
async fn mosquitto_killed_in_the_middle_leaves_nothing_owed_behind() {
    for (protocol, order) in BOTH.into_iter().zip(ORDERS) {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let broker = Mosquitto::start(folder.path(), port, "").await;
        let outbox = Memory::new();
        outbox.fill(3000);

        let running = start(Uplink { order, ..config(port, protocol) }, outbox.clone());
        outbox.until(|outbox| outbox.delivered().len() >= 300).await;
        broker.kill();
        let _again = Mosquitto::start(folder.path(), port, "").await;
        outbox.drained().await;
        running.stop().await;

        let mut delivered = outbox.delivered();
        delivered.sort_unstable();
        assert_eq!(delivered, (1..=3000).collect::<Vec<_>>());
    }
}
