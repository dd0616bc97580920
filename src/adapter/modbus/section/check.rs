//! What keys of an adapter and its devices have to do with each other.

use super::{AdapterKeys, Address, DeviceKeys, Pipeline};
use crate::{
    adapter::modbus::{
        client::EVERYONE,
        config::{Config, Device, Link, MappedPoint},
        cost,
        frame::Framing,
    },
    config::{Place, Tls, TlsKeys, report::Problems, section::At},
    model::Access,
};

/// Several requests need transaction ids, and units that need no rest between them.
pub(super) fn check_pipeline(pipeline: &At<Pipeline>, link: &Link, devices: &[Device], problems: &mut Problems) {
    if pipeline.value.0 == 1 {
        return;
    }
    if !link.framing().has_transactions() {
        let help = "leave pipeline out, or use tcp:// where the other end speaks Modbus/TCP";
        problems.error(&pipeline.place, "this link carries one request at a time").help(help);
    } else if let Some(device) = devices.iter().find(|device| !device.pause.is_zero()) {
        let message =
            format!("unit {} needs a rest between requests, so they cannot be under way at once", device.unit);
        problems.error(&pipeline.place, message).help("leave pipeline or pause_between_requests out");
    }
}

/// Warns of a serial line that is asked for more than it can carry. How fast other links are nobody can tell from here.
pub(super) fn warn_of_load(config: &Config, place: &Place, problems: &mut Problems) {
    if !config.link.is_serial() {
        return;
    }
    let load = cost::load(config, None);
    if load.part() > 1.0 {
        let message = format!("the points ask for {:.0} % of the line's time", load.part() * 100.0);
        problems
            .warning(place, message)
            .help(format!("{}; `tidegate modbus plan` shows each request", load.advice()));
    }
}

/// The TLS files, which only `tls://` has a use for.
pub(super) fn tls(At { value: keys, place }: At<TlsKeys>, link: &Link, problems: &mut Problems) -> Tls {
    if keys.is_set() && !matches!(link, Link::Tls { .. }) {
        problems.warning(&place, "TLS settings are not used with this link").help("use tls:// for TLS");
    }
    keys.check(problems)
}

/// A serial line has units 1 to 247, and 0 for all of them (MODBUS over serial line 1.02, 2.2).
pub(super) fn check_unit(address: Option<&At<Address>>, adapter: &AdapterKeys, problems: &mut Problems) {
    let unit = address.and_then(|address| address.value.unit.as_ref());
    let (Some(unit), Some(link)) = (unit, &adapter.link) else { return };
    if matches!(link.value.framing(), Framing::Line(_)) && unit.value > 247 {
        let message = format!("unit {} is outside 1 to 247", unit.value);
        problems
            .error(&unit.place, message)
            .help("a serial line has no others, and 0 for all; only TCP has up to 255");
    }
}

/// Nobody answers a request to unit 0 of a serial line, so nothing can be read there.
pub(super) fn check_everyone(
    keys: &DeviceKeys,
    points: &[MappedPoint],
    adapter: &AdapterKeys,
    problems: &mut Problems,
) {
    let unit = keys.address.as_ref().and_then(|address| address.value.unit.as_ref());
    let (Some(unit), Some(link)) = (unit, &adapter.link) else { return };
    if unit.value != EVERYONE || link.value.framing().has_transactions() {
        return;
    }
    let reads = |mapped: &&MappedPoint| {
        mapped.point.access != Access::W || mapped.writing.pulse.is_some() || mapped.conversion.exponent.is_some()
    };
    let point = points.iter().find(reads).map(|mapped| mapped.point.name().as_str());
    let search = (!keys.sunspec.value.is_empty()).then_some("sunspec");
    if let Some(what) = point.or(search) {
        let message = format!("unit 0 is all units, which do not answer, and {what} needs an answer");
        let help = "its points have access = \"w\", no pulse and no scale_from; only TCP has a unit 0 that answers";
        problems.error(&unit.place, message).help(help);
    }
}

/// The last id ends the list of models, and none has the first.
pub(super) fn check_sunspec(models: &At<Vec<At<u16>>>, problems: &mut Problems) {
    for model in models.value.iter().filter(|model| model.value == 0 || model.value == u16::MAX) {
        problems.error(&model.place, format!("{} is no SunSpec model", model.value)).help("ids are 1 to 65534");
    }
}
