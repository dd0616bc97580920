//! What a rule can look at: the time, and the last value of any point.

use rhai::{Dynamic, ImmutableString};

use super::{host_fn, reading::quality};
use crate::rules::{
    convert,
    engine::Registrar,
    host::{Fault, Host},
    points,
};

/// Most lines a second that rules write to the log.
const MAX_LINES: u32 = 10;

/// Registers this file's functions.
pub(super) fn register(registrar: &mut Registrar) {
    host_fn!(registrar, "now", |host| host.running().map(|call| call.now.as_millis()));
    host_fn!(registrar, "value", |host, name: ImmutableString| {
        let value = host.points.last(&name).and_then(|reading| reading.value.as_ref());
        value.map_or(Dynamic::UNIT, convert::to_script)
    });
    host_fn!(registrar, "quality", |host, name: ImmutableString| {
        host.points.last(&name).map_or(Dynamic::UNIT, |reading| quality(&reading.quality))
    });
    host_fn!(registrar, "age", |host, name: ImmutableString| age(host, &name));
    print(registrar);
}

/// Seconds since the last reading of a point; `()` when there was none.
fn age(host: &mut Host, name: &str) -> Result<Dynamic, Fault> {
    let now = host.running()?.now;
    Ok(host.points.last(name).map_or(Dynamic::UNIT, |reading| points::age(reading, now).into()))
}

/// `print` and `debug` go to the log, a few lines a second.
fn print(registrar: &mut Registrar) {
    let (for_print, for_debug) = (registrar.host.clone(), registrar.host.clone());
    registrar.engine().on_print(move |text| for_print.lock().log(text));
    registrar.engine().on_debug(move |text, _, _| for_debug.lock().log(text));
    registrar.note("print");
    registrar.note("debug");
}

impl Host {
    /// Writes a line of a rule, unless it wrote enough this second.
    fn log(&mut self, text: &str) {
        let second = self.clock.uptime().as_secs();
        if self.lines.0 != second {
            self.lines = (second, 0);
        }
        self.lines.1 += 1;
        if self.lines.1 <= MAX_LINES {
            let rule = self.call.as_ref().map_or("", |call| &*call.rule);
            tracing::debug!(rule, "{text}");
        }
    }
}
