//! What a signal of `BlueZ` says: an advertisement, or that a radio is no longer there.
//!
//! `BlueZ` tells all that one advertisement changed in one signal: `PropertiesChanged` of a device that it knows,
//! `InterfacesAdded` of one that it does not, with everything that is known of it (`BlueZ`, `org.bluez.Device`). So one
//! signal is one advertisement, and nothing has to be asked for. Data stand in it whenever they are heard, the power
//! only when it is another than before.

use dbus::{
    Message,
    arg::{ArgType, Iter},
};

use super::radio::End;
use crate::adapter::ble::{
    decode::{Address, Uuid},
    heard::Heard,
};

/// The interface of a device.
const DEVICE: &str = "org.bluez.Device1";
/// The interface of a radio.
const RADIO: &str = "org.bluez.Adapter1";

/// What a signal says.
#[derive(Debug)]
pub(super) enum Signal {
    /// An advertisement.
    Heard(Heard),
    /// The radio is of no use any more.
    Over(End),
}

/// The rules by which the bus picks the signals that concern a radio.
pub(super) fn rules(radio: &str) -> [String; 5] {
    let bluez = "type='signal',sender='org.bluez'";
    let changes = format!("{bluez},member='PropertiesChanged',path_namespace='{radio}'");
    [
        format!("{changes},arg0='{DEVICE}'"),
        format!("{changes},arg0='{RADIO}'"),
        format!("{bluez},member='InterfacesAdded',arg0path='{radio}/'"),
        format!("{bluez},member='InterfacesRemoved',arg0path='{radio}'"),
        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'".to_owned(),
    ]
}

/// Reads a signal; `None` when it says nothing of this radio that matters here.
pub(super) fn read(message: &Message, radio: &str) -> Option<Signal> {
    match &*message.member()? {
        "PropertiesChanged" => changed(message, radio),
        "InterfacesAdded" => added(message, radio),
        "InterfacesRemoved" => {
            let path: dbus::Path<'_> = message.get1()?;
            (*path == *radio).then_some(Signal::Over(End::Gone))
        }
        "NameOwnerChanged" => Some(Signal::Over(End::Restarted)),
        _ => None,
    }
}

/// Properties that are new: interface, and a dictionary of them.
fn changed(message: &Message, radio: &str) -> Option<Signal> {
    let (path, mut fields) = (message.path()?, message.iter_init());
    match fields.read::<&str>().ok()? {
        DEVICE => heard(&path, radio, &mut fields),
        RADIO if *path == *radio => {
            let mut is_off = false;
            each(&mut fields, |name, value| {
                is_off |= name == "Powered" && value.get() == Some(false);
                Some(())
            })?;
            is_off.then_some(Signal::Over(End::Off))
        }
        _ => None,
    }
}

/// An object that is new: its path, and its interfaces, each with its properties.
fn added(message: &Message, radio: &str) -> Option<Signal> {
    let mut fields = message.iter_init();
    let path: dbus::Path<'_> = fields.read().ok()?;
    let mut interfaces = fields.recurse(ArgType::Array)?;
    while let Some(mut interface) = interfaces.recurse(ArgType::DictEntry) {
        if interface.read::<&str>().ok()? == DEVICE {
            return heard(&path, radio, &mut interface);
        }
        interfaces.next();
    }
    None
}

/// A device's properties as an advertisement; `None` when none of them was in the air just now.
fn heard(path: &str, radio: &str, properties: &mut Iter<'_>) -> Option<Signal> {
    let device = path.strip_prefix(radio)?.strip_prefix("/dev_")?;
    let mut heard = Heard { address: Address::parse(&device.replace('_', ":"))?, ..Heard::default() };
    each(properties, |name, value| {
        match name {
            "RSSI" => heard.rssi = Some(value.get()?),
            "Name" => heard.name = Some(value.get::<&str>()?.to_owned()),
            "ManufacturerData" => heard.manufacturer = dictionary(value, |key| key.read().ok())?,
            "ServiceData" => heard.service = dictionary(value, |key| Uuid::parse(key.read().ok()?))?,
            "UUIDs" => heard.services = value.get::<Vec<&str>>()?.into_iter().filter_map(Uuid::parse).collect(),
            _ => {}
        }
        Some(())
    })?;
    let was_in_the_air = heard.rssi.is_some() || heard.has_data() || heard.name.is_some();
    was_in_the_air.then_some(Signal::Heard(heard))
}

/// Takes each entry of a dictionary of properties; `None` when it is none, or `take` cannot go on.
fn each<'a>(fields: &mut Iter<'a>, mut take: impl FnMut(&'a str, &mut Iter<'a>) -> Option<()>) -> Option<()> {
    let mut properties = fields.recurse(ArgType::Array)?;
    while let Some(mut property) = properties.recurse(ArgType::DictEntry) {
        let name = property.read().ok()?;
        take(name, &mut property.recurse(ArgType::Variant)?)?;
        properties.next();
    }
    Some(())
}

/// Bytes by key, in the order of the keys, so that the same data look the same.
fn dictionary<'a, K: Ord>(
    value: &mut Iter<'a>,
    mut read_key: impl FnMut(&mut Iter<'a>) -> Option<K>,
) -> Option<Vec<(K, Vec<u8>)>> {
    let (mut entries, mut all) = (value.recurse(ArgType::Array)?, Vec::new());
    while let Some(mut entry) = entries.recurse(ArgType::DictEntry) {
        let key = read_key(&mut entry)?;
        all.push((key, entry.recurse(ArgType::Variant)?.get::<&[u8]>()?.to_vec()));
        entries.next();
    }
    all.sort_unstable();
    Some(all)
}

#[cfg(test)]
mod tests;
