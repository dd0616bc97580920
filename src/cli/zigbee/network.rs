//! `tidegate zigbee permit-join`, `form`, `status` and `devices`: the network of the running gateway.

use serde_json::{Value, json};

use crate::{
    adapter::zigbee::install_code::Joiner,
    cli::{context::Context, error::CliError, format::count, table::Table},
};

/// What is shown of a device.
const COLUMNS: &[&str] = &["device", "ieee", "nwk", "manufacturer", "model", "state", "link_quality", "last_seen"];

/// Which adapter is meant.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// The adapter; needed where several have a Zigbee network.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
}

pub(super) fn permit_join(
    seconds: u32,
    install_code: Option<&str>,
    which: &Which,
    context: &mut Context,
) -> Result<(), CliError> {
    // A slip of the pen is told without a gateway.
    let joiner = install_code.map(str::parse::<Joiner>).transpose();
    joiner.map_err(|error| CliError::Usage(error.to_string()))?;
    let route = route(which, context)?;
    let act = json!({ "action": "permit-join", "seconds": seconds, "install_code": install_code });
    let network = context.send("POST", &route, &act)?;
    let name = network["adapter"].as_str().unwrap_or_default();
    context.print(&match seconds {
        0 => format!("{name}: nobody can join any more\n"),
        _ => format!("{name}: devices can join for {seconds} s\n"),
    })
}

pub(super) fn form(yes: bool, which: &Which, context: &mut Context) -> Result<(), CliError> {
    if !yes {
        return Err(CliError::Usage("a new network is made on the coordinator (help: say --yes)".to_owned()));
    }
    let route = route(which, context)?;
    let network = context.send("POST", &route, &json!({ "action": "form" }))?;
    let text = |key: &str| network[key].as_str().unwrap_or_default().to_owned();
    let (name, pan, extended_pan) = (text("adapter"), text("pan_id"), text("extended_pan_id"));
    context.print(&format!("{name}: network {pan}, {extended_pan} formed on channel {}\n", network["channel"]))
}

pub(super) fn status(which: &Which, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let route = route(which, context)?;
    let network = context.get(&route)?;
    context.show(as_json, &network, || in_words(&network))
}

/// The network for people.
fn in_words(network: &Value) -> String {
    let text = |key: &str| network[key].as_str().unwrap_or("-").to_owned();
    let devices = network["devices"].as_array().map_or(0, Vec::len) as u64;
    let joining = match network["permit_join"].as_u64() {
        None | Some(0) => "nobody can join".to_owned(),
        Some(seconds) => format!("devices can join for {seconds} s"),
    };
    let (adapter, state, devices) = (text("adapter"), text("state"), count(&devices, "device"));
    let (pan, extended_pan, backed_up) = (text("pan_id"), text("extended_pan_id"), text("backed_up"));
    match network["channel"].as_u64() {
        None => format!("{adapter}: {state}, no network\n"),
        Some(channel) => format!(
            "{adapter}: {state}, network {pan}, {extended_pan} on channel {channel}, {devices}, {joining}, last backup {backed_up}{}\n",
            sending(&network["tx_power"])
        ),
    }
}

/// How strongly the coordinator sends, where that is configured: what is wanted, and what it says.
fn sending(power: &Value) -> String {
    let wanted = &power["wanted"];
    match (power["state"].as_str(), power["dbm"].as_i64(), power["why"].as_str()) {
        (None, ..) => String::new(),
        (Some("set"), Some(dbm), _) if Some(dbm) == wanted.as_i64() => format!(", sends with {dbm} dBm"),
        (Some("set"), Some(dbm), _) => format!(", sends with {dbm} dBm instead of {wanted}"),
        (Some("set"), None, _) => format!(", took {wanted} dBm or the nearest it has"),
        (Some("refused"), _, why) => format!(", does not take {wanted} dBm: {}", why.unwrap_or_default()),
        (Some(_), ..) => format!(", was not told yet to send with {wanted} dBm"),
    }
}

pub(super) fn devices(which: &Which, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let route = route(which, context)?;
    let network = context.get(&route)?;
    let text = || match network["devices"].as_array().map(Vec::as_slice) {
        None | Some([]) => "no devices\n".to_owned(),
        Some(all) => format!("{}{}", Table::of("device", COLUMNS, all), in_vain(all)),
    };
    context.show(as_json, &network["devices"], text)
}

/// Points that are named in `[[device.reports]]` and come to nothing, a line each.
fn in_vain(devices: &[Value]) -> String {
    let entries = devices.iter().flat_map(|device| {
        let all = device["reporting"].as_array().into_iter().flatten();
        all.map(|entry| [&device["device"], &entry["point"], &entry["why"]].map(Value::as_str))
    });
    let lines = entries.filter_map(|words| {
        let [Some(name), Some(point), Some(why)] = words else { return None };
        Some(format!("{name}: [[device.reports]] names {point}, but {why}\n"))
    });
    lines.collect()
}

/// The route of the adapter that is meant.
pub(super) fn route(which: &Which, context: &Context) -> Result<String, CliError> {
    let status = context.get("/api/v1/status")?;
    let adapters = status["adapters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let zigbee = adapters.iter().filter(|adapter| adapter["kind"] == "zigbee");
    let names: Vec<&str> = zigbee.filter_map(|adapter: &Value| adapter["name"].as_str()).collect();
    let name = match (&which.adapter, names.as_slice()) {
        (Some(wanted), names) if names.contains(&wanted.as_str()) => wanted,
        (None, [only]) => *only,
        (_, []) => return Err(CliError::Usage("the gateway has no adapter of kind zigbee".to_owned())),
        (Some(wanted), names) => {
            let help = format!("there is {}", names.join(", "));
            return Err(CliError::Usage(format!("no Zigbee adapter {wanted:?} (help: {help})")));
        }
        (None, names) => {
            let several = count(&(names.len() as u64), "Zigbee network");
            return Err(CliError::Usage(format!(
                "there are {several} (help: give --adapter {})",
                names.join(" or ")
            )));
        }
    };
    Ok(format!("/api/v1/adapters/{name}/network"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_how_strongly_it_sends_and_was_to() {
        let power = |state: &str, dbm: Option<i8>, why: Option<&str>| {
            sending(&json!({ "wanted": 9, "state": state, "dbm": dbm, "why": why }))
        };
        assert_eq!(sending(&Value::Null), "");
        assert_eq!(power("set", Some(9), None), ", sends with 9 dBm");
        assert_eq!(power("set", Some(5), None), ", sends with 5 dBm instead of 9");
        assert_eq!(power("set", None, None), ", took 9 dBm or the nearest it has");
        assert_eq!(power("refused", None, Some("failure (0x01)")), ", does not take 9 dBm: failure (0x01)");
        assert_eq!(power("unset", None, None), ", was not told yet to send with 9 dBm");
    }
}
