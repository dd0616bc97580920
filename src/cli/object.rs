//! A line of input that holds one JSON object.

use serde::Deserialize;

/// Reads a line that holds one object. A list, which would be taken for the fields in their order, is none.
pub(super) fn read<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    let text = line.trim_ascii();
    if text.first().is_some_and(|byte| *byte != b'{') {
        return Err("it does not begin with {".to_owned());
    }
    serde_json::from_slice(text).map_err(|error| error.to_string())
}
