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
