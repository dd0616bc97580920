//! The borders of `src/ARCHITECTURE.md`, checked against the code: who imports whom, which library stays behind
//! which door, and that every file says what it is.
//!
//! The edge table is read from the page itself, so that page and check cannot drift apart.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Libraries that live behind one door, and the modules behind it.
const DOORS: [(&str, &[&str]); 13] = [
    ("rusqlite::", &["buffer", "command"]),
    ("rumqttc", &["uplink", "testing"]),
    ("tokio_rustls::", &["tls"]),
    ("serial2_tokio::", &["adapter"]),
    ("bluez_async::", &["adapter"]),
    ("use dbus", &["adapter"]),
    ("rhai::", &["rules", "profile", "script"]),
    ("axum::", &["api"]),
    ("clap::", &["cli"]),
    ("tar::", &["cli"]),
    ("flate2::", &["cli"]),
    ("sd_notify::", &["host"]),
    ("tokio::spawn", &["supervisor"]),
];

/// Longest file; a longer one has more than one subject.
const MAX_LINES: usize = 700;

/// Module to the modules it may import.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// One source file.
struct Source<'a> {
    /// Path below `src`.
    path: &'a Path,
    /// Its text.
    text: &'a str,
}

#[test]
fn the_code_keeps_the_borders_of_the_map() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let edges = parse_edges(&fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap());
    let mut problems = Vec::new();

    for file in rust_files(&root) {
        let text = fs::read_to_string(&file).unwrap();
        problems.extend(check(&Source { path: file.strip_prefix(&root).unwrap(), text: &text }, &edges));
    }

    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Everything that is wrong with a file.
fn check(source: &Source<'_>, edges: &Edges) -> Vec<String> {
    let mut problems = check_form(source);
    let module = module_of(source.path);
    if !is_root(&module) && !edges.contains_key(&module) {
        problems.push(format!("module {module} is not in the edge table of ARCHITECTURE.md"));
    }
    let (code, tests) = split_tests(source);
    let (code, tests) = (without_comments(code), without_comments(tests));
    problems.extend(forbidden_edges(&module, &imports(&code, depth_of(source.path)), edges, &[]));
    // An inline module of tests lies one step deeper than its file.
    problems.extend(forbidden_edges(&module, &imports(&tests, depth_of(source.path) + 1), edges, &["testing"]));
    problems.extend(forbidden_doors(&module, &code));
    problems.iter().map(|problem| format!("src/{}: {problem}", source.path.display())).collect()
}

/// The roots of library and program know every module and stand in no table.
fn is_root(module: &str) -> bool {
    matches!(module, "lib" | "main")
}

/// Whether a file opens with its documentation and has a readable length.
fn check_form(source: &Source<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    // What a file of tests is, the module it tests says.
    if !source.text.starts_with("//!") && !is_tests(source.path) {
        problems.push("does not open with //! saying what it is".to_owned());
    }
    let lines = source.text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!("has {lines} lines, more than {MAX_LINES}"));
    }
    problems
}

/// Imports that neither the table nor `besides` allows.
fn forbidden_edges(module: &str, imports: &BTreeSet<String>, edges: &Edges, besides: &[&str]) -> Vec<String> {
    let Some(allowed) = edges.get(module) else { return Vec::new() };
    let is_fine = |to: &str| to == module || allowed.contains(to) || besides.contains(&to);
    let found = imports.iter().filter(|to| !is_fine(to));
    found.map(|to| format!("{module} imports {to}, which the edge table does not allow")).collect()
}

/// Libraries used outside their door.
fn forbidden_doors(module: &str, text: &str) -> Vec<String> {
    DOORS
        .iter()
        .filter(|(name, homes)| text.contains(name) && !homes.contains(&module))
        .map(|(name, homes)| format!("{name} belongs to {} alone", homes.join(" and ")))
        .collect()
}

/// The modules of ours that a text names: `crate::a`, `crate::{a::B, c}`, and `super::super::…` up to the root.
fn imports(text: &str, depth: usize) -> BTreeSet<String> {
    let up = "super::".repeat(depth);
    let roots = ["crate::", up.as_str()];
    let mut found = BTreeSet::new();
    for root in roots {
        for (at, _) in text.match_indices(root) {
            found.extend(first_segments(&text[at + root.len()..]));
        }
    }
    found
}

/// The first segments of what follows `crate::`: one name, or the names at the outer level of a `{…}` group.
fn first_segments(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return ident(rest).into_iter().collect();
    };
    let mut names = Vec::new();
    let (mut level, mut is_start) = (0, true);
    for (at, char) in group.char_indices() {
        match char {
            '{' => level += 1,
            '}' if level == 0 => break,
            '}' => level -= 1,
            ',' if level == 0 => is_start = true,
            _ if is_start && !char.is_whitespace() => {
                names.extend(ident(&group[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

/// The module name a text starts with; types and macros of the crate root are none.
fn ident(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let name = &text[..end];
    name.starts_with(|c: char| c.is_lowercase()).then(|| name.to_owned())
}

/// Whether a file is all tests: `tests.rs` or `…_tests.rs`.
fn is_tests(path: &Path) -> bool {
    let is_in_tests = path.components().any(|part| part.as_os_str() == "tests");
    is_in_tests || ["tests.rs", "_test.rs"].iter().any(|end| path.to_string_lossy().ends_with(end))
}

/// The code, and the tests that follow it. Tests stand last in a file.
fn split_tests<'a>(source: &Source<'a>) -> (&'a str, &'a str) {
    if is_tests(source.path) {
        return ("", source.text);
    }
    source.text.split_at(source.text.find("#[cfg(test)]\nmod ").unwrap_or(source.text.len()))
}

/// The text without its `//` comments, so that a link in a comment is no import.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The top-level module a file belongs to.
fn module_of(path: &Path) -> String {
    let first = path.components().next().expect("a file has a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// How many `super::` lead from a file to the crate's root.
fn depth_of(path: &Path) -> usize {
    let is_mod = path.file_name().is_some_and(|name| name == "mod.rs");
    path.components().count() - usize::from(is_mod)
}

/// The table `| module | may import |`: names in backticks, one row per module.
fn parse_edges(page: &str) -> Edges {
    let rows = page.lines().skip_while(|line| !line.starts_with("| module | may import |")).skip(2);
    let edges: Edges = rows.take_while(|line| line.starts_with('|')).map(parse_row).collect();
    assert!(!edges.is_empty(), "ARCHITECTURE.md holds no edge table");
    edges
}

/// One row: the module, and what it may import.
fn parse_row(row: &str) -> (String, BTreeSet<String>) {
    let mut names = row.split('`').skip(1).step_by(2).map(str::to_owned);
    (names.next().expect("a row starts with a module in backticks"), names.collect())
}

/// Every `.rs` file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The checker itself, on made-up text.
mod checker {
    use super::*;

    /// A small table.
    const PAGE: &str =
        "text\n\n| module | may import |\n|---|---|\n| `model` | |\n| `rules` | `model`, `shutdown` |\n\nmore";

    /// What is wrong with `text` at `path`.
    fn problems(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: Path::new(path), text }, &parse_edges(PAGE))
    }

    #[test]
    fn an_edge_of_the_table_is_fine_and_another_is_not() {
        assert!(problems("rules/mod.rs", "//! Rules.\nuse crate::{model::Reading, shutdown::Stop};").is_empty());

        let found = problems("rules/mod.rs", "//! Rules.\nuse crate::{model::Reading, buffer::{Store, model}};");

        assert_eq!(found, ["src/rules/mod.rs: rules imports buffer, which the edge table does not allow"]);
    }

    #[test]
    fn a_path_inside_code_counts_like_an_import() {
        assert_eq!(problems("model/value.rs", "//! V.\nfn f() { crate::config::load() }").len(), 1);
        assert_eq!(problems("model/value.rs", "//! V.\nuse super::super::config::Config;").len(), 1);
        assert!(problems("model/value.rs", "//! V.\n// See crate::config::load.\nuse super::Point;").is_empty());
    }

    #[test]
    fn tests_may_use_the_fakes_and_the_code_may_not() {
        let tests = "//! R.\n#[cfg(test)]\nmod tests {\n    use crate::testing::Clock;\n}";
        assert!(problems("rules/mod.rs", tests).is_empty());
        assert_eq!(problems("rules/mod.rs", "//! R.\nuse crate::testing::Clock;").len(), 1);
    }

    #[test]
    fn a_library_outside_its_door_is_found() {
        assert_eq!(problems("rules/mod.rs", "//! R.\nuse rusqlite::Connection;").len(), 1);
        assert_eq!(problems("rules/mod.rs", "//! R.\nfn f() { tokio::spawn(g()); }").len(), 1);
    }

    #[test]
    fn a_file_without_a_subject_or_end_is_found() {
        assert_eq!(problems("model/a.rs", "use std::fmt;").len(), 1);
        assert_eq!(problems("model/a.rs", &"//! A.\n".repeat(MAX_LINES + 1)).len(), 1);
    }

    #[test]
    fn a_module_that_is_not_on_the_map_is_found() {
        assert_eq!(problems("attic.rs", "//! Old things.").len(), 1);
    }
}
