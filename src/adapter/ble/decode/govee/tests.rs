use super::{
    super::{
        Uuid,
        fixtures::{Sample, manufacturer},
    },
    *,
};

/// Frames made by hand from the layouts; govee-ble 1.5 reads the same from them, where it reads them.
fn named(name: &'static str, company: u16, data: &str) -> Sample {
    manufacturer(company, data).named(name)
}

#[test]
fn vectors_of_thermometers() {
    named("GVH5075_2762", 0xEC88, "00 03418E 64 00")
        .gives("govee", "temperature 21.3 Cel, humidity 39.0 %, battery 100 %");
    named("GVH5075_2762", 0xEC88, "00 80E5CD 64 00")
        .gives("govee", "temperature -5.8 Cel, humidity 82.9 %, battery 100 %");
    named("Govee_H5074_5FF4", 0xEC88, "00 0A0A 1C11 64 02")
        .gives("govee", "temperature 25.7 Cel, humidity 43.8 %, battery 100 %");
    named("Govee_H5179_3CD5", 0x8801, "EC000101 A30A 7717 64")
        .gives("govee", "temperature 27.23 Cel, humidity 60.07 %, battery 100 %");
    named("GVH5177_2EC8", 0x0001, "0101 036B48 64")
        .gives("govee", "temperature 22.4 Cel, humidity 7.2 %, battery 100 %");
    named("B5178D6FB", 0x0001, "0100 00 03A1B2 64 0000")
        .gives("govee", "temperature 23.8 Cel, humidity 0.2 %, battery 100 %");
    named("B5178D6FB", 0x0001, "0100 01 03A1B2 64 0000")
        .gives("govee", "temperature_2 23.8 Cel, humidity_2 0.2 %, battery_2 100 %");
}

#[test]
fn the_name_tells_two_layouts_of_one_length_apart() {
    named("GVH5106_4E05", 0x0001, "0101 0ECDBEB6")
        .gives("govee", "temperature 24.8 Cel, humidity 36.4 %, pm25 726 ug/m3");
    named("GVH5102_4E05", 0x0001, "0101 03C8EC 64")
        .gives("govee", "temperature 24.8 Cel, humidity 4.4 %, battery 100 %");
}

#[test]
fn a_frame_that_was_cut_is_not_taken_for_another_model() {
    named("H5051", 0xEC88, "00 0A0A 1C11 64 020000")
        .gives("govee", "temperature 25.7 Cel, humidity 43.8 %, battery 100 %");
    named("H5051", 0xEC88, "000A0A1C1164020000").gives_nothing_when_cut();
    named("GVH5075_2762", 0xEC88, "0003418E6400").gives_nothing_when_cut();
}

#[test]
fn a_failed_sensor_gives_the_battery_alone() {
    let decoded = named("GVH5075_2762", 0xEC88, "00 FFFFFF 64 00").decode();
    assert_eq!(super::super::fixtures::shown(&decoded.readings), "battery 100 %");
    assert_eq!(decoded.why, Some(Why::Failed));
    assert_eq!(named("GVH5075_2762", 0xEC88, "00 03418E E4 00").decode().why, Some(Why::Failed));
}

#[test]
fn vectors_of_other_models() {
    named("GVH5112_0001", 0x0001, "0101 03C8EC 64 0041")
        .gives("govee", "temperature 24.8 Cel, humidity 4.4 %, battery 100 %");
    named("GVH5112_0001", 0x0001, "0101 03C8EC 64 0082").gives("govee", "temperature_2 24.8 Cel, battery 100 %");
    named("GV5140_0001", 0x0001, "0101 03C8EC 0320 00")
        .gives("govee", "temperature 24.8 Cel, humidity 4.4 %, co2 800 [ppm]");
    named("GVH5106_4E05", 0x0001, "0101 8ECDBEB6")
        .gives("govee", "temperature -24.8 Cel, humidity 36.4 %, pm25 726 ug/m3");
    manufacturer(0x8803, "EC0001010111").gives("govee", "occupancy true, motion true");
}

#[test]
fn vectors_of_grills() {
    manufacturer(0x67DD, "5DA1B401000101E4 0A28 1F40 0000").gives("govee", "temperature 26.0 Cel");
    manufacturer(0x2730, "5DA1B401000101E4 0A28 1F40 00 FFFF 1F40").gives("govee", "temperature 26.0 Cel");
    manufacturer(0x1B36, "5DA1B401000002E4 0A28 1F40 00 0960 1F40")
        .gives("govee", "temperature_3 26.0 Cel, temperature_4 24.0 Cel");
}

#[test]
fn a_grill_is_known_by_its_service_alone() {
    // Made by hand; govee-ble 1.5 reads the same. Probes 3 and 4, of which the second is not plugged in.
    manufacturer(0x1234, "0000 38 44 00 E100 1400 6400 00 FFFF 1400 6400 0000")
        .with_service_uuid(Uuid::short(0x5550))
        .gives("govee", "temperature_3 225 Cel, battery 56 %");
}

#[test]
fn vectors_of_sealed_frames() {
    let cases = [
        ("010001020304ad1f1a9320ed8d4916d407e393076b7897f1", "battery 100 %, window true"),
        ("010001020304fb2cde95e708c23618dbb13f3c236c967fcc", "battery 100 %, vibration true"),
        ("01000102030484c8cb12f3e8266458f08d1aaae3bba2dc02", "battery 100 %, motion true"),
        ("0100010203046e886291e62dc1902b1936df7656def54c8f", "battery 100 %, button press"),
        ("010001020304d40e11324c9fa53209edc6791d5935ab1f68", "battery 100 %, button_2 press"),
        ("0100010203041a96ee988d1d35e38a5bcd1f61fa2b001ba3", "battery 100 %, button press, presence true"),
    ];
    for (data, readings) in cases {
        manufacturer(0x8843, data).gives("govee", readings);
    }
    let changed = "010001020304ad1f1a9320ed8d4916d407e393076b7897f2";
    assert_eq!(manufacturer(0x8843, changed).decode().why, Some(Why::Checksum));
}

#[test]
fn the_frame_of_apple_is_cut_off() {
    let glued = "00 03418E 64 00 4C000215494E54454C4C495F524F434B535F48575075F2FFC2";
    named("GVH5075_2762", 0xEC88, glued).gives("govee", "temperature 21.3 Cel, humidity 39.0 %, battery 100 %");
}
