//! The real daemon: how soon it polls, and what it takes when it idles.

use std::{
    io::Read as _,
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, Instant},
};

use crate::{
    broker::Broker,
    process::Daemon,
    report::Row,
    site::{ONE_RULE, Site},
};

/// How long it idles before its memory is looked at.
const IDLE: Duration = Duration::from_secs(3);

/// With a broker, one rule, and one Modbus unit that does not answer.
pub(super) fn run(_: &[&str]) -> Vec<Row> {
    let broker = Broker::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let port = listener.local_addr().expect("its number").port();
    let site = Site::new(Some(ONE_RULE), "").uplink(broker.port()).line(port, 1, 50, "1s");
    let started = Instant::now();
    let daemon = Daemon::start(&site);
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.read_exact(&mut [0; 12]).expect("a request");
    let first_poll = started.elapsed();

    thread::park_timeout(IDLE);
    let text = "tidegate run, one uplink, one rule, one Modbus unit";
    vec![
        Row::new("daemon/first-poll", "ms", first_poll.as_secs_f64() * 1e3, 1, text),
        daemon.used_since(&daemon.moment()).rss("daemon", 1, text),
    ]
}
