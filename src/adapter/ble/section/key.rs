//! The secrets of a device: where they are kept is checked, and what is there as far as it can be seen offline.

use crate::{
    adapter::ble::air::Passkey,
    config::{Secret, report::Problems, section::At},
};

/// What is wrong with the text of a key. It never repeats the text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// A character that is no hex digit.
    #[error("the key is no hex")]
    NotHex,
    /// A length that no format has.
    #[error("the key has {0} hex digits, formats have 32, or 24 for MiBeacon 2 and 3")]
    Length(usize),
}

/// Reads a key as people copy it from an application: hex in either case.
pub fn parse(text: &str) -> Result<Vec<u8>, KeyError> {
    let text = text.trim();
    let digits: Vec<u8> = text.chars().map_while(|char| u8::try_from(char.to_digit(16)?).ok()).collect();
    if digits.len() != text.chars().count() {
        return Err(KeyError::NotHex);
    }
    if ![24, 32].contains(&digits.len()) {
        return Err(KeyError::Length(digits.len()));
    }
    Ok(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Checks a key where it can be read.
pub(super) fn check(key: &At<Secret>, problems: &mut Problems) {
    let help = "write the key as the device's application shows it: 32 hex digits";
    check_text(key, help, problems, |text| parse(text).map(drop).map_err(|error| error.to_string()));
}

/// Checks a passkey where it can be read.
pub(super) fn check_passkey(passkey: &At<Secret>, problems: &mut Problems) {
    let help = "write the six digits that the device shows or that are printed on it";
    let is_one = |text: &str| Passkey::parse(text).map(drop).ok_or_else(|| "the passkey is no six digits".to_owned());
    check_text(passkey, help, problems, is_one);
}

/// A file can be read by whoever checks. A credential or a variable is there only when the service runs.
fn check_text(
    At { value: secret, place }: &At<Secret>,
    help: &str,
    problems: &mut Problems,
    check: impl Fn(&str) -> Result<(), String>,
) {
    if !matches!(secret, Secret::File(_)) {
        return;
    }
    match secret.read() {
        Ok(text) => {
            if let Err(error) = check(text.expose()) {
                problems.error(place, format!("{secret:?}: {error}")).help(help);
            }
        }
        Err(error) => {
            problems.unreadable(place, error.to_string()).help("create the file with the secret in it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_hex_of_a_length_that_formats_have() {
        assert_eq!(parse("231d39c1d7cc1ab1aee224cd096db932").unwrap()[..3], [0x23, 0x1d, 0x39]);
        assert_eq!(parse(" 231D39C1D7CC1AB1AEE224CD ").unwrap().len(), 12);
        assert_eq!(parse("231d"), Err(KeyError::Length(4)));
        assert_eq!(parse("zz1d39c1d7cc1ab1aee224cd096db932"), Err(KeyError::NotHex));
        assert_eq!(parse("é"), Err(KeyError::NotHex));
        assert_eq!(parse(""), Err(KeyError::Length(0)));
    }
}
