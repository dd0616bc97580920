//! What goes into a bundle, one function per part.

use std::{path::PathBuf, sync::mpsc, thread, time::Duration};

use serde_json::{Value, json};

use super::super::{context::Context, programs::ask, seams};
use crate::{
    adapter::registry,
    buffer::damage,
    host::{Root, bluetooth, machine, serial},
    model::Timestamp,
};

/// The unit whose log is taken.
const UNIT: &str = "tidegate.service";
/// Lines of the log.
const LOG_LINES: &str = "2000";
/// Longest look through a buffer; what is not done by then is left out.
const BUFFER_LIMIT: Duration = Duration::from_secs(120);
/// Packages whose versions matter.
const PACKAGES: [&str; 6] = ["tidegate", "bluez", "libc6", "libdbus-1-3", "systemd", "modemmanager"];

/// One file of the bundle.
pub(super) struct Part {
    /// Its name.
    pub(super) name: &'static str,
    /// What is in it.
    pub(super) body: Body,
}

/// What is in a file, before secrets are taken out.
pub(super) enum Body {
    /// For programs and people.
    Json(Value),
    /// For people.
    Text(String),
}

/// Everything there is to know.
pub(super) fn gather(context: &Context, files: &[(PathBuf, Value)], now: Timestamp, with_buffer: bool) -> Vec<Part> {
    let json = |name, json| Part { name, body: Body::Json(json) };
    let text = |name, text: Result<String, String>| {
        let text = text.unwrap_or_else(|why| format!("not to be had: {why}\n"));
        Part { name, body: Body::Text(text) }
    };
    let mut parts = vec![
        json("about.json", about(context, now)),
        json("config.json", config(files)),
        text("check.txt", Ok(checked(context))),
        json("status.json", from_daemon(context, "/api/v1/status")),
        json("devices.json", from_daemon(context, "/api/v1/devices")),
        json("health.json", from_daemon(context, "/health")),
        json("hardware.json", hardware()),
        text("unit.txt", ask("systemctl", &["--no-pager", "--full", "--lines=0", "status", UNIT])),
        text("log.txt", log()),
    ];
    if with_buffer {
        parts.push(json("buffer-check.json", buffer(context)));
    }
    parts
}

/// Versions, and where all this comes from.
fn about(context: &Context, now: Timestamp) -> Value {
    let mut kinds: Vec<_> = registry::kinds().iter().map(|kind| kind.kind).collect();
    kinds.sort_unstable();
    let packages = ["-W", "-f", "${Package} ${Version} ${Architecture}\\n"].iter().chain(&PACKAGES);
    json!({
        "created": now.to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "adapters": kinds,
        "architecture": std::env::consts::ARCH,
        "config": context.config(),
        "systemd": said(ask("systemctl", &["--version"])),
        "bluez": said(ask("bluetoothctl", &["--version"])),
        "packages": said(ask("dpkg-query", &packages.copied().collect::<Vec<_>>())),
    })
}

/// The lines a program said, or why it did not.
fn said(answer: Result<String, String>) -> Value {
    match answer {
        Ok(text) => text.lines().map(Value::from).collect(),
        Err(why) => json!({ "error": why }),
    }
}

/// Each file of the configuration under its name.
fn config(files: &[(PathBuf, Value)]) -> Value {
    Value::Object(files.iter().map(|(path, shown)| (path.to_string_lossy().into_owned(), shown.clone())).collect())
}

/// What `tidegate check` says.
fn checked(context: &Context) -> String {
    let report = seams::check(context.config());
    if report.errors == 0 { format!("{}valid: {}\n", report.text, report.summary) } else { report.text }
}

/// What the daemon answers, or why it does not.
fn from_daemon(context: &Context, path: &str) -> Value {
    context.get(path).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

/// The machine, with what is plugged into it.
fn hardware() -> Value {
    let root = Root::system();
    json!({
        "machine": machine::machine(&root),
        "serial_ports": serial::ports(&root),
        "bluetooth_radios": bluetooth::radios(&root),
    })
}

/// The last lines of the log.
fn log() -> Result<String, String> {
    let args = ["--quiet", "--no-pager", "--output=short-iso-precise", "--lines", LOG_LINES, "--unit", UNIT];
    ask("journalctl", &args)
}

/// What a look through the buffer finds, within its time.
fn buffer(context: &Context) -> Value {
    let settings = match seams::buffer(context.config()) {
        Ok(settings) if settings.path.exists() => settings,
        Ok(settings) => return json!({ "error": format!("there is no file {}", settings.path.display()) }),
        Err(error) => return json!({ "error": error.to_string() }),
    };
    let (tell, told) = mpsc::sync_channel(1);
    // Late, it is left behind: it only reads, and the program ends soon.
    thread::spawn(move || {
        let checked = damage::check(&settings.path, settings.key.as_ref(), &mut |_| ());
        tell.send(checked.map_or_else(|error| json!({ "error": error.to_string() }), |checked| json!(checked)))
    });
    match told.recv_timeout(BUFFER_LIMIT) {
        Ok(found) => found,
        Err(_) => json!({ "error": format!("not done within {} s", BUFFER_LIMIT.as_secs()) }),
    }
}
