//! Reading a small table from both its ends towards a place that gives errors.

use rusqlite::{Connection, Row};

/// Rows of one direction at most: a damaged page may lead to the same ones for ever.
const MAX_ROWS: usize = 100_000;

/// The rows of a query without order, in the order of these columns and then backwards; some may come twice. Says
/// besides whether they are all there are.
pub(super) fn from_both_ends<T>(
    db: &Connection,
    select: &str,
    order: &[&str],
    row: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> (Vec<T>, bool) {
    let backwards: Vec<_> = order.iter().map(|column| format!("{column} DESC")).collect();
    let mut rows = Vec::new();
    for order in [order.join(", "), backwards.join(", ")] {
        if read(db, &format!("{select} ORDER BY {order} LIMIT {MAX_ROWS}"), &row, &mut rows).is_ok() {
            return (rows, true);
        }
    }
    (rows, false)
}

fn read<T>(
    db: &Connection,
    sql: &str,
    row: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    rows: &mut Vec<T>,
) -> rusqlite::Result<()> {
    let mut query = db.prepare(sql)?;
    for found in query.query_map([], row)? {
        rows.push(found?);
    }
    Ok(())
}
