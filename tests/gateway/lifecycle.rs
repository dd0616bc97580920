//! Starting, reloading and stopping, also with everything wrong.

use std::{fs, path::Path, process::Command};

use crate::harness::{BadBroker, Blocks, Broker, Gateway, Listener, Site, Tap, Units};

#[test]
fn a_wrong_configuration_ends_with_78_and_a_report_of_every_problem() {
    let site = Site::new(1).with("[bufer]\nsize = 1\n\n[[device]]\nid = \"lost\"\nadapter = \"nowhere\"");

    let (status, log) = Gateway::start(&site).wait_exit();

    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("tidegate.toml:"), "{log}");
    assert!(log.contains("bufer") && log.contains("buffer"), "the nearest known key is missing:\n{log}");
    assert!(log.contains("nowhere"), "the second problem is missing:\n{log}");
}

#[test]
fn the_configuration_in_the_readme_is_valid() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let text = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a TOML block");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("meter.toml");
    fs::create_dir(dir.path().join("rules")).unwrap();
    fs::write(&config, text).unwrap();

    let mut check = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let output = check.arg("check").arg("--strict").arg("--config").arg(&config).output().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_missing_configuration_ends_with_78_and_names_the_file() {
    let site = Site::new(1);

    let (status, log) = Gateway::start_with(&site.path("nowhere.toml")).wait_exit();

    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("nowhere.toml"), "{log}");
}

#[test]
fn a_broker_that_refuses_the_login_is_named_and_costs_no_reading() {
    let units = Units::start(1, 4);
    let broker = Broker::start_with_user("gw", "right");
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(units.port(), 1, 4, "200ms");
    let password = site.path("password");
    fs::write(&password, "wrong").unwrap();
    let login = format!("window = 10\nusername = \"gw\"\npassword = {{ file = \"{}\" }}", password.display());
    site.replace("window = 10", &login);

    let gateway = Gateway::start(&site);
    units.wait_served(5);
    gateway.wait_for_log("cloud");
    assert!(!gateway.log().contains("wrong"), "the password is in the log");
    fs::write(&password, "right").unwrap();
    listener.wait_for("the first readings", |messages| {
        let series = Blocks::received(messages).series();
        (series.len() == 4 && series.values().all(|readings| readings.len() > 5)).then_some(())
    });

    assert!(gateway.stop().success());
    for (name, readings) in Blocks::received(&listener.messages()).series() {
        assert_eq!(readings[0].number() & 0xffff, 1, "{name} lost its first readings");
    }
}

#[test]
fn a_broker_that_never_makes_a_session_costs_no_reading() {
    let units = Units::start(1, 1);
    let bad = BadBroker::start();
    let port = bad.port();
    let site = Site::new(port).line(units.port(), 1, 1, "200ms");
    let gateway = Gateway::start(&site);
    bad.wait_for_all();
    drop(bad);

    // A session for the listener must be there before the gateway's first message is.
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let _bridge = Tap::start_on(port, broker.port());

    listener.wait_for_message("/data", |_| true);
    assert_eq!(gateway.count_in_log("panicked"), 0);
    assert!(gateway.stop().success());
    let series = Blocks::received(&listener.messages()).series();
    assert_eq!(series["unit-1/v0"][0].number() & 0xffff, 1, "the first readings are lost");
}

#[test]
fn a_second_daemon_on_the_same_site_is_refused_and_the_first_goes_on() {
    let units = Units::start(1, 1);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port()).line(units.port(), 1, 1, "200ms");
    let first = Gateway::start(&site);
    listener.wait_for_message("/data", |_| true);

    let (status, log) = Gateway::start(&site).wait_exit();

    assert!(!status.success(), "{log}");
    assert!(log.contains("api.sock") || log.contains("buffer.db"), "what is in use is not named:\n{log}");
    let before = units.served()["1/0"];
    units.wait_served(before + 3);
    assert!(first.stop().success());
}

#[test]
fn a_reload_takes_a_valid_change_without_a_new_start() {
    let units = Units::start(2, 2);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(units.port(), 1, 2, "200ms");
    let gateway = Gateway::start(&site);
    listener.wait_for_message("/data", |_| true);

    site = site.with(
        "[[device]]\nid = \"unit-2\"\nadapter = \"line\"\naddress = { unit = 2 }\n\
         [[device.point]]\nname = \"v0\"\nregister = \"holding:0\"\ntype = \"u32\"\npoll = \"200ms\"",
    );
    gateway.reload(&site);

    listener.wait_for("readings of the new device", |messages| {
        Blocks::received(messages).series().contains_key("unit-2/v0").then_some(())
    });
    assert!(gateway.stop().success());
    assert_eq!(Blocks::received(&listener.messages()).epochs().len(), 1, "the daemon started anew");
}

#[test]
fn what_is_changed_from_the_command_line_is_written_down() {
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let site = Site::new(broker.port());
    let gateway = Gateway::start(&site);
    gateway.wait_for_log("Gateway is up");

    for args in [["log-level", "warn"].as_slice(), &["reload"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        assert!(command.args(args).arg("--config").arg(site.write()).status().unwrap().success(), "{args:?}");
    }

    for what in ["log at the level warn", "reload the configuration"] {
        let event = listener.wait_for_message("/event", |event| event["what"] == what);
        assert!(event["type"] == "audit" && event["allowed"] == true, "{event}");
    }
    assert!(gateway.stop().success());
}

#[test]
fn a_reload_refuses_an_invalid_change_and_keeps_the_old() {
    let units = Units::start(1, 1);
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let mut site = Site::new(broker.port()).line(units.port(), 1, 1, "200ms");
    let gateway = Gateway::start(&site);
    listener.wait_for_message("/data", |_| true);

    site.replace("order = \"strict\"", "order = \"sideways\"");
    gateway.reload(&site);

    gateway.wait_for_log("tidegate.toml:");
    let before = units.served()["1/0"];
    units.wait_served(before + 3);
    assert_eq!(gateway.count_in_log("panicked"), 0);
    assert!(gateway.stop().success());
}

#[test]
fn a_stop_says_offline_before_the_connection_ends() {
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let units = Units::start(1, 1);
    let site = Site::new(broker.port()).line(units.port(), 1, 1, "200ms");
    let gateway = Gateway::start(&site);
    let online = listener.wait_for_message("/state", |state| state["state"] == "online");

    assert!(gateway.stop().success());

    let offline = listener.wait_for_message("/state", |state| state["state"] == "offline");
    assert_eq!(offline["store"], online["store"]);
    assert_eq!(offline["epoch"], online["epoch"]);
    let late = Listener::start(broker.port());
    late.wait_for("the retained state", |messages| {
        messages.iter().find(|message| message.retain && message.json()["state"] == "offline").map(|_| ())
    });
}

#[test]
fn a_kill_is_told_by_the_last_will() {
    let broker = Broker::start();
    let listener = Listener::start(broker.port());
    let units = Units::start(1, 1);
    let site = Site::new(broker.port()).line(units.port(), 1, 1, "200ms");
    let gateway = Gateway::start(&site);
    listener.wait_for_message("/state", |state| state["state"] == "online");

    gateway.kill();

    listener.wait_for_message("/state", |state| state["state"] == "offline");
}
