//! What is kept of devices between two runs: everything but values, which the buffer has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    address::{Attribute, Cluster, Endpoint, Ieee, Nwk},
    device::Device,
    interview::Step,
    map::known,
    reporting::{Intervals, Otherwise, Wanted},
    run::Ordered,
    wire::{Wire as _, hex, unhex},
    zcl::Kind,
    zdo::descriptor::{Node, Simple},
};
use crate::model::{DeviceId, Quantity, vocabulary::QUANTITIES};

/// The document in the adapter's memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The devices.
    devices: Vec<KeptDevice>,
    /// Devices that somebody wants updated.
    #[serde(default)]
    pub(super) updates: Vec<Ordered>,
}

/// One device.
#[derive(Debug, Serialize, Deserialize)]
struct KeptDevice {
    ieee: u64,
    nwk: Option<u16>,
    /// Descriptors as they came, in hex.
    node: Option<String>,
    listed: Vec<u8>,
    endpoints: Vec<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    done: Vec<Step>,
    is_interviewed: bool,
    /// Endpoint, cluster, attribute, number.
    known: Vec<(u8, u16, u16, i64)>,
    /// Endpoint, cluster, attribute, type.
    attributes: Vec<(u8, u16, u16, u8)>,
    /// Name of the point and of its kind.
    points: Vec<(String, String)>,
    /// Units of points that have one; earlier versions took that of their kind.
    #[serde(default)]
    units: BTreeMap<String, String>,
    /// When it was asked to report; earlier versions asked all alike.
    #[serde(default)]
    asked_intervals: Intervals,
    /// Points that it was asked for at times of their own.
    #[serde(default)]
    asked_points: BTreeMap<String, Intervals>,
    /// Endpoint, cluster, attribute, and how that is reported otherwise.
    #[serde(default)]
    others: Vec<(u8, u16, u16, Otherwise)>,
    #[serde(default)]
    reports_within_s: Option<u16>,
    #[serde(default)]
    check_in: Option<u32>,
}

impl Kept {
    /// What there is to keep.
    pub(super) fn of<'a>(devices: impl Iterator<Item = &'a Device>, updates: Vec<Ordered>) -> Self {
        Self { devices: devices.map(KeptDevice::of).collect(), updates }
    }

    /// The devices again, each with the name it has now. What cannot be read of one is asked again.
    pub(super) fn devices(self, name: impl Fn(Ieee) -> DeviceId) -> Vec<Device> {
        self.devices.into_iter().map(|kept| kept.device(&name)).collect()
    }
}

impl KeptDevice {
    /// What there is to keep of a device.
    fn of(device: &Device) -> Self {
        let known = device.known.iter().flat_map(|(endpoint, known)| {
            known::needed().filter_map(|(cluster, attribute)| {
                let number = i64::try_from(known.get(cluster, attribute)?).ok()?;
                Some((*endpoint, cluster.0, attribute.0, number))
            })
        });
        let attributes = device.attributes.iter().flat_map(|((endpoint, cluster), all)| {
            all.iter().map(|(attribute, kind)| (*endpoint, cluster.0, attribute.0, kind.number()))
        });
        let points = device.points.iter().map(|(name, (quantity, _))| (name.clone(), quantity.name().to_owned()));
        let units = device
            .points
            .iter()
            .filter_map(|(name, (_, point))| Some((name.clone(), point.unit.as_deref()?.to_owned())));
        Self {
            ieee: device.ieee.0,
            nwk: device.nwk.map(|nwk| nwk.0),
            node: device.node.map(|node| hex(&node.to_bytes())),
            listed: device.listed.clone(),
            endpoints: device.endpoints.iter().map(|simple| hex(&simple.to_bytes())).collect(),
            manufacturer: device.manufacturer.clone(),
            model: device.model.clone(),
            done: device.done.iter().copied().collect(),
            is_interviewed: device.is_interviewed,
            known: known.collect(),
            attributes: attributes.collect(),
            points: points.collect(),
            units: units.collect(),
            asked_intervals: device.asked_reporting.all,
            asked_points: device.asked_reporting.points.clone(),
            others: device
                .others
                .iter()
                .map(|((endpoint, cluster, attribute), other)| (*endpoint, cluster.0, attribute.0, *other))
                .collect(),
            reports_within_s: device.reports_within_s,
            check_in: device.check_in,
        }
    }

    /// The device again.
    fn device(self, name: impl Fn(Ieee) -> DeviceId) -> Device {
        let ieee = Ieee(self.ieee);
        let mut device = Device::new(ieee, self.nwk.map(Nwk), name(ieee));
        device.node = self.node.as_deref().and_then(unhex).and_then(|bytes| Node::from_bytes(&bytes).ok());
        device.listed = self.listed;
        for simple in self.endpoints.iter().filter_map(|text| Simple::from_bytes(&unhex(text)?).ok()) {
            device.describe(simple);
        }
        (device.manufacturer, device.model) = (self.manufacturer, self.model);
        device.done = self.done.into_iter().collect();
        device.is_interviewed = self.is_interviewed;
        device.asked_reporting = Wanted { all: self.asked_intervals, points: self.asked_points };
        let others = self.others.into_iter();
        device.others = others
            .map(|(endpoint, cluster, attribute, other)| ((endpoint, Cluster(cluster), Attribute(attribute)), other))
            .collect();
        (device.reports_within_s, device.check_in) = (self.reports_within_s, self.check_in);
        for (endpoint, cluster, attribute, number) in self.known {
            let known = device.known.entry(endpoint).or_default();
            known.insert(Cluster(cluster), Attribute(attribute), number.into());
        }
        restore_points(&mut device, &self.attributes, &self.points, &self.units);
        device
    }
}

/// The attributes a device has, and the points they and its alarms have made.
fn restore_points(
    device: &mut Device,
    attributes: &[(Endpoint, u16, u16, u8)],
    points: &[(String, String)],
    units: &BTreeMap<String, String>,
) {
    for (endpoint, cluster, attribute, kind) in attributes {
        if let Some(kind) = Kind::of(*kind) {
            let all = device.attributes.entry((*endpoint, Cluster(*cluster))).or_default();
            all.push((Attribute(*attribute), kind));
        }
    }
    for (name, quantity) in points {
        let unit = units.get(name).map(String::as_str);
        if let Some(quantity) = quantity_of(quantity, unit) {
            // Beyond the limit nothing was kept.
            let _ = device.add_point(name, quantity, unit.or(quantity.unit()));
        }
    }
}

/// The quantity of this name, and of this unit where there are several: litres and cubic metres are both a volume.
fn quantity_of(name: &str, unit: Option<&str>) -> Option<Quantity> {
    let named = || QUANTITIES.iter().copied().filter(|quantity| quantity.name() == name);
    named().find(|quantity| quantity.unit() == unit).or_else(|| named().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_comes_back_with_the_unit_that_its_device_said() {
        let mut device = Device::new(Ieee(1), None, DeviceId::new("m-1").unwrap());
        for (name, quantity, unit) in [
            ("volume", Quantity::VolumeM3, Some("m3")),
            ("analog_input", Quantity::AnalogInput, Some("Cel")),
            ("on", Quantity::On, None),
        ] {
            device.add_point(name, quantity, unit).unwrap();
        }
        let text = serde_json::to_string(&Kept::of([&device].into_iter(), Vec::new())).unwrap();

        let kept: Kept = serde_json::from_str(&text).unwrap();
        let again = kept.devices(|_| DeviceId::new("m-1").unwrap()).remove(0);

        assert_eq!(again.points, device.points);
    }
}
