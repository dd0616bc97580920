//! Calls of a script, and what becomes of one that fails.

use std::time::{Duration, Instant};

use rhai::{AST, Dynamic, Engine, EvalAltResult, Map, Position, Scope};
use tracing::warn;

use super::{
    Script,
    engine::{self, Limit},
};
use crate::model::Value;

/// Most values of one answer. A call that gives more has failed.
const MAX_VALUES: usize = 256;

/// After so many failures in a row a script is left alone for [`REST`]: what it should read is counted as failed.
const PATIENCE: u32 = 20;
/// How long it is left alone.
const REST: Duration = Duration::from_secs(60);

/// How often failures of one script are told at most.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What a script is given.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// Nothing.
    None,
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Argument>),
    /// A map.
    Map(Vec<(String, Argument)>),
}

/// What it gives back: names with their values; `None` for "no value", which is `()` in a script.
pub type Answer = Vec<(String, Option<Value>)>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The script failed.
    #[error("{file}:{line}: {why}")]
    Failed {
        /// Its file.
        file: String,
        /// The line at which it failed, counted from 1; 1 for what is wrong with its answer.
        line: usize,
        /// Why.
        why: String,
    },
    /// It has failed too often, and is left alone for a while.
    #[error("the script has failed {PATIENCE} times in a row and rests")]
    Resting,
}

/// A script that can be called.
pub struct Runner {
    /// Its file, for messages.
    file: String,
    /// The function that is called.
    function: &'static str,
    engine: Engine,
    ast: AST,
    limit: Limit,
    /// Failures since it was last well.
    failures: u32,
    /// Until when it is left alone.
    rests_until: Option<Instant>,
    /// When a failure was last told.
    told: Option<Instant>,
    /// Failures since then.
    untold: u64,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Runner {
    /// Compiles a script; else the line, the column, and what is wrong there.
    pub fn new(script: &Script) -> Result<Self, (usize, usize, String)> {
        let limit = Limit::new();
        let engine = engine::build(&limit);
        let ast = engine.compile(&*script.text).map_err(|error| {
            let place = error.position();
            (place.line().unwrap_or(1), place.position().unwrap_or(1), error.err_type().to_string())
        })?;
        let has =
            |function: rhai::ScriptFnMetadata<'_>| function.name == script.function && function.params.len() == 1;
        if !ast.iter_functions().any(has) {
            return Err((1, 1, format!("there is no function {}(message)", script.function)));
        }
        let file = script.file.display().to_string();
        let (failures, rests_until, told, untold) = (0, None, None, 0);
        Ok(Self { file, function: script.function, engine, ast, limit, failures, rests_until, told, untold })
    }

    /// Calls the script.
    pub fn call(&mut self, argument: Argument) -> Result<Answer, CallError> {
        if self.rests_until.is_some_and(|until| Instant::now() < until) {
            return Err(CallError::Resting);
        }
        let answer = self.try_call(argument);
        self.failures = if answer.is_ok() { 0 } else { self.failures + 1 };
        let is_hopeless = self.failures >= PATIENCE;
        self.rests_until = is_hopeless.then(|| Instant::now() + REST);
        if is_hopeless {
            self.failures = 0;
        }
        answer
    }

    /// Calls the script, and tells a failure in the log, at most once in [`TELL_EVERY`].
    pub fn call_and_tell(&mut self, argument: Argument) -> Result<Answer, CallError> {
        let answer = self.call(argument);
        if let Err(error) = &answer {
            self.untold += 1;
            if *error != CallError::Resting && self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                warn!(failures = self.untold, "A profile's script failed: {error}");
                (self.told, self.untold) = (Some(Instant::now()), 0);
            }
        }
        answer
    }

    /// One call.
    fn try_call(&self, argument: Argument) -> Result<Answer, CallError> {
        self.limit.begin();
        let options = rhai::CallFnOptions::new().eval_ast(false);
        let given: Result<Dynamic, _> = self.engine.call_fn_with_options(
            options,
            &mut Scope::new(),
            &self.ast,
            self.function,
            (dynamic(argument),),
        );
        let given = given.map_err(|error| self.failed(place(&error).line().unwrap_or(1), describe(&error)))?;
        answer(given).map_err(|why| self.failed(1, why))
    }

    /// A failure at a line.
    fn failed(&self, line: usize, why: String) -> CallError {
        CallError::Failed { file: self.file.clone(), line, why }
    }
}

/// An argument as the engine has it.
fn dynamic(argument: Argument) -> Dynamic {
    match argument {
        Argument::None => Dynamic::UNIT,
        Argument::Int(number) => number.into(),
        Argument::Float(number) => number.into(),
        Argument::Bool(flag) => flag.into(),
        Argument::Text(text) => text.into(),
        Argument::Bytes(bytes) => Dynamic::from_blob(bytes),
        Argument::List(items) => Dynamic::from_array(items.into_iter().map(dynamic).collect()),
        Argument::Map(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), dynamic(value)));
            Dynamic::from_map(fields.collect::<Map>())
        }
    }
}

/// The values of a map, of several maps in a list, or none for `()`.
fn answer(given: Dynamic) -> Result<Answer, String> {
    if given.is_unit() {
        return Ok(Answer::new());
    }
    let maps = if given.is_array() { given.into_array().unwrap_or_default() } else { vec![given] };
    let mut all = Answer::new();
    for map in maps {
        let kind = map.type_name();
        let map = map.try_cast::<Map>().ok_or_else(|| format!("it gave {kind}, and has to give a map"))?;
        for (name, given) in map {
            let kind = given.type_name();
            let is_none = given.is_unit();
            let value = value(given);
            if value.is_none() && !is_none {
                return Err(format!("{name} is {kind}, which is no value"));
            }
            all.push((name.to_string(), value));
        }
        if all.len() > MAX_VALUES {
            return Err(format!("it gave more than {MAX_VALUES} values"));
        }
    }
    Ok(all)
}

/// A value; `None` for what is none.
fn value(given: Dynamic) -> Option<Value> {
    Some(if let Ok(flag) = given.as_bool() {
        Value::Bool(flag)
    } else if let Ok(number) = given.as_int() {
        Value::Int(number)
    } else if let Ok(number) = given.as_float() {
        Value::finite(number)?
    } else if given.is_string() {
        Value::Text(given.into_string().ok()?.into())
    } else {
        Value::Bytes(given.into_blob().ok()?.into())
    })
}

/// The error itself, without the calls around it and without its place.
fn describe(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => describe(inner),
        EvalAltResult::ErrorTerminated(why, _) | EvalAltResult::ErrorRuntime(why, _) => why.to_string(),
        other => {
            let text = other.to_string();
            text.rsplit_once(" (line ").map_or(text.clone(), |(text, _)| text.to_owned())
        }
    }
}

/// Where an error happened, at its origin.
fn place(error: &EvalAltResult) -> Position {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, outer) => match place(inner) {
            Position::NONE => *outer,
            inner => inner,
        },
        other => other.position(),
    }
}
