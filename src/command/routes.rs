//! Which adapter a point's commands go to.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::mpsc;

use crate::model::{DeviceId, DeviceRequest, Point, PointAddress};

/// The way to one point.
#[derive(Debug, Clone)]
pub struct Route {
    /// The point as its adapter announced it.
    pub point: Arc<Point>,
    /// The adapter that owns its device. Bounded; whoever asks waits when it is full.
    pub requests: mpsc::Sender<Box<DeviceRequest>>,
}

/// The ways to all points. Made anew whenever adapters come or go. They are kept by device: there are tens of thousands of
/// points, and commands come one by one.
#[derive(Debug, Clone, Default)]
pub struct Routes(HashMap<DeviceId, Way>);

/// The way to one device.
#[derive(Debug, Clone)]
struct Way {
    points: Vec<Arc<Point>>,
    requests: mpsc::Sender<Box<DeviceRequest>>,
}

impl Routes {
    /// Adds the points of one adapter. One that starts again takes the place of what it was before.
    pub fn add(&mut self, points: impl IntoIterator<Item = Arc<Point>>, requests: &mpsc::Sender<Box<DeviceRequest>>) {
        let fresh = || Way { points: Vec::new(), requests: requests.clone() };
        for point in points {
            let way = self.0.entry(point.device().clone()).or_insert_with(fresh);
            if !way.requests.same_channel(requests) {
                *way = fresh();
            }
            way.points.push(point);
        }
    }

    /// The way to a point, if any adapter announced it.
    pub fn get(&self, address: &PointAddress) -> Option<Route> {
        let Way { points, requests } = self.0.get(&address.device)?;
        let point = points.iter().find(|point| *point.name() == address.point)?;
        Some(Route { point: Arc::clone(point), requests: requests.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PointName, PointType};

    fn point(device: &str, name: &str) -> Arc<Point> {
        let (device, name) = (DeviceId::new(device).unwrap(), PointName::new(name).unwrap());
        Arc::new(Point::new(device, name, PointType::Float, None))
    }

    #[test]
    fn a_point_is_found_where_it_was_announced_last() {
        let [(first, _first), (second, _second)] = [mpsc::channel(1), mpsc::channel(1)];
        let (old, new) = (["m/p", "m/gone", "other/p"], ["m/p", "m/q"]);
        let points = |names: &[&str]| {
            let parts = names.iter().map(|name| name.split_once('/').unwrap());
            parts.map(|(device, name)| point(device, name)).collect::<Vec<_>>()
        };
        let mut routes = Routes::default();

        routes.add(points(&old), &first);
        routes.add(points(&new), &second);

        let is_found = |device: &str, name: &str, by: &mpsc::Sender<_>| {
            routes.get(&point(device, name).address).map(|route| route.requests.same_channel(by))
        };
        assert_eq!([is_found("m", "p", &second), is_found("m", "q", &second)], [Some(true); 2]);
        assert_eq!([is_found("other", "p", &first), is_found("m", "gone", &second)], [Some(true), None]);
    }
}
