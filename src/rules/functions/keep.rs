//! What a rule keeps between calls and restarts: `state`, alarms, hysteresis.

use std::sync::Arc;

use rhai::{Dynamic, FLOAT, INT, ImmutableString, Map};

use super::{host_fn, reading::ReadingHandle};
use crate::{
    model::{AlarmState, Event, EventKind, Severity},
    rules::{
        engine::Registrar,
        host::{Fault, Host},
    },
};

/// What the word `state` stands for in a script. The rule it belongs to is the one that runs.
#[derive(Debug, Clone, Copy)]
struct StateHandle;

/// Registers this file's functions.
pub(super) fn register(registrar: &mut Registrar) {
    state(registrar);
    host_fn!(registrar, "alarm", |host, id: ImmutableString, what: Map| alarm(host, &id, &what));
    host_fn!(registrar, "clear", |host, id: ImmutableString| clear(host, &id));
    host_fn!(registrar, "is_active", |host, id: ImmutableString| is_active(host, &id));
    host_fn!(registrar, "hysteresis", |host, key: ImmutableString, x: Dynamic, on: Dynamic, off: Dynamic| {
        hysteresis(host, &key, [x, on, off])
    });
    host_fn!(registrar, "hysteresis", |host, r: ReadingHandle, x: Dynamic, on: Dynamic, off: Dynamic| {
        let key = host.subject_of(r.0)?.reading.point.address.to_string();
        hysteresis(host, &key, [x, on, off])
    });
}

/// `state.get`, `state.set`, `state.incr`, `state.remove`
fn state(registrar: &mut Registrar) {
    registrar.engine().register_type_with_name::<StateHandle>("State");
    #[expect(
        deprecated,
        reason = "not deprecated but volatile, says its note; it makes `state` known in functions too"
    )]
    registrar.engine().on_var(|name, _, _| Ok((name == "state").then(|| Dynamic::from(StateHandle))));
    registrar.note("state");
    host_fn!(registrar, "get", |host, _state: StateHandle, key: ImmutableString| get(host, &key, Dynamic::UNIT));
    host_fn!(registrar, "get", |host, _state: StateHandle, key: ImmutableString, default: Dynamic| {
        get(host, &key, default)
    });
    host_fn!(registrar, "set", |host, _state: StateHandle, key: ImmutableString, value: Dynamic| {
        set(host, &key, value)
    });
    host_fn!(registrar, "incr", |host, _state: StateHandle, key: ImmutableString, by: Dynamic| incr(host, &key, &by));
    host_fn!(registrar, "remove", |host, _state: StateHandle, key: ImmutableString| {
        let rule = host.running()?.rule.clone();
        user_key(&key)?;
        Ok::<_, Fault>(host.store.remove(&rule, &key).unwrap_or(Dynamic::UNIT))
    });
}

/// A variable's value, or the default.
fn get(host: &mut Host, key: &str, default: Dynamic) -> Result<Dynamic, Fault> {
    let rule = host.running()?.rule.clone();
    user_key(key)?;
    Ok(host.store.get(&rule, key).cloned().unwrap_or(default))
}

/// Sets a variable. The value is copied, so that a shared variable of the script does not change it later.
fn set(host: &mut Host, key: &str, value: Dynamic) -> Result<(), Fault> {
    let rule = host.running()?.rule.clone();
    user_key(key)?;
    Ok(host.store.set(&rule, key, value.flatten())?)
}

/// Adds to a variable, which starts at zero, and gives the sum.
fn incr(host: &mut Host, key: &str, by: &Dynamic) -> Result<Dynamic, Fault> {
    let old = get(host, key, Dynamic::from(0_i64))?;
    let sum = match (old.as_int(), by.as_int()) {
        (Ok(old), Ok(by)) => Dynamic::from(old.checked_add(by).ok_or_else(|| format!("{key:?} overflows"))?),
        _ => Dynamic::from(as_number(&old, key)? + as_number(by, key)?),
    };
    set(host, key, sum.clone())?;
    Ok(sum)
}

/// A number of either kind.
#[expect(clippy::cast_precision_loss, reason = "a sum with a fraction is a float, as everywhere in scripts")]
fn as_number(value: &Dynamic, key: &str) -> Result<FLOAT, Fault> {
    let number = value.as_float().or_else(|_| value.as_int().map(|int: INT| int as FLOAT));
    number.map_err(|found| format!("{key:?} needs a number, not a {found}").into())
}

/// Refuses the keys that alarms and switches use.
fn user_key(key: &str) -> Result<(), Fault> {
    if key.starts_with('$') { Err(format!("{key:?}: keys do not start with $").into()) } else { Ok(()) }
}

/// Raises an alarm. It is told when it was not active, or its severity changes; a new text alone is not.
fn alarm(host: &mut Host, id: &str, what: &Map) -> Result<(), Fault> {
    let rule = host.running()?.rule.clone();
    let word = field(what, "severity").unwrap_or_else(|| "warning".into());
    let severity =
        Severity::parse(&word).ok_or_else(|| format!("{word:?} is no severity: use info, warning or critical"))?;
    let key = alarm_key(id)?;
    let known = host.store.get(&rule, &key).and_then(|known| field(&*known.as_map_ref().ok()?, "severity"));
    if known.as_deref() == Some(severity_word(severity)) {
        return Ok(());
    }
    let text = field(what, "text").unwrap_or_else(|| id.into());
    let kept = Map::from([("severity".into(), word.into()), ("text".into(), text.clone().into())]);
    host.store.set(&rule, &key, Dynamic::from_map(kept))?;
    tell(host, rule, id, (true, severity, &text))
}

/// Clears an alarm; told only if it was active.
fn clear(host: &mut Host, id: &str) -> Result<(), Fault> {
    let rule = host.running()?.rule.clone();
    let Some(kept) = host.store.remove(&rule, &alarm_key(id)?) else { return Ok(()) };
    let kept = kept.try_cast::<Map>().unwrap_or_default();
    let severity = field(&kept, "severity").and_then(|word| Severity::parse(&word)).unwrap_or(Severity::Warning);
    let text = field(&kept, "text").unwrap_or_default();
    tell(host, rule, id, (false, severity, &text))
}

/// Whether this rule has raised an alarm and not cleared it.
fn is_active(host: &mut Host, id: &str) -> Result<bool, Fault> {
    let rule = host.running()?.rule.clone();
    Ok(host.store.get(&rule, &alarm_key(id)?).is_some())
}

/// Sends the event of a change.
fn tell(host: &mut Host, rule: Arc<str>, id: &str, change: (bool, Severity, &str)) -> Result<(), Fault> {
    let ts = host.running()?.now;
    let (active, severity, text) = change;
    let alarm = AlarmState { id: id.into(), rule, active, severity, text: text.into() };
    host.tell(Event { ts, kind: EventKind::Alarm { alarm } })
}

/// Where an alarm is kept.
fn alarm_key(id: &str) -> Result<String, Fault> {
    if id.is_empty() { Err("an alarm needs an id".into()) } else { Ok(format!("$alarm/{id}")) }
}

/// A text field of an object map.
fn field(map: &Map, name: &str) -> Option<String> {
    map.get(name).and_then(|value| value.clone().into_string().ok())
}

/// The word a rule uses.
fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// A switch that goes on at `on` and off at `off`; with `on` below `off` it goes on when the value falls.
fn hysteresis(host: &mut Host, key: &str, numbers: [Dynamic; 3]) -> Result<bool, Fault> {
    let [x, on, off] = numbers.map(|number| as_number(&number, key));
    let (x, on, off) = (x?, on?, off?);
    let rule = host.running()?.rule.clone();
    let key = format!("$hysteresis/{key}");
    let was_on = host.store.get(&rule, &key).is_some_and(|kept| kept.as_bool() == Ok(true));
    let is_on = match was_on {
        true if on >= off => x > off,
        true => x < off,
        false if on >= off => x >= on,
        false => x <= on,
    };
    if is_on != was_on {
        host.store.set(&rule, &key, is_on.into())?;
    }
    Ok(is_on)
}
