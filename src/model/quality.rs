//! How far a reading can be trusted.

use std::{fmt, sync::Arc};

/// The quality of a reading: good, or a class with its reason. A `Bad` reading never carries a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Quality {
    /// Measured and within its limits.
    #[default]
    Good,
    /// A value that should be looked at twice, with the reason, for example `substituted`.
    Uncertain(Arc<str>),
    /// No value, with the reason, for example `timeout`.
    Bad(Arc<str>),
}

impl Quality {
    /// `bad:` with a reason.
    pub fn bad(why: &str) -> Self {
        Self::Bad(why.into())
    }

    /// `uncertain:` with a reason.
    pub fn uncertain(why: &str) -> Self {
        Self::Uncertain(why.into())
    }

    /// True for `good`.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good)
    }

    /// True for every `bad:`.
    pub fn is_bad(&self) -> bool {
        matches!(self, Self::Bad(_))
    }

    /// Reads `good`, `uncertain:<why>` or `bad:<why>`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "good" => Some(Self::Good),
            Some(("uncertain", why)) if !why.is_empty() => Some(Self::uncertain(why)),
            Some(("bad", why)) if !why.is_empty() => Some(Self::bad(why)),
            None | Some(_) => None,
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Uncertain(why) => write!(f, "uncertain:{why}"),
            Self::Bad(why) => write!(f, "bad:{why}"),
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
