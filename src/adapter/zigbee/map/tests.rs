use proptest::{collection::vec, prelude::*};

use super::{
    order::{Refused, order},
    *,
};
use crate::adapter::zigbee::{
    wire::{hex, unhex},
    zcl::{Kind, Value as Raw},
};

/// What a frame in hex text says, as `point=value` or `point!reason`, with the attributes known before.
fn say(cluster: u16, frame: &str, known: &[(u16, i128)]) -> String {
    let mut before = Known::default();
    for (attribute, number) in known {
        before.insert(Cluster(cluster), Attribute(*attribute), *number);
    }
    let bytes = unhex(frame).unwrap();
    let found = findings(Cluster(cluster), &Frame::decode(&bytes).unwrap(), &mut before);
    let words = found.iter().map(|finding| {
        let point = points::name_of(&[], 1, finding);
        let unit = finding.quantity.unit().unwrap_or_default();
        match &finding.value {
            Ok(value) => format!("{point}={value}{unit}"),
            Err(missing) => format!("{point}!{missing}"),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What a report of one attribute says.
fn report(cluster: u16, attribute_type_value: &str) -> String {
    say(cluster, &format!("18 01 0a {attribute_type_value}"), &[])
}

#[test]
fn what_is_measured_has_its_name_unit_and_scale() {
    for (cluster, report_bytes, said) in [
        (0x0402, "0000 29 00fe", "temperature=-5.12Cel"),
        (0x0405, "0000 21 9413", "humidity=50.12%"),
        (0x0405, "0000 21 b608", "humidity=22.3%"),
        (0x0403, "0000 29 f503", "pressure=1013hPa"),
        (0x0404, "0000 21 1900", "volume_flow_rate=2.5m3/h"),
        (0x0406, "0000 18 01", "occupancy=true"),
        (0x0408, "0000 21 d204", "moisture=12.34%"),
        (0x040d, "0000 39 5b94d939", "co2=415[ppm]"),
        (0x042a, "0000 39 00004841", "pm25=12.5ug/m3"),
        (0x0400, "0000 21 214e", "illuminance=100lx"),
        (0x0400, "0000 21 0000", "illuminance=0lx"),
        (0x0001, "2100 20 c7", "battery=99.5%"),
        (0x0001, "2000 20 1e", "voltage=3V"),
        (0x0001, "3e00 1b 01000000", "battery_low=true"),
        (0x0006, "0000 10 01", "on=true"),
        (0x0008, "0000 20 80", "brightness=128"),
        (0x0300, "0700 21 7201", "color_temp=370/MK"),
        (0x0300, "0300 21 0080", "color_x=0.5"),
        (0x0201, "0000 29 3408", "temperature=21Cel"),
        (0x0201, "1200 29 6608", "setpoint=21.5Cel"),
        (0x0201, "1c00 30 04", "mode=heat"),
        (0x0201, "2900 19 0100", "heating=true cooling=false"),
        (0x0202, "0000 30 05", "fan_mode=auto"),
        (0x0102, "0800 20 1e", "position=70%"),
        (0x0101, "0000 30 01", "lock=false"),
        (0x0101, "0000 30 00", "lock=true"),
        (0x0101, "0300 30 01", "door=false"),
        (0x000c, "5500 39 6666e63f", "analog_input=1.8"),
        (0x000f, "5500 10 01", "input=true"),
        (0x0012, "5500 21 0300", "state=3"),
        (0x0000, "0040 42 05 312e322e33", "firmware_version=1.2.3"),
        (0x0b04, "1005 28 62", "power_factor=0.98"),
    ] {
        assert_eq!(report(cluster, report_bytes), said);
    }
}

#[test]
fn a_marker_or_an_impossible_number_gives_no_value() {
    for (cluster, report_bytes, said) in [
        (0x0402, "0000 29 0080", "temperature!not available"),
        (0x0405, "0000 21 ffff", "humidity!not available"),
        (0x0405, "0000 21 1127", "humidity!out of range"),
        (0x0001, "2100 20 ff", "battery!not available"),
        (0x0001, "2100 20 c9", "battery!out of range"),
        (0x0402, "0000 29 4c95", "temperature!out of range"),
        (0x040d, "0000 39 0000c07f", "co2!not available"),
        (0x040d, "0000 39 0000807f", "co2!out of range"),
        (0x0402, "0000 42 03 323031", "temperature!string does not fit"),
        (0x0000, "0040 20 07", "firmware_version!uint8 does not fit"),
        (0x0006, "0000 10 ff", "on!not available"),
        (0x0006, "0000 10 02", "on!out of range"),
        (0x0101, "0300 30 02", "door!out of range"),
        (0x0202, "0000 30 63", "fan_mode!out of range"),
    ] {
        assert_eq!(report(cluster, report_bytes), said);
    }
}

#[test]
fn a_meter_needs_its_factors_wherever_they_stand() {
    let summation = "0000 00 25 40e201000000";
    assert_eq!(say(0x0702, &format!("18 01 01 {summation}"), &[]), "energy!needs attribute 0x0300");
    assert_eq!(
        say(0x0702, &format!("18 01 01 {summation}"), &[(0x0300, 0), (0x0301, 1)]),
        "energy!needs attribute 0x0302"
    );
    let factors = "0003 00 30 00 0103 00 22 010000 0203 00 22 e80300";
    assert_eq!(say(0x0702, &format!("18 01 01 {summation} {factors}"), &[]), "energy=123.456kW.h");
    let factors = [(0x0300, 0), (0x0301, 1), (0x0302, 1000)];
    assert_eq!(say(0x0702, "18 01 0a 0004 2a 640000", &factors), "power=100W");
    assert_eq!(say(0x0702, "18 01 0a 0004 2a 9cffff", &factors), "power=-100W");
}

#[test]
fn a_meter_of_water_or_gas_counts_volume() {
    let counted = "18 01 0a 0000 25 d20400000000";
    let meter = |unit, kind| [(0x0300, unit), (0x0301, 1), (0x0302, 100), (0x0306, kind)];
    assert_eq!(say(0x0702, counted, &meter(1, 2)), "water=12340L");
    assert_eq!(say(0x0702, counted, &meter(0x81, 1)), "gas=12.34m3");
    assert_eq!(say(0x0702, counted, &meter(7, 2)), "water=12.34L");
    assert_eq!(say(0x0702, counted, &meter(4, 2)), "energy!unit 4 of the meter is unknown");
}

#[test]
fn a_divisor_of_zero_gives_no_value() {
    let factors = [(0x0604, 1), (0x0605, 0)];
    assert_eq!(say(0x0b04, "18 01 0a 0b05 29 ea03", &factors), "power!out of range");
}

#[test]
fn a_multiplier_of_zero_makes_nothing_zero() {
    let report = "18 01 0a 0b05 29 ea03";
    assert_eq!(say(0x0b04, report, &[(0x0604, 0), (0x0605, 10)]), "power!out of range");
    let meter = [(0x0300, 0), (0x0301, 0), (0x0302, 1000)];
    assert_eq!(say(0x0702, "18 01 0a 0004 2a 640000", &meter), "power!out of range");
}

#[test]
fn the_unit_of_an_analog_input_is_the_devices_to_say() {
    let unit = |number: Option<i128>| {
        let mut known = Known::default();
        if let Some(number) = number {
            known.insert(Cluster(0x000c), Attribute(0x0075), number);
        }
        units::of(Quantity::AnalogInput, Some(&known))
    };
    assert_eq!(
        [unit(Some(62)), unit(Some(135)), unit(Some(95)), unit(None)],
        [Some("Cel"), Some("m3/h"), None, None]
    );
    assert_eq!(units::of(Quantity::Temperature, None), Some("Cel"));
}

#[test]
fn each_phase_is_a_point_of_its_own() {
    let factors = [(0x0604, 1), (0x0605, 10), (0x0600, 1), (0x0601, 10), (0x0602, 1), (0x0603, 1000)];
    let phases = "18 01 0a 0b05 29 ea03 0b09 29 0100 080a 21 e803 0505 21 fd08";
    assert_eq!(say(0x0b04, phases, &factors), "power=100.2W power_b=0.1W current_c=1A voltage=230.1V");
}

#[test]
fn what_all_phases_take_together_has_factors_of_its_own() {
    let totals = "18 01 0a 0403 2b e2040000 0503 2b fbffffff 0603 23 e8030000";
    let phases = [(0x0604, 1), (0x0605, 10)];
    let own = |multiplier, divisor| [&phases[..], &[(0x0402, multiplier), (0x0403, divisor)]].concat();
    // In kilowatts where the device says how; without that in watts, as each phase.
    assert_eq!(
        say(0x0b04, totals, &own(1, 1000)),
        "total_power=1250W total_reactive_power=-5var total_apparent_power=1000V.A"
    );
    assert_eq!(
        say(0x0b04, totals, &own(0, 0)),
        "total_power=125W total_reactive_power=-0.5var total_apparent_power=100V.A"
    );
    assert_eq!(say(0x0b04, "18 01 0a 0403 2b e2040000", &phases), "total_power!needs attribute 0x0402");
    assert_eq!(say(0x0b04, "18 01 0a 0403 2b 00000080", &own(1, 1)), "total_power!not available");
    let second = "18 01 0a 0e09 29 ecff 0f09 21 6400 1009 28 9d 0303 21 d204";
    let factors = [&phases[..], &[(0x0602, 1), (0x0603, 1000)]].concat();
    assert_eq!(
        say(0x0b04, second, &factors),
        "reactive_power_b=-2var apparent_power_b=10V.A power_factor_b=-0.99 neutral_current=1.234A"
    );
}

#[test]
fn a_scaled_pressure_is_finer() {
    assert_eq!(say(0x0403, "18 01 0a 1000 29 9527 1400 28 ff", &[]), "pressure=1013.3hPa");
    assert_eq!(say(0x0403, "18 01 0a 1000 29 9527 1400 28 01", &[]), "pressure=10.133hPa");
    assert_eq!(say(0x0403, "18 01 0a 1000 29 9527 1400 28 7f", &[]), "pressure!out of range");
}

#[test]
fn the_type_of_a_zone_says_what_its_alarm_is() {
    let change = "09 01 00 0900 00 01 0000";
    let rest = "tamper=false battery_low=true problem=false";
    assert_eq!(say(0x0500, change, &[(1, 0x0015)]), format!("opening=true {rest}"));
    assert_eq!(say(0x0500, change, &[(1, 0x002a)]), format!("water_leak=true {rest}"));
    assert_eq!(say(0x0500, change, &[]), format!("generic=true {rest}"));
    assert_eq!(say(0x0500, change, &[(1, 0x002d)]), format!("moving=true vibration=true {rest}"));
    // The attribute says the same, and the type may stand beside it.
    assert_eq!(
        say(0x0500, "18 01 01 0200 00 19 0500 0100 00 31 0d00", &[]),
        "motion=true presence=false tamper=true battery_low=false problem=false"
    );
    assert_eq!(say(0x0500, "09 01 00 09", &[]), "");
}

#[test]
fn what_a_remote_control_sends_is_an_event() {
    for (cluster, frame, event) in [
        (0x0006, "01 07 02", "button=toggle"),
        (0x0006, "01 07 00", "button=off"),
        (0x0008, "01 07 02 01 20 0a00", "button=step_down"),
        (0x0008, "01 07 05 00 53", "button=move_up"),
        (0x0008, "01 07 07", "button=stop"),
        (0x0005, "01 07 05 0000 03", "button=recall_3"),
        (0x0102, "01 07 00", "button=open"),
        (0x0300, "01 07 4c 01 45 00", "button=color_temp_step_up"),
        (0x0501, "01 07 00 03 00 00", "button=arm_all"),
        (0x0006, "01 07 fd 00", "button=press"),
        (0x0006, "01 07 fd 02", "button=long_press"),
        (0x0006, "01 07 fd 07", ""),
        (0x0102, "01 07 05 32", "button=move_to_position"),
        (0x0006, "01 07 63", ""),
        (0x0005, "01 07 05 0000", ""),
    ] {
        assert_eq!(say(cluster, frame, &[]), event, "{cluster:#06x} {frame}");
    }
}

#[test]
fn what_is_not_the_librarys_or_not_whole_says_nothing() {
    // A maker's attribute 0 is not the temperature.
    assert_eq!(say(0x0402, "1c 5f11 01 0a 0000 29 00fe", &[]), "");
    assert_eq!(say(0x0402, "18 01 0a 0000 29 00fe 0100 29 00", &[]), "");
    assert_eq!(say(0xfc11, "18 01 0a 0000 29 00fe", &[]), "");
    // Somebody else's request to write is no measurement.
    assert_eq!(say(0x0402, "10 01 02 0000 29 00fe", &[]), "");
}

/// The bytes that set a point.
fn set(cluster: u16, attribute: u16, value: impl Into<Value>) -> Result<String, Refused> {
    let mut all = rules::of(Cluster(cluster), Attribute(attribute));
    let first = all.next().unwrap();
    let rule = all.find(|rule| rule.access.can_write()).unwrap_or(first);
    order(rule, &value.into()).map(|order| hex(&order.encode(9)))
}

#[test]
fn a_value_is_sent_as_the_cluster_wants_it() {
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(set(0x0006, 0, Value::Bool(true)).unwrap(), "010901");
    assert_eq!(set(0x0008, 0, Value::Int(128)).unwrap(), "010904800000");
    assert_eq!(set(0x0300, 7, Value::Int(370)).unwrap(), "01090a72010000");
    assert_eq!(set(0x0101, 0, Value::Bool(false)).unwrap(), "01090000");
    assert_eq!(set(0x0101, 0, Value::Bool(true)).unwrap(), "01090100");
    assert_eq!(set(0x0102, 8, Value::Float(70.0)).unwrap(), "0109051e");
    assert_eq!(set(0x0201, 0x12, Value::Float(21.3)).unwrap(), "1009021200295208");
    assert_eq!(set(0x0201, 0x10, Value::Float(-0.5)).unwrap(), "100902100028fb");
    assert_eq!(set(0x0201, 0x1c, text("heat")).unwrap(), "1009021c003004");
    assert_eq!(set(0x000d, 0x55, Value::Float(1.5)).unwrap(), "1009025500390000c03f");
    assert_eq!(set(0x0010, 0x55, Value::Bool(true)).unwrap(), "10090255001001");
    assert_eq!(set(0x0300, 0, Value::Int(127)).unwrap(), "0109007f000000");
    assert_eq!(set(0x0300, 1, Value::Int(254)).unwrap(), "010903fe0000");
    assert_eq!(set(0x0300, 0x4000, Value::Int(0x1234)).unwrap(), "0109403412000000");
    assert_eq!(set(0x0300, 3, text("0.5, 0.25")).unwrap(), "010907008000400000");
    assert_eq!(set(0x0300, 3, text("0.3127 0.329")).unwrap(), "0109070d5039540000");
    assert_eq!(set(0x0102, 0, text("open")).unwrap(), "010900");
    assert_eq!(set(0x0102, 0, text("stop")).unwrap(), "010902");
    assert_eq!(set(0x0502, 0, Value::Bool(true)).unwrap(), "0109001608073202");
    assert_eq!(set(0x0502, 0, Value::Bool(false)).unwrap(), "0109000000000000");
}

#[test]
fn a_value_that_cannot_be_said_is_refused_with_the_reason() {
    let refused = |cluster, attribute, value: Value| set(cluster, attribute, value).unwrap_err().to_string();
    assert_eq!(refused(0x0402, 0, Value::Float(1.0)), "the point cannot be set");
    assert_eq!(refused(0x0006, 0, Value::Int(1)), "1 does not fit the point");
    assert_eq!(refused(0x0008, 0, Value::Int(255)), "255 is out of range");
    assert_eq!(refused(0x0102, 8, Value::Float(101.0)), "101 is out of range");
    assert_eq!(refused(0x0201, 0x12, Value::Float(21.305)), "21.305 is no multiple of 0.01");
    assert_eq!(refused(0x0201, 0x12, Value::Float(400.0)), "400 is out of range");
    for color in ["0.5", "0.5 1", "0.5 -0.1", "0.1 0.2 0.3", "red", "NaN 0.5", ""] {
        assert_eq!(
            refused(0x0300, 3, Value::Text(color.into())),
            format!("{} does not fit the point", Value::Text(color.into()))
        );
    }
    assert_eq!(refused(0x0102, 0, Value::Text("up".into())), "\"up\" is none of open, close, stop");
    assert_eq!(
        refused(0x0202, 0, Value::Text("turbo".into())),
        "\"turbo\" is none of off, low, medium, high, on, auto, smart"
    );
}

#[test]
fn every_rule_is_about_an_attribute_the_table_knows() {
    for rule in rules::RULES {
        let known = zcl::table::cluster(rule.cluster).and_then(|cluster| cluster.attribute(rule.attribute, None));
        let known = known.unwrap_or_else(|| panic!("{} {}", rule.cluster, rule.attribute));
        assert_eq!(
            rule.access.can_write() && !known.access.write,
            by_command(rule),
            "{} {}",
            rule.cluster,
            known.name
        );
    }
}

/// Whether a point is set by a command, because its attribute is read only.
fn by_command(rule: &Rule) -> bool {
    matches!(rule.cluster.0, 0x0006 | 0x0008 | 0x0101 | 0x0102 | 0x0300) && rule.access.can_write()
}

proptest! {
    #[test]
    fn no_frame_makes_the_mapping_panic(
        rule in 0..rules::RULES.len(), kind: u8, bytes in vec(any::<u8>(), 0..40), head in vec(any::<u8>(), 3..6),
    ) {
        let rule = &rules::RULES[rule];
        let report = [&[0x18, 1, 0x0a][..], &rule.attribute.0.to_le_bytes(), &[kind], &bytes].concat();
        for frame in [&report, &[&head[..], &bytes].concat()] {
            if let Ok(frame) = Frame::decode(frame) {
                findings(rule.cluster, &frame, &mut Known::default());
            }
        }
    }

    #[test]
    fn what_is_set_is_what_is_read(raw in -27_315i64..=32_767) {
        let rule = rules::of(Cluster(0x0201), Attribute(0x0012)).next().unwrap();
        let value = Raw::signed(Kind::Int16, raw).unwrap();
        let found = form::apply(rule, &value, &Known::default()).unwrap().value.unwrap();
        let Ok(order::Order { action: order::Action::Write(assignment), .. }) = order(rule, &found) else {
            panic!("{found}");
        };
        prop_assert_eq!(assignment.value, value);
    }
}
