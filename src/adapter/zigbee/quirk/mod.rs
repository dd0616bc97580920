//! Quirks: what a profile says of a Zigbee device whose clusters do not tell all, or tell it otherwise.
//!
//! ```text
//! profile.toml, table ──> Quirk ──> matched by maker and model, or named by the device
//! frame ──> data points, attributes, decode.rhai ──> values of the quirk's points
//! value ──> data point, attribute, encode.rhai ──> the frame that sets it
//! ```
//!
//! A point of a quirk takes the place of one that a standard cluster would give under the same name. All of this is
//! pure but [`Scripts`], which hold compiled scripts, and [`Quirks`], which looks into files.

mod encode;
mod find;
mod form;
mod keys;
mod read;
mod scripts;
#[cfg(test)]
mod tests;

pub use self::{
    find::{Quirks, Shelf},
    form::Form,
    keys::{MatchKeys, PointKeys, own_points},
    read::Found,
    scripts::Scripts,
};
use super::{
    address::{Attribute, Cluster, Endpoint, Manufacturer},
    tuya, zcl,
};
use crate::{
    model::{Access, DeviceId, Domain, Point, PointName, PointType},
    profile::Script,
};

/// What a profile says of a device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quirk {
    /// The profile's name.
    pub name: String,
    /// Which devices it is for.
    pub matches: Vec<Match>,
    /// Its points.
    pub points: Vec<OwnPoint>,
    /// Points that the device's clusters promise and that it does not have.
    pub without: Vec<PointName>,
    /// Clusters that are bound besides those of its points.
    pub bind: Vec<Cluster>,
    /// From when the device counts the seconds, if it is one of Tuya.
    pub clock: tuya::Clock,
    /// What reads the frames that the points' keys do not cover.
    pub decode: Option<Script>,
    /// What writes them.
    pub encode: Option<Script>,
}

/// Which devices a quirk is for: one of these makers, and one of these models; an empty list is any.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Makers, as the device names them.
    pub manufacturers: Vec<Pattern>,
    /// Models, as the device names them.
    pub models: Vec<Pattern>,
}

/// A text, or the beginning of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// The text.
    text: Box<str>,
    /// Whether more may follow.
    is_prefix: bool,
}

/// One point that a quirk adds.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnPoint {
    /// Its name.
    pub name: PointName,
    /// Where its value is.
    pub source: Source,
    /// What its values are.
    pub kind: PointType,
    /// UCUM unit.
    pub unit: Option<Box<str>>,
    /// Whether it can be set.
    pub access: Access,
    /// How its value is made.
    pub form: Form,
    /// Raw numbers that stand for "no value".
    pub invalid: Vec<i64>,
    /// Smallest plausible value.
    pub min: Option<f64>,
    /// Largest plausible value.
    pub max: Option<f64>,
}

/// Where a point's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In a data point.
    DataPoint {
        /// Its number.
        dp: u8,
        /// What it is when it is set; what is read says itself what it is.
        kind: tuya::Type,
    },
    /// In an attribute.
    Attribute(AttributePlace),
    /// Where scripts find it.
    Script,
}

/// Where an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributePlace {
    /// On which endpoint; `None` for the first that has the cluster.
    pub endpoint: Option<Endpoint>,
    /// In which cluster.
    pub cluster: Cluster,
    /// Which.
    pub attribute: Attribute,
    /// Whose addition to the cluster it is.
    pub manufacturer: Option<Manufacturer>,
    /// Its type.
    pub kind: zcl::Kind,
}

impl Quirk {
    /// The point of a name.
    pub fn point(&self, name: &str) -> Option<&OwnPoint> {
        self.points.iter().find(|point| point.name.as_str() == name)
    }

    /// Whether it has a say in a point: it tells it itself, or there is none.
    pub fn overrides(&self, name: &str) -> bool {
        self.point(name).is_some() || self.without.iter().any(|other| other.as_str() == name)
    }

    /// Whether any of its points is a data point.
    pub fn has_data_points(&self) -> bool {
        self.points.iter().any(|point| matches!(point.source, Source::DataPoint { .. }))
    }

    /// The attributes of its points.
    pub fn attributes(&self) -> impl Iterator<Item = AttributePlace> {
        self.points.iter().filter_map(|point| match point.source {
            Source::Attribute(place) => Some(place),
            Source::DataPoint { .. } | Source::Script => None,
        })
    }

    /// With points of a device's own, which take the place of others of their names.
    #[must_use]
    pub fn with(mut self, own: &[OwnPoint]) -> Self {
        self.points.retain(|point| own.iter().all(|own| own.name != point.name));
        self.points.extend_from_slice(own);
        self
    }

    /// How well it fits a device, the better the larger; `None` when it does not. A name in full counts more than its
    /// beginning, and both more than anything.
    fn fits(&self, manufacturer: &str, model: &str) -> Option<u8> {
        let weigh = |one: &Match| {
            Some(Pattern::best(&one.manufacturers, manufacturer)? * 3 + Pattern::best(&one.models, model)?)
        };
        self.matches.iter().filter_map(weigh).max()
    }
}

impl Pattern {
    /// A text; `*` at its end stands for what may follow.
    pub fn new(text: &str) -> Self {
        let (text, is_prefix) = text.strip_suffix('*').map_or((text, false), |text| (text, true));
        Self { text: text.into(), is_prefix }
    }

    /// How well a text fits one of several: 2 in full, 1 as a beginning, 0 when there are none to fit.
    fn best(patterns: &[Self], text: &str) -> Option<u8> {
        if patterns.is_empty() {
            return Some(0);
        }
        let weigh = |Self { text: known, is_prefix }: &Self| {
            if *is_prefix { text.starts_with(&**known).then_some(1) } else { (**known == *text).then_some(2) }
        };
        patterns.iter().filter_map(weigh).max()
    }
}

impl OwnPoint {
    /// As a point of a device.
    pub fn of(&self, device: &DeviceId) -> Point {
        let mut point = Point::new(device.clone(), self.name.clone(), self.kind, self.unit.as_deref());
        (point.access, point.domain) = (self.access, Domain::within(self.min, self.max));
        point
    }
}
