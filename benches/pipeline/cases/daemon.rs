//! The real daemon: how soon it polls, and what it takes when it idles.

use std::{
    fs,
    io::Read as _,
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    broker::Broker,
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
    let config = site.write();
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("run").arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the daemon");
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.read_exact(&mut [0; 12]).expect("a request");
    let first_poll = started.elapsed();

    thread::park_timeout(IDLE);
    let rss = rss_mib(&child);
    // What it holds is worth nothing.
    let _ = child.kill();
    let _ = child.wait();
    let text = "tidegate run, one uplink, one rule, one Modbus unit";
    vec![
        Row::new("daemon/first-poll", "ms", first_poll.as_secs_f64() * 1e3, 1, text),
        Row::new("daemon/rss", "MiB", rss, 1, text),
    ]
}

/// Resident memory of a process.
fn rss_mib(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib / 1024.0
}
