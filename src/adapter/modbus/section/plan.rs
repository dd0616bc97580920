//! From the keys as typed to what they mean.

use super::{
    AdapterKeys, BackoffKeys, DeviceKeys,
    check::{check_everyone, check_pipeline, check_sunspec, check_unit, tls, warn_of_load},
    group::{groups, named_group},
    point::{Outer, named_point, points},
};
use crate::{
    adapter::modbus::config::{Backoff, Config, Connect, Device, Limits},
    config::{AdapterDraft, DeviceDraft, Draft, Pressure, in_order, section::At},
};

/// Reads the keys of an adapter and its devices; `None` when the link is missing or wrong.
pub fn plan(adapter: AdapterDraft, draft: &mut Draft) -> Option<Config> {
    let AdapterDraft { name, pressure, mut section, devices, .. } = adapter;
    let keys: AdapterKeys = section.read(&mut draft.problems);
    section.close(&mut draft.problems);
    in_order(&keys.backoff.value.min, &keys.backoff.value.max, &mut draft.problems);
    let mut devices: Vec<_> = devices.into_iter().filter_map(|d| device(d, &keys, draft)).collect();
    // As with points, they were collected in the place of what was typed.
    devices.shrink_to_fit();
    let At { value: link, place } = keys.link?;
    check_pipeline(&keys.pipeline, &link, &devices, &mut draft.problems);
    let connect = Connect {
        tls: tls(keys.tls, &link, &mut draft.problems),
        pause: keys.pause_after_connect.value.0,
        pipeline: keys.pipeline.value.0.into(),
        turnaround: keys.turnaround.value.0,
    };
    // A register is still there when its turn comes late.
    let pressure = pressure.unwrap_or(Pressure::Wait);
    let config = Config { name, pressure, link, connect, devices };
    warn_of_load(&config, &place, &mut draft.problems);
    Some(config)
}

/// Reads the keys of a device; `None` when its address is missing or wrong.
fn device(device: DeviceDraft, adapter: &AdapterKeys, draft: &mut Draft) -> Option<Device> {
    let DeviceDraft { id, mut section, profile, .. } = device;
    let problems = &mut draft.problems;
    let mut keys: DeviceKeys = section.read(problems);
    if keys.point.value.is_empty() && profile.is_none() {
        let help = "add a [[device.point]], or name a profile";
        problems.warning(&section.place, "the device has no points").help(help);
    }
    section.close(problems);
    let backoff = keys.backoff.as_ref().unwrap_or(&adapter.backoff);
    in_order(&backoff.value.min, &backoff.value.max, problems);
    let outer = Outer {
        poll: keys.poll.as_ref().map_or(adapter.poll.value.0, |poll| poll.value.0),
        order: keys.order.as_ref().map_or(adapter.order.value, |order| order.value),
        base: keys.base.as_ref().map_or(adapter.base.value, |base| base.value),
    };
    check_unit(keys.address.as_ref(), adapter, problems);
    let limits = limits(&keys, adapter);
    draft.points.extend(keys.point.value.iter().filter_map(|at| named_point(&at.value, &id)));
    draft.points.extend(keys.group.value.iter().filter_map(|at| named_group(&at.value, &id)));
    let points = points(std::mem::take(&mut keys.point.value), &id, outer, problems);
    check_sunspec(&keys.sunspec, problems);
    check_everyone(&keys, &points, adapter, problems);
    let groups = groups(keys.group.value, &id, &points, problems);
    Some(Device {
        id,
        unit: keys.address?.value.unit?.value,
        timeout: keys.timeout.map_or(adapter.timeout.value.0, |timeout| timeout.value.0),
        retries: keys.retries.map_or(adapter.retries.value, |retries| retries.value),
        pause: keys.pause_between_requests.map_or(adapter.pause_between_requests.value.0, |pause| pause.value.0),
        backoff: checked_backoff(&backoff.value),
        sunspec: keys.sunspec.value.iter().map(|model| model.value).collect(),
        limits,
        points,
        groups,
    })
}

/// What may share a request to a device.
fn limits(keys: &DeviceKeys, adapter: &AdapterKeys) -> Limits {
    Limits {
        registers: keys.max_registers.as_ref().unwrap_or(&adapter.max_registers).value.0,
        gap: keys.max_gap.as_ref().unwrap_or(&adapter.max_gap).value.0,
        one_per_point: keys.one_request_per_point.as_ref().unwrap_or(&adapter.one_request_per_point).value,
    }
}

/// A backoff as meant.
fn checked_backoff(keys: &BackoffKeys) -> Backoff {
    Backoff { after: keys.after.value.get(), min: keys.min.value.0, max: keys.max.value.0 }
}
