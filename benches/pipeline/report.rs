//! Rows, the table for people with goals and comparisons, and the file for programs.

use std::{fmt, fs, path::Path};

use serde_json::{Value, json};

/// One figure.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What it is, as `case/figure`.
    pub(crate) name: String,
    /// Its unit.
    pub(crate) unit: String,
    /// The figure.
    pub(crate) value: f64,
    /// How many things were measured.
    pub(crate) n: u64,
    /// Under which conditions.
    pub(crate) conditions: String,
}

/// Which side of the goal is good.
#[derive(Clone, Copy)]
enum Goal {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}
use Goal::{AtLeast, AtMost};

/// What is aimed at, by row.
const GOALS: [(&str, Goal); 33] = [
    ("strict/rate", AtLeast(200_000.0)),
    ("strict/cpu", AtMost(5.0)),
    ("strict/rss", AtMost(40.0)),
    ("express/rate", AtLeast(300_000.0)),
    ("express/cpu", AtMost(5.0)),
    ("express/rss", AtMost(40.0)),
    ("paced-up/written", AtMost(12.0)),
    ("paced-up/device", AtMost(12.0)),
    ("paced-up/p50", AtMost(40.0)),
    ("paced-up/p99", AtMost(100.0)),
    ("paced-up/rss", AtMost(25.0)),
    ("paced-up-bare/written", AtMost(1.0)),
    ("paced-up-bare/device", AtMost(1.0)),
    ("paced-up-bare/rss", AtMost(25.0)),
    ("paced-down/written", AtMost(25.0)),
    ("paced-down/device", AtMost(25.0)),
    ("paced-down/rss", AtMost(25.0)),
    ("paced-down-strict/written", AtMost(45.0)),
    ("paced-down-strict/device", AtMost(45.0)),
    ("paced-down-strict/rss", AtMost(25.0)),
    ("drain/rss", AtMost(40.0)),
    ("drain-plant/rss", AtMost(40.0)),
    ("fleet/cpu", AtMost(5.0)),
    ("fleet/rss", AtMost(25.0)),
    ("fleet/missed", AtMost(0.0)),
    ("fleet/taken", AtLeast(0.99)),
    ("fleet-wide/cpu", AtMost(5.0)),
    ("fleet-wide/missed", AtMost(0.0)),
    ("fleet-wide/taken", AtLeast(0.99)),
    ("reaction/p99", AtMost(10.0)),
    ("daemon/first-poll", AtMost(150.0)),
    ("daemon/rss", AtMost(20.0)),
    ("open/backlog", AtMost(500.0)),
];

/// Rows that are compared with another of the same run: what the machine gives without us, and what a peer takes.
const COMPARED: [(&str, &str); 5] = [
    ("strict/rate", "ceiling/sqlite"),
    ("express/rate", "ceiling/mqtt"),
    ("drain/rate", "bridge/rate"),
    ("drain/rss", "bridge/rss"),
    ("drain-plant/rate", "ceiling/mqtt"),
];

/// The table's columns.
const COLUMNS: [(&str, Align); 8] = [
    ("what", Align::Left),
    ("value", Align::Right),
    ("unit", Align::Left),
    ("goal", Align::Right),
    ("of goal", Align::Right),
    ("compared", Align::Left),
    ("n", Align::Right),
    ("conditions", Align::Last),
];

/// Where a cell stands in its column.
#[derive(Clone, Copy)]
enum Align {
    /// At its left side.
    Left,
    /// At its right side.
    Right,
    /// It ends the line.
    Last,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report {
    /// In the order it was measured.
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// A figure.
    pub(crate) fn new(name: impl Into<String>, unit: &str, value: f64, n: u64, conditions: &str) -> Self {
        Self { name: name.into(), unit: unit.to_owned(), value, n, conditions: conditions.to_owned() }
    }

    /// As the file holds it.
    pub(crate) fn to_json(&self) -> Value {
        let Self { name, unit, value, n, conditions } = self;
        json!({ "name": name, "unit": unit, "value": value, "n": n, "conditions": conditions })
    }

    /// Reads [`Row::to_json`]; `None` for any other line.
    pub(crate) fn from_json(line: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| json[key].as_str().map(str::to_owned);
        Some(Self {
            name: text("name")?,
            unit: text("unit")?,
            value: json["value"].as_f64()?,
            n: json["n"].as_u64()?,
            conditions: text("conditions")?,
        })
    }
}

impl Report {
    /// Writes all rows as a JSON array.
    pub(crate) fn write(&self, path: &Path) {
        let rows: Vec<Value> = self.rows.iter().map(Row::to_json).collect();
        fs::write(path, format!("{:#}\n", Value::from(rows))).expect("a writable target folder");
        eprintln!("written to {}", path.display());
    }

    fn value(&self, name: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.name == name).map(|row| row.value)
    }

    /// The cells of one line.
    fn cells(&self, row: &Row) -> [String; 8] {
        let goal = GOALS.iter().find(|(name, _)| *name == row.name).map(|(_, goal)| *goal);
        let other = COMPARED.iter().find(|(name, _)| *name == row.name).map(|(_, other)| *other);
        let ratio = |other| self.value(other).map(|value| format!("{} of {other}", ratio_text(row.value / value)));
        [
            row.name.clone(),
            figure(row.value),
            row.unit.clone(),
            goal.map(Goal::text).unwrap_or_default(),
            goal.map(|goal| goal.verdict(row.value)).unwrap_or_default(),
            other.and_then(ratio).unwrap_or_default(),
            row.n.to_string(),
            row.conditions.clone(),
        ]
    }
}

/// The table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = COLUMNS.map(|(title, _)| title.to_owned());
        let lines: Vec<_> = [head].into_iter().chain(self.rows.iter().map(|row| self.cells(row))).collect();
        let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = std::array::from_fn(width);
        for cells in &lines {
            for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
                match COLUMNS[column].1 {
                    Align::Left => write!(f, "{cell:width$}  ")?,
                    Align::Right => write!(f, "{cell:>width$}  ")?,
                    Align::Last => writeln!(f, "{cell}")?,
                }
            }
        }
        Ok(())
    }
}

impl Goal {
    /// As a person would write it.
    fn text(self) -> String {
        match self {
            AtLeast(goal) => format!("≥ {}", figure(goal)),
            AtMost(goal) => format!("≤ {}", figure(goal)),
        }
    }

    /// The ratio, with a mark when the goal is missed.
    fn verdict(self, value: f64) -> String {
        let (ratio, is_met) = match self {
            AtLeast(goal) => (value / goal, value >= goal),
            AtMost(goal) => (value / goal, value <= goal),
        };
        // Nothing is no share of a goal of nothing.
        let ratio = if ratio.is_finite() { format!("{ratio:.2}") } else { String::new() };
        format!("{ratio}{}", if is_met { "  " } else { " !" })
    }
}

/// Three digits for small figures, none behind the point for large ones.
fn figure(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// As few digits as tell it from zero.
fn ratio_text(ratio: f64) -> String {
    if ratio >= 0.1 { format!("{ratio:.2}") } else { format!("{ratio:.4}") }
}
