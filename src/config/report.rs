//! What is wrong with a configuration: every problem with its place and, where we know it, the fix.
//!
//! Checks never stop at the first problem. They hand it to [`Problems`] and go on with a default or without the part
//! that is wrong, so that one run of `tidegate check` tells everything.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc};

/// A place in a configuration file; lines and columns count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file.
    pub file: Arc<Path>,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// The first character of a file: where a problem of the file as a whole is placed.
    pub fn start_of(file: &Path) -> Self {
        Self { file: file.into(), line: 1, column: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Whether a problem refuses the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// Most likely not what was meant, but it can be run.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// Whether it refuses the configuration.
    pub severity: Severity,
    /// What is wrong, with the values.
    pub message: String,
    /// How to mend it, where we know.
    pub help: Option<String>,
}

impl Problem {
    /// Adds how to mend it.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }
}

/// `FILE:LINE:COL: error: what (help: fix)`, the form editors jump to.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.severity, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " (help: {help})"))
    }
}

/// Why a text is not a value, and how to mend it; the one who read the text knows the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong, with the values.
    pub message: String,
    /// How to mend it, where we know.
    pub help: Option<String>,
}

impl Fault {
    /// A fault without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// Problems while they are being found.
#[derive(Debug, Default)]
pub struct Problems {
    /// In the order they were found.
    found: Vec<Problem>,
    /// Whether a part of a file could not be read.
    incomplete: bool,
}

impl Problems {
    /// Something that refuses the configuration.
    pub fn error(&mut self, place: &Place, message: impl Into<String>) -> &mut Problem {
        self.add(place, Severity::Error, message.into())
    }

    /// Something that is most likely not meant.
    pub fn warning(&mut self, place: &Place, message: impl Into<String>) -> &mut Problem {
        self.add(place, Severity::Warning, message.into())
    }

    /// A fault that was found at a place.
    pub fn fault(&mut self, place: &Place, fault: Fault) {
        self.error(place, fault.message).help = fault.help;
    }

    /// Faults that were found at one place.
    pub fn faults(&mut self, place: &Place, faults: Vec<Fault>) {
        for fault in faults {
            self.fault(place, fault);
        }
    }

    /// Something that should be there and is not. Nothing is said when a file could not be read whole: it may stand
    /// in the part that was not understood, whose problem is reported already.
    pub fn absent(&mut self, place: &Place, fault: Fault) {
        if !self.incomplete {
            self.fault(place, fault);
        }
    }

    /// A file, or a part of it, that could not be read.
    pub fn unreadable(&mut self, place: &Place, message: impl Into<String>) -> &mut Problem {
        self.incomplete = true;
        self.error(place, message)
    }

    /// Whether a part of a file could not be read, so that what is missing may stand there.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// How much was found so far: who reads a part compares it before and after, to know whether all of it was right.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Everything found so far, in reading order.
    pub fn into_report(self) -> Report {
        Report { problems: self.found.into_iter().collect::<BTreeSet<_>>().into_iter().collect() }
    }

    /// Keeps a problem.
    fn add(&mut self, place: &Place, severity: Severity, message: String) -> &mut Problem {
        self.found.push(Problem { place: place.clone(), severity, message, help: None });
        self.found.last_mut().expect("one was just pushed")
    }
}

/// All problems of a configuration, ordered by file, line and column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The problems, each once.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether anything refuses the configuration.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// One problem per line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}

impl std::error::Error for Report {}

/// The known word that is nearest to a mistyped one, if any is near enough to be meant.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |word: &str| strsim::normalized_damerau_levenshtein(typed, word);
    let rated = known.into_iter().map(|word| (likeness(word), word));
    rated.filter(|(rate, _)| *rate >= 0.5).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

/// The help for a mistyped word: the nearest known one, all that are known, or that there are none.
pub fn suggest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(typed, known.clone()) {
        Some(word) => format!("did you mean {word:?}?"),
        None if known.clone().into_iter().next().is_none() => "there are none yet".to_owned(),
        None => format!("known here: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_prints_as_editors_read_it() {
        let mut problems = Problems::default();
        problems.error(&Place::start_of(Path::new("/etc/a.toml")), "no such key").help("did you mean \"id\"?");

        let report = problems.into_report();

        assert_eq!(report.to_string(), "/etc/a.toml:1:1: error: no such key (help: did you mean \"id\"?)\n");
        assert!(report.has_errors());
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        assert_eq!(nearest("buffr", ["gateway", "buffer"]), Some("buffer"));
        assert_eq!(nearest("xyz", ["gateway", "buffer"]), None);
        assert_eq!(suggest("xyz", ["a", "b"]), "known here: a, b");
        assert_eq!(suggest("xyz", []), "there are none yet");
    }
}
