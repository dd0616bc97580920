//! Names that appear in topics, selectors and file names: slugs, checked once where they enter.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Serialize, Serializer};

/// Longest slug that is taken, so that topics and log lines stay readable.
const MAX_LEN: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentError {
    /// Nothing was given.
    #[error("name is empty")]
    Empty,
    /// Longer than a name may be.
    #[error("name has {0} characters, at most {MAX_LEN} are allowed")]
    TooLong(usize),
    /// A character outside the slug alphabet.
    #[error("{0:?} is not allowed in a name: use a-z, 0-9, '-' and '_', starting with a letter or digit")]
    BadCharacter(char),
}

/// Checks the slug alphabet: lower-case letters, digits, `-` and `_`, starting with a letter or digit.
fn check(text: &str) -> Result<(), IdentError> {
    let first = text.chars().next().ok_or(IdentError::Empty)?;
    if text.len() > MAX_LEN {
        return Err(IdentError::TooLong(text.chars().count()));
    }
    if !(first.is_ascii_lowercase() || first.is_ascii_digit()) {
        return Err(IdentError::BadCharacter(first));
    }
    let is_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    text.chars().find(|&c| !is_slug(c)).map_or(Ok(()), |c| Err(IdentError::BadCharacter(c)))
}

macro_rules! slug {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a slug, or says which character is in the way.
            pub fn new(text: &str) -> Result<Self, IdentError> {
                check(text).map(|()| Self(text.into()))
            }

            /// The slug as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

slug! {
    /// The unique id of a device, for example `meter-1`.
    DeviceId
}
slug! {
    /// The name of a point within its device, for example `voltage`.
    PointName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_taken_and_everything_else_is_named() {
        assert_eq!(DeviceId::new("meter-1").unwrap().as_str(), "meter-1");
        assert_eq!(PointName::new("energy_15m").unwrap().to_string(), "energy_15m");
        assert_eq!(DeviceId::new(""), Err(IdentError::Empty));
        assert_eq!(DeviceId::new("Meter"), Err(IdentError::BadCharacter('M')));
        assert_eq!(DeviceId::new("a/b"), Err(IdentError::BadCharacter('/')));
        assert_eq!(DeviceId::new("-a"), Err(IdentError::BadCharacter('-')));
        assert_eq!(DeviceId::new(&"a".repeat(65)), Err(IdentError::TooLong(65)));
    }
}
