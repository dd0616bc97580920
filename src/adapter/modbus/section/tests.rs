//! What the keys come to mean.

use std::{fs, time::Duration};

use super::{super::config::*, *};
use crate::{
    config,
    model::{Access, PointType},
};

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

/// The points of a device with these lines in its first point and these tables after it.
fn device_with(device: &str, point: &str, after: &str) -> Device {
    let first = "[[device.point]]\nname = 'p'\n";
    planned(&format!("{ADAPTER}{DEVICE}{device}\n{first}{point}\n{after}")).devices.remove(0)
}

/// The only point of a device.
fn only(point: &str) -> MappedPoint {
    device_with("", point, "").points.remove(0)
}

#[test]
fn a_base_of_one_and_the_numbers_of_manuals_name_the_same_registers() {
    let at = |base: &str, register: &str| {
        device_with(base, &format!("register = '{register}'\ntype = 'u16'"), "").points[0].register.offset
    };
    assert_eq!((at("", "holding:9"), at("base = 1", "holding:10"), at("base = 1", "40010")), (9, 9, 9));
}

#[test]
fn names_and_powers_of_ten_decide_the_type_too() {
    let u16 = "register = 'holding:0'\ntype = 'u16'\n";
    assert_eq!(only(&format!("{u16}enum = {{ 0 = 'off', 0x10 = 'on' }}")).point.kind, PointType::Text);
    assert_eq!(only(&format!("{u16}flags = {{ 15 = 'alarm' }}")).point.kind, PointType::Text);
    assert_eq!(only(&format!("{u16}offset = -40")).point.kind, PointType::Float);
    assert_eq!(only(&format!("{u16}scale_from = 'holding:3'")).point.kind, PointType::Float);
    assert_eq!(only(&format!("{u16}invalid = ['0xffff', '1']")).point.kind, PointType::Int);
}

#[test]
fn a_power_of_ten_is_named_by_its_point_or_by_its_register() {
    let factor = "[[device.point]]\nname = 'p_sf'\nregister = '40005'\ntype = 'i16'\n";
    for source in ["p_sf", "40005", "holding:4"] {
        let point = format!("register = '40001'\ntype = 'u16'\nscale_from = '{source}'");

        let device = device_with("", &point, factor);

        assert_eq!(device.points[0].conversion.exponent, Some(4), "{source}");
    }
}

#[test]
fn members_of_a_group_stand_in_the_order_of_their_registers() {
    let second = "[[device.point]]\nname = 'q'\nregister = 'holding:0'\ntype = 'f32'\naccess = 'rw'\n";
    let group = "[[device.group]]\nname = 'both'\nmembers = ['p', 'q']\n";
    let point = "register = 'holding:2'\ntype = 'u16'\naccess = 'w'";

    let device = device_with("", point, &format!("{second}{group}"));

    let [both] = &device.groups[..] else { panic!("one group") };
    assert_eq!((&both.members[..], both.point.kind, both.point.access), (&[1, 0][..], PointType::Json, Access::W));
}

#[test]
fn how_a_point_is_written_can_be_said() {
    let writing = |keys: &str| {
        only(&format!("register = 'holding:0'\ntype = 'bits:4+2'\naccess = 'rw'\nwrite = 'mask'\n{keys}"))
            .writing
            .clone()
    };
    assert_eq!(writing("").function, WriteFunction::Mask);
    assert_eq!(writing("verify = false").verify, None);
    assert_eq!(writing("verify = true").verify, Some(Verify { tolerance: 0.0, delay: Duration::ZERO }));
    let verify = Verify { tolerance: 0.5, delay: Duration::from_millis(20) };
    assert_eq!(writing("verify = { tolerance = 0.5, delay = '20ms' }").verify, Some(verify));
    assert_eq!(writing("pulse = '500ms'").pulse, Some(Duration::from_millis(500)));
}

#[test]
fn a_unit_that_is_none_of_ucum_is_warned_of() {
    let warnings = |unit: &str| {
        let point = format!("[[device.point]]\nname = 'p'\nregister = 'input:0'\ntype = 'u16'\nunit = '{unit}'\n");
        let mut draft = config::read_text("t.toml".as_ref(), &format!("{ADAPTER}{DEVICE}{point}"));
        let adapter = draft.adapters.remove(0);
        plan(adapter, &mut draft);
        draft.finish().unwrap().warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let [told] = &warnings("°C")[..] else { panic!("one warning") };
    assert!(told.ends_with("warning: \"°C\" is no unit of UCUM (help: write \"Cel\")"), "{told}");
    for known in ["Cel", "kW.h", "var", "h", "bar"] {
        assert_eq!(warnings(known), [""; 0], "{known}");
    }
}

/// What a line with one device of 20 spread points at this link and interval is warned of.
fn warnings(link: &str, poll: &str) -> Vec<String> {
    let point = |at| format!("[[device.point]]\nname = 'p{at}'\nregister = 'input:{}'\ntype = 'f32'\n", at * 10);
    let points: String = (0..20).map(point).collect();
    let adapter = ADAPTER.replace("tcp://plc", link);
    let path = std::path::Path::new("tidegate.toml");
    let mut draft = config::read_text(path, &format!("{adapter}poll = '{poll}'\n{DEVICE}{points}"));
    let adapter = draft.adapters.remove(0);
    plan(adapter, &mut draft).unwrap();
    draft.finish().unwrap().warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_serial_line_that_is_asked_for_too_much_is_told_what_fits() {
    assert_eq!(
        warnings("rtu:///dev/ttyUSB0?baud=9600", "200ms"),
        [
            "tidegate.toml:4:8: warning: the points ask for 375 % of the line's time (help: poll 200ms as 940ms; `tidegate modbus plan` shows each request)"
        ]
    );
    assert_eq!(warnings("rtu:///dev/ttyUSB0?baud=9600", "1s"), [] as [String; 0]);
    assert_eq!(warnings("tcp://plc", "50ms"), [] as [String; 0], "nobody knows how fast a network is");
}

/// What is wrong with a point with these keys, if anything is.
fn complaint(keys: &str) -> String {
    let mut draft = config::read_text(
        "tidegate.toml".as_ref(),
        &format!("{ADAPTER}{DEVICE}[[device.point]]\nname = 'p'\nregister = 'holding:0'\n{keys}\n"),
    );
    let adapter = draft.adapters.remove(0);
    plan(adapter, &mut draft);
    draft.finish().err().map(|problems| problems.to_string()).unwrap_or_default()
}

#[test]
fn a_counter_has_the_range_of_its_type_or_its_own() {
    let counters = [
        ("type = 'u16'\ncounter = true", Some(Counter { last: 65_535, step: 16_384 })),
        ("type = 'u64'\ncounter = true", Some(Counter { last: u64::MAX, step: 1 << 62 })),
        ("type = 'bcd16'\ncounter = true", Some(Counter { last: 9999, step: 2500 })),
        ("type = 'bits:4+3'\ncounter = true", Some(Counter { last: 7, step: 2 })),
        ("type = 'u32'\ncounter = { modulus = 1000000, step = 5 }", Some(Counter { last: 999_999, step: 5 })),
        ("type = 'u16'\ncounter = false", None),
    ];
    for (keys, wanted) in counters {
        let point = format!("[[device.point]]\nname = 'p'\nregister = 'holding:0'\n{keys}\n");
        let config = planned(&format!("{ADAPTER}{DEVICE}{point}"));
        assert_eq!(config.devices[0].points[0].counter(), wanted, "{keys}");
    }
}

#[test]
fn what_cannot_count_is_no_counter() {
    for (keys, wanted) in [
        ("type = 'f32'\ncounter = true", "a counter is no f32"),
        ("type = 'i16'\ncounter = true", "a counter is no i16"),
        ("type = 'u16'\ncounter = { modulus = 65537 }", "the modulus is outside 2 to 65536"),
        ("type = 'u16'\ncounter = { modulus = 1 }", "the modulus is outside 2 to 65536"),
        ("type = 'u16'\ncounter = { modulus = 100, step = 100 }", "no reset could be told"),
        ("type = 'u16'\ncounter = true\naccess = 'rw'", "what was counted in all cannot be written"),
        ("type = 'u16'\ncounter = true\nenum = { 0 = 'off' }", "a counter has no names"),
    ] {
        let complaint = complaint(keys);
        assert!(complaint.contains(wanted), "{keys}: {complaint}");
    }
}

/// What is wrong with an adapter on this link with these keys, and a device with those.
fn refusal(link: &str, keys: &str, device: &str) -> String {
    let adapter = format!("[[adapter]]\nname = 'a'\nkind = 'modbus'\nlink = '{link}'\n{keys}\n");
    let device = format!("[[device]]\nid = 'd'\nadapter = 'a'\n{device}\n");
    let mut draft = config::read_text("tidegate.toml".as_ref(), &format!("{adapter}{device}"));
    let adapter = draft.adapters.remove(0);
    plan(adapter, &mut draft);
    draft.finish().err().map(|problems| problems.to_string()).unwrap_or_default()
}

#[test]
fn only_tcp_is_pipelined_and_only_units_that_need_no_rest() {
    let device = "address = { unit = 1 }\n[[device.point]]\nname = 'p'\nregister = 'input:3'\ntype = 'f32'";
    let pipelined = "pipeline = 4";
    assert_eq!(refusal("tcp://h", pipelined, device), "");
    assert_eq!(refusal("tls://h", pipelined, device), "");
    assert_eq!(refusal("rtu+tcp://h", "pipeline = 1", device), "");
    for link in ["rtu+tcp://h", "ascii+tcp://h", "rtu:///dev/x", "ascii:///dev/x"] {
        let refusal = refusal(link, pipelined, device);
        assert!(refusal.contains("5:12: error: this link carries one request at a time"), "{link}: {refusal}");
    }
    let resting = refusal("tcp://h", "pipeline = 4\npause_between_requests = '10ms'", device);
    assert!(resting.contains("unit 1 needs a rest between requests"), "{resting}");
    assert!(refusal("tcp://h", "pipeline = 17", device).contains("17 is outside 1 to 16"));
}

#[test]
fn unit_0_of_a_line_is_only_written_and_unit_0_of_tcp_is_a_unit() {
    let device = |keys: &str| {
        format!(
            "address = {{ unit = 0 }}\n[[device.point]]\nname = 'p'\nregister = 'holding:3'\ntype = 'u16'\n{keys}"
        )
    };
    assert_eq!(refusal("rtu:///dev/x", "", &device("access = 'w'")), "");
    assert_eq!(refusal("tcp://h", "", &device("access = 'rw'\nverify = true")), "");
    for keys in ["", "access = 'rw'", "access = 'w'\npulse = '1s'", "access = 'w'\nscale_from = 'holding:5'"] {
        let refusal = refusal("rtu:///dev/x", "", &device(keys));
        assert!(
            refusal.contains("unit 0 is all units, which do not answer, and p needs an answer"),
            "{keys}: {refusal}"
        );
    }
}
