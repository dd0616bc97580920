//! Devices that are described by shipped profiles, served by the shipped simulator.

use std::{path::Path, process::Command};

use rustix::process::Signal;

use crate::harness::{Blocks, Broker, Gateway, LIMIT, Listener, Site, process::Process};

/// The simulator on a free port, with these profiles as units 1 and up, and its port.
pub(crate) fn simulate(profiles: &[&str]) -> (Process, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["sim", "modbus", "--unit", "1", "--seed", "7", "--tcp", "127.0.0.1:0", "--dir"]).arg(shipped());
    command.args(profiles.iter().flat_map(|name| ["--profile", name]));
    let simulator = Process::start("sim", &mut command);
    let ready = simulator.line(0);
    let port = ready.split(':').nth(2).and_then(|rest| rest.split(' ').next()?.parse::<u16>().ok());
    let port = port.unwrap_or_else(|| panic!("no port in {ready:?}"));
    (simulator, port.to_string())
}

/// The profiles of this repository.
pub(crate) fn shipped() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/profiles")
}

#[test]
fn a_simulated_meter_reaches_the_broker_with_nothing_but_its_profile() {
    let (mut simulator, port) = simulate(&["eastron/sdm120", "generic/xy-md02"]);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port()).with(&format!(
        "[profiles]\ndirs = [{:?}]\n[[adapter]]\nname = \"sim\"\nkind = \"modbus\"\nlink = \"tcp://127.0.0.1:{port}\"\n\
         [[device]]\nid = \"meter\"\nadapter = \"sim\"\naddress = {{ unit = 1 }}\nprofile = \"eastron/sdm120\"\n\
         [[device]]\nid = \"room\"\nadapter = \"sim\"\naddress = {{ unit = 2 }}\nprofile = \"generic/xy-md02\"\n",
        shipped()
    ));
    let gateway = Gateway::start(&site);

    listener.wait_for("readings of every point", |messages| {
        let series = Blocks::received(messages).series();
        (series.len() == 15 && series.get("meter/voltage")?.len() > 2).then_some(())
    });

    assert!(gateway.stop().success());
    let series = Blocks::received(&listener.messages()).series();
    // A busy machine may be late with an answer, which is a reading without a value.
    let first = |name: &str| series[name].iter().find_map(|reading| reading.value.as_f64()).unwrap();
    let voltage = first("meter/voltage");
    assert!((220.0..240.0).contains(&voltage), "{voltage}");
    let temperature = first("room/temperature");
    assert!((15.0..27.0).contains(&temperature), "{temperature}");
    simulator.signal(Signal::INT);
    assert!(simulator.wait_exit(LIMIT).success());
}
