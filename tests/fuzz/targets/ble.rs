//! Bluetooth advertisements of any sender, with and without a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::adapter::ble::decode::{Address, Advertisement, Uuid};
use tidegate_fuzz::{Bytes, ble::check};

/// Names that formats go by.
const NAMES: [&str; 12] = [
    "", "GVH5075_1234", "GVH5106_1234", "GVH5182_1234", "sps", "tps", "Ruuvi 1234", "P T EN 123456", "S1", "LYWSD03MMC",
    "ThermoBeacon", "MTP100",
];

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let (head, address, name) = (bytes.byte(), [(); 6].map(|()| bytes.byte()), bytes.pick(&NAMES));
    let key = [(); 16].map(|()| if head & 1 == 1 { bytes.byte() } else { 0 });
    let (mut manufacturer, mut service, mut services) = (Vec::new(), Vec::new(), Vec::new());
    // The last one has all that is left.
    for at in 0..=head >> 6 {
        let (kind, id) = (bytes.byte(), bytes.word());
        let length = if at == head >> 6 { bytes.0.len() } else { usize::from(bytes.byte()) };
        let (data, rest) = bytes.0.split_at(length.min(bytes.0.len()));
        bytes.0 = rest;
        match kind & 3 {
            0 => services.push(Uuid::short(id)),
            1 => service.push((Uuid::short(id), data)),
            _ => manufacturer.push((id, data)),
        }
    }
    let advert = Advertisement {
        address: Address(address),
        name: Some(name).filter(|name| !name.is_empty()),
        manufacturer: &manufacturer,
        service: &service,
        services: &services,
    };
    check(&advert, (head & 1 == 1).then_some(&key[..]));
});
