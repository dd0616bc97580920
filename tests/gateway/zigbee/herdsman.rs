//! The simulated coordinator under a host that is not ours: zigbee-herdsman, which drives many real ones.

use std::{io::Write as _, path::Path, process::Command};

use serde_json::{Value, json};
use tidegate::{adapter::zigbee::backup::Backup, testing::zigbee::Kind};

use super::Coordinator;

/// Runs the host; its steps, or nothing where it cannot be had.
fn host(coordinator: &Coordinator, folder: &Path) -> Option<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = root.join("target/peers/herdsman/node_modules");
    if !modules.exists() {
        let _ = writeln!(std::io::stderr(), "\n*** LEFT OUT: no zigbee-herdsman; make setup installs it ***\n");
        return None;
    }
    let output = Command::new("node")
        .env("NODE_PATH", modules)
        .arg(root.join("tests/peers/zigbee/host.cjs"))
        .arg(format!("127.0.0.1:{}", coordinator.port()))
        .arg(folder)
        .arg(coordinator.devices().to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let steps = String::from_utf8(output.stdout).unwrap();
    Some(steps.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The step of this name.
fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|step| step["step"] == *name).unwrap_or_else(|| panic!("no {name} in {steps:?}"))
}

#[test]
fn a_host_of_others_takes_the_simulated_coordinator_for_a_real_one() {
    let coordinator = Coordinator::start(&Kind::all());
    coordinator.with(|stick| stick.energies.extend([(15, 90), (25, 1)]));
    let folder = tempfile::tempdir().unwrap();

    let Some(steps) = host(&coordinator, folder.path()) else { return };

    assert_eq!(step(&steps, "start")["how"], "reset");
    assert_eq!(step(&steps, "network"), &json!({"step": "network", "pan": 0x1a62, "channel": 15}));
    let interviews: Vec<_> = steps.iter().filter(|step| step["step"] == "interview").collect();
    assert_eq!(interviews.len(), coordinator.devices());
    assert!(interviews.iter().all(|step| step["status"] == "successful"), "{interviews:?}");
    assert_eq!(step(&steps, "command")["on"], 0);
    assert_eq!(step(&steps, "group")["on"], 1);
    assert_eq!(step(&steps, "neighbors")["count"], coordinator.devices());
    let measured = step(&steps, "energy");
    assert_eq!((&measured["status"], &measured["channels"]), (&json!(0), &json!(1 << 15 | 1 << 25)));
    let [own, other] = [0, 1].map(|at| measured["values"][at].as_u64().unwrap());
    assert!((90..=92).contains(&own) && (1..=3).contains(&other), "{measured}");
    step(&steps, "stop");

    // What it backs up is what we read, and with what it goes on.
    let text = std::fs::read(folder.path().join("backup.json")).unwrap();
    let backup = Backup::parse(&text).unwrap();
    assert_eq!(Some(&backup.held.network), coordinator.with(|stick| stick.network()).as_ref());
    assert_eq!(backup.members.len(), coordinator.devices());
    assert!(backup.members.iter().all(|member| member.link.is_some()));
    let steps = host(&coordinator, folder.path()).unwrap();
    assert_eq!(step(&steps, "start")["how"], "resumed");
    // It sets the power while it starts; a new network, before, made the chip forget it again.
    assert_eq!(coordinator.with(|stick| stick.tx_power), Some(9));
    step(&steps, "stop");

    // And it restores its network onto a coordinator that lost it.
    coordinator.with(tidegate::testing::zigbee::Stick::swap);
    let steps = host(&coordinator, folder.path()).unwrap();
    assert_eq!(step(&steps, "start")["how"], "restored");
    step(&steps, "stop");
}
