//! mosquitto's bridge with the same backlog, which it keeps in memory: what a gateway may be measured against.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::{
    broker::{Broker, free_port},
    meter::float,
    mqtt::Client,
    report::Row,
};

/// The first and the last message of all; a listener to every one of them would be measured too.
const MARK: &str = "bridged/mark";
/// As many as mosquitto lets a client have open.
const WINDOW: u16 = 20;

/// So many messages of this size, queued while the far broker is away.
pub(super) fn rows(messages: u64, bytes: usize) -> Vec<Row> {
    let port = free_port();
    let near = Broker::start_on(free_port(), &bridge_to(port));
    queue(near.port(), messages, bytes);

    let took = drain(&near, port, messages);
    let text = format!("mosquitto's bridge, the same number of messages of {bytes} bytes from its memory");
    let rate = float(messages) / took.as_secs_f64();
    let mib = float(near.peak_rss()) / 1_048_576.0;
    vec![
        Row::new("bridge/rate", "readings/s", rate, messages, &text),
        Row::new("bridge/rss", "MiB", mib, messages, &text),
    ]
}

fn bridge_to(port: u16) -> String {
    format!(
        "connection far\naddress 127.0.0.1:{port}\ntopic bridged/# out 1\ncleansession false\nnotifications false\n\
         restart_timeout 1\n"
    )
}

fn queue(port: u16, messages: u64, bytes: usize) {
    let payload = vec![b'x'; bytes];
    let mut client = Client::connect(port, "outage").expect("a broker");
    let mut publish = |topic, n: u64| {
        let payloads = (0..n).map(|_| payload.as_slice());
        client.publish_all(topic, payloads, WINDOW).expect("acknowledgements");
    };
    publish(MARK, 1);
    publish("bridged/data", messages);
    publish(MARK, 1);
}

/// How long the messages between the marks take to the far broker.
fn drain(near: &Broker, port: u16, messages: u64) -> Duration {
    // It must not deliver before somebody listens.
    near.signal(Signal::STOP);
    let far = Broker::start_on(port, "sys_interval 1\n");
    let mut client = Client::connect(far.port(), "listener").expect("a broker");
    client.subscribe(MARK).expect("a subscription");
    near.signal(Signal::CONT);
    client.message().expect("the first message");
    let started = Instant::now();
    client.message().expect("the last message");
    let took = started.elapsed();
    // The marks are messages too. The broker tells its figures each second, as long as they change.
    client.subscribe("$SYS/broker/publish/messages/received").expect("a subscription");
    while count(&client.message().expect("the broker's figures")) < messages + 2 {}
    took
}

fn count(payload: &[u8]) -> u64 {
    std::str::from_utf8(payload).ok().and_then(|text| text.parse().ok()).expect("a number")
}
