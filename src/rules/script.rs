//! One rule file: read, compiled, its top level run once, its handlers and timers kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rhai::{AST, Dynamic, Engine, EvalAltResult, FnPtr, Position, Scope};

use super::{
    host::{Registration, Shared},
    report::{Level, Problem},
};
use crate::model::Selector;

/// Largest rule file that is read.
const MAX_FILE: u64 = 256 * 1024;
/// Most rule files of one folder.
const MAX_FILES: usize = 500;

/// A file's text and name.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The file's name, without `.rhai`.
    pub(super) name: Arc<str>,
    /// The file, for messages.
    pub(super) file: String,
    /// The rule itself.
    pub(super) text: String,
}

/// A compiled rule.
pub(super) struct Script {
    /// The functions handlers call.
    ast: AST,
    /// `on` handlers in their order.
    pub(super) handlers: Vec<Handler>,
    /// Timers in their order.
    pub(super) timers: Vec<Timer>,
}

/// An `on` handler.
pub(super) struct Handler {
    /// Which points it hears.
    pub(super) selector: Selector,
    /// What it does.
    function: FnPtr,
}

/// An `every` timer.
pub(super) struct Timer {
    /// Its interval.
    pub(super) interval: Duration,
    /// Uptime of its next turn.
    pub(super) next: Duration,
    /// What it does.
    function: FnPtr,
}

/// Which function of a script is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// The handler of this number.
    Handler(usize),
    /// The timer of this number.
    Timer(usize),
}

/// Reads every rule file of a folder, in name order. A file that cannot be read is a problem, a missing folder holds
/// no rules.
pub(super) fn read_folder(dir: &Path) -> (Vec<Source>, Vec<Problem>) {
    let paths = match rule_files(dir) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return (Vec::new(), vec![file_problem(dir, format!("cannot be listed: {error}"))]),
    };
    let (mut sources, mut problems) = (Vec::new(), Vec::new());
    for (number, path) in paths.iter().enumerate() {
        if number >= MAX_FILES {
            problems.push(file_problem(dir, format!("at most {MAX_FILES} rule files are read, the others are not")));
            break;
        }
        match read(path) {
            Ok(source) => sources.push(source),
            Err(text) => problems.push(file_problem(path, text)),
        }
    }
    (sources, problems)
}

/// The rule files of a folder by name; tests beside them are none.
fn rule_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let is_rule = |path: &PathBuf| {
        let is_test = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_test"));
        path.extension().is_some_and(|extension| extension == "rhai") && !is_test
    };
    let entries: io::Result<Vec<_>> = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths: Vec<_> = entries?.into_iter().filter(is_rule).collect();
    paths.sort();
    Ok(paths)
}

/// Reads one file within its limits.
fn read(path: &Path) -> Result<Source, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > MAX_FILE {
        return Err(format!("has {size} bytes, at most {MAX_FILE} are read"));
    }
    let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("its name is no UTF-8")?;
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(Source { name: name.into(), file: path.display().to_string(), text })
}

/// A problem of a whole file.
fn file_problem(path: &Path, text: String) -> Problem {
    Problem { file: path.display().to_string(), line: None, column: None, level: Level::Error, text }
}

impl Source {
    /// A short hash of the text, to tell versions apart.
    pub(super) fn version(&self) -> String {
        // FNV-1a, 64 bit: the same on every build, so that two gateways can be compared.
        let hash = self
            .text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    /// Compiles the text and runs its top level once.
    pub(super) fn load(&self, engine: &Engine, host: &Shared, uptime: Duration) -> Result<Script, Problem> {
        let mut scope = Scope::new();
        // Known to the strict check of names; what it stands for is given by the engine.
        scope.push("state", ());
        let ast = engine.compile_with_scope(&scope, &self.text).map_err(|error| {
            let position = error.position();
            self.problem(error.err_type().to_string(), position)
        })?;
        let registration = self.run_top_level(engine, host, &ast)?;
        Ok(Script::new(ast, registration, uptime))
    }

    /// Runs the top level, which registers handlers and timers.
    fn run_top_level(&self, engine: &Engine, host: &Shared, ast: &AST) -> Result<Registration, Problem> {
        host.lock().registration = Some(Registration::default());
        let outcome = engine.run_ast_with_scope(&mut Scope::new(), ast);
        let registration = host.lock().registration.take().unwrap_or_default();
        outcome.map(|()| registration).map_err(|error| self.problem(describe(&error), error.position()))
    }

    /// A problem at a place in this file.
    fn problem(&self, text: String, position: Position) -> Problem {
        Problem { level: Level::Error, ..self.warning(text, position) }
    }

    /// A remark on a place in this file, or on all of it.
    pub(super) fn warning(&self, text: String, position: Position) -> Problem {
        let (line, column) = (position.line(), position.position());
        Problem { file: self.file.clone(), line, column, level: Level::Warning, text }
    }
}

impl Script {
    /// Timers have their first turn one interval from now.
    fn new(ast: AST, registration: Registration, uptime: Duration) -> Self {
        let handlers = registration.handlers.into_iter().map(|(selector, function)| Handler { selector, function });
        let timers = registration.timers.into_iter().map(|(interval, function)| Timer {
            interval,
            next: uptime.saturating_add(interval),
            function,
        });
        Self { handlers: handlers.collect(), timers: timers.collect(), ast }
    }

    /// Calls one of its functions.
    pub(super) fn call(
        &self,
        engine: &Engine,
        entry: Entry,
        argument: Option<Dynamic>,
    ) -> Result<(), Box<EvalAltResult>> {
        let function = match entry {
            Entry::Handler(number) => &self.handlers[number].function,
            Entry::Timer(number) => &self.timers[number].function,
        };
        let outcome = match argument {
            Some(argument) => function.call::<Dynamic>(engine, &self.ast, (argument,)),
            None => function.call::<Dynamic>(engine, &self.ast, ()),
        };
        outcome.map(drop)
    }
}

/// The error itself, without the function calls around it.
pub(super) fn origin(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => origin(inner),
        error => error,
    }
}

/// A script error for people, without its place.
pub(super) fn describe(error: &EvalAltResult) -> String {
    match origin(error) {
        EvalAltResult::ErrorTerminated(why, _) | EvalAltResult::ErrorRuntime(why, _) => why.to_string(),
        other => {
            let text = other.to_string();
            text.rsplit_once(" (line ").map_or(text.clone(), |(text, _)| text.to_owned())
        }
    }
}

/// Where a script error happened, at its origin.
pub(super) fn place(error: &EvalAltResult) -> Position {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, outer) => match place(inner) {
            Position::NONE => *outer,
            inner => inner,
        },
        other => other.position(),
    }
}
