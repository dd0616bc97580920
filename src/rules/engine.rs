//! The script engine with its limits: nothing a script does takes more time, memory or stack than it was given.

use rhai::{Dynamic, Engine, RhaiNativeFunc, module_resolvers::DummyModuleResolver};

use super::{functions, host::Shared};

/// Deepest call of functions within a script.
const MAX_CALL_LEVELS: usize = 16;
/// Deepest expression at the top level and inside functions.
const MAX_EXPR_DEPTH: (usize, usize) = (64, 32);
/// Longest string in bytes.
const MAX_STRING: usize = 4 * 1024;
/// Most items of an array, those of arrays in it included.
const MAX_ARRAY: usize = 1_000;
/// Most fields of an object map, those of maps in it included.
const MAX_MAP: usize = 200;
/// Most variables in scope.
const MAX_VARIABLES: usize = 100;
/// Most functions of one file.
const MAX_FUNCTIONS: usize = 200;
/// How many operations pass between two looks at the clock; a power of two.
const LOOK_EVERY: u64 = 256;

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
    let mut registrar = Registrar { engine: Engine::new(), host: host.clone(), names: Vec::new() };
    functions::register(&mut registrar);
    let Registrar { mut engine, names, .. } = registrar;
    limit(&mut engine, host, max_operations);
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

/// Sets every limit there is.
fn limit(engine: &mut Engine, host: &Shared, max_operations: u64) {
    engine
        .set_max_operations(max_operations)
        .set_max_call_levels(MAX_CALL_LEVELS)
        .set_max_expr_depths(MAX_EXPR_DEPTH.0, MAX_EXPR_DEPTH.1)
        .set_max_string_size(MAX_STRING)
        .set_max_array_size(MAX_ARRAY)
        .set_max_map_size(MAX_MAP)
        .set_max_variables(MAX_VARIABLES)
        .set_max_functions(MAX_FUNCTIONS)
        .set_max_modules(0)
        .set_strict_variables(true)
        .set_module_resolver(DummyModuleResolver::new())
        .disable_symbol("eval");
    let host = host.clone();
    engine.on_progress(move |operations| {
        let is_due = operations % LOOK_EVERY == 0;
        (is_due && host.lock().is_out_of_time()).then(|| Dynamic::from("took longer than max_time"))
    });
}
