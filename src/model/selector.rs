//! Selectors: which points a rule, a grant or a listing speaks of.

use std::fmt;

use super::PointAddress;

/// A text that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Not of the form `device/point`.
    #[error("{0:?} is no selector: write device/point, with * for any run of characters")]
    Shape(String),
    /// A character no name can have.
    #[error("{character:?} in selector {text:?} matches no name: names have a-z, 0-9, '-' and '_'")]
    Character {
        /// The selector.
        text: String,
        /// The character that cannot match.
        character: char,
    },
}

/// `device/point` with `*` for any run of characters within one segment; it never crosses the `/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Glob over device ids.
    device: Box<str>,
    /// Glob over point names.
    point: Box<str>,
}

impl Selector {
    /// Parses `device/point`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let shape = || SelectorError::Shape(text.to_owned());
        let (device, point) = text.split_once('/').ok_or_else(shape)?;
        if device.is_empty() || point.is_empty() || point.contains('/') {
            return Err(shape());
        }
        let can_match = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_*".contains(c);
        match (device.chars().chain(point.chars())).find(|&c| !can_match(c)) {
            Some(character) => Err(SelectorError::Character { text: text.to_owned(), character }),
            None => Ok(Self { device: device.into(), point: point.into() }),
        }
    }

    /// Whether the selector covers a point.
    pub fn matches(&self, address: &PointAddress) -> bool {
        self.matches_names(address.device.as_str(), address.point.as_str())
    }

    /// As [`Selector::matches`], for names that are not parsed yet.
    pub fn matches_names(&self, device: &str, point: &str) -> bool {
        glob(self.device.as_bytes(), device.as_bytes()) && glob(self.point.as_bytes(), point.as_bytes())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.point)
    }
}

/// Matches `*` against any run of bytes, going back to the last star only, so the cost is bounded by the product
/// of the lengths.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after_star, start)) = star {
            star = Some((after_star, start + 1));
            (p, t) = (after_star, start + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_their_segment() {
        let selector = Selector::parse("freezer-*/temp*").unwrap();

        assert!(selector.matches_names("freezer-12", "temperature"));
        assert!(selector.matches_names("freezer-", "temp"));
        assert!(!selector.matches_names("fridge-1", "temperature"));
        assert!(!selector.matches_names("freezer-1", "humidity"));
        assert!(Selector::parse("*/*").unwrap().matches_names("a", "b"));
        assert!(Selector::parse("a*b*c/x").unwrap().matches_names("aabbcc", "x"));
    }

    #[test]
    fn a_selector_that_matches_nothing_is_refused() {
        for text in ["meter", "a/b/c", "/x", "x/", ""] {
            assert!(matches!(Selector::parse(text), Err(SelectorError::Shape(_))), "{text}");
        }
        assert!(matches!(Selector::parse("Meter/x"), Err(SelectorError::Character { character: 'M', .. })));
    }
}
