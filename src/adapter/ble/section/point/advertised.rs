//! Points that are advertised: those that formats have, and those that a profile's script gives.

use std::sync::Arc;

use super::PointKeys;
use crate::{
    adapter::ble::gatt::layout::Kind,
    config::{
        report::{Problems, suggest},
        section::At,
    },
    model::{Access, DeviceId, Domain, Point, PointName, PointType, Quantity, vocabulary::QUANTITIES},
};

/// A point that a profile's script gives: of its own type and unit, or of those that its name has.
pub(super) fn scripted(
    keys: &PointKeys,
    name: &At<PointName>,
    device: &DeviceId,
    problems: &mut Problems,
) -> Option<Arc<Point>> {
    let mut point = match &keys.r#type {
        None => advertised(name, device, problems)?.as_ref().clone(),
        Some(kind) => {
            let kind = match kind.value {
                Kind::Bool => PointType::Bool,
                Kind::Unsigned(_) | Kind::Signed(_) => PointType::Int,
                Kind::F32 | Kind::F64 => PointType::Float,
                Kind::Text => PointType::Text,
                Kind::Bytes => PointType::Bytes,
            };
            Point::new(device.clone(), name.value.clone(), kind, None)
        }
    };
    if let Some(unit) = &keys.unit {
        point.unit = Some(unit.value.as_str().into());
    }
    let ends = [&keys.min, &keys.max].map(|end| end.as_ref().map(|end| end.value));
    point.domain = Domain::within(ends[0], ends[1]);
    Some(Arc::new(point))
}

/// A point that formats have.
pub(super) fn advertised(name: &At<PointName>, device: &DeviceId, problems: &mut Problems) -> Option<Arc<Point>> {
    let Some(quantity) = Quantity::named(name.value.as_str()) else {
        let help = suggest(name.value.as_str(), QUANTITIES.iter().map(|quantity| quantity.name()));
        problems.error(&name.place, format!("no format has a point {:?}", name.value.as_str())).help(help);
        return None;
    };
    Some(Arc::new(Point::new(device.clone(), name.value.clone(), quantity.kind(), quantity.unit())))
}

/// An advertised point takes what its format says: other keys would do nothing.
pub(super) fn refuse_alone(keys: &PointKeys, problems: &mut Problems) {
    let kind = keys.r#type.as_ref().map(|at| &at.place);
    let numbers = [&keys.scale, &keys.min, &keys.max].into_iter().flatten().map(|at| &at.place);
    let others = [keys.unit.as_ref().map(|at| &at.place), keys.poll.as_ref().map(|at| &at.place)];
    let access = (keys.access.value != Access::R).then_some(&keys.access.place);
    let notify = keys.notify.value.then_some(&keys.notify.place);
    for place in kind.into_iter().chain(numbers).chain(others.into_iter().flatten()).chain(access).chain(notify) {
        problems
            .error(place, "only a point with a characteristic has this")
            .help("add characteristic, or leave it out");
    }
}
