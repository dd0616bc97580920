//! The last reading of every point, also after a crash: a snapshot now and then, and the blocks since.

use std::collections::HashMap;

use super::thin;
use crate::model::{PointAddress, Reading};

/// Points that are remembered; a device that invents names cannot fill the memory.
const MAX_POINTS: usize = 100_000;

/// The last reading of each point.
#[derive(Default)]
pub(super) struct LastValues(HashMap<PointAddress, Reading>);

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
            self.0.insert(reading.point.address.clone(), reading.clone());
        }
    }

    /// Every point's last reading.
    pub(super) fn all(&self) -> Vec<Reading> {
        self.0.values().cloned().collect()
    }
}
