//! Which adapter a point's commands go to.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::model::{ByPoint, DeviceRequest, OfPoint, Point, PointAddress};

/// The way to one point.
#[derive(Debug, Clone)]
pub struct Route {
    /// The point as its adapter announced it.
    pub point: Arc<Point>,
    /// The adapter that owns its device. Bounded; whoever asks waits when it is full.
    pub requests: mpsc::Sender<Box<DeviceRequest>>,
}

/// The ways to all points. Made anew whenever adapters come or go.
#[derive(Debug, Clone, Default)]
pub struct Routes(ByPoint<Route>);

impl OfPoint for Route {
    fn address(&self) -> &PointAddress {
        &self.point.address
    }
}

impl Routes {
    /// Adds the points of one adapter.
    pub fn add(&mut self, points: impl IntoIterator<Item = Arc<Point>>, requests: &mpsc::Sender<Box<DeviceRequest>>) {
        for point in points {
            self.0.put(Route { point, requests: requests.clone() });
        }
    }

    /// The way to a point, if any adapter announced it.
    pub fn get(&self, address: &PointAddress) -> Option<&Route> {
        self.0.get(address)
    }
}
