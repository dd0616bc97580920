//! Attributes of an endpoint that others depend on: multipliers, divisors, units, the type of a zone.

use std::collections::BTreeMap;

use super::{rules, units, zone};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster},
    zcl::general::Assignment,
};

/// What has been read of an endpoint. It holds no more than the few attributes that rules name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<(Cluster, Attribute), i128>);

impl Known {
    /// Remembers an attribute if others depend on it and it has a value.
    pub fn learn(&mut self, cluster: Cluster, assignment: &Assignment) {
        if let Some(number) = assignment.value.as_integer() {
            self.insert(cluster, assignment.attribute, number);
        }
    }

    /// Remembers a number, if anything depends on it; for what a device does not have, its default.
    pub fn insert(&mut self, cluster: Cluster, attribute: Attribute, number: i128) {
        if needed().any(|needed| needed == (cluster, attribute)) {
            self.0.insert((cluster, attribute), number);
        }
    }

    /// What is known of an attribute.
    pub fn get(&self, cluster: Cluster, attribute: Attribute) -> Option<i128> {
        self.0.get(&(cluster, attribute)).copied()
    }
}

/// Every attribute that something depends on; an interview reads those of the device's clusters.
pub fn needed() -> impl Iterator<Item = (Cluster, Attribute)> {
    let factors = rules::RULES.iter().flat_map(|rule| rule.factors().map(|attribute| (rule.cluster, attribute)));
    factors.chain(units::attributes()).chain([(zone::CLUSTER, zone::TYPE)])
}
