//! Synthetic readings: the signals of a plant, each a walk in steps of a hundredth.

use std::sync::Arc;

use tidegate::model::{Batch, DeviceId, Point, PointName, PointType, Reading, SharedClock, Timestamp, Value};

/// Devices, and points on each.
const PLANT: (usize, usize) = (20, 50);

/// What the load is, for the conditions of a row.
pub(crate) const PLANT_TEXT: &str = "1000 points on 20 devices";

/// The signals.
pub(crate) struct Load {
    points: Vec<Arc<Point>>,
    /// In hundredths.
    levels: Vec<i32>,
    next: usize,
    rng: fastrand::Rng,
    clock: SharedClock,
}

impl Load {
    /// The same signals each time.
    pub(crate) fn new(clock: SharedClock) -> Self {
        let points: Vec<_> = (0..PLANT.0 * PLANT.1).map(|n| point(n / PLANT.1, n % PLANT.1)).collect();
        Self { levels: vec![23_000; points.len()], points, next: 0, rng: fastrand::Rng::with_seed(7), clock }
    }

    /// Readings of this moment from the next points in turn.
    pub(crate) fn batch(&mut self, size: usize) -> Batch {
        self.batch_at(self.clock.now(), size)
    }

    /// The same of another moment.
    pub(crate) fn batch_at(&mut self, ts: Timestamp, size: usize) -> Batch {
        let readings: Vec<Reading> =
            (0..size).map(|_| self.value()).map(|(point, value)| Reading::good(point, value, ts)).collect();
        readings.into()
    }

    fn value(&mut self) -> (Arc<Point>, Value) {
        let place = self.next;
        self.next = (place + 1) % self.points.len();
        self.levels[place] += self.rng.i32(-5..=5);
        (Arc::clone(&self.points[place]), Value::Float(f64::from(self.levels[place]) / 100.0))
    }
}

fn point(device: usize, point: usize) -> Arc<Point> {
    let device = DeviceId::new(&format!("meter-{device}")).expect("a slug");
    let name = PointName::new(&format!("voltage_{point}")).expect("a slug");
    Arc::new(Point::new(device, name, PointType::Float, Some("V")))
}
