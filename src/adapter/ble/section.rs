//! Bluetooth keys of the configuration, and what they mean.

mod bond;
mod key;
mod point;

use std::{sync::Arc, time::Duration};

use super::{
    config::{Accept, Config, Device},
    decode::{Address as Mac, Uuid},
    profiled::{Match, Profile},
};
use crate::config::{
    AdapterDraft, DeviceDraft, Draft, Fault, Pressure, Secret, Unique,
    report::Problems,
    section::{AdapterKind, At, FromNode, Keyed as _, Shape, section},
    tree::Node,
    values::{Span, from_integer, text_values, word_values},
};
use crate::profile::Library;

pub use key::parse as parse_key;
pub use point::{PointKeys, parse_characteristic, profile_points};
use point::{Points, named, points};

/// The word in `kind = "ble"`, and the keys that come with it.
pub const KIND: AdapterKind = AdapterKind { kind: "ble", adapter: AdapterKeys::KEYS, device: DeviceKeys::KEYS };

/// The name of a radio of the host.
#[derive(Debug, Clone)]
pub struct Radio(String);

/// How many devices may be connected to at once.
#[derive(Debug, Clone, Copy)]
pub struct Connections(u8);

impl FromNode for Connections {
    const SHAPE: Shape = Shape::Integer { min: 1, max: 16 };

    fn from_node(node: Node, problems: &mut Problems) -> Option<Self> {
        let number = from_integer(&node, problems, 1, 16)?;
        u8::try_from(number).ok().map(Self)
    }
}

text_values! {
    Uuid: "4, 8 or 32 hex digits", |text| {
        let help = "write 4 hex digits, or the UUID in full: \"fcd2\"";
        Self::parse(text).ok_or_else(|| Fault::new(format!("{text:?} is no UUID")).help(help))
    };
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
        /// Least time between two readings of a point of a device; what comes sooner is counted and left out, but for
        /// switches and texts that change.
        min_interval: Span = optional("no limit");
        /// How many devices may be connected to at once, for points behind a connection. Most radios can do more than
        /// three; each connection takes time from listening.
        connections: Connections = default("3");
        /// Whether a radio that stays silent, although its scan was started again three times, is switched off and on.
        /// Leave it off where other programs use the radio: their connections end with that.
        power_cycle: bool = default("false");
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
        /// Least time between two readings of a point; what comes sooner is counted and left out, but for switches and
        /// texts that change.
        min_interval: Span = optional("as the adapter");
        /// The name the device is taken to advertise, for formats that only the name tells apart (Govee, Inkbird,
        /// SensorPush) when it is not heard.
        model: String = optional("the name it advertises");
        /// How often the device is connected to, for points that are behind a connection.
        poll: Span = default("\"15m\"");
        /// Whether it stays connected in between, which costs its battery and answers commands sooner.
        stay: bool = default("false");
        /// Whether it is paired when it is connected to, if it was not before: without a passkey, so that nobody can
        /// tell whether it is the right one.
        pair: bool = default("false");
        /// Where the six digits are kept that it shows, or that are printed on it, when it is paired with them.
        passkey: Secret = optional("no passkey");
        /// The points that are wanted.
        point: Vec<At<PointKeys>> = default("[]");
    }
}

section! {
    /// Where a device sends from.
    pub struct Address {
        /// Its address, most significant byte first.
        mac: Mac = required;
    }
}

section! {
    /// Devices of which a profile with a `decode.rhai` reads what no format knows: those that have all of this.
    pub struct MatchKeys {
        /// Company of the manufacturer data, such as 0x0499.
        company: u16 = optional("any or none");
        /// A service that is advertised or has data, short or in full: `fcd2`.
        service: Uuid = optional("any or none");
        /// The beginning of the name.
        name: String = optional("any or none");
    }
}

impl MatchKeys {
    /// What is meant; a match of everything is none.
    pub(super) fn meant(self) -> Option<Match> {
        let company = self.company.map(|at| at.value);
        let (service, name) = (self.service.map(|at| at.value), self.name.map(|at| at.value));
        let is_any = company.is_none() && service.is_none() && name.is_none();
        (!is_any).then_some(Match { company, service, name })
    }
}

/// Reads the keys of an adapter and its devices.
pub fn plan(adapter: AdapterDraft, library: &mut Library, draft: &mut Draft) -> Option<Config> {
    let AdapterDraft { name, pressure, mut section, devices, .. } = adapter;
    let keys: AdapterKeys = section.read(&mut draft.problems);
    section.close(&mut draft.problems);
    let mut addresses = Unique::default();
    let min_interval = keys.min_interval.map(|span| span.value.0);
    let profiles = Profile::all(library, &mut draft.problems);
    let devices = devices.into_iter().filter_map(|device| {
        let profile = profile_of(&device, library);
        plan_device(device, profile, min_interval, &mut addresses, draft)
    });
    let devices: Vec<_> = devices.collect();
    check_connections(&keys.connections, &devices, &mut draft.problems);
    Some(Config {
        name,
        // A sensor does not wait, and says the same again soon.
        pressure: pressure.unwrap_or(Pressure::Shed),
        radio: keys.adapter.map(|radio| radio.value.0),
        accept: keys.accept.value,
        signal: keys.signal.value,
        raw: keys.raw.value,
        min_interval,
        connections: keys.connections.value.0,
        power_cycle: keys.power_cycle.value,
        devices,
        profiles,
    })
}

/// The profile that a device names, if it reads advertisements. What is wrong with it was reported when the device's
/// points were filled in, and is so again when they are read.
fn profile_of(device: &DeviceDraft, library: &mut Library) -> Option<Arc<Profile>> {
    let typed = device.profile.as_ref()?;
    let name = typed.value.parse().ok()?;
    let pack = library.open(&name, &typed.place, &mut Problems::default()).filter(|pack| pack.kind == KIND.kind)?;
    Profile::of(&name, pack, &mut Problems::default()).map(Arc::new)
}

/// Reads the keys of a device; `None` when its address is missing or wrong.
fn plan_device(
    device: DeviceDraft,
    profile: Option<Arc<Profile>>,
    min_interval: Option<Duration>,
    addresses: &mut Unique,
    draft: &mut Draft,
) -> Option<Device> {
    let DeviceDraft { id, mut section, .. } = device;
    let problems = &mut draft.problems;
    let keys: DeviceKeys = section.read(problems);
    section.close(problems);
    if let Some(key) = &keys.key {
        key::check(key, problems);
    }
    if let Some(passkey) = &keys.passkey {
        key::check_passkey(passkey, problems);
    }
    let Points { advertised, behind } = points(keys.point.value, &id, keys.poll.value.0, profile.is_some(), problems);
    draft.points.extend(advertised.iter().chain(behind.iter().map(|behind| &behind.point)).map(|point| named(point)));
    let bond = bond::bond(&keys.pair, keys.passkey, behind.is_empty(), problems);
    let mac = keys.address?.value.mac?;
    addresses.take("address", &mac.value.to_string(), &mac.place, problems);
    Some(Device {
        id,
        address: mac.value,
        key: keys.key.map(|key| key.value),
        expect: keys.expect.map(|expect| expect.value.0),
        min_interval: keys.min_interval.map(|span| span.value.0).or(min_interval),
        model: keys.model.map(|model| model.value),
        points: advertised,
        behind,
        stays: keys.stay.value,
        profile,
        bond,
    })
}

/// Every device that stays connected holds one of the connections.
fn check_connections(most: &At<Connections>, devices: &[Device], problems: &mut Problems) {
    let (staying, others): (Vec<_>, Vec<_>) =
        devices.iter().filter(|device| !device.behind.is_empty()).partition(|device| device.stays_connected());
    let needed = staying.len() + usize::from(!others.is_empty());
    if needed > usize::from(most.value.0) {
        let help = "raise connections as far as the radio allows, or read some with poll instead of notify";
        let message = format!("{} connections are too few: {} devices stay connected", most.value.0, staying.len());
        problems.error(&most.place, message).help(help);
    }
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
