//! The reading in an `on` handler: what it says, and the verbs that change its way.

use rhai::{Dynamic, FLOAT, INT, ImmutableString};

use super::host_fn;
use crate::{
    model::{Quality, Value},
    rules::{
        convert,
        engine::Registrar,
        host::{Fault, Host, Subject, Verdict},
        points,
    },
};

/// What a script holds instead of the reading: the number of its call. It works only during that call.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct ReadingHandle(pub(in crate::rules) u64);

/// Registers this file's functions.
pub(super) fn register(registrar: &mut Registrar) {
    registrar.engine().register_type_with_name::<ReadingHandle>("Reading");
    getters(registrar);
    verbs(registrar);
}

/// `r.device`, `r.point`, `r.value`, `r.quality`, `r.ts`, `r.unit`
fn getters(registrar: &mut Registrar) {
    getter(registrar, "device", |subject| subject.reading.point.device().as_str().into());
    getter(registrar, "point", |subject| subject.reading.point.name().as_str().into());
    getter(registrar, "value", |subject| subject.reading.value.as_ref().map_or(Dynamic::UNIT, convert::to_script));
    getter(registrar, "quality", |subject| quality(&subject.reading.quality));
    getter(registrar, "ts", |subject| subject.reading.ts.as_millis().into());
    getter(registrar, "unit", |subject| subject.reading.point.unit.as_deref().unwrap_or_default().into());
}

/// `r.value = x`, `r.change(x)`, `r.drop()`, `r.keep_local()`, `r.deadband(x)`
fn verbs(registrar: &mut Registrar) {
    let shared = registrar.host.clone();
    registrar.engine().register_set("value", move |r: &mut ReadingHandle, value: Dynamic| {
        shared.lock().subject_of(r.0)?.change(&value)
    });
    host_fn!(registrar, "change", |host, r: ReadingHandle, value: Dynamic| host.subject_of(r.0)?.change(&value));
    host_fn!(registrar, "drop", |host, r: ReadingHandle| host.subject_of(r.0).map(|s| s.say(Verdict::Drop)));
    host_fn!(registrar, "keep_local", |host, r: ReadingHandle| {
        host.subject_of(r.0).map(|subject| subject.say(Verdict::KeepLocal))
    });
    host_fn!(registrar, "deadband", |host, r: ReadingHandle, band: FLOAT| deadband(host, r, band));
    #[expect(clippy::cast_precision_loss, reason = "a band beyond 2^53 needs no last digit")]
    {
        host_fn!(registrar, "deadband", |host, r: ReadingHandle, band: INT| deadband(host, r, band as f64));
    }
}

/// Registers one property of the reading.
fn getter(registrar: &mut Registrar, name: &'static str, read: fn(&Subject) -> Dynamic) {
    let shared = registrar.host.clone();
    registrar
        .engine()
        .register_get(name, move |r: &mut ReadingHandle| shared.lock().subject_of(r.0).map(|s| read(s)));
    registrar.note(name);
}

/// The quality as text, without building it for the good ones.
pub(super) fn quality(quality: &Quality) -> Dynamic {
    if quality.is_good() { ImmutableString::from("good").into() } else { quality.to_string().into() }
}

/// Drops the reading unless it differs enough from what was forwarded last.
fn deadband(host: &mut Host, r: ReadingHandle, band: f64) -> Result<(), Fault> {
    if !(band.is_finite() && band >= 0.0) {
        return Err(format!("{band} is no deadband").into());
    }
    let slot = host.subject_of(r.0)?.slot;
    let forwarded = host.points.forwarded(slot);
    let subject = host.subject_of(r.0)?;
    if !points::is_outside(band, forwarded.as_ref(), &subject.reading) {
        subject.say(Verdict::Drop);
    }
    Ok(())
}

impl Subject {
    /// Takes a rule's word; the strongest counts.
    pub(super) fn say(&mut self, verdict: Verdict) {
        self.before_change();
        self.verdict = self.verdict.max(verdict);
    }

    /// Replaces the value. The number that is there already keeps its exact form, and a value for a bad reading
    /// makes it uncertain.
    fn change(&mut self, given: &Dynamic) -> Result<(), Fault> {
        let given = given.flatten_clone();
        let changed = convert::from_script(&given, self.reading.point.kind)?;
        if self.reading.value.as_ref().is_some_and(|old| is_same(old, &changed)) {
            return Ok(());
        }
        self.before_change();
        self.reading.value = Some(changed);
        if self.reading.quality.is_bad() {
            self.reading.quality = Quality::uncertain("substituted");
        }
        Ok(())
    }
}

/// Whether a script gave back what it was handed.
fn is_same(old: &Value, changed: &Value) -> bool {
    old == changed || old.as_f64().is_some_and(|number| Some(number) == changed.as_f64())
}
