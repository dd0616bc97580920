//! The judge: `docs/examples/completeness.py`, run on what arrived.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Message, PREFIX};

/// The interpreter that has the peers' libraries.
pub(crate) fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python")
}

/// The reference consumer with the prefix of every gateway under test.
pub(crate) fn completeness() -> Command {
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/completeness.py"));
    command.args(["--json", "--prefix", PREFIX]);
    command
}

/// Keeps the messages of a cloud for whoever looks into a run that went wrong; says where.
pub(crate) fn keep(cloud: usize, messages: &[Message]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-cloud-{cloud}.ndjson"));
    fs::write(&path, messages.iter().map(line).collect::<String>()).unwrap();
    path
}

/// What it says about messages.
pub(crate) fn verdict(messages: &[Message]) -> Value {
    let dir = TempDir::new().unwrap();
    let recording = dir.path().join("recorded.ndjson");
    fs::write(&recording, messages.iter().map(line).collect::<String>()).unwrap();
    let output = completeness().arg("--replay").arg(recording).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report: {error}"));
    assert_eq!(output.status.code(), Some(i32::from(report["complete"] != true)), "{error}");
    report
}

/// A message as `mosquitto_sub -F %j` writes it.
fn line(message: &Message) -> String {
    let payload = str::from_utf8(&message.payload).expect("the gateway sends text");
    format!("{}\n", json!({"topic": message.topic, "payload": payload}))
}
