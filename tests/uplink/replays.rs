//! Messages once more, because a receiver asked for them.

use bytes::Bytes;
use tidegate::{
    config::{MqttProtocol, Uplink},
    model::{Outcome, OutcomeStatus, Value},
    shutdown::StopSignal,
    testing::broker::{Broker, Faults, Message, PubAckReason},
};

use super::{
    sequence,
    support::{Memory, Running, config, embedded, start, within},
};

/// An uplink that has delivered a hundred blocks and listens to requests.
struct Site {
    broker: Broker,
    outbox: Memory,
    running: Running,
    first: Vec<Bytes>,
    _stop: StopSignal,
}

impl Site {
    async fn delivered(change: impl FnOnce(&mut Uplink)) -> Self {
        let (broker, port, stop) = embedded().await;
        let outbox = Memory::new();
        outbox.fill(100);
        let mut config = config(port, MqttProtocol::V5);
        config.commands = true;
        change(&mut config);
        let running = start(config, outbox.clone());
        outbox.drained().await;
        within(broker.until(|broker| broker.is_subscribed("gw-cmd"))).await;
        let first = broker.payloads("t/data");
        broker.take_seen();
        Self { broker, outbox, running, first, _stop: stop }
    }

    fn ask(&self, id: &str, range: &str) {
        let payload = format!(r#"{{"id":"{id}","replay":{{{range}}}}}"#).into();
        let (topic, qos) = ("t/command".into(), 1);
        self.broker.publish(Message { topic, payload, qos, ..Message::default() });
    }

    async fn outcome(&mut self) -> Outcome {
        within(self.running.outcomes.recv()).await.unwrap()
    }
}

#[tokio::test]
async fn a_range_comes_again_byte_for_byte_and_counts_in_no_progress() {
    for order in super::ORDERS {
        let mut site = Site::delivered(|config| config.order = order).await;

        site.ask("r1", r#""stream":"data","epoch":42,"from":10,"to":40"#);
        let outcome = site.outcome().await;

        assert_eq!((outcome.status, outcome.value), (OutcomeStatus::Done, Some(Value::from_u64(31))));
        assert_eq!(outcome.id.unwrap().as_str(), "r1");
        assert_eq!(site.broker.payloads("t/data"), site.first[9..40]);
        assert_eq!(site.outbox.delivered().len(), 100);
        assert_eq!(site.running.status.borrow().acked, 100);
        within(site.broker.until(|broker| broker.owed("gw-cmd") == (0, 0))).await;
        site.running.stop().await;
    }
}

#[tokio::test]
async fn what_is_left_of_a_range_comes_and_one_that_is_gone_fails() {
    let mut site = Site::delivered(|_| ()).await;
    site.outbox.forget(50);

    site.ask("r1", r#""stream":"data","epoch":42,"from":41,"to":60"#);
    assert_eq!(site.outcome().await.value, Some(Value::from_u64(10)));
    site.ask("r2", r#""stream":"data","epoch":42,"from":1,"to":50"#);
    let gone = site.outcome().await;
    site.ask("r3", r#""stream":"data","epoch":7,"from":60,"to":70"#);
    let other_epoch = site.outcome().await;

    for outcome in [gone, other_epoch] {
        assert_eq!(outcome.status, OutcomeStatus::Failed);
        assert_eq!(outcome.error.as_deref(), Some("nothing of the range is stored any more"));
    }
    assert_eq!(sequence(&site.broker.payloads("t/data")), (51..=60).collect::<Vec<_>>());
    site.running.stop().await;
}

#[tokio::test]
async fn what_is_no_range_of_this_uplink_is_denied_and_a_command_is_left_alone() {
    let mut site = Site::delivered(|_| ()).await;

    for range in [
        r#""stream":"data","epoch":42,"from":9,"to":1"#,
        r#""stream":"local","epoch":42,"from":1,"to":2"#,
        r#""stream":"data.scada","epoch":42,"from":1,"to":2"#,
        r#""stream":"data","epoch":42,"from":1,"to":10001"#,
        r#""stream":"data","epoch":42,"from":1,"to":2,"store":"0000""#,
    ] {
        site.ask("r1", range);
        let outcome = site.outcome().await;
        assert_eq!((outcome.status, outcome.value), (OutcomeStatus::Denied, None), "{range}");
    }
    site.broker.publish(Message { topic: "t/command".into(), payload: "{}".into(), qos: 1, ..Message::default() });
    assert!(within(site.running.commands.recv()).await.is_some());
    assert!(site.broker.payloads("t/data").is_empty());
    site.running.stop().await;
}

#[tokio::test]
async fn replays_take_turns_and_one_too_many_is_denied() {
    let mut site = Site::delivered(|_| ()).await;
    // Nothing of the first one comes through, so the others wait.
    let reason = Some(("t/data".into(), PubAckReason::QuotaExceeded, usize::MAX));
    site.broker.set_faults(Faults { reason, ..Faults::default() });

    for n in 1..=6 {
        site.ask(&format!("r{n}"), &format!(r#""stream":"data","epoch":42,"from":{n},"to":{n}"#));
    }
    let denied = site.outcome().await;
    site.broker.set_faults(Faults::default());
    let mut done = Vec::new();
    for _ in 1..=5 {
        done.push(site.outcome().await.id.unwrap().to_string());
    }

    assert_eq!((denied.status, denied.id.unwrap().as_str()), (OutcomeStatus::Denied, "r6"));
    assert_eq!(done, ["r1", "r2", "r3", "r4", "r5"]);
    assert_eq!(sequence(&site.broker.payloads("t/data")), [1, 2, 3, 4, 5]);
    site.running.stop().await;
}

#[tokio::test]
async fn a_replay_goes_on_after_a_lost_connection() {
    let mut site = Site::delivered(|_| ()).await;
    site.broker.set_faults(Faults { close_after: Some(40), ..Faults::default() });

    site.ask("r1", r#""stream":"data","epoch":42,"from":1,"to":100"#);
    let outcome = site.outcome().await;

    assert_eq!((outcome.status, outcome.value), (OutcomeStatus::Done, Some(Value::from_u64(100))));
    let mut again = site.broker.payloads("t/data");
    again.sort_by_key(|payload| sequence(std::slice::from_ref(payload)));
    again.dedup();
    assert_eq!(again, site.first);
    site.running.stop().await;
}
