//! `tidegate ble explain`: which formats were tried on a device's advertisement, and why nothing came out.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;
use tokio::{
    signal::ctrl_c,
    time::{Instant, sleep_until},
};

use super::{key, listen::listen};
use crate::{
    adapter::ble::{
        account::{self, Account},
        air::Queue,
        decode::Address,
        heard::Heard,
        profiled::Decoders,
    },
    api::ClientError,
    cli::{
        context::Context,
        error::CliError,
        format::count,
        table::{cell, one_line},
    },
};

/// Tell what is made of a device's last advertisement, and why not more.
///
/// A running gateway that listens is asked, which knows the device's key. Without one, or when a key or a radio is
/// named, the command listens by itself.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The device's address, such as CB:B8:33:4C:88:4F.
    #[arg(value_parser = super::address)]
    address: Address,
    /// How long to wait for the device, when no gateway listens.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The radio to listen with, such as hci0; every powered one when none is named.
    #[arg(long, value_name = "NAME")]
    radio: Option<String>,
    /// A file with a key to try; - for standard input.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// A folder of profiles whose decode.rhai reads what no format knows; again for more of them. The gateway has its
    /// own, so that the command listens by itself then.
    #[arg(long = "dir", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let key = args.key_file.as_deref().map(key::read).transpose()?;
    let asks_gateway = key.is_none() && args.radio.is_none() && args.dirs.is_empty();
    let account = match asks_gateway.then(|| from_gateway(args.address, context)).transpose()?.flatten() {
        Some(account) => account,
        None => from_air(args, key.as_deref(), &super::decoders(&args.dirs)?)?,
    };
    context.show(args.json, &account, || text(&account))
}

/// What a running gateway knows of a device; `None` when none listens, or it has not heard the device.
fn from_gateway(address: Address, context: &Context) -> Result<Option<Value>, CliError> {
    let status = match context.get("/api/v1/status") {
        Ok(status) => status,
        // Also where the socket is not for us; listening needs no right.
        Err(CliError::Daemon(ClientError::Unreachable { .. })) => return Ok(None),
        Err(error) => return Err(error),
    };
    let address = address.to_string();
    for adapter in status["adapters"].as_array().into_iter().flatten().filter(|adapter| adapter["kind"] == "ble") {
        let name = adapter["name"].as_str().unwrap_or_default();
        let shown = context.get(&format!("/api/v1/adapters/{name}/network"))?;
        let mut devices = shown["devices"].as_array().into_iter().flatten();
        if let Some(device) = devices.find(|device| device["address"] == *address) {
            return Ok(Some(device.clone()));
        }
    }
    Ok(None)
}

/// Listens for the device until something can be read of it, or the time is over.
fn from_air(args: &Args, key: Option<&[u8]>, decoders: &Decoders) -> Result<Value, CliError> {
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let heard =
        listen(args.radio.as_deref(), async |queue: &Queue| wait_for(args.address, key, decoders, queue, end).await)?;
    let (heard, count) = heard.ok_or_else(|| {
        let help = "is it near and awake, and does `tidegate ble scan` show it?";
        CliError::Failed(format!("{} was not heard in {} s (help: {help})", args.address, args.seconds))
    })?;
    Ok(account(&heard, key, decoders, count))
}

/// What formats and profiles make of an advertisement.
fn account(heard: &Heard, key: Option<&[u8]>, decoders: &Decoders, count: u64) -> Value {
    let mut json = Account { heard, name: None, key, count }.json();
    let is_read = json["readings"].as_array().is_some_and(|readings| !readings.is_empty());
    let read = if is_read { None } else { heard.with_view(None, |view| decoders.read(view, heard.rssi)) };
    if let Some(read) = read {
        account::add(&mut json, &read);
    }
    json
}

/// The device's last advertisement, and how many came; the first that can be read ends the wait.
async fn wait_for(
    address: Address,
    key: Option<&[u8]>,
    decoders: &Decoders,
    queue: &Queue,
    end: Instant,
) -> Result<Option<(Heard, u64)>, CliError> {
    let (mut last, mut count) = (None, 0);
    loop {
        let heard = tokio::select! {
            biased;
            () = sleep_until(end) => return Ok(last),
            pressed = ctrl_c() => return Ok(pressed.map(|()| last)?),
            heard = queue.next() => heard,
        };
        if heard.address != address {
            continue;
        }
        count += 1;
        let account = account(&heard, key, decoders, count);
        let is_read = account["readings"].as_array().is_some_and(|readings| !readings.is_empty());
        last = Some((heard, count));
        if is_read {
            return Ok(last);
        }
    }
}

/// The account for people.
fn text(account: &Value) -> String {
    let mut lines = vec![headline(account), format!("data    {}", cell(&account["data"]))];
    if account.get("device").is_some() {
        lines.push(format!("device  {}", device(account)));
    }
    for tried in account["tried"].as_array().into_iter().flatten() {
        let format = tried["format"].as_str().unwrap_or("a format like it");
        lines.push(format!("tried   {format}: {} (help: {})", cell(&tried["why"]), cell(&tried["help"])));
    }
    lines.push(match account["readings"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [] => format!("read    nothing: {} (help: {})", cell(&account["why"]), cell(&account["help"])),
        readings => format!(
            "read    {}: {}",
            cell(&account["format"]),
            readings.iter().map(reading).collect::<Vec<_>>().join(", ")
        ),
    });
    lines.iter().map(|line| one_line(line) + "\n").collect()
}

/// Who it is, and how it is heard.
fn headline(account: &Value) -> String {
    let mut parts = vec![cell(&account["address"])];
    parts.extend(account["name"].as_str().map(|name| format!("{name:?}")));
    parts.extend(account["rssi"].as_i64().map(|rssi| format!("{rssi} dBm at {}", cell(&account["radio"]))));
    parts.extend(account["heard"].as_u64().map(|heard| count(&heard, "advertisement")));
    parts.extend(account["age_s"].as_u64().map(|age| format!("the last {age} s ago")));
    parts.join(", ")
}

/// Whether the gateway wants it, and has its key.
fn device(account: &Value) -> String {
    match (account["device"].as_str(), account["has_key"] == true) {
        (Some(id), true) => format!("{id}, with a key"),
        (Some(id), false) => format!("{id}, without a key"),
        (None, _) => "not in the configuration (help: tidegate ble add ADDRESS)".to_owned(),
    }
}

/// One reading.
fn reading(reading: &Value) -> String {
    format!("{} {} {}", cell(&reading["point"]), cell(&reading["value"]), cell(&reading["unit"]))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::ble::decode::Uuid;

    #[test]
    fn what_was_read_and_what_was_not_is_told_in_lines() {
        let heard = |data: &[u8]| Heard {
            address: Address([0xC0, 0, 0, 0, 0, 1]),
            rssi: Some(-60),
            radio: "hci0".into(),
            name: Some("a\u{1b}b".into()),
            service: vec![(Uuid::short(0xFCD2), data.to_vec())],
            ..Heard::default()
        };
        let account = |data: &[u8]| Account { heard: &heard(data), name: None, key: None, count: 2 }.json();
        let mut sealed = account(&[0x41, 0xa4, 0x72, 0x66, 0xc9, 1, 2, 3, 4, 5, 6, 7, 8]);
        sealed["device"] = Value::Null;

        let (read, sealed) = (text(&account(&[0x40, 1, 97])), text(&sealed));

        let expected = "C0:00:00:00:00:01, \"a\\u{1b}b\", -60 dBm at hci0, 2 advertisements\ndata    fcd2:400161\n\
                        read    bthome_v2: battery 97 %\n";
        assert_eq!(read, expected);
        assert!(sealed.contains("\ndevice  not in the configuration"), "{sealed}");
        assert!(sealed.contains("\ntried   bthome_v2: the frame is encrypted: a key is needed (help: "), "{sealed}");
        assert!(sealed.contains("\nread    nothing: the frame is encrypted"), "{sealed}");
    }
}
