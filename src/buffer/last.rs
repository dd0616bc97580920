//! The last reading of every point, also after a crash: a snapshot now and then, and the blocks since.

use super::thin;
use crate::model::{ByPoint, Reading};

/// Points that are remembered; a device that invents names cannot fill the memory.
const MAX_POINTS: usize = 100_000;

/// The last reading of each point.
#[derive(Default)]
pub(super) struct LastValues(ByPoint<Reading>);

impl LastValues {
    /// A reading came in.
    pub(super) fn note(&mut self, reading: &Reading) {
        if thin::is_thinned(reading) {
            // It stands for a time long past.
            return;
        }
        if let Some(known) = self.0.get_mut(&reading.point.address) {
            known.clone_from(reading);
        } else if self.0.len() < MAX_POINTS {
            self.0.put(reading.clone());
        }
    }

    /// Every point's last reading, where it is.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Reading> {
        self.0.iter()
    }

    /// Every point's last reading.
    pub(super) fn all(&self) -> Vec<Reading> {
        self.0.iter().cloned().collect()
    }
}
