//! Points that are set together, as they are typed.

use std::sync::Arc;

use crate::{
    adapter::modbus::{
        config::{MappedPoint, PointGroup, Table, WriteFunction},
        layout::{extent, is_bits},
        pdu::{MAX_WRITE_COILS, MAX_WRITE_REGISTERS},
    },
    config::{
        Fault, NamedPoint, Unique,
        report::{Problems, suggest},
        section::{At, section},
    },
    model::{Access, DeviceId, Domain, Point, PointAddress, PointName, PointType},
};

section! {
    /// Points side by side that are set in one request, so that the device takes all of them or none.
    pub struct GroupKeys {
        /// Name that commands use as their point, unique among the device's points. The value is an object with a key
        /// for each member. A grant names the group, or each member; its range has to hold all their values.
        name: PointName = required;
        /// Names of the points, in any order. Their registers touch, and each can be written by itself.
        members: Vec<At<PointName>> = required;
    }
}

/// A group as far as grants have to know it.
pub(super) fn named_group(keys: &GroupKeys, device: &DeviceId) -> Option<NamedPoint> {
    let address = PointAddress { device: device.clone(), point: keys.name.as_ref()?.value.clone() };
    Some(NamedPoint { address, access: Access::W })
}

/// The groups of a device.
pub(super) fn groups(
    typed: Vec<At<GroupKeys>>,
    device: &DeviceId,
    points: &[MappedPoint],
    problems: &mut Problems,
) -> Vec<PointGroup> {
    let mut names = Unique::default();
    for name in typed.iter().filter_map(|keys| keys.value.name.as_ref()) {
        names.take("group", name.value.as_str(), &name.place, problems);
    }
    typed.into_iter().filter_map(|keys| group(keys.value, device, points, problems)).collect()
}

/// One group; `None` when something about it is wrong.
fn group(keys: GroupKeys, device: &DeviceId, points: &[MappedPoint], problems: &mut Problems) -> Option<PointGroup> {
    let (name, members) = (keys.name?, keys.members?);
    if points.iter().any(|mapped| *mapped.point.name() == name.value) {
        let message = format!("a point is named {:?} too", name.value.as_str());
        problems.error(&name.place, message).help("give the group another name");
    }
    let mut indices = Vec::new();
    for member in &members.value {
        let found = member_of(&member.value, points).map_err(|fault| problems.fault(&member.place, fault));
        indices.extend(found);
    }
    if indices.len() < members.value.len() {
        return None;
    }
    indices.sort_by_key(|&index| points[index].register);
    check_neighbours(&indices, points).map_err(|fault| problems.fault(&members.place, fault)).ok()?;
    let mut point = Point::new(device.clone(), name.value, PointType::Json, None);
    point.access = Access::W;
    point.domain = Domain::of_members(members.value.into_iter().map(|member| member.value).collect());
    Some(PointGroup { point: Arc::new(point), members: indices })
}

/// The index of a point that can be a member.
fn member_of(name: &PointName, points: &[MappedPoint]) -> Result<usize, Fault> {
    let Some(index) = points.iter().position(|mapped| mapped.point.name() == name) else {
        let help = suggest(name.as_str(), points.iter().map(|mapped| mapped.point.name().as_str()));
        return Err(Fault::new(format!("the device has no point {:?}", name.as_str())).help(help));
    };
    let MappedPoint { point, mapping } = &points[index];
    if !point.access.can_write() {
        return Err(Fault::new(format!("{:?} is read-only", name.as_str())).help("add access = \"rw\" to it"));
    }
    let is_whole = mapping.writing.function != WriteFunction::Mask && mapping.writing.pulse.is_none();
    if !is_whole || mapping.conversion.exponent.is_some() {
        let help = "members have whole registers, no pulse and no scale_from";
        return Err(Fault::new(format!("{:?} cannot be set together with others", name.as_str())).help(help));
    }
    Ok(index)
}

/// The members are two or more, lie side by side, and fit one request.
fn check_neighbours(members: &[usize], points: &[MappedPoint]) -> Result<(), Fault> {
    let [first, .., last] = members else { return Err(Fault::new("a group has two members or more")) };
    for pair in members.windows(2) {
        let (before, after) = (&points[pair[0]], &points[pair[1]]);
        let end = u32::from(before.register.offset) + u32::from(extent(before).count);
        if before.register.table != after.register.table || end != u32::from(after.register.offset) {
            let (before, after) = (before.point.name().as_str(), after.point.name().as_str());
            let message = format!("the registers of {before:?} and {after:?} do not touch");
            return Err(Fault::new(message).help("one request sets registers in a row"));
        }
    }
    let (first, last) = (&points[*first], &points[*last]);
    let count = u32::from(last.register.offset) + u32::from(extent(last).count) - u32::from(first.register.offset);
    let limit = limit(first.register.table);
    if count > limit.into() {
        return Err(Fault::new(format!("the group has {count} registers, one request sets {limit}")));
    }
    Ok(())
}

/// What one request can set (MODBUS Application Protocol 1.1b3, 6.11 and 6.12).
fn limit(table: Table) -> u16 {
    if is_bits(table) { MAX_WRITE_COILS } else { MAX_WRITE_REGISTERS }
}
