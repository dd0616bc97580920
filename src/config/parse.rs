//! Texts with a form of their own: broker addresses, topic prefixes, log levels, senders of commands.

use super::{Transport, UplinkUrl, report::Fault, units::host_port};
use crate::model::DeviceId;

/// Reads `mqtt://host:port` and `mqtts://host:port`.
pub(super) fn uplink_url(text: &str) -> Result<UplinkUrl, Fault> {
    let form = "write mqtt://HOST:PORT or mqtts://HOST:PORT";
    let (scheme, rest) =
        text.split_once("://").ok_or_else(|| Fault::new(format!("{text:?} is no URL")).help(form))?;
    let (transport, port) = match scheme {
        "mqtt" => (Transport::Tcp, 1883),
        "mqtts" => (Transport::Tls, 8883),
        "ws" | "wss" => return Err(Fault::new(format!("scheme {scheme:?} is not in this version")).help(form)),
        _ => return Err(Fault::new(format!("unknown scheme {scheme:?}")).help(form)),
    };
    if rest.contains('@') {
        return Err(Fault::new("login in the URL").help("use the keys username and password"));
    }
    let (host, port) = host_port(rest.strip_suffix('/').unwrap_or(rest), port)?;
    Ok(UplinkUrl { transport, host, port })
}

/// Checks a topic prefix and fills in its placeholders, or tells everything that is wrong with it.
pub(super) fn topic_prefix(text: &str, site: &str, gateway: &str) -> Result<String, Vec<Fault>> {
    let filled = text.replace("{site}", site).replace("{gateway}", gateway);
    let checks = [unknown_placeholder(&filled), wildcard(&filled), forbidden_form(text, &filled)];
    let faults: Vec<_> = checks.into_iter().flatten().collect();
    if faults.is_empty() { Ok(filled) } else { Err(faults) }
}

/// A placeholder that was not filled in, or half of one.
fn unknown_placeholder(filled: &str) -> Option<Fault> {
    let rest = &filled[filled.find(['{', '}'])?..];
    let placeholder = rest.find('}').map_or(rest, |end| &rest[..=end]);
    Some(Fault::new(format!("unknown placeholder {placeholder:?}")).help("the placeholders are {site} and {gateway}"))
}

/// A wildcard, which only subscriptions may have.
fn wildcard(filled: &str) -> Option<Fault> {
    let found = filled.chars().find(|c| ['+', '#'].contains(c))?;
    Some(Fault::new(format!("wildcard '{found}' in a prefix")).help("messages are sent to plain topics"))
}

/// Characters and segments that a topic of ours does not have.
fn forbidden_form(text: &str, filled: &str) -> Option<Fault> {
    if filled.chars().any(char::is_control) {
        return Some(Fault::new(format!("{text:?} has a character that no topic may have")));
    }
    if filled.split('/').any(str::is_empty) {
        let help = "no '/' at either end, and none twice";
        return Some(Fault::new(format!("{text:?} has an empty segment")).help(help));
    }
    let is_reserved = filled.starts_with('$');
    is_reserved.then(|| Fault::new("topics that begin with '$' belong to the broker").help("begin with another word"))
}

/// Checks `info` and `info,tidegate::uplink=debug`.
pub(super) fn log_level(text: &str) -> Result<(), Fault> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text.split(',') {
        let (module, level) = directive.split_once('=').unwrap_or(("tidegate", directive));
        if module.is_empty() || !levels.contains(&level) {
            let help = format!("levels are {}, also as module=level, with commas between", levels.join(", "));
            return Err(Fault::new(format!("{directive:?} is no log level")).help(help));
        }
    }
    Ok(())
}

/// Checks `uplink:<name>`, `rule:<name>` and `api:<user or role>`, with `*`.
pub(super) fn sender(text: &str) -> Result<(), Fault> {
    let fault = || {
        Fault::new(format!("{text:?} is no sender")).help("write uplink:<name>, rule:<name> or api:<user or role>")
    };
    let (kind, name) = text.split_once(':').ok_or_else(fault)?;
    let is_name = DeviceId::new(&name.replace('*', "x")).is_ok() || kind == "api" && !name.is_empty();
    if ["uplink", "rule", "api"].contains(&kind) && is_name { Ok(()) } else { Err(fault()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_the_scheme() {
        assert_eq!(uplink_url("mqtt://b").unwrap().to_string(), "mqtt://b:1883");
        assert_eq!(uplink_url("mqtts://[::1]").unwrap().to_string(), "mqtts://[::1]:8883");
        assert_eq!(uplink_url("ws://b").unwrap_err().message, "scheme \"ws\" is not in this version");
        assert!(uplink_url("mqtt://u:p@b").is_err());
    }

    #[test]
    fn a_prefix_is_a_plain_topic() {
        assert_eq!(topic_prefix("t/{site}/{gateway}", "s", "g").unwrap(), "t/s/g");
        for text in ["", "/a", "a/", "a//b", "a/+/b", "#", "{host}", "a{", "a}", "$SYS/a", "a\nb"] {
            assert!(topic_prefix(text, "s", "g").is_err(), "{text}");
        }
    }

    #[test]
    fn senders_have_a_kind_and_a_name() {
        for text in ["uplink:cloud", "rule:*", "api:Jane Doe"] {
            assert!(sender(text).is_ok(), "{text}");
        }
        for text in ["cloud", "uplink:", "uplink:A", "mqtt:cloud", "*"] {
            assert!(sender(text).is_err(), "{text}");
        }
    }
}
