//! Keys that are given on the command line: by file, never as an argument, which others could see.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{adapter::ble::section::parse_key, cli::error::CliError};

/// Longest file that is read; a key has 32 digits.
const MAX_FILE: u64 = 4096;

/// Reads a key from a file, or from standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_FILE).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
    };
    read.map_err(|error| CliError::Usage(format!("cannot read the key from {}: {error}", path.display())))?;
    parse_key(&text).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_a_mistake_never_repeats_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");

        std::fs::write(&path, "231D39c1d7cc1ab1aee224cd096db932\n").unwrap();
        assert_eq!(read(&path).unwrap()[..2], [0x23, 0x1D]);

        std::fs::write(&path, "231D39").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("6 hex digits") && !error.contains("231D39"), "{error}");
        assert!(read(&folder.path().join("none")).is_err());
    }
}
