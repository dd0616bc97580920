//! A coordinator's network as a document, in the form that other gateways read and write as well:
//! [open-coordinator-backup](https://github.com/zigpy/open-coordinator-backup), version 1.
//!
//! With it a new coordinator takes the place of one that broke, and devices do not notice. It holds the network key:
//! whoever has the document has the network. Here it is only made and read; [`shelf`] keeps it, the coordinator takes
//! it.

mod read;
pub mod shelf;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use self::read::BackupError;
#[cfg(test)]
pub(super) use self::tests::backup as sample;
use super::{
    address::{Channels, Ieee, Nwk},
    network::{Held, Key},
    wire::hex,
};
use crate::model::Timestamp;

/// The name of the form, and the version of it that is written.
const FORMAT: (&str, u64) = ("zigpy/open-coordinator-backup", 1);

/// Most devices of a document; no coordinator has room for so many.
pub const MAX_DEVICES: usize = 1024;

/// Frames that a coordinator may have sent since it last wrote its counter down, and some: other gateways count 1250
/// for the one, and 2500 for both (zigbee-herdsman).
const UNWRITTEN_FRAMES: u32 = 2500;

/// More frames than a coordinator sends in a second, on the average of an hour.
const FRAMES_PER_SECOND: u64 = 2;

/// Everything of a coordinator that devices know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// When it was made, as far as the document tells.
    pub made: Option<Timestamp>,
    /// The coordinator's own address, which devices have as that of their trust center.
    pub ieee: Ieee,
    /// Channel, names and key.
    pub held: Held,
    /// The number of the key.
    pub key_number: u8,
    /// The counter of frames that the coordinator sent; devices refuse a frame whose number is not above the last.
    pub frame_counter: u32,
    /// How often the network has moved.
    pub update_id: u8,
    /// How frames are secured, 0 to 7; 5 everywhere.
    pub security_level: u8,
    /// Where it may be formed.
    pub channels: Channels,
    /// What Z-Stack makes the keys of single devices of.
    pub seed: Option<Key>,
    /// The devices.
    pub members: Vec<Member>,
}

/// A device of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The address it was made with.
    pub ieee: Ieee,
    /// Its address in the network.
    pub nwk: Option<Nwk>,
    /// Whether the coordinator is its parent.
    pub is_child: bool,
    /// The key that it has with the coordinator alone.
    pub link: Option<LinkKey>,
}

/// A key between the coordinator and one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkKey {
    /// The key.
    pub key: Key,
    /// The number of the last frame that came with it.
    pub received: u32,
    /// The number of the last frame that went with it.
    pub sent: u32,
}

impl Backup {
    /// From a document. What is wrong is told with its place, and no key is repeated.
    pub fn read(document: &Value) -> Result<Self, BackupError> {
        read::backup(document)
    }

    /// From the text of a document.
    pub fn parse(text: &[u8]) -> Result<Self, BackupError> {
        Self::read(&serde_json::from_slice(text)?)
    }

    /// As a document.
    pub fn document(&self) -> Value {
        let network = &self.held.network;
        let mut document = json!({
            "metadata": {
                "format": FORMAT.0,
                "version": FORMAT.1,
                "source": concat!("tidegate@", env!("CARGO_PKG_VERSION")),
                "internal": { "date": self.made },
            },
            "coordinator_ieee": digits(self.ieee.0),
            "pan_id": format!("{:04x}", network.pan.0),
            "extended_pan_id": digits(network.extended_pan.0),
            "nwk_update_id": self.update_id,
            "security_level": self.security_level,
            "channel": network.channel,
            "channel_mask": self.channels.iter().collect::<Vec<_>>(),
            "network_key": {
                "key": hex(self.held.key.expose()),
                "sequence_number": self.key_number,
                "frame_counter": self.frame_counter,
            },
            // The form wants an address of each; who has none is found by the gateway that knows it.
            "devices": self.members.iter().filter_map(Member::document).collect::<Vec<_>>(),
        });
        if let Some(seed) = &self.seed {
            document["stack_specific"] = json!({ "zstack": { "tclk_seed": hex(seed.expose()) } });
        }
        document
    }

    /// The counter that a coordinator goes on with which takes the place of this one now: beyond every number that the
    /// old one may have used since. Numbers are plenty; at this rate they last for seventy years.
    pub fn next_counter(&self, now: Timestamp) -> u32 {
        advanced(self.frame_counter, self.age_s(now))
    }

    /// How long ago it was made, in seconds; none when the document does not tell, or the clock is behind.
    fn age_s(&self, now: Timestamp) -> u64 {
        self.made.map_or(0, |made| now.since(made).as_secs())
    }

    /// The counter of a link key that is gone on with.
    pub fn next_link_counter(sent: u32) -> u32 {
        advanced(sent, 0)
    }

    /// Whether both say the same of what a coordinator keeps, whatever its counters have come to and whenever they
    /// were made.
    pub fn is_like(&self, other: &Self) -> bool {
        let still = |backup: &Self| {
            let mut backup = Self { made: None, frame_counter: 0, ..backup.clone() };
            for link in backup.members.iter_mut().filter_map(|member| member.link.as_mut()) {
                (link.received, link.sent) = (0, 0);
            }
            backup
        };
        still(self) == still(other)
    }
}

/// A counter beyond what may have been used.
fn advanced(counter: u32, age_s: u64) -> u32 {
    let since = u32::try_from(age_s.saturating_mul(FRAMES_PER_SECOND)).unwrap_or(u32::MAX);
    // A year at most: a clock that is far off must not use all numbers up.
    let since = since.min(365 * 24 * 3600 * 2);
    counter.saturating_add(UNWRITTEN_FRAMES).saturating_add(since)
}

impl Member {
    /// As a row of a document, if it has an address in the network.
    fn document(&self) -> Option<Value> {
        let mut row = json!({
            "nwk_address": format!("{:04x}", self.nwk?.0),
            "ieee_address": digits(self.ieee.0),
            "is_child": self.is_child,
        });
        if let Some(link) = &self.link {
            row["link_key"] = json!({
                "key": hex(link.key.expose()),
                "rx_counter": link.received,
                "tx_counter": link.sent,
            });
        }
        Some(row)
    }
}

/// A long address as the form has it, most significant byte first.
fn digits(address: u64) -> String {
    format!("{address:016x}")
}
