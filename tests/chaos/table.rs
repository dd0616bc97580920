//! What the runner shows.

use std::time::Duration;

use crate::{account::Fate, cloud::Cloud};

/// One line per round and cloud; all figures count from the start of the run, but the seconds: they are what the
/// drain of this round took.
pub(crate) struct Table {
    /// The lines so far.
    lines: Vec<String>,
}

impl Table {
    /// An empty table with a title.
    pub(crate) fn new(title: &str) -> Self {
        let head = format!(
            "{:>5} {:<34} {:>5} {:>8} {:>9} {:>7} {:>6} {:>5} {:>6} {:>9} {:>7}",
            "round",
            "faults",
            "cloud",
            "accepted",
            "delivered",
            "crashed",
            "told",
            "lost",
            "again",
            "differing",
            "seconds"
        );
        Self { lines: vec![title.to_owned(), head] }
    }

    /// The state of one cloud after a round.
    pub(crate) fn row(&mut self, round: [&str; 2], (number, fate): (usize, &Fate), cloud: &Cloud, drain: Duration) {
        let ([round, faults], seconds) = (round, drain.as_secs_f64());
        let Fate { accepted, delivered, crashed, told, lost } = fate;
        let ((again, differing), lost) = (cloud.account.repeats(), lost.len());
        self.lines.push(format!(
            "{round:>5} {faults:<34} {number:>5} {accepted:>8} {delivered:>9} {crashed:>7} {told:>6} {lost:>5} \
             {again:>6} {differing:>9} {seconds:>7.1}"
        ));
    }

    /// A remark between the lines.
    pub(crate) fn note(&mut self, text: &str) {
        self.lines.push(format!("      {text}"));
    }

    /// The whole table.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }
}
