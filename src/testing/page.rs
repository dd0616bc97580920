//! Tables of the documentation that are made from the code.

use std::{env, fs, path::Path};

/// Asserts that a page shows a table between two lines; with `TIDEGATE_BLESS=1` it is written there instead.
#[track_caller]
pub(crate) fn assert_shows(page: &str, (begin, end): (&str, &str), table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(begin).unwrap();
    let (found, tail) = rest.split_once(end).unwrap();

    if env::var_os("TIDEGATE_BLESS").is_some() {
        fs::write(path, [head, begin, table, end, tail].concat()).unwrap();
    } else {
        assert_eq!(found, table, "run the test with TIDEGATE_BLESS=1");
    }
}
