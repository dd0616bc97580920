//! The tools that bring a device into service, against pymodbus, over TCP and socat's terminals, and the simulator on a serial
//! port with mbpoll as a witness.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Cable, LIMIT, Units, is_here, process::Process};

/// Runs `tidegate modbus` to its end.
fn modbus(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("modbus").args(args);
    // The usual second is little on a machine that does everything at once.
    if !args.contains(&"--timeout") {
        command.args(["--timeout", "10s"]);
    }
    command.output().unwrap()
}

/// The JSON document that a tool printed.
fn document(args: &[&str]) -> Value {
    let output = modbus(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {said}"))
}

/// What pymodbus says of itself over a link.
fn expect_identity(link: &str) {
    let identity = document(&["identify", link, "--unit", "2", "--json"]);

    let objects = identity["objects"].as_array().unwrap();
    let of = |name: &str| objects.iter().find(|object| object["name"] == name).map(|object| object["text"].clone());
    assert_eq!(of("vendor"), Some(json!("Peers of the tests")), "{link}: {identity}");
    assert_eq!(of("model_name"), Some(json!("pymodbus units")), "{link}: {identity}");
    assert!(identity["server_id"]["text"].as_str().unwrap().contains("Peers of the tests"), "{link}: {identity}");
}

#[test]
fn pymodbus_says_what_it_is_in_every_framing() {
    for (scheme, framing) in [("tcp", "socket"), ("rtu+tcp", "rtu"), ("ascii+tcp", "ascii")] {
        let units = Units::start_with(2, 3, &[framing]);
        expect_identity(&format!("{scheme}://127.0.0.1:{}", units.port()));
    }
}

#[test]
fn units_on_a_serial_line_are_found_read_and_identified() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("usb-serial");
    let units = Units::start_with(2, 3, &["rtu"]);
    let _cable = Cable::to_server(&port, units.port());
    let link = format!("rtu://{}?baud=115200", port.display());

    let found = document(&["scan", &link, "--units", "1-2", "--baud", "115200", "--timeout", "2s", "--json"]);
    let ids: Vec<&Value> = found["units"].as_array().unwrap().iter().map(|unit| &unit["unit"]).collect();
    assert_eq!(ids, [&json!(1), &json!(2)], "{found}");
    let block = document(&["read", &link, "--unit", "2", "40003", "--count", "2", "--type", "u32", "--json"]);
    // Unit 2, point 1, read for the first time.
    assert_eq!(block["values"][0]["u32"]["ABCD"], json!((2 * 256 + 1) << 16 | 1), "{block}");
    expect_identity(&link);
}

#[test]
fn a_port_that_a_gateway_may_hold_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("usb-serial");
    let _cable = Cable::between(&port, &folder.path().join("other"));
    let other = fs::OpenOptions::new().read(true).write(true).open(&port).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();

    let refused = modbus(&["read", &format!("rtu://{}", port.display()), "holding:0"]);

    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(69), "{said}");
    assert!(said.contains("another program uses it") && said.contains("systemctl stop tidegate"), "{said}");
}

/// The simulator on a serial port.
fn simulate(scheme: &str, port: &Path, more: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["sim", "modbus", "--profile", "eastron/sdm120", "--unit", "9", "--seed", "7", "--dir"]);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles"));
    command.arg(format!("--{scheme}")).arg(port).args(["--baud", "9600"]).args(more);
    let simulator = Process::start("sim", &mut command);
    assert_eq!(
        simulator.line(0),
        format!("listening on {scheme}://{}: unit 9 is eastron/sdm120, seed 7", port.display())
    );
    simulator
}

#[test]
fn a_simulated_meter_is_read_over_a_serial_port() {
    for scheme in ["rtu", "ascii"] {
        let folder = tempfile::tempdir().unwrap();
        let (near, far) = (folder.path().join("near"), folder.path().join("far"));
        let _cable = Cable::between(&near, &far);
        let mut simulator = simulate(scheme, &far, &[]);
        let link = format!("{scheme}://{}?baud=9600", near.display());

        let block = document(&["read", &link, "input:0", "--unit", "9", "--count", "2", "--type", "f32", "--json"]);

        let voltage = block["values"][0]["f32"]["ABCD"].as_f64().unwrap();
        assert!((220.0..240.0).contains(&voltage), "{scheme}: {block}");
        if scheme == "rtu" && is_here("mbpoll", "/usr/bin/mbpoll") {
            expect_witness(&near);
        }
        simulator.signal(Signal::INT);
        assert!(simulator.wait_exit(LIMIT).success());
    }
}

#[test]
fn a_simulated_meter_needs_no_cable() {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("meter");
    let mut simulator = simulate("rtu", &port, &["--pty"]);
    let link = format!("rtu://{}?baud=9600", port.display());

    for _ in 0..2 {
        let found = document(&["scan", &link, "--units", "9", "--timeout", "2s", "--json"]);
        assert_eq!(found["units"][0]["unit"], 9, "{found}");
    }
    if is_here("mbpoll", "/usr/bin/mbpoll") {
        expect_witness(&port);
    }

    simulator.signal(Signal::INT);
    assert!(simulator.wait_exit(LIMIT).success());
    assert!(!port.exists());
}

/// mbpoll, which is not ours, reads the voltage, too.
fn expect_witness(port: &Path) {
    let mut mbpoll = Command::new("mbpoll");
    mbpoll
        .args([
            "-m", "rtu", "-a", "9", "-b", "9600", "-P", "even", "-t", "3:float", "-B", "-r", "1", "-1", "-q", "-o",
            "10",
        ])
        .arg(port);
    let read = mbpoll.output().unwrap();
    let text = String::from_utf8_lossy(&read.stdout);
    let voltage = text.lines().find_map(|line| line.strip_prefix("[1]:")?.trim().parse::<f64>().ok());
    assert!(voltage.is_some_and(|voltage| (220.0..240.0).contains(&voltage)), "{text}");
}
