//! Tables for people: aligned columns, two spaces between them, no lines.

use std::fmt;

use serde_json::Value;

/// Rows under headings.
#[derive(Debug)]
pub(super) struct Table {
    /// The headings.
    head: Vec<String>,
    /// Cells; each row has as many as there are headings.
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row; missing cells are empty.
    pub(super) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().map(|cell| one_line(&cell)).collect();
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }

    /// A table of JSON objects under a title, which heads the first column; `keys` are its columns from left to right.
    pub(super) fn of(title: &str, keys: &[&str], objects: &[Value]) -> Self {
        let head = keys.iter().enumerate().map(|(at, key)| if at == 0 { title } else { key });
        let head = head.map(|word| word.replace('_', " ").to_uppercase()).collect();
        let mut table = Self { head, rows: Vec::new() };
        for object in objects {
            table.push(keys.iter().map(|key| object.get(*key).map_or_else(String::new, cell)));
        }
        table
    }

    /// Width of each column in characters.
    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = std::iter::once(&self.head).chain(&self.rows).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        (0..self.head.len()).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let padded: Vec<String> =
                row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", padded.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// A JSON value as a cell: text without quotes, nothing for null, a list with commas.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Text from a device cannot break the layout or drive the terminal.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["DEVICE", "VALUE"]);
        table.push(["cold-store-1".to_owned(), "–18.5 °C".to_owned()]);
        table.push(["m".to_owned()]);

        assert_eq!(table.to_string(), "DEVICE        VALUE\ncold-store-1  –18.5 °C\nm\n");
    }

    #[test]
    fn objects_become_rows_with_the_columns_asked_for() {
        let objects = [json!({"in_flight": 3, "name": "cloud", "x": 1}), json!({"name": "scada", "error": null})];

        let table = Table::of("uplink", &["name", "in_flight", "error"], &objects);

        assert_eq!(table.to_string(), "UPLINK  IN FLIGHT  ERROR\ncloud   3\nscada\n");
    }

    #[test]
    fn a_list_is_shown_with_commas() {
        assert_eq!(cell(&json!(["meter-1/*", "pump-1/speed"])), "meter-1/*, pump-1/speed");
    }

    proptest! {
        #[test]
        fn a_row_is_one_line_whatever_is_in_it(cells in proptest::collection::vec("(?s).{0,12}", 0..5)) {
            let mut table = Table::new(&["A", "B", "C"]);
            table.push(cells.into_iter().take(3));
            prop_assert_eq!(table.to_string().lines().count(), 2);
        }
    }
}
