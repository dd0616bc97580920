//! What the keys come to mean.

use std::fs;

use super::*;
use crate::config;

/// The only adapter of a configuration, as its kind reads it.
fn planned(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidegate.toml");
    fs::write(&path, text).unwrap();
    let mut draft = config::read(&path);
    let adapter = draft.adapters.remove(0);
    let config = plan(adapter, &mut draft).unwrap();
    draft.finish().unwrap();
    config
}

const ADAPTER: &str = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'tcp://plc'\n";
const DEVICE: &str = "[[device]]\nid = 'd'\nadapter = 'a'\naddress = { unit = 7 }\n";

#[test]
fn a_point_follows_its_device_and_a_device_its_adapter() {
    let point = "[[device.point]]\nname = 'p'\nregister = 'input:3'\ntype = 'f32'\n";
    let own = "[[device.point]]\nname = 'q'\nregister = 'input:5'\ntype = 'f32'\npoll = '50ms'\norder = 'DCBA'\n";
    let outer = "timeout = '2s'\npoll = '5s'\n";

    let config = planned(&format!("{ADAPTER}{outer}{DEVICE}order = 'CDAB'\nretries = 2\n{point}{own}"));

    let device = &config.devices[0];
    assert_eq!((device.unit, device.timeout, device.retries), (7, Duration::from_secs(2), 2));
    let backoff = Backoff { after: 3, min: Duration::from_secs(1), max: Duration::from_secs(10) };
    assert_eq!(device.backoff, backoff);
    let [p, q] = &device.points[..] else { panic!("two points") };
    assert_eq!((p.poll, p.order), (Duration::from_secs(5), "CDAB".parse().unwrap()));
    assert_eq!((q.poll, q.order), (Duration::from_millis(50), "DCBA".parse().unwrap()));
    assert_eq!((p.point.access, p.register), (Access::R, "input:3".parse().unwrap()));
}

#[test]
fn what_may_share_a_request_is_set_by_adapter_or_device() {
    let point = "[[device.point]]\nname = 'p'\nregister = 'input:3'\ntype = 'f32'\n";
    let outer = "max_registers = 125\nmax_gap = 4\n";

    let config = planned(&format!("{ADAPTER}{outer}{DEVICE}max_gap = 2\none_request_per_point = true\n{point}"));

    assert_eq!(config.devices[0].limits, Limits { registers: 125, gap: 2, one_per_point: true });
}

#[test]
fn the_type_of_a_point_follows_from_its_bytes_and_scale() {
    let types = [
        ("u16", "1.0", PointType::Int),
        ("u16", "0.1", PointType::Float),
        ("i64", "1", PointType::Int),
        ("bcd32", "1.0", PointType::Int),
        ("bits:3+1", "1.0", PointType::Int),
        ("f16", "1.0", PointType::Float),
        ("bool", "1.0", PointType::Bool),
        ("string:8", "1.0", PointType::Text),
    ];
    for (data, scale, wanted) in types {
        let point = format!("[[device.point]]\nname='p'\nregister='holding:0'\ntype='{data}'\nscale={scale}\n");

        let config = planned(&format!("{ADAPTER}{DEVICE}{point}"));

        assert_eq!(config.devices[0].points[0].point.kind, wanted, "{data} × {scale}");
    }
}

#[test]
fn the_last_register_of_a_table_can_be_used() {
    let point = "[[device.point]]\nname = 'p'\nregister = 'holding:65534'\ntype = 'u32'\naccess = 'rw'\n";

    let config = planned(&format!("{ADAPTER}{DEVICE}{point}"));

    assert!(config.devices[0].points[0].point.access.can_write());
}

#[test]
fn a_link_says_how_it_is_spoken_and_its_units_how_much_rest_they_need() {
    let adapter = "[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = 'rtu:///dev/ttyS0?baud=9600'\n\
                   pause_after_connect = '2s'\npause_between_requests = '20ms'\n";

    let config = planned(&format!(
        "{adapter}{DEVICE}pause_between_requests = '0'\n[[device]]\nid = 'e'\nadapter = 'a'\naddress = {{ unit = 247 }}\n"
    ));

    assert_eq!(config.link, "rtu:///dev/ttyS0?baud=9600".parse().unwrap());
    assert_eq!(config.connect.pause, Duration::from_secs(2));
    assert_eq!(config.devices[0].pause, Duration::ZERO);
    assert_eq!(config.devices[1].pause, Duration::from_millis(20));
}
