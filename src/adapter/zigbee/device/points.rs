//! The points of a device: which it has, which can be set, and what is behind each.

use std::sync::Arc;

use super::Device;
use crate::{
    adapter::zigbee::{
        address::{Attribute, Cluster, Endpoint},
        map::{Finding, Rule, points, units},
        quirk::Source,
    },
    model::{Access, Point, PointName, Quantity},
};

/// Most points of one device. What it tells beyond them is left out and counted as rejected.
const MAX_POINTS: usize = 256;

impl Device {
    /// Every point it has.
    pub(in super::super) fn all_points(&self) -> impl Iterator<Item = &Arc<Point>> {
        self.points.values().map(|(_, point)| point).chain(&self.own)
    }

    /// The point of a finding, made when it is the first of its name or the device says another unit; the name, and
    /// whether it is new. `None` beyond [`MAX_POINTS`].
    pub(in super::super) fn point_of(
        &mut self,
        endpoint: Endpoint,
        finding: &Finding,
    ) -> Option<(String, Arc<Point>, bool)> {
        let name = points::name_of(&self.endpoints, endpoint, finding).into_owned();
        let unit = units::of(finding.quantity, self.known.get(&endpoint));
        if let Some((quantity, point)) = self.points.get(&name)
            && (*quantity, point.unit.as_deref()) == (finding.quantity, unit)
        {
            return Some((name, Arc::clone(point), false));
        }
        let point = self.add_point(&name, finding.quantity, unit)?;
        Some((name, point, true))
    }

    /// Adds a point; `None` beyond [`MAX_POINTS`].
    pub(in super::super) fn add_point(
        &mut self,
        name: &str,
        quantity: Quantity,
        unit: Option<&str>,
    ) -> Option<Arc<Point>> {
        if self.points.len() >= MAX_POINTS && !self.points.contains_key(name) {
            return None;
        }
        let point_name = PointName::new(name).ok()?;
        let mut point = Point::new(self.id.clone(), point_name, quantity.kind(), unit);
        if self.setter(name).is_some() {
            point.access = Access::Rw;
        }
        let point = Arc::new(point);
        self.points.insert(name.to_owned(), (quantity, Arc::clone(&point)));
        Some(point)
    }

    /// What sets a point: the endpoint and its rule, for one that can be set.
    pub(in super::super) fn setter(&self, name: &str) -> Option<(Endpoint, &'static Rule)> {
        self.source(name).filter(|(_, rule)| rule.access.can_write())
    }

    /// The attribute behind a point, if it is one; the device has it, as far as it was asked.
    pub(in super::super) fn source(&self, name: &str) -> Option<(Endpoint, &'static Rule)> {
        let possible = points::possible(&self.endpoints);
        let has = |possible: &points::Possible| {
            let attributes = self.attributes.get(&(possible.endpoint, possible.rule.cluster));
            attributes.is_some_and(|all| all.iter().any(|(attribute, _)| *attribute == possible.rule.attribute))
        };
        let mut named = possible.into_iter().filter(|possible| possible.name == name);
        named.find(has).map(|possible| (possible.endpoint, possible.rule))
    }

    /// Whether an attribute is what a point is made of.
    pub(in super::super) fn feeds(
        &self,
        name: &str,
        endpoint: Endpoint,
        cluster: Cluster,
        attribute: Attribute,
    ) -> bool {
        if let Some(own) = self.quirk.as_ref().and_then(|quirk| quirk.point(name)) {
            return matches!(own.source, Source::Attribute(place)
                if (place.cluster, place.attribute) == (cluster, attribute)
                    && self.endpoint_of(place.endpoint, cluster) == endpoint);
        }
        let possible = points::possible(&self.endpoints).into_iter().filter(|possible| possible.name == name);
        let place = |possible: points::Possible| (possible.endpoint, possible.rule.cluster, possible.rule.attribute);
        possible.map(place).any(|place| place == (endpoint, cluster, attribute))
    }

    /// Points that it can be commanded by, with their kind.
    pub(in super::super) fn settable(&self) -> impl Iterator<Item = (&str, Quantity)> {
        let points = self.points.iter().filter(|(_, (_, point))| point.access.can_write());
        points.map(|(name, (quantity, _))| (name.as_str(), *quantity))
    }

    /// Whether a profile has a say in the point of a finding: tells it itself, or says that there is none.
    pub(in super::super) fn overrides(&self, endpoint: Endpoint, finding: &Finding) -> bool {
        let name = || points::name_of(&self.endpoints, endpoint, finding);
        self.quirk.as_ref().is_some_and(|quirk| quirk.overrides(&name()))
    }

    /// The point of its profile of a name.
    pub(in super::super) fn own_point(&self, name: &str) -> Option<&Arc<Point>> {
        self.own.iter().find(|point| point.name().as_str() == name)
    }

    /// Adds the points of an attribute that nothing is ever told of: they can be set, and are there from the start.
    pub(super) fn add_wishes(&mut self, endpoint: Endpoint, cluster: Cluster, attribute: Attribute) {
        let wishes = points::possible(&self.endpoints).into_iter();
        let place = (endpoint, cluster, attribute);
        let wishes = wishes.filter(|wish| (wish.endpoint, wish.rule.cluster, wish.rule.attribute) == place);
        for wish in wishes.filter(|wish| wish.rule.is_wish()) {
            if !self.points.contains_key(&*wish.name) {
                // Beyond the limit it is left out as any other.
                let _ = self.add_point(&wish.name, wish.rule.quantity, None);
            }
        }
    }
}
