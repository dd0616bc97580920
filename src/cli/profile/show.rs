//! A profile as a page that can be compared with a data sheet: everything it says stands there.

use serde_json::{Map, Value};

use crate::{
    cli::table::{Table, cell},
    profile::Pack,
};

/// Name, sources, notes, what counts for all points, and the points.
pub(super) fn page(pack: &Pack, points: &[Value]) -> String {
    let head = format!("{}\n{}\n", pack.name, pack.sources.join("\n"));
    let note = pack.note.as_ref().map_or_else(String::new, |note| format!("\n{note}"));
    let device = match shown(&pack.device_keys()) {
        Value::String(keys) if !keys.is_empty() => format!("\nall points: {keys}\n"),
        _ => String::new(),
    };
    let rows: Vec<Value> = points.iter().map(row).collect();
    let columns = columns(&pack.kind, points);
    format!("{head}{note}{device}\n{}", Table::of("point", &columns, &rows))
}

/// What every profile of the kind shows, then the other keys that its points have.
fn columns<'a>(kind: &str, points: &'a [Value]) -> Vec<&'a str> {
    let mut columns = match kind {
        "zigbee" => vec!["name", "dp", "cluster", "attribute", "type", "scale", "unit", "access"],
        "ble" => vec!["name", "characteristic", "type", "scale", "unit", "access", "poll"],
        _ => vec!["name", "register", "type", "scale", "unit", "access", "poll"],
    };
    for key in points.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    columns
}

/// A point whose cells are all text.
fn row(point: &Value) -> Value {
    let cells = point.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), shown(value)));
    Value::Object(cells.collect())
}

/// A table of keys in one line: `0 = off, 1 = on`.
fn shown(value: &Value) -> Value {
    let Value::Object(keys) = value else { return value.clone() };
    keys.iter().map(|(key, value)| format!("{key} = {}", cell(value))).collect::<Vec<_>>().join(", ").into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_keys_of_a_point_have_a_column() {
        let points = [
            json!({ "name": "mode", "register": "40103", "enum": { "0": "off", "1": "on" } }),
            json!({ "name": "t", "register": "30031", "invalid": ["0x8000", "nan"], "max": 3000 }),
        ];

        let columns = columns("modbus", &points);

        assert_eq!(columns[7..], ["enum", "invalid", "max"]);
        let rows: Vec<Value> = points.iter().map(row).collect();
        let table = Table::of("point", &columns, &rows).to_string();
        assert!(table.contains("  0 = off, 1 = on\n"), "{table}");
        assert!(table.contains("  0x8000, nan  3000\n"), "{table}");
    }
}
