//! How far a reading can be trusted.

use std::{fmt, sync::Arc};

/// The quality of a reading: good, or a class with its reason. A bad reading never carries a value. It takes one word:
/// nearly every reading is good, and those of tens of thousands of points are in memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Quality(Option<Arc<Doubt>>);

/// Why a reading is not good.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Doubt {
    is_bad: bool,
    why: Box<str>,
}

/// A quality to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade<'a> {
    /// Measured and within its limits.
    Good,
    /// A value that should be looked at twice, with the reason, for example `substituted`.
    Uncertain(&'a str),
    /// No value, with the reason, for example `timeout`.
    Bad(&'a str),
}

impl Quality {
    /// `good`.
    pub const GOOD: Self = Self(None);

    /// `bad:` with a reason.
    pub fn bad(why: &str) -> Self {
        Self::doubtful(true, why)
    }

    /// `uncertain:` with a reason.
    pub fn uncertain(why: &str) -> Self {
        Self::doubtful(false, why)
    }

    /// The class and the reason.
    pub fn grade(&self) -> Grade<'_> {
        match self.0.as_deref() {
            None => Grade::Good,
            Some(Doubt { is_bad: false, why }) => Grade::Uncertain(why),
            Some(Doubt { is_bad: true, why }) => Grade::Bad(why),
        }
    }

    /// True for `good`.
    pub fn is_good(&self) -> bool {
        self.0.is_none()
    }

    /// True for every `bad:`.
    pub fn is_bad(&self) -> bool {
        matches!(self.grade(), Grade::Bad(_))
    }

    /// Reads `good`, `uncertain:<why>` or `bad:<why>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "good" => Some(Self::GOOD),
            Some(("uncertain", why)) if !why.is_empty() => Some(Self::uncertain(why)),
            Some(("bad", why)) if !why.is_empty() => Some(Self::bad(why)),
            None | Some(_) => None,
        }
    }

    fn doubtful(is_bad: bool, why: &str) -> Self {
        Self(Some(Arc::new(Doubt { is_bad, why: why.into() })))
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grade() {
            Grade::Good => f.write_str("good"),
            Grade::Uncertain(why) => write!(f, "uncertain:{why}"),
            Grade::Bad(why) => write!(f, "bad:{why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for text in ["good", "uncertain:substituted", "bad:timeout"] {
            assert_eq!(Quality::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Quality::parse("bad:"), None);
        assert_eq!(Quality::parse("fine"), None);
    }
}
