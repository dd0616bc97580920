//! A point: one thing a device measures or accepts.

use std::fmt;

use serde::Serialize;

use super::{DeviceId, PointName, Slim};

/// The type of a point's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PointType {
    /// A number with a fraction.
    Float,
    /// An integer, exact to 64 bits.
    Int,
    /// True or false.
    Bool,
    /// UTF-8 text.
    Text,
    /// Raw bytes.
    Bytes,
    /// Any JSON document.
    Json,
}

impl PointType {
    /// The word used in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Json => "json",
        }
    }
}

/// Whether a point can be read, written or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Read only, the default.
    R,
    /// Write only.
    W,
    /// Read and written.
    Rw,
}

impl Access {
    /// True for `r` and `rw`.
    pub fn can_read(self) -> bool {
        matches!(self, Self::R | Self::Rw)
    }

    /// True for `w` and `rw`.
    pub fn can_write(self) -> bool {
        matches!(self, Self::W | Self::Rw)
    }

    /// The word used in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R => "r",
            Self::W => "w",
            Self::Rw => "rw",
        }
    }
}

/// Where a point is: `device/point`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PointAddress {
    /// The device.
    pub device: DeviceId,
    /// The point within the device.
    pub point: PointName,
}

impl fmt::Display for PointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.point)
    }
}

/// What is known of a point before any reading. Readings share it through an `Arc`.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// `device/point`, unique in the gateway.
    pub address: PointAddress,
    /// Type of the values after decoding and scaling.
    pub kind: PointType,
    /// UCUM unit, `None` for counts, switches and text.
    pub unit: Option<Slim<str>>,
    /// Whether it can be read, written or both.
    pub access: Access,
    /// Which values of its type it has; readings beyond are `bad:out-of-range`.
    pub domain: Domain,
}

/// Which values of its type a point has. On the heap, because most of tens of thousands of points have any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Domain(Option<Box<Limit>>);

#[derive(Debug, Clone, PartialEq)]
enum Limit {
    /// Numbers that are plausible: from the first to the second, `None` where there is no end.
    Ends([Option<f64>; 2]),
    /// Objects with a key for each of these points of the device, which are set together.
    Members(Vec<PointName>),
}

impl Domain {
    /// Numbers from the smallest to the largest; `None` where there is no end.
    pub fn within(min: Option<f64>, max: Option<f64>) -> Self {
        Self((min.is_some() || max.is_some()).then(|| Box::new(Limit::Ends([min, max]))))
    }

    /// Objects that set these points together.
    pub fn of_members(members: Vec<PointName>) -> Self {
        Self(Some(Box::new(Limit::Members(members))))
    }

    /// The smallest and the largest number.
    pub fn ends(&self) -> [Option<f64>; 2] {
        match self.0.as_deref() {
            Some(Limit::Ends(ends)) => *ends,
            Some(Limit::Members(_)) | None => [None, None],
        }
    }

    /// The points that are set together through this one; `None` for all that are no group.
    pub fn members(&self) -> Option<&[PointName]> {
        match self.0.as_deref() {
            Some(Limit::Members(members)) => Some(members),
            Some(Limit::Ends(_)) | None => None,
        }
    }
}

impl Point {
    /// A read-only point without limits.
    pub fn new(device: DeviceId, point: PointName, kind: PointType, unit: Option<&str>) -> Self {
        let address = PointAddress { device, point };
        Self { address, kind, unit: unit.map(Into::into), access: Access::R, domain: Domain::default() }
    }

    /// The device the point belongs to.
    pub fn device(&self) -> &DeviceId {
        &self.address.device
    }

    /// The point's name within its device.
    pub fn name(&self) -> &PointName {
        &self.address.point
    }

    /// Whether a number lies within the bounds, both ends inclusive.
    pub fn is_plausible(&self, value: f64) -> bool {
        let [min, max] = self.domain.ends();
        min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_point_takes_seven_words() {
        assert_eq!(size_of::<Point>(), 56);
    }
}
