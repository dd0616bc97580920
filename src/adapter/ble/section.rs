//! Bluetooth keys of the configuration, and what they mean.

mod key;

use std::sync::Arc;

use super::{
    config::{Accept, Config, Device},
    decode::Address as Mac,
};
use crate::{
    config::{
        AdapterDraft, DeviceDraft, Draft, Fault, NamedPoint, Pressure, Secret, Unique,
        report::{Problems, suggest},
        section::{AdapterKind, At, Keyed as _, section},
        values::{Span, text_values, word_values},
    },
    model::{DeviceId, Point, PointAddress, PointName, Quantity, vocabulary::QUANTITIES},
};

pub(super) use key::parse as parse_key;

/// The word in `kind = "ble"`, and the keys that come with it.
pub const KIND: AdapterKind = AdapterKind { kind: "ble", adapter: AdapterKeys::KEYS, device: DeviceKeys::KEYS };

/// The name of a radio of the host.
#[derive(Debug, Clone)]
pub struct Radio(String);

text_values! {
    Radio: "hci0, hci1, …", radio;
    Mac: "AA:BB:CC:DD:EE:FF", mac;
}

word_values! {
    Accept: ["configured" => Self::Configured, "formats" => Self::Formats], later [];
}

section! {
    /// A Bluetooth radio, or all of them.
    pub struct AdapterKeys {
        /// The radio, as `bluetoothctl list` and the kernel name it: `hci0`.
        adapter: Radio = optional("every powered radio");
        /// Whose advertisements become readings: `configured` for the devices of this file, `formats` for every device
        /// of a known format in reach; those that are not configured are then named `ble-` and their address.
        accept: Accept = default("\"configured\"");
        /// Whether each device has a point `rssi`, the power with which it is received.
        signal: bool = default("false");
        /// Whether each device has a point `raw`, the data it advertised as hex, for rules that decode by themselves.
        raw: bool = default("false");
    }
}

section! {
    /// A device that advertises.
    pub struct DeviceKeys {
        /// Where the device sends from: `{ mac = "CB:B8:33:4C:88:4F" }`.
        address: Address = required;
        /// Where the key of a format that encrypts is kept, as 32 hex digits, or 24 for MiBeacon 2 and 3. Once a device
        /// has a key, what it sends in the clear is still read.
        key: Secret = optional("no key");
        /// Usual time between two advertisements. Silence longer than three times this is `bad:stale`.
        expect: Span = optional("learnt");
        /// The name the device is taken to advertise, for formats that only the name tells apart (Govee, Inkbird,
        /// SensorPush) when it is not heard.
        model: String = optional("the name it advertises");
        /// The points that are wanted.
        point: Vec<At<PointKeys>> = default("[]");
    }
}

section! {
    /// One value of a device, by its name in the table of points.
    pub struct PointKeys {
        /// Name of the point: `temperature`, `temperature_2`.
        name: PointName = required;
    }
}

section! {
    /// Where a device sends from.
    pub struct Address {
        /// Its address, most significant byte first.
        mac: Mac = required;
    }
}

/// Reads the keys of an adapter and its devices.
pub fn plan(adapter: AdapterDraft, draft: &mut Draft) -> Option<Config> {
    let AdapterDraft { name, pressure, mut section, devices, .. } = adapter;
    let keys: AdapterKeys = section.read(&mut draft.problems);
    section.close(&mut draft.problems);
    let mut addresses = Unique::default();
    let devices = devices.into_iter().filter_map(|device| plan_device(device, &mut addresses, draft)).collect();
    Some(Config {
        name,
        // A sensor does not wait, and says the same again soon.
        pressure: pressure.unwrap_or(Pressure::Shed),
        radio: keys.adapter.map(|radio| radio.value.0),
        accept: keys.accept.value,
        signal: keys.signal.value,
        raw: keys.raw.value,
        devices,
    })
}

/// Reads the keys of a device; `None` when its address is missing or wrong.
fn plan_device(device: DeviceDraft, addresses: &mut Unique, draft: &mut Draft) -> Option<Device> {
    let DeviceDraft { id, mut section, .. } = device;
    let problems = &mut draft.problems;
    let keys: DeviceKeys = section.read(problems);
    section.close(problems);
    if let Some(key) = &keys.key {
        key::check(key, problems);
    }
    let points: Vec<_> = points(keys.point.value, &id, problems);
    draft.points.extend(points.iter().map(|point| named(point)));
    let mac = keys.address?.value.mac?;
    addresses.take("address", &mac.value.to_string(), &mac.place, problems);
    Some(Device {
        id,
        address: mac.value,
        key: keys.key.map(|key| key.value),
        expect: keys.expect.map(|expect| expect.value.0),
        model: keys.model.map(|model| model.value),
        points,
    })
}

/// The points that are wanted of a device.
fn points(listed: Vec<At<PointKeys>>, device: &DeviceId, problems: &mut Problems) -> Vec<Arc<Point>> {
    let mut names = Unique::default();
    let mut points = Vec::new();
    for name in listed.into_iter().filter_map(|at| at.value.name) {
        names.take("point", name.value.as_str(), &name.place, problems);
        let Some(quantity) = quantity(name.value.as_str()) else {
            let help = suggest(name.value.as_str(), QUANTITIES.iter().map(|quantity| quantity.name()));
            problems.error(&name.place, format!("no format has a point {:?}", name.value.as_str())).help(help);
            continue;
        };
        points.push(Arc::new(Point::new(device.clone(), name.value, quantity.kind(), quantity.unit())));
    }
    points
}

/// What a point's name says it is of; the number of a second one of a kind is left aside.
fn quantity(name: &str) -> Option<Quantity> {
    let base = name.rsplit_once('_').filter(|(_, number)| number.parse::<u8>().is_ok_and(|number| number > 1));
    let is = |name: &str| QUANTITIES.iter().copied().find(|quantity| quantity.name() == name);
    is(name).or_else(|| is(base?.0))
}

/// A point as grants see it.
fn named(point: &Point) -> NamedPoint {
    let PointAddress { device, point: name } = &point.address;
    NamedPoint { address: PointAddress { device: device.clone(), point: name.clone() }, access: point.access }
}

/// `hci` and a number.
fn radio(text: &str) -> Result<Radio, Fault> {
    let is_radio = text.strip_prefix("hci").is_some_and(|number| number.parse::<u16>().is_ok());
    let fault = || Fault::new(format!("{text:?} is no radio")).help("write \"hci0\"; `bluetoothctl list` shows them");
    is_radio.then(|| Radio(text.to_owned())).ok_or_else(fault)
}

/// Six bytes in hex with colons or hyphens between.
fn mac(text: &str) -> Result<Mac, Fault> {
    let help = "write six bytes in hex: \"CB:B8:33:4C:88:4F\"";
    Mac::parse(text).ok_or_else(|| Fault::new(format!("{text:?} is no Bluetooth address")).help(help))
}

#[cfg(test)]
mod tests;
