//! When a rule runs, and what it sends out: `on`, `every`, `emit`, `command`, `drop`, `keep_local`.

use std::time::Duration;

use rhai::{Dynamic, FLOAT, FnPtr, INT, ImmutableString};

use super::host_fn;
use crate::{
    model::{Quality, Reading, Selector},
    rules::{
        RuleCommand, convert,
        engine::Registrar,
        host::{Fault, Host, Verdict},
        points,
    },
};

/// Shortest interval of a timer.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Registers this file's functions.
pub(super) fn register(registrar: &mut Registrar) {
    host_fn!(registrar, "on", |host, selector: ImmutableString, function: FnPtr| on(host, &selector, function));
    host_fn!(registrar, "every", |host, interval: ImmutableString, function: FnPtr| {
        let interval = parse_interval(&interval)?;
        host.registration()?.every(interval, function)
    });
    host_fn!(registrar, "emit", |host, name: ImmutableString, value: Dynamic| emit(host, &name, &value, None));
    host_fn!(registrar, "emit", |host, name: ImmutableString, value: Dynamic, unit: ImmutableString| {
        emit(host, &name, &value, Some(unit.as_str()).filter(|unit| !unit.is_empty()))
    });
    host_fn!(registrar, "command", |host, target: ImmutableString, value: Dynamic| command(host, &target, &value));
    host_fn!(registrar, "drop", |host| host.subject().map(|subject| subject.say(Verdict::Drop)));
    host_fn!(registrar, "keep_local", |host| host.subject().map(|subject| subject.say(Verdict::KeepLocal)));
    refuse_sleep(registrar);
}

/// The language's own `sleep` would hold up every rule.
fn refuse_sleep(registrar: &mut Registrar) {
    let refusal = || Fault::from("a rule cannot sleep; use every(..)");
    registrar.add("sleep", move |_: INT| Err::<(), Fault>(refusal()));
    registrar.add("sleep", move |_: FLOAT| Err::<(), Fault>(refusal()));
}

/// `on("device/point", |r| …)`
fn on(host: &mut Host, selector: &str, function: FnPtr) -> Result<(), Fault> {
    let registration = host.registration()?;
    let selector = Selector::parse(selector).map_err(|error| error.to_string())?;
    registration.on(selector, function)
}

/// `emit("device/point", value, "unit")`
fn emit(host: &mut Host, name: &str, value: &Dynamic, unit: Option<&str>) -> Result<(), Fault> {
    let ts = host.running()?.now;
    let kind = convert::kind_of(value);
    let value = convert::from_script(value, kind)?;
    let point = host.points.emitted(name, kind, unit)?;
    host.emit(Reading { point, value: Some(value), ts, quality: Quality::GOOD })
}

/// `command("device/point", value)`
fn command(host: &mut Host, target: &str, value: &Dynamic) -> Result<(), Fault> {
    let rule = host.running()?.rule.clone();
    points::address(target)?;
    let value = convert::to_command(value)?;
    host.command(RuleCommand { rule, target: target.to_owned(), value })
}

/// Reads `100ms`, `10s`, `5m`, `1h` or `1d`.
fn parse_interval(text: &str) -> Result<Duration, Fault> {
    let wrong = || Fault::from(format!("{text:?} is no interval such as 500ms, 10s, 15m or 1h"));
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u32 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = match &text[digits..] {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "d" => Duration::from_secs(86_400),
        _ => return Err(wrong()),
    };
    match unit * number {
        interval if interval < MIN_INTERVAL => Err(format!("{text:?} is too often, at most every 100ms").into()),
        interval => Ok(interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_with_their_unit() {
        assert_eq!(parse_interval("100ms").unwrap(), Duration::from_millis(100));
        assert_eq!(parse_interval("15m").unwrap(), Duration::from_secs(900));
        for text in ["", "10", "s", "99ms", "0s", "-1s", "1.5s", "10 s", "99999999999s"] {
            assert!(parse_interval(text).is_err(), "{text}");
        }
    }
}
