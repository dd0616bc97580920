//! The files that answers become, and their way onto the disk: all of them or none.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
};

use super::{
    super::error::CliError,
    answers::{Answers, Modbus, Uplink, Zigbee},
};
use crate::host::{Root, identity};

/// The file of what was asked, behind what an administrator would name `10-…` and before `site.toml`.
const FILE: &str = "setup.toml";
/// What is at its head.
const HEAD: &str = "# Written by tidegate setup. It is yours: change what you like, and tidegate check.\n";

/// A file that is to be written.
#[derive(Debug)]
pub(super) struct Draft {
    /// Where.
    path: PathBuf,
    /// What is in it.
    pub(super) text: String,
}

/// The paths of answers that are taken already.
pub(super) fn taken(answers: &Answers, config: &Path) -> Vec<PathBuf> {
    let paths = std::iter::once(setup_file(config))
        .chain(answers.uplink.iter().filter_map(|uplink| password_file(uplink, config)));
    paths.filter(|path| path.exists()).collect()
}

/// The files, the secret first: who reads the configuration finds it there.
pub(super) fn render(answers: &Answers, config: &Path) -> Result<Vec<Draft>, CliError> {
    let mut drafts = Vec::new();
    if let Some(uplink) = &answers.uplink
        && let (Some(path), Some(password)) = (password_file(uplink, config), &uplink.password)
    {
        drafts.push(Draft { path, text: format!("{}\n", password.0) });
    }
    let text = toml(answers, config)?;
    drafts.push(Draft { path: setup_file(config), text });
    Ok(drafts)
}

/// `conf.d/setup.toml` beside the main file.
fn setup_file(config: &Path) -> PathBuf {
    config.with_file_name("conf.d").join(FILE)
}

/// `cloud.password` beside the main file, when there is one.
fn password_file(uplink: &Uplink, config: &Path) -> Option<PathBuf> {
    uplink.password.as_ref().map(|_| config.with_file_name(format!("{}.password", uplink.name.replace('/', "-"))))
}

/// The whole configuration.
fn toml(answers: &Answers, config: &Path) -> Result<String, CliError> {
    let mut text = HEAD.to_owned();
    let mut gateway = String::new();
    for (key, value) in [("id", &answers.gateway.id), ("site", &answers.gateway.site)] {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(gateway, "{key} = {}", quoted(value));
        }
    }
    if !gateway.is_empty() {
        let _ = write!(text, "\n[gateway]\n{gateway}");
    }
    if let Some(uplink) = &answers.uplink {
        text += &uplink_toml(uplink, config)?;
    }
    text.extend(answers.modbus.iter().map(modbus_toml));
    text.extend(answers.zigbee.iter().map(zigbee_toml));
    if answers.bluetooth {
        text += "\n[[adapter]]\nname = \"ble\"\nkind = \"ble\"\naccept = \"formats\"\n";
    }
    Ok(text)
}

/// `[[uplink]]`
fn uplink_toml(uplink: &Uplink, config: &Path) -> Result<String, CliError> {
    let (scheme, port) = if uplink.tls { ("mqtts", 8883) } else { ("mqtt", 1883) };
    // An IPv6 address has brackets in a URL.
    let host = if uplink.host.contains(':') && !uplink.host.starts_with('[') {
        format!("[{}]", uplink.host)
    } else {
        uplink.host.clone()
    };
    let url = format!("{scheme}://{host}:{}", uplink.port.unwrap_or(port));
    let mut text = format!("\n[[uplink]]\nname = {}\nurl = {}\n", quoted(&uplink.name), quoted(&url));
    if let Some(ca) = &uplink.ca {
        // A relative path was meant from where the answer was given, not from the configuration.
        let ca = std::path::absolute(ca)?;
        let _ = writeln!(text, "tls = {{ ca = {} }}", quoted(&ca.to_string_lossy()));
    }
    if let Some(username) = &uplink.username {
        let _ = writeln!(text, "username = {}", quoted(username));
    }
    if let Some(path) = password_file(uplink, config) {
        let _ = writeln!(text, "password = {{ file = {} }}", quoted(&path.to_string_lossy()));
    }
    Ok(text)
}

/// A Modbus link with its devices.
fn modbus_toml(link: &Modbus) -> String {
    let name = quoted(&link.name);
    let mut text = format!("\n[[adapter]]\nname = {name}\nkind = \"modbus\"\nlink = {}\n", quoted(&link.link));
    for device in &link.device {
        let (id, profile) = (quoted(&device.id), quoted(&device.profile));
        let _ = write!(
            text,
            "\n[[device]]\nid = {id}\nadapter = {name}\naddress = {{ unit = {} }}\nprofile = {profile}\n",
            device.unit
        );
    }
    text
}

/// A Zigbee coordinator.
fn zigbee_toml(stick: &Zigbee) -> String {
    let form = if stick.form { "form = true\n" } else { "" };
    let (name, link) = (quoted(&stick.name), quoted(&stick.link));
    format!("\n[[adapter]]\nname = {name}\nkind = \"zigbee\"\nlink = {link}\n{form}")
}

/// A text as TOML writes it: as JSON does, but for one character that TOML wants escaped.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// Files that are there but may be taken back.
pub(super) struct Placed {
    /// Each with what was there before.
    files: Vec<(PathBuf, Option<Vec<u8>>)>,
}

/// Files that stay.
pub(super) struct Written(Vec<PathBuf>);

impl Written {
    /// Where they are.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

impl Placed {
    /// Writes every file, readable for the service and nobody else. When one cannot be written, none is.
    pub(super) fn put(drafts: Vec<Draft>) -> io::Result<Self> {
        let mut placed = Self { files: Vec::new() };
        for Draft { path, text } in drafts {
            let before = fs::read(&path).ok();
            if let Err(error) = put_one(&path, text.as_bytes()) {
                placed.take_back();
                return Err(io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())));
            }
            placed.files.push((path, before));
        }
        Ok(placed)
    }

    /// Puts back what was there before.
    pub(super) fn take_back(self) {
        for (path, before) in self.files {
            let done = match before {
                Some(text) => put_one(&path, &text),
                None => fs::remove_file(&path),
            };
            if let Err(error) = done {
                super::complain(&format!("{} is left: {error}", path.display()));
            }
        }
    }

    /// Lets them stay.
    pub(super) fn keep(self) -> Written {
        Written(self.files.into_iter().map(|(path, _)| path).collect())
    }
}

/// Replaces a file at once.
fn put_one(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    give_to_service(Path::new(&new))?;
    fs::rename(&new, path)
}

/// Lets the service's group read what root has written.
fn give_to_service(path: &Path) -> io::Result<()> {
    let service = identity::service(&Root::system(), "tidegate", "tidegate");
    if service.name != "tidegate" || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    chown(path, None, Some(service.gid))
}
