//! From clusters to points, without knowing the device: what standard clusters measure has a name, a unit and a scale.
//!
//! ```text
//! frame -> attributes -> rules (table) -> form (number, bit, word) -> a value of a point
//!       -> commands   -> zone (alarms by the zone's type), button (what a remote control sent)
//! order: a value for a point -> a command or an attribute to write
//! ```
//!
//! Names and units are those of the one table of points. Numbers are worked out exactly ([`exact`]) and become a float
//! once, at the end. A marker for "no value", a number out of its range, a type that does not fit, or a factor that is
//! not known gives no value and says why; never a guess.

pub mod button;
pub mod exact;
pub mod form;
pub mod known;
pub mod order;
pub mod points;
pub mod rules;
#[cfg(test)]
mod tests;
pub mod units;
pub mod zone;

pub use self::{known::Known, rules::Rule};
use super::{
    address::{Attribute, Cluster},
    zcl::{
        self, Direction, Frame, General, Scope,
        general::{Assignment, ReadOutcome},
    },
};
use crate::model::{Quantity, Value};

/// A value that a frame gave for a point, or why it gave none.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which point.
    pub quantity: Quantity,
    /// Which of that name on the endpoint, counted from 1.
    pub nth: u8,
    /// What was found.
    pub value: Result<Value, Missing>,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The device says that it has none.
    #[error("not available")]
    NotAvailable,
    /// It cannot be, by the specification of the cluster.
    #[error("out of range")]
    OutOfRange,
    /// A text where a number should be, or the like.
    #[error("{0} does not fit")]
    Type(zcl::Kind),
    /// The same, of a data point or of what a script gave.
    #[error("{0} does not fit")]
    Shape(&'static str),
    /// An attribute that the scale depends on has not been read.
    #[error("needs attribute {0}")]
    Factor(Attribute),
    /// The unit of a meter is none that we know.
    #[error("unit {0} of the meter is unknown")]
    Unit(i128),
}

impl Missing {
    /// The reason in a quality: `bad:<reason>`.
    pub fn quality(&self) -> &'static str {
        match self {
            Self::NotAvailable => "not-available",
            Self::OutOfRange => "out-of-range",
            Self::Type(_) | Self::Shape(_) | Self::Unit(_) => "decode",
            Self::Factor(_) => "not-scaled",
        }
    }
}

/// Every point that a frame of a device gives a value for. Factors that are in the same frame, at any place, are
/// learnt first.
pub fn findings(cluster: Cluster, frame: &Frame<'_>, known: &mut Known) -> Vec<Finding> {
    if frame.header.scope == Scope::Cluster {
        return from_command(cluster, frame, known);
    }
    match General::of(frame) {
        Some(Ok(General::Report(assignments))) => from_attributes(cluster, frame, &assignments, known),
        Some(Ok(General::ReadResponse(records))) => {
            let read = records.into_iter().filter_map(|record| match record.found {
                ReadOutcome::Value(value) => Some(Assignment::new(record.attribute, value)),
                ReadOutcome::Status(_) => None,
            });
            from_attributes(cluster, frame, &read.collect::<Vec<_>>(), known)
        }
        // What does not end where it should gives nothing: half of a report may mean anything.
        Some(_) | None => Vec::new(),
    }
}

/// What attributes say. Those of a maker have their own meaning and are left to profiles.
fn from_attributes(
    cluster: Cluster,
    frame: &Frame<'_>,
    attributes: &[Assignment],
    known: &mut Known,
) -> Vec<Finding> {
    if frame.header.manufacturer.is_some() || frame.header.direction != Direction::ToClient {
        return Vec::new();
    }
    for assignment in attributes {
        known.learn(cluster, assignment);
    }
    attributes.iter().flat_map(|assignment| from_attribute(cluster, assignment, known)).collect()
}

/// What one attribute says.
fn from_attribute(cluster: Cluster, assignment: &Assignment, known: &Known) -> Vec<Finding> {
    if (cluster, assignment.attribute) == (zone::CLUSTER, zone::STATUS) {
        return zone::findings(&assignment.value, known);
    }
    let rules = rules::of(cluster, assignment.attribute);
    rules.filter_map(|rule| form::apply(rule, &assignment.value, known)).collect()
}

/// What a command says: an alarm of a zone, or a button of a remote control.
fn from_command(cluster: Cluster, frame: &Frame<'_>, known: &Known) -> Vec<Finding> {
    let header = &frame.header;
    if header.manufacturer.is_some() {
        return Vec::new();
    }
    match header.direction {
        Direction::ToClient => zone::notification(cluster, header.command, frame.payload, known),
        Direction::ToServer => button::finding(cluster, header.command, frame.payload).into_iter().collect(),
    }
}
