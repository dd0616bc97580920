//! Which requests read which points.
//!
//! Points of one unit, table and poll interval share requests, as few as the unit's limits allow (`blocks`). Nothing
//! is read that was not configured, unless `max_gap` says so: a gap may hold a register that the unit refuses, or one
//! whose reading has effects.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use super::{
    blocks::{Block, Rules, Span, blocks},
    config::{Device, MappedPoint, Table},
    layout::{Extent, extent, is_bits},
    learned::Learned,
    pdu::{MAX_READ_BITS, Request},
};

/// One request and the points in its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Index of the device.
    pub(super) device: usize,
    /// Indices of the device's points.
    pub(super) points: Arc<[usize]>,
    /// How often it is sent.
    pub(super) poll: Duration,
    /// First address.
    pub(super) start: u16,
    /// The request itself.
    pub(super) request: Request,
}

/// The requests that read every readable point of every device, as far as nothing is known of what they refuse.
pub(super) fn plan(devices: &[Device]) -> Vec<Group> {
    let learned = Learned::default();
    devices.iter().enumerate().flat_map(|(index, device)| plan_device(index, device, &learned)).collect()
}

/// The request that reads one point alone.
pub(super) fn single(mapped: &MappedPoint) -> Request {
    let Extent { start, count } = extent(mapped);
    Request::Read { table: mapped.register.table, start, count }
}

/// The requests that read every readable point of a device that is not known to be refused.
pub(super) fn plan_device(index: usize, device: &Device, learned: &Learned) -> Vec<Group> {
    let mut shared: BTreeMap<(Duration, Table), Vec<Span>> = BTreeMap::new();
    for (place, mapped) in device.points.iter().enumerate() {
        let (table, addresses) = (mapped.register.table, addresses(mapped));
        if mapped.point.access.can_read() && learned.refusal(table, &addresses).is_none() {
            shared.entry((mapped.poll, table)).or_default().push(Span { addresses, point: place });
        }
    }
    let blocks = shared.into_iter().flat_map(|((poll, table), spans)| {
        let limits = device.limits;
        let allowed = if is_bits(table) { MAX_READ_BITS } else { limits.registers };
        let (longest, refused) = (learned.longest(table, allowed), learned.ranges(table));
        let rules = Rules { longest, gap: limits.gap, is_single: limits.one_per_point, refused: &refused };
        blocks(spans, rules).into_iter().map(move |block| (poll, table, block))
    });
    blocks.map(|(poll, table, block)| Group::of(index, poll, table, block)).collect()
}

/// The addresses of a point in its table.
pub(super) fn addresses(mapped: &MappedPoint) -> Range<u32> {
    let Extent { start, count } = extent(mapped);
    u32::from(start)..u32::from(start) + u32::from(count)
}

impl Group {
    /// The request for a block.
    fn of(device: usize, poll: Duration, table: Table, block: Block) -> Self {
        let Block { addresses, points } = block;
        let start = u16::try_from(addresses.start).expect("points begin at a 16-bit address");
        let count = u16::try_from(addresses.end - addresses.start).expect("blocks are short");
        Self { device, points: points.into(), poll, start, request: Request::Read { table, start, count } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::modbus::{
        config::{DataType, Limits},
        fixtures::{device, mapped},
    };

    fn reads_within(limits: Limits, points: Vec<MappedPoint>) -> Vec<(u16, u16, usize)> {
        let mut device = device(points);
        device.limits = limits;
        let read = |group: &Group| match group.request {
            Request::Read { start, count, .. } => (start, count, group.points.len()),
            ref other => panic!("{other:?} reads nothing"),
        };
        plan(&[device]).iter().map(read).collect()
    }

    fn reads(points: Vec<MappedPoint>) -> Vec<(u16, u16, usize)> {
        reads_within(Limits::default(), points)
    }

    #[test]
    fn neighbours_share_a_request_and_a_gap_is_never_read() {
        let f32_at = |offset| mapped("input", offset, DataType::F32);
        assert_eq!(reads(vec![f32_at(2), f32_at(0), f32_at(5)]), [(0, 4, 2), (5, 2, 1)]);
    }

    #[test]
    fn the_limits_of_a_device_shape_its_requests() {
        let f32s = |count| (0..count).map(|at| mapped("input", at * 3, DataType::F32)).collect::<Vec<_>>();
        let gaps = Limits { gap: 1, ..Limits::default() };
        assert_eq!(reads_within(gaps, f32s(4)), [(0, 11, 4)]);
        let short = Limits { registers: 5, ..gaps };
        assert_eq!(reads_within(short, f32s(4)), [(0, 5, 2), (6, 5, 2)]);
        let alone = Limits { one_per_point: true, ..gaps };
        assert_eq!(reads_within(alone, f32s(2)), [(0, 2, 1), (3, 2, 1)]);
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
        let coils = (0..2100).map(|offset| mapped("coil", offset, DataType::Bool)).collect();
        assert_eq!(reads(coils), [(0, 2000, 2000), (2000, 100, 100)]);
    }

    #[test]
    fn tables_and_intervals_are_kept_apart() {
        let mut slow = mapped("input", 1, DataType::U16);
        slow.poll = Duration::from_secs(60);
        let points = vec![mapped("input", 0, DataType::U16), slow, mapped("holding", 1, DataType::U16)];
        assert_eq!(reads(points).len(), 3);
    }
}
