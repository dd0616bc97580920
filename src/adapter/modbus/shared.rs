//! What devices of one make have in common stands in memory once: hundreds of meters of one profile have the same
//! registers and the same names.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::Arc,
};

use super::config::{Device, MappedPoint, Mapping, Register};
use crate::model::{PointName, Slim};

/// What the devices of a configuration have in common, while it is read.
#[derive(Debug, Default)]
pub struct Shared {
    /// Of those of one register, each once.
    mappings: HashMap<Register, Vec<Arc<Mapping>>>,
    names: HashSet<PointName>,
    units: HashSet<Slim<str>>,
}

impl Shared {
    /// Lets devices share what is the same in them and in those before.
    pub fn share(&mut self, devices: &mut [Device]) {
        for mapped in devices.iter_mut().flat_map(|device| &mut device.points) {
            self.share_point(mapped);
        }
    }

    fn share_point(&mut self, mapped: &mut MappedPoint) {
        let alike = self.mappings.entry(mapped.register).or_default();
        match alike.iter().find(|known| **known == mapped.mapping) {
            Some(known) => mapped.mapping = Arc::clone(known),
            None => alike.push(Arc::clone(&mapped.mapping)),
        }
        // Nobody else has the point yet; otherwise it keeps its own name.
        let Some(point) = Arc::get_mut(&mut mapped.point) else { return };
        share_one(&mut self.names, &mut point.address.point);
        if let Some(unit) = &mut point.unit {
            share_one(&mut self.units, unit);
        }
    }
}

/// Puts the one of them that is known in the place of its like.
fn share_one<T: Clone + Eq + Hash>(known: &mut HashSet<T>, like: &mut T) {
    match known.get(like) {
        Some(known) => *like = known.clone(),
        None => drop(known.insert(like.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::modbus::{
        config::DataType,
        fixtures::{device, mapped},
    };

    fn points() -> Vec<MappedPoint> {
        vec![mapped("input", 0, DataType::F32), mapped("input", 2, DataType::F32)]
    }

    /// The same in volts, as read from a file each time.
    fn measured() -> Vec<MappedPoint> {
        let mut points = points();
        for mapped in &mut points {
            Arc::get_mut(&mut mapped.point).unwrap().unit = Some("V".into());
        }
        points
    }

    #[test]
    fn devices_of_one_make_share_what_is_the_same_and_nothing_else() {
        let read = || {
            let mut devices = [device(measured()), device(measured())];
            devices[1].points[1].conversion.scale = 0.1;
            devices
        };
        let mut devices = read();

        Shared::default().share(&mut devices);

        let [first, second] = &devices;
        assert_eq!(devices, read());
        assert!(Arc::ptr_eq(&first.points[0].mapping, &second.points[0].mapping));
        let unit = |device: &Device| std::ptr::from_ref(device.points[0].point.unit.as_deref().unwrap());
        assert!(std::ptr::eq(unit(first), unit(second)));
        assert!(!Arc::ptr_eq(&first.points[1].mapping, &second.points[1].mapping));
    }

    #[test]
    fn a_change_in_one_point_is_none_in_those_that_share_with_it() {
        let mut devices = [device(points()), device(points())];
        Shared::default().share(&mut devices);

        devices[0].points[0].conversion.scale = 0.1;

        assert_eq!(devices[1].points[0].conversion.scale.to_bits(), 1f64.to_bits());
    }
}
