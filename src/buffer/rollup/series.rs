//! Which series there are: a point with its unit is one, and has a small number instead of its names.
//!
//! A point whose unit changes begins another series: 230 V and 0.23 kV have no common mean.

use std::{collections::HashMap, mem, sync::Arc};

use crate::model::{Point, PointAddress};

/// The number of a series in this store, from 1.
pub(in crate::buffer) type SeriesId = u32;

/// Most series of a store, so that a device that invents names fills neither memory nor disk. A point beyond has no
/// rollups, and its readings are counted (`rollup_refused`).
const MAX_SERIES: usize = 100_000;
/// Points that are recognised at a glance, or twice as many as there are series, whichever is more. Beyond, all are
/// looked up once again.
const MAX_FAMILIAR: usize = 20_000;

/// A series that the database does not know yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewSeries {
    pub(super) id: SeriesId,
    pub(super) address: PointAddress,
    /// Empty for none.
    pub(super) unit: Box<str>,
}

/// All series by point.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    known: HashMap<PointAddress, Vec<(Box<str>, SeriesId)>>,
    len: usize,
    last: SeriesId,
    /// By address in memory. The entry holds its point, so that no other can take its place.
    familiar: HashMap<usize, (Arc<Point>, SeriesId)>,
    new: Vec<NewSeries>,
}

impl Catalogue {
    /// A number of the database that no series is found for: it is not given again.
    pub(super) fn reserve(&mut self, id: SeriesId) {
        self.last = self.last.max(id);
    }

    /// Takes over a series of the database.
    pub(super) fn restore(&mut self, id: SeriesId, address: PointAddress, unit: Box<str>) {
        self.reserve(id);
        self.len += 1;
        self.known.entry(address).or_default().push((unit, id));
    }

    /// The series of a point, a new one if need be; none when there are too many.
    pub(super) fn of(&mut self, point: &Arc<Point>) -> Option<SeriesId> {
        let place = Arc::as_ptr(point).addr();
        if let Some((_, id)) = self.familiar.get(&place) {
            return Some(*id);
        }
        let id = self.look_up(point).or_else(|| self.add(point))?;
        if self.familiar.len() >= MAX_FAMILIAR.max(2 * self.len) {
            self.familiar.clear();
        }
        self.familiar.insert(place, (Arc::clone(point), id));
        Some(id)
    }

    /// Every series of a point, whatever its unit.
    pub(super) fn all_of(&self, address: &PointAddress) -> &[(Box<str>, SeriesId)] {
        self.known.get(address).map_or(&[], Vec::as_slice)
    }

    /// Series that are to be written.
    pub(super) fn new_ones(&self) -> &[NewSeries] {
        &self.new
    }

    /// The database knows them all now.
    pub(super) fn written(&mut self) {
        drop(mem::take(&mut self.new));
    }

    fn look_up(&self, point: &Point) -> Option<SeriesId> {
        let unit = point.unit.as_deref().unwrap_or_default();
        self.all_of(&point.address).iter().find(|(known, _)| **known == *unit).map(|(_, id)| *id)
    }

    fn add(&mut self, point: &Point) -> Option<SeriesId> {
        if self.len >= MAX_SERIES {
            return None;
        }
        let (id, address) = (self.last.checked_add(1)?, point.address.clone());
        let unit: Box<str> = point.unit.as_deref().unwrap_or_default().into();
        self.restore(id, address.clone(), unit.clone());
        self.new.push(NewSeries { id, address, unit });
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, PointName, PointType};

    fn point(name: &str, unit: Option<&str>) -> Arc<Point> {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new(name).unwrap());
        Arc::new(Point::new(device, name, PointType::Float, unit))
    }

    #[test]
    fn a_point_keeps_its_number_and_another_unit_gets_another() {
        let mut catalogue = Catalogue::default();
        let voltage = point("voltage", Some("V"));
        catalogue.restore(7, voltage.address.clone(), "kV".into());

        assert_eq!(catalogue.of(&voltage), Some(8));
        assert_eq!(catalogue.of(&point("voltage", Some("V"))), Some(8));
        assert_eq!(catalogue.of(&point("voltage", Some("kV"))), Some(7));
        assert_eq!(catalogue.of(&point("current", None)), Some(9));
        assert_eq!(catalogue.new_ones().iter().map(|new| new.id).collect::<Vec<_>>(), [8, 9]);
        assert_eq!(catalogue.all_of(&voltage.address).len(), 2);
    }

    #[test]
    fn points_without_end_get_no_numbers_without_end() {
        let mut catalogue = Catalogue::default();
        let numbered = (0..MAX_SERIES + 5).filter_map(|i| catalogue.of(&point(&format!("p{i}"), None))).count();
        assert_eq!(numbered, MAX_SERIES);
        assert!(catalogue.familiar.len() <= 2 * MAX_SERIES);
    }
}
