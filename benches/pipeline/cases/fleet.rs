//! The real daemon with many Modbus/TCP devices that are read once a second, each on a connection of its own, against
//! simulated units in another process: the load that gateways are compared by.

use std::{thread, time::Duration};

use super::{is_long, modbus::start_units};
use crate::{
    broker::Broker,
    meter::float,
    process::Daemon,
    report::Row,
    site::{ONE_RULE, Site},
};

/// Before anything is counted: connections are made and first values are read.
const LEAD: Duration = Duration::from_secs(10);
/// What joins the history each minute is in it once.
const SPAN: Duration = Duration::from_secs(60);
/// Units that are simulated; as many devices have values of their own.
const UNITS: u8 = 247;

/// What is polled.
struct Form {
    name: &'static str,
    devices: u16,
    /// Floats on each.
    points: u16,
}

/// 15 000 points on 500 connections.
const FLEET: Form = Form { name: "fleet", devices: 500, points: 30 };
/// 100 000 points on 100 connections.
const WIDE: Form = Form { name: "fleet-wide", devices: 100, points: 1_000 };

pub(super) fn run(_: &[&str]) -> Vec<Row> {
    measure(&FLEET)
}

/// Only where there is time for it: the simulator and the broker have as much to do as the gateway.
pub(super) fn wide(_: &[&str]) -> Vec<Row> {
    if is_long() { measure(&WIDE) } else { Vec::new() }
}

fn measure(form: &Form) -> Vec<Row> {
    let &Form { name, devices, points } = form;
    let broker = Broker::start();
    let (mut units, port) = start_units(&[&UNITS.to_string(), &points.to_string()]);
    let site = Site::new(Some(ONE_RULE), "").uplink(broker.port()).fleet(port, devices, points, UNITS);
    let daemon = Daemon::start(&site);
    daemon.wait_for("tidegate_adapter_up", devices.into());
    thread::park_timeout(LEAD);

    let (moment, before) = (daemon.moment(), counts(&daemon));
    thread::park_timeout(SPAN);
    let (used, after) = (daemon.used_since(&moment), counts(&daemon));
    // The units have no state to save.
    let _ = units.kill();
    let _ = units.wait();

    let [taken, missed] = [0, 1].map(|place| after[place] - before[place]);
    let expected = float(u64::from(devices) * u64::from(points)) * used.elapsed.as_secs_f64();
    let text = format!("tidegate run, {devices} Modbus/TCP connections of {points} points (f32) a second, one rule");
    vec![
        Row::new(format!("{name}/cpu"), "us/point", used.cpu_us(taken), taken, &text),
        used.rss(name, taken, &text),
        used.peak(&format!("{name}-most"), taken, "the most memory, which is what the start takes"),
        used.written(name, taken, "of the whole process, history included"),
        Row::new(format!("{name}/missed"), "polls", float(missed), taken, "left out, timed out, refused or shed"),
        Row::new(format!("{name}/taken"), "of 1", float(taken) / expected, taken, "of what should have been read"),
    ]
}

/// Readings taken in, and everything that keeps one out.
fn counts(daemon: &Daemon) -> [u64; 2] {
    let [taken, missed @ ..] = daemon.sums([
        "tidegate_buffer_readings_appended_total",
        "tidegate_adapter_overruns_total",
        "tidegate_adapter_timeouts_total",
        "tidegate_adapter_rejected_total",
        "tidegate_adapter_exceptions_total",
        "tidegate_adapter_shed_readings_total",
    ]);
    [taken, missed.iter().sum()]
}
