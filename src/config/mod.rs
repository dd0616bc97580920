//! Configuration: as typed, as meant, and a report of everything that is wrong with it.

mod checked;

pub use checked::{
    Api, Buffer, Commands, Config, Durability, Encoding, Gateway, Log, MqttProtocol, Order, Rules, Secret, Tls,
    Transport, Uplink, UplinkUrl,
};
