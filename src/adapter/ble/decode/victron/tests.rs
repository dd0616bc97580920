use super::{
    super::fixtures::{Sample, manufacturer},
    *,
};

/// A frame of a device. The vectors are those of the tests of victron-ble, which come from devices.
fn sample(key: &str, data: &str) -> Sample {
    manufacturer(COMPANY, data).with_key(key)
}

/// A record before it is encrypted.
fn record(kind: u8, plain: &str) -> String {
    let mut finding = Finding::default();
    let data = super::super::fixtures::hex(plain);
    records::reader(kind).unwrap()(&mut bits::Bits::new(&data), &mut finding).unwrap();
    super::super::fixtures::shown(&finding.readings)
}

#[test]
fn vectors_of_frames() {
    sample("adeccb947395801a4dd45a2eaa44bf17", "100242a0016207adceb37b605d7e0ee21b24df5c").gives(
        "victron",
        "state 4, error 0, voltage 13.88 V, current 1.4 A, energy 0.03 kW.h, power 19 W, load_current 0.0 A",
    );
    sample("aff4d0995b7d1e176c0c33ecb9e70dcd", "100289a302b040af925d09a4d89aa0128bdef48c6298a9")
        .gives("victron", "voltage 12.53 V, current 0.0 A, battery 50.0 %, consumed_charge -50.0 A.h, alarm 0");
    sample("0da694539597f9cf6c613cde60d7bf05", "1000a4a3025f150d8dcbff517f30eb65e76b22a04ac4e1")
        .gives("victron", "voltage 12.22 V, alarm 0, temperature 22.5 Cel");
    sample("aff4d0995b7d1e176c0c33ecb9e70dcd", "100289a30d787fafde83ccec982199fd815286")
        .gives("victron", "meter_type -3, voltage 12.52 V, current 0.0 A, alarm 0, starter_voltage -0.01 V");
    sample("64ba49f1a8562e45197a8e1fe50d7658", "1000c0a304121d64ca8d442b90bbdf6a8cba")
        .gives("victron", "state 0, error 0, input_voltage 13.15 V, off_reason 128");
    sample("c129cf8f75c3fe5a1655b481e205fb7d", "100030a308f926c1b5170a0d2280335bf12d5ed083")
        .gives("victron", "state 6, error 0, voltage 13.49 V, current 0.4 A, temperature 21 Cel");
    sample("346c410e8c824dd723c0f5b13b9eabc8", "100043a40bf4e434af0e46c3b8eb68e08e616993f70c").gives(
        "victron",
        "state 9, error 0, current -12.8 A, voltage 51.71 V, ac_input 2, ac_input_power 0 W, ac_output_power 722 W, \
         power 0 W, energy 5.32 kW.h",
    );
}

#[test]
fn vectors_of_records() {
    // VE.Bus, made by hand from the document.
    assert_eq!(
        record(0x0C, "090080FF3354D3FF971680BE2B"),
        "state 9, error 0, current -12.8 A, voltage 51.71 V, ac_input 1, ac_input_power -45 W, ac_output_power 722 W, \
         alarm 2, temperature 22 Cel, battery 87 %"
    );
    // Inverter RS, made by hand from the document of 2022-12-14; victron-ble has no test of it.
    assert_eq!(
        record(0x06, "05 00 C409 E7FF 2C01 0A00 F401"),
        "state 5, error 0, voltage 25.0 V, current -2.5 A, power 300 W, energy 0.1 kW.h, ac_output_power 500 W"
    );
    // Orion XS, made by hand: the document lacks it, the layout is the one that victron-ble reads, found on devices.
    assert_eq!(
        record(0x0F, "03 00 6405 3200 1005 3C00 00000000"),
        "state 3, error 0, output_voltage 13.8 V, output_current 5.0 A, input_voltage 12.96 V, input_current 6.0 A, off_reason 0"
    );
    assert_eq!(record(0x0F, "FFFF FF7F FFFF FFFF FFFF 00000000"), "off_reason 0");
    // Smart lithium, made by hand from the document. Cells: below 2.61 V, 3.3 V, above 3.85 V, not available, and the
    // smallest and largest that are numbers.
    assert_eq!(
        record(0x05, "05000000000000A3FF1FE80B8D34353D"),
        "bms_flags 5, error 0, cell_voltage_2 3.3 V, cell_voltage_5 2.61 V, cell_voltage_6 3.85 V, \
         cell_voltage_7 3.26 V, cell_voltage_8 3.3 V, voltage 13.32 V, balancer_state 3, temperature 21 Cel"
    );
}

#[test]
fn what_is_not_available_is_left_out() {
    assert_eq!(record(0x01, "FFFF FF7F FF7F FFFF FFFF FF01"), "");
    assert_eq!(record(0x02, "FFFF FF7F 0000 FFFF FF FF FF FF FF FF FF"), "alarm 0");
}

#[test]
fn keys_and_lengths_are_checked() {
    let frame = manufacturer(COMPANY, "100242a0016207adceb37b605d7e0ee21b24df5c");
    frame.refuses("victron", Why::KeyNeeded);
    frame.clone().with_key("ffeccb947395801a4dd45a2eaa44bf17").refuses("victron", Why::WrongKey);
    let key = "adeccb947395801a4dd45a2eaa44bf17";
    frame.with_key(key).gives_nothing_when_cut();
    sample(key, "100242a0016207ad").refuses("victron", Why::TooShort { got: 0, want: 1 });
    sample(key, "100242a0EE6207adce").refuses("victron", Why::UnknownFrame(0xEE));
    assert_eq!(sample(key, "0002").decode().format, None);
}
