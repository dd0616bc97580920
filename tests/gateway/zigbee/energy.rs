//! What the coordinator's radio is asked: how busy channels are, and how strongly it shall send.

use std::{fs, io::Write as _, path::Path, process::Command, thread};

use serde_json::{Value, json};
use tidegate::testing::zigbee::{Kind, ScanFault, Stick};

use super::{Coordinator, Scene};

/// A network on channel 15, with a plug that reports.
fn scene() -> Scene {
    let scene = Scene::start(Coordinator::start(&[Kind::Plug]));
    scene.let_all_in();
    scene
}

/// A scan of some channels, once and for a short time.
fn scan<'a>(channels: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["zigbee", "energy-scan", "--channels", channels, "--rounds", "1", "--duration", "0"], more].concat()
}

/// Waits until the coordinator was asked to measure.
fn wait_for_scan(scene: &Scene) {
    crate::harness::eventually("channels to be measured", || {
        scene.coordinator.with(|stick| (stick.asked_scans > 0).then_some(()))
    });
}

#[test]
fn every_channel_is_measured_and_the_quietest_named() {
    let scene = scene();
    scene.coordinator.with(|stick| stick.energies.extend([(15, 90), (25, 1)]));

    let found: Value = serde_json::from_str(&scene.tidegate(&scan("11-26", &["--json"]))).unwrap();

    assert_eq!((&found["own"], &found["quietest"]), (&json!(15), &json!(25)), "{found:#}");
    assert_eq!((&found["rounds"], &found["duration"]), (&json!(1), &json!(0)));
    let channels = found["channels"].as_array().unwrap();
    assert_eq!(
        channels.iter().map(|channel| channel["channel"].as_u64().unwrap()).collect::<Vec<_>>(),
        (11..=26).collect::<Vec<_>>()
    );
    let own = &channels[4];
    let energy = own["energy"].as_u64().unwrap();
    assert!((90..=92).contains(&energy) && own["is_own"] == true, "{own}");
    // The scale of the firmware that is simulated: 90 of 255 between -87 and -10 dBm.
    assert_eq!((&own["dbm"], &own["measured"]), (&json!(-60), &json!(1)), "{own}");
    assert_eq!(scene.coordinator.with(|stick| stick.asked_scans), 16);

    let text = scene.tidegate(&scan("15,25", &[]));
    assert!(text.contains("this network\n") && text.contains("channel 25 is the quietest of them"), "{text}");
    assert_eq!(scene.coordinator.with(|stick| stick.network()).unwrap().channel, 15);
}

#[test]
fn devices_are_heard_meanwhile_and_nobody_else_measures() {
    let scene = scene();
    thread::scope(|scope| {
        let long = scope.spawn(|| scene.tidegate(&["zigbee", "energy-scan", "--json", "--rounds", "10"]));
        wait_for_scan(&scene);

        scene.fails(&scan("11", &[]), "channels are being measured already");
        scene.send("c-1", ("plug-1", "on"), &json!(false));
        assert_eq!(scene.outcome("c-1")["status"], "done");
        scene.wait_for_reading("plug-1", "on", &json!(false), &Value::Null);
        assert!(!long.is_finished(), "it was over before anything else could happen");

        // It ends early: the rest is not worth a minute of test.
        scene.coordinator.with(|stick| stick.scan_fault = Some(ScanFault::Refuses));
        assert!(long.join().is_err());
    });
}

#[test]
fn a_coordinator_that_does_not_measure_is_told_with_its_reason() {
    let scene = scene();
    for (fault, why) in [
        (ScanFault::Refuses, "the coordinator does not measure channel 13: not supported (0x84)"),
        (ScanFault::Lies, "the coordinator does not measure channel 13: its answer cannot be read"),
        (ScanFault::Silent, "the coordinator does not measure channel 13: no answer within 3030 ms"),
    ] {
        scene.coordinator.with(|stick| stick.scan_fault = Some(fault));
        scene.fails(&scan("11-26", &["--json"]), why);
    }

    // What belongs to no question of ours is passed over.
    scene.coordinator.with(|stick| stick.scan_fault = Some(ScanFault::Stray));
    let found: Value = serde_json::from_str(&scene.tidegate(&scan("11-14", &["--json"]))).unwrap();
    let measured = found["channels"].as_array().unwrap().iter().map(|channel| channel["measured"].as_u64().unwrap());
    assert_eq!(measured.collect::<Vec<_>>(), [1, 1, 1, 1], "{found:#}");
}

#[test]
fn a_scan_ends_with_the_coordinator() {
    let scene = scene();
    scene.coordinator.with(|stick| stick.scan_fault = Some(ScanFault::Silent));
    thread::scope(|scope| {
        scope.spawn(|| scene.fails(&scan("11-26", &[]), "the coordinator is no longer there"));
        wait_for_scan(&scene);
        scene.coordinator.with(Stick::restart);
    });
}

#[test]
fn a_slip_of_the_pen_is_told_without_a_gateway() {
    for (args, why) in [
        (&["--channels", "11-27"][..], "channel 27 is outside 11 to 26"),
        (&["--channels", "eleven"], "are no channels: write 11-26"),
        (&["--rounds", "0"], "0 rounds are outside 1 to 10"),
        (&["--duration", "5", "--rounds", "10"], "that takes 162 s, and 120 s at most"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        let output = command.args(["zigbee", "energy-scan"]).args(args).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.contains(why), "{told}");
    }
}

/// The power in the network's status.
fn power(scene: &Scene) -> Value {
    let network: Value = serde_json::from_str(&scene.tidegate(&["zigbee", "status", "--json"])).unwrap();
    network["tx_power"].clone()
}

#[test]
fn the_coordinator_is_told_how_strongly_to_send_at_each_start() {
    let scene = Scene::with(Coordinator::start(&[Kind::Plug]), "form = true\ntx_power = 9");
    scene.wait_for_log("Zigbee network is at work");
    assert_eq!(scene.coordinator.with(|stick| stick.tx_power), Some(9));
    assert_eq!(power(&scene), json!({ "wanted": 9, "state": "set", "dbm": null, "why": null }));
    assert!(scene.tidegate(&["zigbee", "status"]).contains("took 9 dBm or the nearest it has"));

    scene.coordinator.with(Stick::restart);
    crate::harness::eventually("the power to be set again", || {
        scene.coordinator.with(|stick| (stick.tx_power == Some(9)).then_some(()))
    });
}

#[test]
fn a_power_that_the_coordinator_does_not_take_is_told_and_the_network_works() {
    let scene = Scene::with(Coordinator::start(&[Kind::Plug]), "form = true\ntx_power = 22");
    scene.let_all_in();

    let told = scene.wait_for_event(&json!({"type": "gateway", "what": "zigbee-tx-power"}));

    let text = told["text"].as_str().unwrap();
    assert!(text.contains("does not take 22 dBm: mac invalid parameter (0xe8)"), "{text}");
    assert_eq!(power(&scene)["state"], "refused");
    assert_eq!(scene.coordinator.with(|stick| stick.tx_power), None);
}

#[test]
fn without_a_wish_the_coordinator_sends_as_it_will() {
    let scene = Scene::start(Coordinator::start(&[]));
    scene.wait_for_log("Zigbee network is at work");
    assert_eq!((scene.coordinator.with(|stick| stick.tx_power), power(&scene)), (None, Value::Null));
}

#[test]
fn a_host_of_others_reads_the_same_energies_and_powers() {
    let coordinator = Coordinator::start(&[]);
    coordinator.with(|stick| stick.energies.extend((11..=26).map(|channel| (channel, 8 * (channel - 10)))));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/peers/zigpy");
    let installed = fs::read_to_string(folder.join("requirements.txt")).unwrap_or_default();
    if !installed.contains("zigpy-znp") {
        let _ = writeln!(std::io::stderr(), "\n*** LEFT OUT: no zigpy-znp; make setup installs it ***\n");
        return;
    }

    let mut command = Command::new(folder.join("bin/python"));
    let link = format!("127.0.0.1:{}", coordinator.port());
    let output = command.arg(root.join("tests/peers/zigbee/radio.py")).args([&link, "9"]).output().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let energies = theirs["energies"].as_object().unwrap();
    assert_eq!(energies.len(), 16, "{theirs}");
    for (channel, energy) in energies {
        let set = 8 * (channel.parse::<u64>().unwrap() - 10);
        assert!((set..=set + 2).contains(&energy.as_u64().unwrap()), "{channel}: {energy}");
    }
    assert!(theirs["refused"].as_str().unwrap().contains("MAC_INVALID_PARAMETER"), "{theirs}");
    assert_eq!(coordinator.with(|stick| stick.tx_power), Some(9));
}
