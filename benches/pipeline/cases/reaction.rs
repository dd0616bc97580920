//! From a register that has changed to the register that a rule has written because of it, through the real daemon:
//! how long after the answer that carried the change the write arrives.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use crate::{broker::Broker, process::Daemon, report::Row, site::Site};

/// The register changes with each read, so that each shows a change.
const RULE: &str = r#"on("tank/level", |r| command("tank/pump", r.value));"#;
/// Two registers of one unit, and what lets the rule write.
const TANK: &str = r#"
[[device]]
id = "tank"
adapter = "line"
address = { unit = 1 }
[[device.point]]
name = "level"
register = "input:0"
type = "u16"
poll = "50ms"
[[device.point]]
name = "pump"
register = "holding:0"
type = "u16"
access = "w"
[[grant]]
from = "rule:*"
targets = ["tank/pump"]
"#;
/// Changes that are followed.
const CHANGES: usize = 400;
/// The first ones find caches cold.
const LEAD: usize = 20;

/// Bytes of a request: MBAP header, function, address, and a count or a value.
type Request = [u8; 12];
/// Function codes (MODBUS application protocol V1.1b3, 6.4 and 6.6).
const READ_INPUTS: u8 = 4;
const WRITE_REGISTER: u8 = 6;

pub(super) fn run(_: &[&str]) -> Vec<Row> {
    let broker = Broker::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let port = listener.local_addr().expect("its number").port();
    let line = format!("[[adapter]]\nname = \"line\"\nkind = \"modbus\"\nlink = \"tcp://127.0.0.1:{port}\"\n");
    let site = Site::new(Some(RULE), "").uplink(broker.port()).with(&line).with(TANK);
    let _daemon = Daemon::start(&site);
    let (stream, _) = listener.accept().expect("a connection");
    let mut reactions = follow(stream).split_off(LEAD);

    reactions.sort_unstable();
    let text = "answer that shows a change -> rule -> synced ledger -> write, Modbus/TCP, tidegate run";
    let row = |share: usize| {
        let millis = reactions[(reactions.len() - 1) * share / 100].as_secs_f64() * 1e3;
        Row::new(format!("reaction/p{share}"), "ms", millis, reactions.len() as u64, text)
    };
    vec![row(50), row(99)]
}

/// Plays the unit: answers reads with a new value each, and takes the time until that is written back.
fn follow(mut stream: TcpStream) -> Vec<Duration> {
    stream.set_nodelay(true).expect("a connection");
    let (mut level, mut shown, mut reactions) = (0_u16, Instant::now(), Vec::new());
    while reactions.len() < CHANGES + LEAD {
        let mut request: Request = [0; 12];
        stream.read_exact(&mut request).expect("a request");
        let [transaction @ .., _, _, unit, function, _, _, high, low] = request;
        match function {
            READ_INPUTS => {
                level += 1;
                let [level_high, level_low] = level.to_be_bytes();
                let head = [&transaction[..], &[0, 5, unit, function, 2, level_high, level_low]].concat();
                shown = Instant::now();
                stream.write_all(&head).expect("an answer that is taken");
            }
            WRITE_REGISTER => {
                // A write that came only after the next read would be of an older change.
                if u16::from_be_bytes([high, low]) == level {
                    reactions.push(shown.elapsed());
                }
                stream.write_all(&request).expect("an answer that is taken");
            }
            other => panic!("function {other} was not asked for"),
        }
    }
    reactions
}
