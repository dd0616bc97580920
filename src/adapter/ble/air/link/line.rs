//! What `BlueZ` tells of one device, over a connection of its own.
//!
//! Two rules that differ in nothing but `path_namespace` are the same to dbus-daemon (1.14): who takes back that of one
//! device may take away that of another, which then is connected and never heard again. So no rule is taken back here,
//! and none shares a connection with other devices: they end with it. What is told waits in a queue with a bound.

use std::sync::Arc;

use dbus::{
    Message,
    arg::{PropMap, Variant, prop_cast},
    message::MessageType,
};
use prometheus_client::metrics::counter::Counter;

use crate::adapter::ble::air::{
    Queue,
    bus::{BusError, PATIENCE},
    wire::Wire,
};

/// The interface of a device.
pub(super) const DEVICE: &str = "org.bluez.Device1";
/// The interface of a characteristic.
const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";
/// The interface of whatever has properties.
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Below this is all that is of `BlueZ`.
const ROOT: &str = "/org/bluez/";

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// The device is connected, or is not any more.
    Connected(bool),
    /// Its services are known, or are not any more.
    Resolved(bool),
    /// A characteristic has this value, because it was told or read: its path below `/org/bluez/`.
    Value(String, Vec<u8>),
}

/// The connection, and what came over it.
pub(super) struct Line {
    pub(super) wire: Wire,
    /// The device's object.
    pub(super) path: String,
    /// What came and was not taken yet.
    pub(super) came: Arc<Queue<News>>,
}

impl Line {
    /// A line for a device, `hci0/dev_…`. `unread` counts what came and went untaken.
    pub(super) async fn open(device: &str, unread: Counter) -> Result<Self, BusError> {
        let mut wire = Wire::open().await?;
        let (path, came) = (format!("{ROOT}{device}"), Arc::new(Queue::new(unread)));
        let (queue, object) = (Arc::clone(&came), path.clone());
        wire.receive(MessageType::Signal, move |message, _| {
            for news in read(message, &object) {
                queue.push(news);
            }
        });
        for interface in [DEVICE, CHARACTERISTIC] {
            let changes =
                format!("type='signal',sender='org.bluez',interface='{PROPERTIES}',member='PropertiesChanged'");
            wire.watch(&format!("{changes},path_namespace='{path}',arg0='{interface}'")).await?;
        }
        Ok(Self { wire, path, came })
    }

    /// The next that is told. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<News, BusError> {
        let Self { wire, came, .. } = self;
        wire.during(came.next()).await
    }

    /// Whether the services of the device are known.
    pub(super) async fn is_resolved(&mut self) -> Result<bool, BusError> {
        let what = (DEVICE, "ServicesResolved");
        let (Variant(is_resolved),) = self.wire.call(&self.path, (PROPERTIES, "Get"), what, PATIENCE).await?;
        Ok(is_resolved)
    }
}

/// What a signal tells of a device.
fn read(message: &Message, device: &str) -> Vec<News> {
    let (Some(path), Ok((interface, changed))) = (message.path(), message.read2::<&str, PropMap>()) else {
        return Vec::new();
    };
    let flag = |name| prop_cast::<bool>(&changed, name).copied();
    match interface {
        DEVICE if *path == *device => {
            let news = [flag("Connected").map(News::Connected), flag("ServicesResolved").map(News::Resolved)];
            news.into_iter().flatten().collect()
        }
        CHARACTERISTIC => value(&path, &changed).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The value of a characteristic, when that is what changed.
fn value(path: &str, changed: &PropMap) -> Option<News> {
    let value: &Vec<u8> = prop_cast(changed, "Value")?;
    Some(News::Value(path.strip_prefix(ROOT)?.to_owned(), value.clone()))
}

#[cfg(test)]
mod tests {
    use dbus::arg::RefArg;

    use super::*;

    const PATH: &str = "/org/bluez/hci0/dev_C0_11_22_33_44_55";

    /// A signal that says what changed of an object.
    fn changed(path: &str, interface: &str, name: &str, value: Box<dyn RefArg>) -> Message {
        let signal = Message::new_signal(path, PROPERTIES, "PropertiesChanged").unwrap();
        let changed = PropMap::from([(name.to_owned(), Variant(value))]);
        signal.append3(interface, changed, Vec::<String>::new())
    }

    #[test]
    fn a_signal_tells_of_the_connection_the_services_or_a_value() {
        let told = |name: &str| read(&changed(PATH, DEVICE, name, Box::new(true)), PATH);
        let at = format!("{PATH}/service0011/char0012");
        let value: Box<dyn RefArg> = Box::new(vec![1u8, 2]);

        assert_eq!(told("Connected"), [News::Connected(true)]);
        assert_eq!(told("ServicesResolved"), [News::Resolved(true)]);
        assert_eq!(
            read(&changed(&at, CHARACTERISTIC, "Value", value), PATH),
            [News::Value("hci0/dev_C0_11_22_33_44_55/service0011/char0012".to_owned(), vec![1, 2])]
        );
    }

    #[test]
    fn what_says_nothing_of_it_or_is_of_another_shape_is_left_out() {
        let other = "/org/bluez/hci0/dev_C0_11_22_33_44_56";
        let number = || Box::new(7i16) as Box<dyn RefArg>;

        assert_eq!(read(&changed(other, DEVICE, "Connected", Box::new(true)), PATH), []);
        assert_eq!(read(&changed(PATH, DEVICE, "RSSI", number()), PATH), []);
        assert_eq!(read(&changed(PATH, DEVICE, "Connected", number()), PATH), []);
        assert_eq!(read(&changed(PATH, CHARACTERISTIC, "Value", number()), PATH), []);
        let empty = Message::new_signal(PATH, PROPERTIES, "PropertiesChanged").unwrap();
        assert_eq!(read(&empty, PATH), []);
    }
}
