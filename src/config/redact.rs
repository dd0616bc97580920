//! A configuration that may be shown to strangers, and the texts that must not be.
//!
//! Comments are left out, and so is the value of every key that is not known: a slip such as `pasword = "…"` gives
//! nothing away. Keys that hold secrets show at most where the secret is kept, and links and URLs lose their logins.
//! What was left out, and what the files of secrets hold, is collected, so that it can be taken out of logs as well.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    draft, file,
    report::Problems,
    secret,
    section::{AdapterKind, Keyed as _, Keys, Shape},
    tree::{Data, Entry, Node, Table},
};

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";
/// Keys whose value is a secret or the place of one. A login name is one too: some clouds take a token in its place.
const SECRET_KEYS: [&str; 3] = ["password", "key", "username"];
/// Shorter texts are hidden where they stand and not looked for elsewhere: they would be found everywhere.
const SHORTEST: usize = 4;
/// A login name that is shorter is no token, and is often the gateway's own name.
const SHORTEST_NAME: usize = 12;
/// Most bytes of a file of secrets that are looked at; keys and certificates are far shorter.
const MAX_SECRET: usize = 64 * 1024;

/// A configuration without its secrets.
#[derive(Debug, Default)]
pub struct Redacted {
    /// Each file, and what may be shown of it.
    pub files: Vec<(PathBuf, Value)>,
    /// Texts that must be nowhere else, the longest first.
    pub secrets: Vec<String>,
    /// Files that hold secrets, whether they can be read or not.
    pub secret_files: Vec<PathBuf>,
    /// Files of TLS that hold none.
    pub public_files: Vec<PathBuf>,
}

/// Reads a file and the `conf.d/*.toml` beside it, as far as they can be read, with the keys of these adapter kinds.
pub fn redacted(path: &Path, kinds: &[AdapterKind]) -> Redacted {
    // What cannot be read is told by a check; here it is left out.
    let ignored = &mut Problems::default();
    let known = known_keys(kinds);
    let mut found = BTreeSet::new();
    let (mut secret_files, mut public_files) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    for file in draft::files(path, ignored) {
        let table = draft::read_file(&file, ignored);
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut redactor = Redactor {
            known: &known,
            folder,
            secrets: &mut found,
            secret_files: &mut secret_files,
            public_files: &mut public_files,
        };
        let shown = redactor.table("", &table);
        files.push((file, shown));
    }
    let mut secrets: Vec<_> = found.into_iter().collect();
    secrets.sort_by_key(|text| std::cmp::Reverse(text.len()));
    Redacted { files, secrets, secret_files, public_files }
}

/// Takes the logins out of every URL in a text.
pub fn without_logins(text: &str) -> String {
    let mut rest = text;
    let mut shown = String::with_capacity(text.len());
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        let end = after.find(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).unwrap_or(after.len());
        let login = after[..end].rfind('@').unwrap_or(0);
        shown.push_str(before);
        shown.push_str(if login > 0 { HIDDEN } else { "" });
        shown.push_str(&after[login..end]);
        rest = &after[end..];
    }
    shown + rest
}

/// The names of all keys there are.
fn known_keys(kinds: &[AdapterKind]) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    let tables = [file::Root::KEYS, file::Adapter::KEYS, file::Device::KEYS];
    let of_kinds = kinds.iter().flat_map(|kind| [kind.adapter, kind.device]);
    for keys in tables.into_iter().chain(of_kinds) {
        collect(&keys, &mut names);
    }
    names
}

/// The keys of a table and of the tables in it.
fn collect(keys: &Keys, names: &mut BTreeSet<&'static str>) {
    for key in keys.keys {
        names.insert(key.name());
        collect_shape(key.shape, names);
    }
}

/// The keys of tables that a value may hold.
fn collect_shape(shape: Shape, names: &mut BTreeSet<&'static str>) {
    match shape {
        Shape::Table(keys) => collect(keys, names),
        Shape::List(item) => collect_shape(*item, names),
        Shape::Either(shapes) => shapes.iter().for_each(|one| collect_shape(*one, names)),
        Shape::Text(_) | Shape::Words(_) | Shape::Integer { .. } | Shape::Number | Shape::Bool | Shape::Open => {}
    }
}

/// Walks one file.
struct Redactor<'a> {
    /// Keys that may be shown.
    known: &'a BTreeSet<&'static str>,
    /// Where relative paths start.
    folder: &'a Path,
    /// What was hidden.
    secrets: &'a mut BTreeSet<String>,
    /// Where secrets are.
    secret_files: &'a mut Vec<PathBuf>,
    /// Certificates.
    public_files: &'a mut Vec<PathBuf>,
}

impl Redactor<'_> {
    /// A table that stands under a key.
    fn table(&mut self, under: &str, table: &Table) -> Value {
        let entries = table.iter().map(|(name, entry)| (name.clone(), self.entry(under, name, entry)));
        Value::Object(entries.collect::<Map<_, _>>())
    }

    /// One key with its value.
    fn entry(&mut self, under: &str, name: &str, entry: &Entry) -> Value {
        let node = &entry.node;
        if !self.known.contains(name) {
            return self.hide(node, SHORTEST);
        }
        match (&node.data, name) {
            // The file of a client's key is named, its text is not.
            (Data::Text(path), "key") if under == "tls" => {
                self.note_file(path);
                path.as_str().into()
            }
            (Data::Text(path), "ca" | "cert") if under == "tls" => {
                self.public_files.push(self.resolve(path));
                path.as_str().into()
            }
            (Data::Table(place), _) if SECRET_KEYS.contains(&name) => {
                self.note_place(place);
                self.table(name, place)
            }
            (_, "username") => self.hide(node, SHORTEST_NAME),
            _ if SECRET_KEYS.contains(&name) => self.hide(node, SHORTEST),
            (Data::Text(text), "url" | "link") => self.link(text).into(),
            _ => self.node(name, node),
        }
    }

    /// A value that may be shown, under its key.
    fn node(&mut self, name: &str, node: &Node) -> Value {
        match &node.data {
            Data::Table(table) => self.table(name, table),
            Data::List(items) => items.iter().map(|item| self.node(name, item)).collect(),
            Data::Text(text) if text.contains("://") => self.link(text).into(),
            Data::Text(_) | Data::Date(_) | Data::Int(_) | Data::Float(_) | Data::Bool(_) => node.to_json(),
        }
    }

    /// A URL without its login. With slips in it nobody can say where the login ends: all up to the last `@` goes.
    fn link(&mut self, text: &str) -> String {
        let Some(end) = text.rfind('@') else { return text.to_owned() };
        let start = text.find("://").map_or(0, |at| at + 3).min(end);
        let login = &text[start..end];
        self.note(login, SHORTEST);
        for part in login.splitn(2, ':') {
            self.note(part, SHORTEST);
        }
        format!("{}{HIDDEN}{}", &text[..start], &text[end..])
    }

    /// Hides a value and all in it.
    fn hide(&mut self, node: &Node, shortest: usize) -> Value {
        match &node.data {
            Data::Table(table) => table.values().for_each(|entry| drop(self.hide(&entry.node, shortest))),
            Data::List(items) => items.iter().for_each(|item| drop(self.hide(item, shortest))),
            Data::Text(text) | Data::Date(text) => self.note(text, shortest),
            Data::Int(number) => self.note(&number.to_string(), SHORTEST_NAME),
            Data::Float(_) | Data::Bool(_) => {}
        }
        HIDDEN.into()
    }

    /// Remembers what is kept in the place of a secret, as far as we may read it.
    fn note_place(&mut self, place: &Table) {
        let text = |name: &str| match place.get(name).map(|entry| &entry.node.data) {
            Some(Data::Text(text)) => Some(text.clone()),
            _ => None,
        };
        if let Some(path) = text("file") {
            self.note_file(&path);
        }
        if let Some(held) = text("env").and_then(|name| env::var(name).ok()) {
            self.note_text(&held);
        }
        let folder = env::var_os("CREDENTIALS_DIRECTORY");
        if let Some(path) = text("credential").and_then(|name| secret::credential(&name, folder).ok()) {
            self.note_content(&path);
        }
    }

    /// Remembers a file and what it holds.
    fn note_file(&mut self, path: &str) {
        let path = self.resolve(path);
        self.note_content(&path);
        self.secret_files.push(path);
    }

    /// A path as the gateway takes it: a relative one starts at the folder of its file.
    fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path).components().collect()
    }

    /// Remembers what a file holds.
    fn note_content(&mut self, path: &Path) {
        let Ok(mut held) = fs::read(path) else { return };
        held.truncate(MAX_SECRET);
        self.note_text(&String::from_utf8_lossy(&held));
    }

    /// Remembers a secret, and each of its lines.
    fn note_text(&mut self, held: &str) {
        self.note(held.trim(), SHORTEST);
        // The first and last line of a PEM file say only what it is.
        for line in held.lines().filter(|line| !line.starts_with("-----")) {
            self.note(line.trim(), SHORTEST);
        }
    }

    /// Remembers a text that is long enough to be looked for.
    fn note(&mut self, text: &str, shortest: usize) {
        if text.chars().count() >= shortest {
            self.secrets.insert(text.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
