//! Which series there are: a point with its unit is one, and has a small number instead of its names.
//!
//! A point whose unit changes begins another series: 230 V and 0.23 kV have no common mean.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::Arc,
};

use crate::model::{ByPoint, OfPoint, Point, PointAddress};

/// The number of a series in this store, from 1.
pub(in crate::buffer) type SeriesId = u32;

/// Most series of a store, so that a device that invents names fills neither memory nor disk. A point beyond has no
/// rollups, and its readings are counted (`rollup_refused`).
const MAX_SERIES: usize = 100_000;

/// A series that the database does not know yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NewSeries<'a> {
    pub(super) id: SeriesId,
    pub(super) address: &'a PointAddress,
    /// Empty for none.
    pub(super) unit: &'a str,
}

/// All series by point.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    known: ByPoint<Known>,
    /// Those that points had before, under other units, the oldest first. Hardly any point has one.
    older: HashMap<PointAddress, Vec<Series>>,
    /// Each once.
    units: HashSet<Arc<str>>,
    len: usize,
    last: SeriesId,
    /// The database knows every series up to this one.
    stored: SeriesId,
}

/// A unit of a point, empty for none, and the number.
pub(in crate::buffer) type Series = (Arc<str>, SeriesId);

/// The newest series of a point.
#[derive(Debug)]
struct Known {
    address: PointAddress,
    newest: Series,
}

impl OfPoint for Known {
    fn address(&self) -> &PointAddress {
        &self.address
    }
}

impl Catalogue {
    /// A number of the database that no series is found for: it is not given again.
    pub(super) fn reserve(&mut self, id: SeriesId) {
        self.last = self.last.max(id);
    }

    /// Takes over a series of the database.
    pub(super) fn restore(&mut self, id: SeriesId, address: PointAddress, unit: &str) {
        self.reserve(id);
        self.len += 1;
        let newest = (self.unit(unit), id);
        if let Some(known) = self.known.get_mut(&address) {
            let before = mem::replace(&mut known.newest, newest);
            self.older.entry(address).or_default().push(before);
        } else {
            self.known.put(Known { address, newest });
        }
    }

    /// The series of a point, a new one if need be; none when there are too many.
    pub(super) fn of(&mut self, point: &Point) -> Option<SeriesId> {
        let unit = point.unit.as_deref().unwrap_or_default();
        let newest = self.known.get_mut(&point.address).map(|known| &known.newest);
        let known = newest.filter(|series| *series.0 == *unit).map(|(_, id)| *id);
        known.or_else(|| self.older_of(&point.address, unit)).or_else(|| self.add(point))
    }

    /// Every series of a point, whatever its unit, the newest last.
    pub(super) fn all_of(&self, address: &PointAddress) -> Vec<Series> {
        let older = self.older.get(address).into_iter().flatten();
        older.chain(self.known.get(address).map(|known| &known.newest)).cloned().collect()
    }

    /// Series that are to be written.
    pub(super) fn new_ones(&self) -> impl Iterator<Item = NewSeries<'_>> {
        let known = (self.last > self.stored).then(|| self.known.iter()).into_iter().flatten();
        let newest = known.map(|Known { address, newest }| (address, newest));
        let older =
            self.older.iter().flat_map(|(address, series)| series.iter().map(move |series| (address, series)));
        let all = older.chain(newest).map(|(address, (unit, id))| NewSeries { id: *id, address, unit });
        all.filter(|series| series.id > self.stored)
    }

    /// The database knows them all now.
    pub(super) fn written(&mut self) {
        self.stored = self.last;
    }

    /// The series that a point had before under this unit.
    fn older_of(&self, address: &PointAddress, unit: &str) -> Option<SeriesId> {
        // Mostly the table is empty, and nothing is hashed.
        let older = if self.older.is_empty() { None } else { self.older.get(address) };
        older?.iter().find(|(known, _)| **known == *unit).map(|(_, id)| *id)
    }

    /// A unit as all series share it.
    fn unit(&mut self, unit: &str) -> Arc<str> {
        if let Some(known) = self.units.get(unit) {
            return Arc::clone(known);
        }
        let new: Arc<str> = unit.into();
        self.units.insert(Arc::clone(&new));
        new
    }

    fn add(&mut self, point: &Point) -> Option<SeriesId> {
        if self.len >= MAX_SERIES {
            return None;
        }
        let id = self.last.checked_add(1)?;
        self.restore(id, point.address.clone(), point.unit.as_deref().unwrap_or_default());
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, PointName, PointType};

    fn point(name: &str, unit: Option<&str>) -> Point {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new(name).unwrap());
        Point::new(device, name, PointType::Float, unit)
    }

    #[test]
    fn a_point_keeps_its_number_and_another_unit_gets_another() {
        let mut catalogue = Catalogue::default();
        let voltage = point("voltage", Some("V"));
        catalogue.restore(7, voltage.address.clone(), "kV");
        catalogue.written();

        assert_eq!(catalogue.of(&voltage), Some(8));
        assert_eq!(catalogue.of(&point("voltage", Some("V"))), Some(8));
        assert_eq!(catalogue.of(&point("voltage", Some("kV"))), Some(7));
        assert_eq!(catalogue.of(&point("current", None)), Some(9));
        assert_eq!(catalogue.new_ones().map(|new| new.id).collect::<Vec<_>>(), [8, 9]);
        catalogue.written();
        assert_eq!(catalogue.new_ones().count(), 0);
        assert_eq!(catalogue.all_of(&voltage.address).len(), 2);
    }

    #[test]
    fn points_without_end_get_no_numbers_without_end() {
        let mut catalogue = Catalogue::default();
        let numbered = (0..MAX_SERIES + 5).filter_map(|i| catalogue.of(&point(&format!("p{i}"), None))).count();
        assert_eq!(numbered, MAX_SERIES);
        assert_eq!(catalogue.known.len(), MAX_SERIES);
    }
}
