//! Which requests read which points.
//!
//! Points of one unit, table and poll interval share a request when their registers touch or overlap. Nothing is
//! read that was not configured: a gap may hold a register that the unit refuses, or one whose reading has effects.

use super::{
    config::{Device, MappedPoint, Table},
    layout::{Extent, extent, is_bits},
    pdu::{MAX_READ_BITS, Request},
};

/// Most registers in one request. Some units fail above it although 125 are allowed.
const MAX_REGISTERS: u32 = 100;

/// One request and the points in its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Index of the device.
    pub(super) device: usize,
    /// Indices of the device's points.
    pub(super) points: Vec<usize>,
    /// How often it is sent.
    pub(super) poll: std::time::Duration,
    /// The table read.
    pub(super) table: Table,
    /// First address.
    pub(super) start: u16,
    /// The request itself.
    pub(super) request: Request,
}

/// The requests that read every readable point of every device.
pub(super) fn plan(devices: &[Device]) -> Vec<Group> {
    devices.iter().enumerate().flat_map(|(index, device)| plan_device(index, device)).collect()
}

/// The request that reads one point alone.
pub(super) fn single(mapped: &MappedPoint) -> Request {
    let Extent { start, count } = extent(mapped);
    Request::Read { table: mapped.register.table, start, count }
}

/// Sorts the points by place and joins neighbours.
fn plan_device(index: usize, device: &Device) -> Vec<Group> {
    let mut order: Vec<usize> =
        (0..device.points.len()).filter(|&point| device.points[point].point.access.can_read()).collect();
    order.sort_by_key(|&point| {
        let mapped = &device.points[point];
        (mapped.poll, mapped.register.table, extent(mapped).start)
    });
    let mut groups: Vec<Group> = Vec::new();
    for point in order {
        let mapped = &device.points[point];
        if !groups.last_mut().is_some_and(|group| group.join(point, mapped)) {
            groups.push(Group::of(index, point, mapped));
        }
    }
    groups
}

impl Group {
    /// A group of one point.
    fn of(device: usize, point: usize, mapped: &MappedPoint) -> Self {
        let (table, start) = (mapped.register.table, extent(mapped).start);
        Self { device, points: vec![point], poll: mapped.poll, table, start, request: single(mapped) }
    }

    /// Takes a point in if it touches what is there and the request stays within its limit.
    fn join(&mut self, point: usize, mapped: &MappedPoint) -> bool {
        let Request::Read { count, .. } = &mut self.request else { return false };
        let start = u32::from(self.start);
        let end = start + u32::from(*count);
        let own = extent(mapped);
        let from = u32::from(own.start);
        let joined = end.max(from + u32::from(own.count)) - start;
        let limit = if is_bits(self.table) { u32::from(MAX_READ_BITS) } else { MAX_REGISTERS };
        if (mapped.poll, mapped.register.table) != (self.poll, self.table) || from > end || joined > limit {
            return false;
        }
        // The limit is far below the range of a count.
        *count = u16::try_from(joined).unwrap_or(u16::MAX);
        self.points.push(point);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::adapter::modbus::{
        config::DataType,
        fixtures::{device, mapped},
    };

    fn reads(points: Vec<MappedPoint>) -> Vec<(u16, u16, usize)> {
        let groups = plan(&[device(points)]);
        let read = |group: &Group| match group.request {
            Request::Read { start, count, .. } => (start, count, group.points.len()),
            ref other => panic!("{other:?} reads nothing"),
        };
        groups.iter().map(read).collect()
    }

    #[test]
    fn neighbours_share_a_request_and_a_gap_is_never_read() {
        let f32_at = |offset| mapped("input", offset, DataType::F32);
        assert_eq!(reads(vec![f32_at(2), f32_at(0), f32_at(5)]), [(0, 4, 2), (5, 2, 1)]);
    }

    #[test]
    fn points_within_one_register_are_read_together() {
        let bits = |from| mapped("holding", 7, DataType::Bits { from, len: 1 });
        assert_eq!(reads(vec![bits(0), bits(1), mapped("holding", 8, DataType::U16)]), [(7, 2, 3)]);
    }

    #[test]
    fn a_request_never_grows_beyond_its_limit() {
        let points = (0..120).map(|offset| mapped("input", offset, DataType::U16)).collect();
        assert_eq!(reads(points), [(0, 100, 100), (100, 20, 20)]);
        assert_eq!(reads(vec![mapped("input", 65535, DataType::U16)]), [(65535, 1, 1)]);
    }

    #[test]
    fn tables_and_intervals_are_kept_apart() {
        let mut slow = mapped("input", 1, DataType::U16);
        slow.poll = Duration::from_secs(60);
        let points = vec![mapped("input", 0, DataType::U16), slow, mapped("holding", 1, DataType::U16)];
        assert_eq!(reads(points).len(), 3);
    }
}
