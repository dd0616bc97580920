//! Zigbee keys of the configuration, and what they mean.

mod devices;
mod groups;
mod values;

use std::path::PathBuf;

use self::{
    devices::{Named, intervals, named},
    groups::grouped,
    values::{Channel, Dbm, Family, PartsPerSecond},
};
use super::{
    address::{ExtendedPan, Ieee, Pan},
    config::{Accept, Config, Network},
    link::Link,
    network::Key,
    quirk::{PointKeys, Quirks},
    reporting::Intervals,
    tuya::Clock,
};
use crate::{
    config::{
        AdapterDraft, Draft, Pressure, Secret,
        report::Problems,
        section::{AdapterKind, At, Keyed as _, section},
        values::{Span, SpanOrZero},
    },
    model::PointName,
    profile::Library,
};

/// The word in `kind = "zigbee"`, and the keys that come with it.
pub const KIND: AdapterKind = AdapterKind { kind: "zigbee", adapter: AdapterKeys::KEYS, device: DeviceKeys::KEYS };

section! {
    /// A Zigbee network with its coordinator.
    pub struct AdapterKeys {
        /// How the coordinator is reached: `serial:///dev/serial/by-id/…?baud=115200` for a stick, `tcp://host:6638`
        /// for one on the network.
        link: Link = required;
        /// How the coordinator is spoken to: `znp` for chips of Texas Instruments, `auto` to find out.
        family: Family = default("\"auto\"");
        /// Who may join while joining is permitted: `all`, or `listed` for devices with a `[[device]]` alone.
        accept: Accept = default("\"all\"");
        /// Whether each device has a point `lqi`, the quality of its last message's reception.
        signal: bool = default("false");
        /// Whether frames that gave no reading are told as events of type `raw`, to write a profile from.
        raw: bool = default("false");
        /// Whether a coordinator that holds no network is given one at once, instead of by `tidegate zigbee form`.
        form: bool = default("false");
        /// How many backups of the coordinator are kept, each in a file with the network key in it, one a day and one
        /// after each change of the network; 0 makes none.
        backups: u8 = default("14");
        /// The folder of firmware images for `tidegate zigbee ota`. A device is given one only when somebody says so.
        firmware: PathBuf = optional("none, and no device is updated");
        /// How many parts of firmware are given out in a second, to all devices together. A part has 50 bytes; more
        /// are faster and leave less of the air to others.
        firmware_rate: PartsPerSecond = default("8");
        /// How strongly the coordinator sends, in dBm. It takes the nearest that its chip has; the law may allow less than
        /// the chip can do.
        tx_power: Dbm = optional("what the coordinator was made for");
        /// When devices shall report what they measure.
        reporting: ReportingKeys = default("{}");
        /// The network. It is compared with what the coordinator holds; a difference is told, never overwritten.
        network: NetworkKeys = default("{}");
    }
}

section! {
    /// When a device shall report.
    pub struct ReportingKeys {
        /// The shortest time between two reports of a value, 0 s to 18 h.
        min: SpanOrZero = optional("5 s, or what is set for the adapter");
        /// The longest time between two reports of a value, 1 s to 18 h. A device that sleeps is offline after three times
        /// that, if it keeps to it.
        max: Span = optional("1 h, or what is set for the adapter");
    }
}

section! {
    /// When a device shall report one of its points.
    pub struct ReportKeys {
        /// The point; it is one that an attribute is behind, not a data point or an alarm.
        point: PointName = required;
        /// The shortest time between two reports of it, 0 s to 18 h.
        min: SpanOrZero = optional("as the device's other points");
        /// The longest time between two reports of it, 1 s to 18 h.
        max: Span = optional("as the device's other points");
    }
}

section! {
    /// What the network is.
    pub struct NetworkKeys {
        /// Its channel, 11 to 26.
        channel: Channel = optional("any, and 15, 20 or 25 for a new network");
        /// Its short name, such as `0x1a62`.
        pan_id: Pan = optional("any, and chance for a new network");
        /// Its long name, most significant byte first.
        extended_pan_id: ExtendedPan = optional("any, and chance for a new network");
        /// Where its key is, 32 hex digits, most significant byte first.
        key: Secret = optional("any, and chance for a new network");
    }
}

section! {
    /// A Zigbee device.
    pub struct DeviceKeys {
        /// Which device it is: `{ ieee = "0x00124b0014d9a7b1" }`.
        address: Address = required;
        /// When it shall report, where that is not as all others.
        reporting: ReportingKeys = default("{}");
        /// When it shall report single points, where that is not as its others.
        reports: Vec<At<ReportKeys>> = default("[]");
        /// Clusters that are bound besides those of its points: what a profile's scripts read, which no key of a point
        /// names.
        bind: Vec<At<u16>> = default("[]");
        /// From when a device of Tuya that asks for the time counts the seconds: `"1970"` or `"2000"`.
        clock: Clock = optional("as its profile says, else 1970");
        /// Points that its standard clusters do not tell, or tell otherwise.
        point: Vec<At<PointKeys>> = default("[]");
    }
}

section! {
    /// Which device it is.
    pub struct Address {
        /// The address it was made with.
        ieee: Ieee = required;
    }
}

/// Reads the keys of an adapter and its devices; `None` when the link is missing or wrong.
pub fn plan(adapter: AdapterDraft, library: &mut Library, draft: &mut Draft) -> Option<Config> {
    let AdapterDraft { name, pressure, mut section, devices, groups, .. } = adapter;
    let keys: AdapterKeys = section.read(&mut draft.problems);
    section.close(&mut draft.problems);
    // Which points a device has, it tells itself.
    draft.has_unread_devices = true;
    let quirks = Quirks::of(library, &mut draft.problems);
    let reporting = intervals(&keys.reporting, Intervals::default(), &mut draft.problems);
    let named = named(devices, reporting, library, &mut draft.problems);
    let Named { devices, reporting: own_reporting, own } = named;
    let groups = grouped(groups, &devices, &mut draft.problems);
    let network = keys.network.value;
    if let Some(key) = &network.key {
        check_key(key, &mut draft.problems);
    }
    Some(Config {
        name,
        // What a device reports, it reports once.
        pressure: pressure.unwrap_or(Pressure::Shed),
        link: keys.link?.value,
        accept: keys.accept.value,
        has_signal: keys.signal.value,
        is_raw: keys.raw.value,
        may_form: keys.form.value,
        backups: keys.backups.value,
        firmware: keys.firmware.map(|folder| folder.value),
        firmware_rate: keys.firmware_rate.value.0,
        tx_power: keys.tx_power.map(|power| power.value.0),
        network: Network {
            channel: network.channel.map(|channel| channel.value.0),
            pan: network.pan_id.map(|pan| pan.value),
            extended_pan: network.extended_pan_id.map(|pan| pan.value),
            key: network.key.map(|key| key.value),
        },
        groups,
        devices,
        reporting,
        own_reporting,
        own,
        quirks,
    })
}

/// Looks at the network's key as far as it can be seen offline: a credential or a variable is there only when the service
/// runs. A file that is not there keeps this adapter from its network and nothing else from its work.
fn check_key(At { value: secret, place }: &At<Secret>, problems: &mut Problems) {
    if !matches!(secret, Secret::File(_)) {
        return;
    }
    match secret.read().map(|text| text.expose().parse::<Key>()) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            problems.error(place, format!("{secret:?}: {error}")).help("most significant byte first, as in a backup");
        }
        Err(error) => {
            problems.warning(place, error.to_string()).help("create the file with the key in it");
        }
    }
}
