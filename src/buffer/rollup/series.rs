//! Which series there are: a point with its unit is one, and has a small number instead of its names.
//!
//! A point whose unit changes begins another series: 230 V and 0.23 kV have no common mean.

use std::{collections::HashMap, sync::Arc};

use crate::model::{ByPoint, OfPoint, Point, PointAddress, PointType};

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
    /// Of names and unit. Once there was a reading it is the one that readings share.
    point: Arc<Point>,
    id: SeriesId,
}

impl OfPoint for Known {
    fn address(&self) -> &PointAddress {
        &self.point.address
    }
}

impl Known {
    /// As others know it.
    fn series(&self) -> Series {
        (unit(&self.point).into(), self.id)
    }
}

impl Catalogue {
    /// A number of the database that no series is found for: it is not given again.
    pub(super) fn reserve(&mut self, id: SeriesId) {
        self.last = self.last.max(id);
    }

    /// Takes over a series of the database.
    pub(super) fn restore(&mut self, id: SeriesId, address: PointAddress, unit: &str) {
        let unit = Some(unit).filter(|unit| !unit.is_empty());
        self.put(Arc::new(Point::new(address.device, address.point, PointType::Float, unit)), id);
    }

    /// The series of a point, a new one if need be; none when there are too many.
    pub(super) fn of(&mut self, point: &Arc<Point>) -> Option<SeriesId> {
        let newest = self.known.get_mut(&point.address);
        let known = newest.filter(|known| Arc::ptr_eq(&known.point, point) || unit(&known.point) == unit(point));
        let Some(known) = known else { return self.older_of(point).or_else(|| self.add(point)) };
        if !Arc::ptr_eq(&known.point, point) {
            known.point = Arc::clone(point);
        }
        Some(known.id)
    }

    /// Every series of a point, whatever its unit, the newest last.
    pub(super) fn all_of(&self, address: &PointAddress) -> Vec<Series> {
        let older = self.older.get(address).into_iter().flatten().cloned();
        older.chain(self.known.get(address).map(Known::series)).collect()
    }

    /// Series that are to be written.
    pub(super) fn new_ones(&self) -> impl Iterator<Item = NewSeries<'_>> {
        let known = (self.last > self.stored).then(|| self.known.iter()).into_iter().flatten();
        let newest =
            known.map(|Known { point, id }| NewSeries { id: *id, address: &point.address, unit: unit(point) });
        let older = self
            .older
            .iter()
            .flat_map(|(address, series)| series.iter().map(move |(unit, id)| NewSeries { id: *id, address, unit }));
        older.chain(newest).filter(|series| series.id > self.stored)
    }

    /// The database knows them all now.
    pub(super) fn written(&mut self) {
        self.stored = self.last;
    }

    /// The series that a point had before under this unit.
    fn older_of(&self, point: &Point) -> Option<SeriesId> {
        // Mostly the table is empty, and nothing is hashed.
        let older = if self.older.is_empty() { None } else { self.older.get(&point.address) };
        older?.iter().find(|(known, _)| **known == *unit(point)).map(|(_, id)| *id)
    }

    fn add(&mut self, point: &Arc<Point>) -> Option<SeriesId> {
        if self.len >= MAX_SERIES {
            return None;
        }
        let id = self.last.checked_add(1)?;
        self.put(Arc::clone(point), id);
        Some(id)
    }

    /// Puts a series in, as the newest of its point.
    fn put(&mut self, point: Arc<Point>, id: SeriesId) {
        self.reserve(id);
        self.len += 1;
        if let Some(known) = self.known.get_mut(&point.address) {
            self.older.entry(point.address.clone()).or_default().push(known.series());
            *known = Known { point, id };
        } else {
            self.known.put(Known { point, id });
        }
    }
}

/// The unit of a point, empty for none.
fn unit(point: &Point) -> &str {
    point.unit.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, PointName};

    fn point(name: &str, unit: Option<&str>) -> Arc<Point> {
        let (device, name) = (DeviceId::new("meter-1").unwrap(), PointName::new(name).unwrap());
        Arc::new(Point::new(device, name, PointType::Float, unit))
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
