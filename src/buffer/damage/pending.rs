//! What is remembered of a file that was set aside until it is salvaged: rows in `meta` of the store that took its
//! place.
//!
//! ```text
//! salvage:<file>      what was known of it, as JSON
//! salvage-at:<file>   the table and the first row that was not carried over yet
//! salvage-letters:<file>   the dead letter that was carried over last
//! ```

use std::{collections::BTreeMap, path::Path, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::buffer::{delivery, mark::Mark, ranges::Ranges, rows::Table, store::Store};

/// Keys of what is known of a file, and of how far it was read.
const KNOWN: &str = "salvage:";
const AT: &str = "salvage-at:";
const LETTERS: &str = "salvage-letters:";

/// What each uplink is not owed of a file's blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::buffer) struct Sent {
    uplinks: BTreeMap<Arc<str>, Ranges>,
    /// Of an uplink that came later.
    base: Ranges,
}

/// A file that was set aside and is not salvaged yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::buffer) struct Pending {
    /// Its name; it lies beside the store.
    pub(super) file: String,
    /// What the lock file knew of its store.
    pub(super) mark: Option<Mark>,
    /// What memory knew of deliveries when the file was set aside; else the file itself is asked.
    pub(super) sent: Option<Sent>,
    /// Rows before this one were carried over in an earlier run.
    pub(super) at: Option<(Table, u64)>,
    /// The row of the dead letter that was carried over last.
    pub(super) letter: i64,
}

/// The rows that carry over what is known of a file.
pub(in crate::buffer) type MetaRow = (String, Option<String>);

impl Sent {
    /// From the rows of progress, the base being the one without a name.
    pub(in crate::buffer) fn of(rows: Vec<delivery::Row>) -> Self {
        let decoded = rows.into_iter().map(|row| (row.uplink, Ranges::decode(&row.ranges).unwrap_or_default()));
        Self::from_map(decoded.collect())
    }

    fn from_map(mut uplinks: BTreeMap<Arc<str>, Ranges>) -> Self {
        let base = uplinks.remove("").unwrap_or_default();
        Self { uplinks, base }
    }

    /// What the file says; what it cannot say counts as not sent.
    pub(super) fn read(store: &Store) -> Self {
        let progress = store.progress().unwrap_or_default();
        Self::from_map(progress.into_iter().map(|(uplink, progress)| (uplink, progress.settled)).collect())
    }

    /// The ids an uplink is not owed.
    pub(in crate::buffer) fn settled(&self, uplink: &str) -> &Ranges {
        self.uplinks.get(uplink).unwrap_or(&self.base)
    }

    /// The ids none of these uplinks is owed, up to `last`. Without any, what a later one would not be owed.
    pub(in crate::buffer) fn settled_by_all(&self, uplinks: &[Arc<str>], last: u64) -> Ranges {
        let mut all = Ranges::default();
        all.insert_range(0, last);
        let settled = uplinks.iter().fold(all, |all, name| all.intersect(self.settled(name)));
        if uplinks.is_empty() { self.base.clone() } else { settled }
    }

    /// The uplinks it knows of.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.uplinks.keys().cloned().collect()
    }

    fn to_json(&self) -> Value {
        let row = |(name, ranges): (&str, &Ranges)| (name.to_owned(), json!(BASE64_STANDARD.encode(ranges.encode())));
        let uplinks = self.uplinks.iter().map(|(name, ranges)| (&**name, ranges));
        Value::Object(uplinks.chain([("", &self.base)]).map(row).collect())
    }

    fn from_json(json: &Value) -> Option<Self> {
        let row = |(name, value): (&String, &Value)| {
            let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
            Some((name.as_str().into(), Ranges::decode(&bytes).ok()?))
        };
        Some(Self::from_map(json.as_object()?.iter().map(row).collect::<Option<_>>()?))
    }
}

impl Pending {
    /// A file that was just set aside, with what its mark and memory know of it.
    pub(in crate::buffer) fn new(aside: &Path, mark: Option<Mark>, sent: Option<Sent>) -> Self {
        let file = aside.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self { file, mark, sent, ..Self::default() }
    }

    /// The file's name.
    pub(in crate::buffer) fn name(&self) -> &str {
        &self.file
    }

    /// Remembers it in the store that takes over.
    pub(in crate::buffer) fn remember(&self, db: &Connection) -> rusqlite::Result<()> {
        let value = json!({
            "mark": self.mark.as_ref().map(ToString::to_string), "sent": self.sent.as_ref().map(Sent::to_json),
        });
        let key = format!("{KNOWN}{}", self.file);
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value.to_string()]).map(drop)
    }

    /// Every file that is still to be salvaged into this store, the oldest first.
    pub(in crate::buffer) fn all(db: &Connection) -> rusqlite::Result<Vec<Self>> {
        let mut query =
            db.prepare("SELECT key, value FROM meta WHERE key > 'salvage' AND key < 'salvagf' ORDER BY key")?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let rows: BTreeMap<String, String> = rows.collect::<Result<_, _>>()?;
        let known = rows.iter().filter_map(|(key, value)| Some((key.strip_prefix(KNOWN)?, value)));
        let at = |file: &str| rows.get(&format!("{AT}{file}")).and_then(|at| parse_at(at));
        let letter = |file: &str| rows.get(&format!("{LETTERS}{file}")).and_then(|row| row.parse().ok()).unwrap_or(0);
        let pending =
            |(file, value): (&str, &String)| Self { at: at(file), letter: letter(file), ..Self::parse(file, value) };
        Ok(known.map(pending).collect())
    }

    /// A value that is damaged leaves the name, and the file itself is asked for the rest.
    fn parse(file: &str, value: &str) -> Self {
        let json: Value = serde_json::from_str(value).unwrap_or_default();
        Self {
            file: file.to_owned(),
            mark: json["mark"].as_str().and_then(Mark::parse),
            sent: Sent::from_json(&json["sent"]),
            ..Self::default()
        }
    }

    /// The row that says how far it was carried over.
    pub(super) fn reached(&self, table: Table, row: u64) -> MetaRow {
        (format!("{AT}{}", self.file), Some(format!("{} {row}", table.name())))
    }

    /// The row that says up to which dead letter.
    pub(super) fn reached_letter(&self, rowid: i64) -> (String, String) {
        (format!("{LETTERS}{}", self.file), rowid.to_string())
    }

    /// The rows that go when it is done.
    pub(super) fn done(&self) -> Vec<MetaRow> {
        [KNOWN, AT, LETTERS].map(|prefix| (format!("{prefix}{}", self.file), None)).into()
    }
}

/// What a file was itself still waiting for when it was set aside, for the store that took over.
pub(in crate::buffer) fn hand_over(store: &Store) -> Vec<MetaRow> {
    let rows = |db: &Connection| {
        let mut query = db.prepare("SELECT key, value FROM meta WHERE key > 'salvage' AND key < 'salvagf'")?;
        query.query_map([], |row| Ok((row.get(0)?, Some(row.get(1)?))))?.collect::<rusqlite::Result<Vec<_>>>()
    };
    // When it cannot be read, the files are still there, and their own event named them.
    rows(&store.db).unwrap_or_default()
}

fn parse_at(text: &str) -> Option<(Table, u64)> {
    let (name, row) = text.split_once(' ')?;
    let table = Table::ALL.into_iter().find(|table| table.name() == name)?;
    Some((table, row.parse().ok()?))
}
