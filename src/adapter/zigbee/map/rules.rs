//! Rules: which attribute of which cluster feeds which point, and how. The [table](RULES) has them all.

mod table;

pub use self::table::RULES;
use super::form::{Form, METER_FACTORS, PRESSURE_SCALE, TOTAL_FACTORS};
use crate::{
    adapter::zigbee::address::{Attribute, Cluster},
    model::{Access, Quantity as Q},
};

/// One attribute and the point it feeds.
#[derive(Debug)]
pub struct Rule {
    /// The cluster.
    pub cluster: Cluster,
    /// The attribute.
    pub attribute: Attribute,
    /// The point.
    pub quantity: Q,
    /// Which of that name on the endpoint, counted from 1.
    pub nth: u8,
    /// Whether it can be set, by a command or by writing the attribute.
    pub access: Access,
    /// How its value is made.
    pub form: Form,
    /// Raw numbers that are possible.
    pub raw: (i128, i128),
}

/// Every raw number is possible.
const ANY: (i128, i128) = (i128::MIN, i128::MAX);

/// A rule for something that is read only and first of its name.
const fn rule(cluster: u16, attribute: u16, quantity: Q, form: Form) -> Rule {
    let (cluster, attribute) = (Cluster(cluster), Attribute(attribute));
    Rule { cluster, attribute, quantity, nth: 1, access: Access::R, form, raw: ANY }
}

impl Rule {
    /// It can be set.
    const fn writable(mut self) -> Self {
        self.access = Access::Rw;
        self
    }

    /// It is another of its name.
    const fn nth(mut self, nth: u8) -> Self {
        self.nth = nth;
        self
    }

    /// Raw numbers beyond these are no measurement.
    const fn within(mut self, least: i128, most: i128) -> Self {
        self.raw = (least, most);
        self
    }

    /// Whether its point is only set, and nothing is told of it.
    pub fn is_wish(&self) -> bool {
        matches!(self.form, Form::Wish(_))
    }

    /// The attributes of the same cluster that its scale depends on.
    pub(super) fn factors(&self) -> impl Iterator<Item = Attribute> + use<> {
        let factors = match self.form {
            Form::Scaled { multiplier, divisor } => vec![multiplier, divisor],
            Form::Summation | Form::Demand => METER_FACTORS.to_vec(),
            Form::Total => TOTAL_FACTORS.to_vec(),
            Form::PowerOfTen => vec![PRESSURE_SCALE],
            Form::Number(_)
            | Form::Remaining
            | Form::Illuminance
            | Form::Switch
            | Form::Bits(_)
            | Form::States(_)
            | Form::Words(_)
            | Form::Text
            | Form::Wish(_) => vec![],
        };
        factors.into_iter()
    }
}

/// The rules of an attribute.
pub fn of(cluster: Cluster, attribute: Attribute) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| (rule.cluster, rule.attribute) == (cluster, attribute))
}

/// Whether an attribute has something to report.
pub fn is_told(cluster: Cluster, attribute: Attribute) -> bool {
    of(cluster, attribute).any(|rule| !rule.is_wish())
}

/// The rules of a cluster.
pub fn of_cluster(cluster: Cluster) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.cluster == cluster)
}
