use super::{
    super::fixtures::{Sample, service},
    *,
};

/// A frame of a device. The vectors are those of the tests of xiaomi-ble, which come from devices.
fn sample(address: &str, data: &str) -> Sample {
    service(SERVICE, data).from(address)
}

#[test]
fn vectors_of_plain_frames() {
    sample("582D34359321", "5020 AA01 DA 219335342D58 0D10 04 FE00 4802")
        .gives("mibeacon", "temperature 25.4 Cel, humidity 58.4 %");
    sample("C47C8D6B4FF3", "7120 9800 12 F34F6B8D7CC4 0D 0410 02 C400").gives("mibeacon", "temperature 19.6 Cel");
    sample("C47C8D6B4FF3", "7120 9800 12 F34F6B8D7CC4 0D 0710 03 120000").gives("mibeacon", "illuminance 18 lx");
    sample("C47C8D6B4FF3", "7120 9800 12 F34F6B8D7CC4 0D 0810 01 40 0910 02 AE01")
        .gives("mibeacon", "moisture 64 %, conductivity 430 uS/cm");
    sample("0080E1000001", "5020 AA01 DA 010000E18000 0A10 01 5D").gives("mibeacon", "battery 93 %");
    sample("0080E1000001", "4020 AA01 DA 1910 01 00").gives("mibeacon", "opening true");
}

#[test]
fn vectors_of_version_5() {
    let cgg1 = sample("5A582D34125F", "585848 0B68 5F12342D585A 0B1841E2AA 000E00 A4964FB5");
    cgg1.clone().with_key("814aac74c4f17b6c1581e1ab87816b99").gives("mibeacon", "humidity 59.6 %");
    cgg1.refuses("mibeacon", Why::KeyNeeded);
    cgg1.clone().with_key("814aac74c4f17b6c1581e1ab87816b98").refuses("mibeacon", Why::WrongKey);
    let cgdk2 = sample("582D34122089", "5858 6F06 07 89 2012342D58 5F176DD54F 020000 2FA453FA");
    cgdk2.clone().with_key("a3bfe9853dd85a620debe3620caaa351").gives("mibeacon", "temperature 22.6 Cel");
    assert_eq!(cgdk2.with_key("a3bfe9853dd85a620debe3620caaa351").decode().counter, Some(0x0207));
}

#[test]
fn vectors_of_legacy_keys() {
    let dimmer = sample("F82441C5988B", "5830 B603 D2 8B98C54124F8 C34914 76757E 000000 99");
    let key = "b853075158487ca39a5b5ea9";
    dimmer.clone().with_key(key).gives("mibeacon", "dimmer press");
    dimmer.clone().with_key("b853075158487aa39a5b5ea9").refuses("mibeacon", Why::WrongKey);
    dimmer.refuses("mibeacon", Why::KeyNeeded);
}

#[test]
fn what_is_cut_or_foreign_gives_nothing() {
    sample("582D34359321", "5020AA01DA219335342D580D1004FE004802").gives_nothing_when_cut();
    sample("582D34359322", "5020AA01DA219335342D580D1004FE004802").refuses("mibeacon", Why::OtherDevice);
    sample("A4C138D43C48", "30585B0502483CD438C1A408").refuses("mibeacon", Why::NoValue);
    sample("582D34359321", "5010AA01DA219335342D580D1004FE004802").refuses("mibeacon", Why::UnknownVersion(1));
    sample("582D34359321", "5020AA01DA219335342D58041001FE").refuses("mibeacon", Why::Length { got: 1, want: 2 });
}

#[test]
fn vectors_of_objects() {
    // Made by hand from the definitions; xiaomi-ble 1.21 reads the same, where it reads them.
    let cases = [
        ("0700 01 03", "door false, action knock_on_the_door"),
        ("0700 01 64", ""),
        ("0B00 09 02 00000000 00000000", "action turn_on_antilock"),
        ("0B00 09 14 00000000 00000000", "lock true, action unlock_inside_the_door"),
        ("0600 05 01000080 00", "action match_successful"),
        ("0800 01 00", "action armed"),
        ("0E10 01 01", "lock false"),
        ("1000 02 00 03", "running true"),
        ("0330 06 01 00000000 5A", "running false"),
        ("0A00 02 3A0E", "temperature 36.42 Cel"),
        ("0A00 02 0000", ""),
        ("0020 05 060E C00D 55", "temperature 37.03 Cel, battery 85 %"),
        ("3D48 04 3C000000", "duration 60 s"),
        ("3E48 04 3C000000", "duration_2 60 s"),
        ("5148 01 02", "duration 120 s"),
        ("5248 01 05", "duration_2 300 s"),
        ("0448 01 02", "opening false, left_open false"),
        ("0C48 01 00", "opening true"),
        ("1A4A 01 01", "opening true, left_open true"),
        ("684A 01 02", "water_leak_2 true"),
        ("684A 01 01", "water_leak false"),
        ("084A 04 4111A642", "motion true, illuminance 83.0337 lx"),
        ("144C 01 03", "state 3"),
        ("2254 01 00", "battery_charging true"),
        ("2254 01 02", "battery_charging false"),
        ("166E 09 01 20830C5A 00000000", "weight 80.0 kg, heart_rate 66 /min, impedance 576.3 Ohm"),
        ("166E 09 01 00004014 00000000", "impedance_2 129.6 Ohm"),
        ("166E 09 01 00000000 00000000", ""),
    ];
    for (object, readings) in cases {
        let decoded = sample("C47C8D6B4FF3", &format!("4050 AA01 DA {object}")).decode();
        assert_eq!(super::super::fixtures::shown(&decoded.readings), readings, "{object}: {decoded:?}");
    }
}

#[test]
fn a_switch_that_counts_from_0_has_a_first_and_a_second_button() {
    sample("C47C8D6B4FF3", "4050 6859 DA 0D4A 01 00").gives("mibeacon", "button double_press");
    sample("C47C8D6B4FF3", "4050 6859 DA 0D4A 01 01").gives("mibeacon", "button_2 double_press");
}

#[test]
fn a_safe_tells_whether_its_door_is_open() {
    sample("C47C8D6B4FF3", "4050 B009 DA 0F10 01 01").gives("mibeacon", "door true");
    sample("C47C8D6B4FF3", "4050 AA01 DA 0F10 01 01").refuses("mibeacon", Why::UnknownObject(0x100F));
}
