use std::collections::HashMap;

use dbus::arg::{PropMap, RefArg, Variant};

use super::*;

const HCI0: &str = "/org/bluez/hci0";
const TAG: &str = "/org/bluez/hci0/dev_CB_B8_33_4C_88_4F";

/// A property.
fn value(value: impl RefArg + 'static) -> Variant<Box<dyn RefArg>> {
    Variant(Box::new(value))
}

/// What a device may have, as `BlueZ` tells it.
fn properties(byte: u8) -> PropMap {
    let manufacturer: HashMap<u16, _> = [(0x0499, value(vec![byte, 2])), (0x0059, value(vec![1_u8]))].into();
    let service: HashMap<String, _> =
        [("0000fcd2-0000-1000-8000-00805f9b34fb".to_owned(), value(Vec::<u8>::new()))].into();
    let uuids = vec!["0000180f-0000-1000-8000-00805f9b34fb".to_owned()];
    [
        ("RSSI", value(-60_i16)),
        ("Alias", value("CB-B8".to_owned())),
        ("Name", value("Ruuvi".to_owned())),
        ("ManufacturerData", value(manufacturer)),
        ("ServiceData", value(service)),
        ("UUIDs", value(uuids)),
        ("Connected", value(false)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Properties of an object that changed.
fn change(path: &str, interface: &str, properties: PropMap) -> Message {
    let signal =
        Message::new_signal(path.to_owned(), "org.freedesktop.DBus.Properties", "PropertiesChanged").unwrap();
    signal.append3(interface, properties, Vec::<String>::new())
}

/// A new object.
fn addition(path: &str, interfaces: HashMap<&str, PropMap>) -> Message {
    let signal = Message::new_signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded").unwrap();
    signal.append2(dbus::Path::new(path).unwrap(), interfaces)
}

/// What is heard of a message.
fn heard(message: &Message) -> Option<Heard> {
    match read(message, HCI0)? {
        Signal::Heard(heard) => Some(heard),
        Signal::Over(end) => panic!("{end:?}"),
    }
}

#[test]
fn the_first_signal_of_a_device_is_a_whole_advertisement_and_so_is_each_after_it() {
    let first = addition(TAG, [("org.freedesktop.DBus.Properties", PropMap::new()), (DEVICE, properties(1))].into());
    let second = change(TAG, DEVICE, properties(2));

    let (first, second) = (heard(&first).unwrap(), heard(&second).unwrap());

    assert_eq!(first.address, Address::parse("CB:B8:33:4C:88:4F").unwrap());
    assert_eq!((first.rssi, first.name.as_deref()), (Some(-60), Some("Ruuvi")));
    assert_eq!(first.manufacturer, [(0x0059, vec![1]), (0x0499, vec![1, 2])]);
    assert_eq!(first.service, [(Uuid::short(0xFCD2), vec![])]);
    assert_eq!(first.services, [Uuid::short(0x180F)]);
    assert_eq!(second.manufacturer[1].1, [2, 2]);
}

#[test]
fn what_was_not_in_the_air_is_no_advertisement() {
    let connected: PropMap = [("Connected".to_owned(), value(true))].into();

    assert_eq!(heard(&change(TAG, DEVICE, connected)), None);
    assert_eq!(heard(&change(TAG, "org.bluez.Battery1", properties(1))), None);
    assert_eq!(heard(&change("/org/bluez/hci1/dev_CB_B8_33_4C_88_4F", DEVICE, properties(1))), None);
    assert_eq!(heard(&change("/org/bluez/hci01/dev_CB_B8_33_4C_88_4F", DEVICE, properties(1))), None);
    assert_eq!(heard(&change("/org/bluez/hci0/dev_CB_B8", DEVICE, properties(1))), None);
    assert_eq!(heard(&addition(TAG, [("org.bluez.Battery1", properties(1))].into())), None);
}

#[test]
fn properties_of_another_type_say_nothing() {
    for name in ["RSSI", "Name", "ManufacturerData", "ServiceData", "UUIDs"] {
        let wrong: PropMap = [(name.to_owned(), value(1.5_f64))].into();
        assert_eq!(heard(&change(TAG, DEVICE, wrong)), None, "{name}");
    }
    let empty = Message::new_signal(TAG, "org.freedesktop.DBus.Properties", "PropertiesChanged").unwrap();
    assert_eq!(heard(&empty), None);
}

#[test]
fn a_radio_that_is_off_or_gone_and_bluetoothd_that_ends_are_told() {
    let power = |is_on: bool| [("Powered".to_owned(), value(is_on))].into();
    let removed = |path: &'static str| {
        let signal = Message::new_signal("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved").unwrap();
        signal.append2(dbus::Path::new(path).unwrap(), vec![RADIO])
    };
    let ends = |message: &Message| matches!(read(message, HCI0), Some(Signal::Over(_)));

    assert!(ends(&change(HCI0, RADIO, power(false))) && !ends(&change(HCI0, RADIO, power(true))));
    assert!(!ends(&change("/org/bluez/hci1", RADIO, power(false))));
    assert!(ends(&removed(HCI0)) && !ends(&removed(TAG)) && !ends(&removed("/org/bluez/hci1")));
    let owner = Message::new_signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged").unwrap();
    assert!(ends(&owner));
}
