//! The functions that Tidegate adds to the script language; `docs/rules.md` is their reference.
//!
//! A function takes the host's lock, does its work and gives the lock back before the script goes on.

mod flow;
mod keep;
mod look;
mod reading;

pub(super) use reading::ReadingHandle;

use super::engine::Registrar;

/// Registers one function that reaches the host: `host_fn!(registrar, "name", |host, arg: Type| …)`.
macro_rules! host_fn {
    ($registrar:ident, $name:literal, |$host:ident $(, $arg:ident: $kind:ty)*| $body:expr) => {{
        let shared = $registrar.host.clone();
        $registrar.add($name, move |$($arg: $kind),*| {
            let mut guard = shared.lock();
            let $host = &mut *guard;
            $body
        });
    }};
}
use host_fn;

/// Registers everything.
pub(super) fn register(registrar: &mut Registrar) {
    flow::register(registrar);
    reading::register(registrar);
    look::register(registrar);
    keep::register(registrar);
}
