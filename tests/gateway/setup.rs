//! A gateway's life by the command line alone: set up, looked at, backed up, restored.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rustix::process::Signal;

use crate::{
    harness::{Broker, Gateway, LIMIT},
    profiles::{shipped, simulate},
};

/// Runs a command line on a site; exit code and everything it printed.
fn run(config: &Path, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    let Output { status, stdout, stderr } = command.args(args).arg("--config").arg(config).output().unwrap();
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// A configuration as the package brings it, but for its folders.
fn fresh(folder: &Path) -> PathBuf {
    let config = folder.join("tidegate.toml");
    // The unit's StateDirectory makes it.
    fs::create_dir(folder.join("state")).unwrap();
    let (place, profiles) = (folder.display(), shipped());
    let text = format!(
        "[gateway]\nid = \"gw\"\n[api]\nsocket = \"{place}/api.sock\"\n[buffer]\npath = \"{place}/state/buffer.db\"\n\
         [rules]\ndir = \"{place}/rules\"\n[profiles]\ndirs = [\"{}\"]\n",
        profiles.display()
    );
    fs::write(&config, text).unwrap();
    config
}

/// Everything in a compressed tar, as one text.
fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(File::open(path).unwrap()));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        text += &entry.path().unwrap().to_string_lossy();
        entry.read_to_string(&mut text).unwrap();
    }
    text
}

#[test]
fn answers_lead_to_an_acknowledged_reading_and_the_gateway_survives_its_own_backup() {
    let folder = tempfile::tempdir().unwrap();
    let (mut simulator, port) = simulate(&["eastron/sdm120"]);
    let broker = Broker::start_with_user("anna", "open-sesame");
    let config = fresh(folder.path());
    let gateway = Gateway::start_with(&config);
    gateway.wait_for_log("Gateway is up");
    let answers = folder.path().join("answers.toml");
    let text = format!(
        "[uplink]\nhost = \"127.0.0.1\"\nport = {}\ntls = false\nusername = \"anna\"\npassword = \"open-sesame\"\n\
         [[modbus]]\nname = \"line1\"\nlink = \"tcp://127.0.0.1:{port}\"\n\
         device = [{{ id = \"meter-1\", profile = \"eastron/sdm120\" }}]\n",
        broker.port()
    );
    fs::write(&answers, text).unwrap();

    let (code, said) = run(&config, &["setup", "--answers", answers.to_str().unwrap(), "--wait", "60s"]);
    assert_eq!(code, Some(0), "{said}\n{}", gateway.log());
    assert!(said.contains("first reading: meter-1/"), "{said}");
    assert!(said.contains(&format!("acknowledged by cloud at mqtt://127.0.0.1:{}", broker.port())), "{said}");

    let bundle = folder.path().join("bundle.tar.gz");
    let (code, said) = run(&config, &["support-bundle", "--output", bundle.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
    let text = unpacked(&bundle);
    assert!(text.contains("\"state\": \"connected\"") && text.contains("meter-1"), "{text}");
    assert!(!text.contains("open-sesame") && !text.contains("anna"), "{text}");

    let backup = folder.path().join("gw.backup");
    let backup = backup.to_str().unwrap();
    let (code, said) = run(&config, &["backup", backup, "--with-buffer"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(&config, &["restore", backup, "--force"]).0, Some(69));

    assert!(gateway.stop().success());
    assert_eq!(run(&config, &["restore", backup]).0, Some(1));
    let (code, said) = run(&config, &["restore", backup, "--force"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&config, &["buffer", "check"]);
    assert_eq!(code, Some(0), "{said}");
    let again = Gateway::start_with(&config);
    again.wait_for_log("Connected to the broker");
    assert!(again.stop().success());
    simulator.signal(Signal::INT);
    assert!(simulator.wait_exit(LIMIT).success());
}
