//! What every script of an integrator runs under, a rule as well as a profile's: nothing it does takes more time,
//! memory or stack than it was given, and it reaches nothing but what it is handed.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Once,
};

use rhai::{Dynamic, Engine, config::hashing::set_hashing_seed, module_resolvers::DummyModuleResolver};

/// Deepest call of functions within a script.
const MAX_CALL_LEVELS: usize = 16;
/// Deepest expression at the top level and inside functions.
const MAX_EXPR_DEPTH: (usize, usize) = (64, 32);
/// Longest string in bytes.
const MAX_STRING: usize = 4 * 1024;
/// Most variables in scope.
const MAX_VARIABLES: usize = 100;
/// How many operations pass between two looks at the clock; a power of two.
const LOOK_EVERY: u64 = 256;

/// An engine without limits. The first one settles how Rhai hashes: it takes strings of one hash for the same string, and
/// the seed it is compiled with is known to everybody who has the program.
pub(crate) fn engine() -> Engine {
    static SEED: Once = Once::new();
    SEED.call_once(|| {
        let chance = RandomState::new();
        let seed = [0, 1, 2, 3].map(|part: u8| chance.hash_one(part));
        set_hashing_seed(Some(seed)).expect("nobody else sets it");
    });
    Engine::new()
}

/// The limits in which scripts differ. A call that meets one ends with an error that names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Most operations of a call.
    pub(crate) operations: u64,
    /// Most items of an array or bytes of a blob, those of arrays in it included.
    pub(crate) array: usize,
    /// Most fields of an object map, those of maps in it included.
    pub(crate) map: usize,
    /// Most functions of one file.
    pub(crate) functions: usize,
}

impl Limits {
    /// Sets every limit there is, and ends a call for whose time `is_over` says so with the error `why`.
    pub(crate) fn set(
        self,
        engine: &mut Engine,
        why: &'static str,
        is_over: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        engine
            .set_max_operations(self.operations)
            .set_max_call_levels(MAX_CALL_LEVELS)
            .set_max_expr_depths(MAX_EXPR_DEPTH.0, MAX_EXPR_DEPTH.1)
            .set_max_string_size(MAX_STRING)
            .set_max_array_size(self.array)
            .set_max_map_size(self.map)
            .set_max_variables(MAX_VARIABLES)
            .set_max_functions(self.functions)
            .set_max_modules(0)
            .set_strict_variables(true)
            .set_module_resolver(DummyModuleResolver::new())
            .disable_symbol("eval");
        engine.on_progress(move |operations| {
            let is_due = operations % LOOK_EVERY == 0;
            (is_due && is_over()).then(|| Dynamic::from(why))
        });
    }
}

#[cfg(test)]
mod tests {
    use rhai::{EvalAltResult, config::hashing::get_hashing_seed};

    use super::*;

    const LIMITS: Limits = Limits { operations: 10_000, array: 8, map: 4, functions: 2 };

    fn limited(is_over: bool) -> Engine {
        let mut engine = engine();
        LIMITS.set(&mut engine, "took too long", move || is_over);
        engine
    }

    #[test]
    fn how_strings_are_hashed_is_settled_before_the_first_of_them() {
        let (first, second) = (engine(), engine());
        let seed = *get_hashing_seed();
        assert!(seed.is_some_and(|parts| parts.iter().all(|&part| part != 0)), "{seed:?}");
        for engine in [first, second] {
            assert_eq!(engine.eval::<String>("fn twice(s) { s + s } twice(`${1}a`)").unwrap(), "1a1a");
        }
    }

    #[test]
    fn a_script_that_asks_for_too_much_is_ended_with_the_reason() {
        for (script, reason) in [
            ("loop {}", "Too many operations"),
            ("let a = []; loop { a.push(1) }", "Size of array"),
            ("let s = \"x\"; loop { s += s }", "Length of string"),
            ("fn f(n) { f(n + 1) } f(0)", "Stack overflow"),
            ("import \"other\" as o;", "modules"),
            ("eval(\"1\")", "eval"),
        ] {
            let error = limited(false).eval::<Dynamic>(script).unwrap_err().to_string();
            assert!(error.contains(reason), "{script}: {error}");
        }
    }

    #[test]
    fn a_script_whose_time_is_over_is_ended() {
        let error = *limited(true).eval::<Dynamic>("loop {}").unwrap_err();
        let EvalAltResult::ErrorTerminated(why, _) = error else { panic!("{error}") };
        assert_eq!(why.into_string().unwrap(), "took too long");
    }
}
