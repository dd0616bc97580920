//! What a profile says takes the place of what the device does not say.

use super::{Library, Pack};
use crate::config::{
    AdapterDraft, DeviceDraft, Draft, Fault, Place,
    report::Problems,
    tree::{self, Data, Entry, Node, Table},
};

/// The keys of a point that say where it is. A listed point that has one is another point of the same name.
const WHERE: [&str; 4] = ["register", "characteristic", "dp", "attribute"];

/// How a profile's registers are read where it does not say: its points never depend on the adapter they are behind.
const READ_AS: [(&str, &str, &str); 2] = [("modbus", "order", "\"ABCD\""), ("modbus", "base", "0")];

/// Fills the devices of an adapter from the profiles they name. Where that cannot be done the reason is among the
/// draft's problems, and nothing is said of points that may be missing.
pub fn fill(adapter: &mut AdapterDraft, library: &mut Library, draft: &mut Draft) {
    for device in &mut adapter.devices {
        let Some(profile) = &device.profile else { continue };
        let Some(pack) = library.load(profile, &mut draft.problems) else {
            draft.has_unread_devices = true;
            continue;
        };
        if pack.kind == adapter.kind {
            fill_device(device, pack, &mut draft.problems);
        } else {
            let message = format!("profile {:?} is for adapters of kind {:?}", profile.value, pack.kind);
            draft.problems.error(&profile.place, message).help(format!("this one is of kind {:?}", adapter.kind));
        }
    }
}

/// Fills one device.
fn fill_device(device: &mut DeviceDraft, pack: &Pack, problems: &mut Problems) {
    let mut keys = pack.device.clone();
    if let Some(entry) = keys.remove("point") {
        let fault = Fault::new("points stand outside [device]").help("write [[point]]");
        problems.fault(&entry.key, fault);
    }
    for (_, name, default) in READ_AS.into_iter().filter(|(kind, ..)| *kind == pack.kind) {
        let place = Place::start_of(&pack.file);
        let node = tree::parse_value(default, &place).expect("a default is TOML");
        keys.entry(name.to_owned()).or_insert(Entry { key: place, node });
    }
    refuse_base(device, &keys, problems);
    device.section.fill(keys);
    let listed = device.section.take("point");
    let place = listed.as_ref().map_or_else(|| Place::start_of(&pack.file), |entry| entry.key.clone());
    let data = match listed.map(|entry| entry.node.data) {
        None => Data::List(pack.points.clone()),
        Some(Data::List(listed)) => Data::List(joined(pack.points.clone(), listed)),
        // No list at all: the adapter's kind says so.
        Some(other) => other,
    };
    let entry = Entry { key: place.clone(), node: Node { place, data } };
    device.section.fill([("point".to_owned(), entry)].into());
}

/// A device cannot count registers in another way than its profile: the points of the two would be mixed up.
fn refuse_base(device: &mut DeviceDraft, keys: &Table, problems: &mut Problems) {
    let Some(counted) = keys.get("base") else { return };
    let Some(typed) = device.section.take("base").filter(|typed| typed.node.data != counted.node.data) else {
        return;
    };
    let help = "leave it out, and write the device's own points as the profile counts";
    problems.error(&typed.node.place, "the profile counts registers in another way").help(help);
}

/// The profile's points in their order, each as the device changes it, then what the device adds.
fn joined(mut points: Vec<Node>, listed: Vec<Node>) -> Vec<Node> {
    for own in listed {
        let known = name(&own).and_then(|own| points.iter_mut().find(|point| name(point) == Some(own)));
        match known {
            Some(point) => change(point, own),
            None => points.push(own),
        }
    }
    points
}

/// Changes the keys a device's own point gives, or the whole point when that says where it is.
fn change(point: &mut Node, own: Node) {
    match (&mut point.data, own.data) {
        (Data::Table(keys), Data::Table(own)) if !WHERE.iter().any(|key| own.contains_key(*key)) => keys.extend(own),
        (_, data) => *point = Node { place: own.place, data },
    }
}

/// The name of a point, as far as it has one.
fn name(point: &Node) -> Option<&str> {
    let Data::Table(keys) = &point.data else { return None };
    match &keys.get("name")?.node.data {
        Data::Text(name) => Some(name),
        _ => None,
    }
}
