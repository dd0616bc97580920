//! The script engine of rules: the functions it adds to the language, and its limits.

use rhai::{Engine, RhaiNativeFunc};

use super::{functions, host::Shared};
use crate::script::{self, Limits};

/// Most items of an array, those of arrays in it included.
const MAX_ARRAY: usize = 1_000;
/// Most fields of an object map, those of maps in it included.
const MAX_MAP: usize = 200;
/// Most functions of one file.
const MAX_FUNCTIONS: usize = 200;
/// Registers functions that reach the host, and knows their names.
pub(super) struct Registrar {
    /// Takes the functions.
    engine: Engine,
    /// What they reach.
    pub(super) host: Shared,
    /// What was registered so far.
    names: Vec<&'static str>,
}

/// An engine for one rule thread, and the names of the functions it adds to the language.
pub(super) fn build(host: &Shared, max_operations: u64) -> (Engine, Vec<&'static str>) {
    let mut registrar = Registrar { engine: script::engine(), host: host.clone(), names: Vec::new() };
    functions::register(&mut registrar);
    let Registrar { mut engine, names, .. } = registrar;
    let limits = Limits { operations: max_operations, array: MAX_ARRAY, map: MAX_MAP, functions: MAX_FUNCTIONS };
    let host = host.clone();
    limits.set(&mut engine, "took longer than max_time", move || host.lock().is_out_of_time());
    (engine, names)
}

impl Registrar {
    /// Adds a function to the language.
    pub(super) fn add<A: 'static, const N: usize, const X: bool, R, const F: bool>(
        &mut self,
        name: &'static str,
        function: impl RhaiNativeFunc<A, N, X, R, F> + Send + Sync + 'static,
    ) where
        R: Clone + Send + Sync + 'static,
    {
        self.engine.register_fn(name, function);
        self.names.push(name);
    }

    /// The engine, for what is no function.
    pub(super) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Notes a name that is registered in another way.
    pub(super) fn note(&mut self, name: &'static str) {
        self.names.push(name);
    }
}
