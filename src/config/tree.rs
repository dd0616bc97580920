//! A configuration as a tree of values that know their place, read from one or more TOML files.
//!
//! The TOML library's own types stay in this file. Files merge by one rule: tables merge, lists append, and a scalar
//! that two files set is an error that names both places.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeFloat, DeInteger, DeTable, DeValue},
};

use super::report::{Place, Problems};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the value begins.
    pub place: Place,
    /// The value.
    pub data: Data,
}

impl Node {
    /// The value as JSON, which has no dates.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Text(text) | Data::Date(text) => text.clone().into(),
            Data::Int(number) => (*number).into(),
            Data::Float(number) => (*number).into(),
            Data::Bool(flag) => (*flag).into(),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Table(table) => table.iter().map(|(name, entry)| (name.clone(), entry.node.to_json())).collect(),
        }
    }
}

/// A TOML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// A string.
    Text(String),
    /// An integer; TOML's own range is that of `i64`.
    Int(i64),
    /// A float, NaN and the infinities included.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A date or time, as text; no key takes one.
    Date(String),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

impl Data {
    /// What the value is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Bool(_) => "a boolean",
            Self::Date(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// A value that is one word in a file, as it would stand between quotes; `None` for lists and tables.
    pub(super) fn unquoted(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Date(text) => Some(text.clone()),
            Self::Int(number) => Some(number.to_string()),
            Self::Float(number) => Some(number.to_string()),
            Self::Bool(flag) => Some(flag.to_string()),
            Self::List(_) | Self::Table(_) => None,
        }
    }
}

/// The keys of a table in name order.
pub type Table = BTreeMap<String, Entry>;

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Place,
    /// The value.
    pub node: Node,
}

/// Reads a file's text. What is no TOML is reported; the rest is kept, so that its problems are found as well, but for
/// the keys below a header that is wrong: nobody knows where they belong. The library may begin the section after it at
/// that header, as one of its kind; it is left out then as well.
pub fn parse(file: &Path, text: &str, problems: &mut Problems) -> Table {
    let locator = Locator::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut last_line = 0;
    let mut lost = Vec::new();
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        lost.extend(locator.lost_section(offset));
        let place = locator.place(offset);
        // The first error of a line is the cause, further ones are its echo.
        if place.line != last_line {
            last_line = place.line;
            problems.unreadable(&place, format!("no valid TOML: {}", one_line(error.message())));
        }
    }
    Builder { locate: &|offset| locator.place(offset), lost: &lost, problems }.table(table.into_inner())
}

/// Reads a value of our own, such as a default, and places all of it at `place`.
pub fn parse_value(text: &str, place: &Place) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Builder { locate: &|_| place.clone(), lost: &[], problems: &mut Problems::default() }.node(value)
}

/// Adds the keys of a later file to those of an earlier one.
pub fn merge(into: &mut Table, from: Table, problems: &mut Problems) {
    for (name, entry) in from {
        match into.get_mut(&name) {
            None => drop(into.insert(name, entry)),
            Some(first) => merge_entry(&name, first, entry, problems),
        }
    }
}

/// Merges two values of one key.
fn merge_entry(name: &str, first: &mut Entry, second: Entry, problems: &mut Problems) {
    match (&mut first.node.data, second.node.data) {
        (Data::Table(into), Data::Table(from)) => merge(into, from, problems),
        (Data::List(into), Data::List(from)) => into.extend(from),
        _ => {
            let message = format!("{name:?} is set twice: first at {}", first.key);
            problems.error(&second.key, message).help("keep one of the two");
        }
    }
}

/// A library's message, which may hold line ends, as one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Turns byte offsets into lines and columns.
struct Locator<'t> {
    /// The file's name.
    file: Arc<Path>,
    /// The file's text.
    text: &'t str,
    /// The offset of each line's first byte.
    lines: Vec<usize>,
}

impl<'t> Locator<'t> {
    /// Finds the lines.
    fn new(file: &Path, text: &'t str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { file: file.into(), text, lines: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The place of an offset; one behind the text is placed at its end.
    fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|&start| start <= offset);
        let start = self.lines[line - 1];
        let before = self.text.as_bytes()[start..offset].iter().filter(|&&byte| (byte & 0xC0) != 0x80);
        Place { file: Arc::clone(&self.file), line, column: before.count() + 1 }
    }

    /// The section whose header has this offset, up to the next header; `None` when the offset is in no header.
    fn lost_section(&self, offset: usize) -> Option<Range<usize>> {
        let is_header = |start: &usize| self.text[*start..].trim_start_matches([' ', '\t']).starts_with('[');
        let next = self.lines.partition_point(|&start| start <= offset);
        let start = self.lines[next - 1];
        let end = self.lines[next..].iter().copied().find(is_header);
        is_header(&start).then(|| start..end.unwrap_or(self.text.len()))
    }
}

/// Converts the library's tree into ours.
struct Builder<'a> {
    /// Byte offset to place.
    locate: &'a dyn Fn(usize) -> Place,
    /// Sections whose header is wrong.
    lost: &'a [Range<usize>],
    /// Numbers that do not fit are reported here.
    problems: &'a mut Problems,
}

impl Builder<'_> {
    /// All keys of a table.
    fn table(&mut self, table: DeTable<'_>) -> Table {
        let entries = table.into_iter().filter_map(|(key, value)| {
            if self.is_lost(key.span().start) {
                return None;
            }
            let place = (self.locate)(key.span().start);
            let node = self.node(value)?;
            Some((key.into_inner().into_owned(), Entry { key: place, node }))
        });
        entries.collect()
    }

    /// Whether what stands there is below a header that is wrong.
    fn is_lost(&self, offset: usize) -> bool {
        self.lost.iter().any(|section| section.contains(&offset))
    }

    /// One value; `None` when a number does not fit, or when it is lost.
    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Option<Node> {
        if self.is_lost(value.span().start) {
            return None;
        }
        let place = (self.locate)(value.span().start);
        let data = match value.into_inner() {
            DeValue::String(text) => Data::Text(text.into_owned()),
            DeValue::Integer(integer) => Data::Int(self.fits(&place, integer_value(&integer), integer.as_str())?),
            DeValue::Float(float) => Data::Float(self.fits(&place, float_value(&float), float.as_str())?),
            DeValue::Boolean(flag) => Data::Bool(flag),
            DeValue::Datetime(date) => Data::Date(date.to_string()),
            DeValue::Array(items) => Data::List(items.into_iter().filter_map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Data::Table(self.table(table)),
        };
        Some(Node { place, data })
    }

    /// Reports a number that is too large for its type.
    fn fits<T>(&mut self, place: &Place, number: Option<T>, text: &str) -> Option<T> {
        if number.is_none() {
            self.problems.unreadable(place, format!("number {text} is too large"));
        }
        number
    }
}

/// An integer in the range TOML promises.
fn integer_value(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A float; one that overflows is refused, a written infinity is not.
fn float_value(float: &DeFloat<'_>) -> Option<f64> {
    let number: f64 = float.as_str().parse().ok()?;
    (!number.is_infinite() || float.as_str().contains("inf")).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str, problems: &mut Problems) -> Table {
        parse(Path::new(name), text, problems)
    }

    #[test]
    fn columns_count_characters() {
        let table = read("a", "# é\n[x]\n\"ö\" = 1\n", &mut Problems::default());

        let Data::Table(x) = &table["x"].node.data else { panic!("a table") };
        let place = |place: &Place| (place.line, place.column);
        assert_eq!(place(&table["x"].key), (2, 2));
        assert_eq!(place(&x["ö"].key), (3, 1));
        assert_eq!(place(&x["ö"].node.place), (3, 7));
    }

    #[test]
    fn tables_merge_lists_append_and_a_scalar_twice_names_both_places() {
        let mut problems = Problems::default();
        let mut first = read("a", "[g]\nid = 'x'\n[[l]]\nn = 1\n", &mut problems);
        let second = read("b", "[g]\nid = 'y'\nsite = 's'\n[[l]]\nn = 2\n", &mut problems);

        merge(&mut first, second, &mut problems);

        let Data::Table(g) = &first["g"].node.data else { panic!("a table") };
        let Data::List(l) = &first["l"].node.data else { panic!("a list") };
        assert_eq!((g.len(), l.len()), (2, 2));
        let report = problems.into_report().to_string();
        assert_eq!(report, "b:2:1: error: \"id\" is set twice: first at a:2:1 (help: keep one of the two)\n");
    }

    #[test]
    fn every_syntax_error_has_its_place() {
        let mut problems = Problems::default();

        let table = read("a", "x = \ny = 1\nz = = 2\n", &mut problems);

        let lines: Vec<_> = problems.into_report().problems.iter().map(|problem| problem.place.line).collect();
        assert_eq!(lines, [1, 3]);
        assert_eq!(table["y"].node.data, Data::Int(1));
    }

    #[test]
    fn nothing_below_a_wrong_header_is_told_of() {
        for header in ["[l", "[[l", "[[l]", "[l]]", "  [l x]", "[]"] {
            let mut problems = Problems::default();

            let text = format!("[[l]]\nn = 1\n{header}\nn = 2\nm = 3\n[t]\nk = 4\n[u]\nj = 5\n");
            let table = read("a", &text, &mut problems);

            let lines: Vec<_> = problems.into_report().problems.iter().map(|problem| problem.place.line).collect();
            assert_eq!(lines, [3], "{header}");
            assert!(table.keys().all(|key| ["l", "t", "u"].contains(&key.as_str())), "{header}: {table:?}");
            assert!(table.get("t").is_none_or(|t| matches!(t.node.data, Data::Table(_))), "{header}: {table:?}");
            let Data::Table(u) = &table["u"].node.data else { panic!("a table: {header}") };
            assert_eq!(u["j"].node.data, Data::Int(5), "{header}");
        }
    }
}
