//! Reading a document of a backup, whoever made it: every field is checked before anything is believed.

use serde_json::Value;

use super::{Backup, FORMAT, LinkKey, MAX_DEVICES, Member};
use crate::{
    adapter::zigbee::{
        address::{Channels, ExtendedPan, Ieee, Nwk, Pan},
        network::{Held, Key},
        radio::Network,
        wire::unhex,
    },
    model::Timestamp,
};

/// Why a document is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is no JSON.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another form.
    #[error("metadata.format is {found}, not {:?} (help: backups of other programs have to be converted)", FORMAT.0)]
    Format {
        /// What it says of itself.
        found: String,
    },
    /// It is of a later version.
    #[error("metadata.version is {found}; version {} is known", FORMAT.1)]
    Version {
        /// What it says of itself.
        found: String,
    },
    /// A field is wrong. Its text is not repeated, because it may be a key.
    #[error("{at} is not {wanted}")]
    Field {
        /// Where it is: `devices[3].link_key.key`.
        at: String,
        /// What it should be.
        wanted: String,
    },
    /// More devices than any coordinator has room for.
    #[error("devices has {0} rows, more than {MAX_DEVICES}")]
    TooMany(usize),
    /// One address of two devices.
    #[error("{at} has the address of a device before it")]
    Twice {
        /// Which row.
        at: String,
    },
}

/// A place in the document.
struct Field<'a> {
    at: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// A field below it, there or not.
    fn get(&self, name: &str) -> Field<'a> {
        let at = if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) };
        Field { at, value: &self.value[name] }
    }

    /// The field, if it is there.
    fn given(self) -> Option<Self> {
        (!self.value.is_null()).then_some(self)
    }

    /// That it is not what it should be.
    fn wrong(&self, wanted: impl Into<String>) -> BackupError {
        BackupError::Field { at: self.at.clone(), wanted: wanted.into() }
    }

    /// A whole number within bounds.
    fn number<T: TryFrom<u64>>(&self, least: u64, most: u64) -> Result<T, BackupError> {
        let number = self.value.as_u64().filter(|number| (least..=most).contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.wrong(format!("a number from {least} to {most}")))
    }

    /// Bytes in hex.
    fn bytes<const N: usize>(&self) -> Result<[u8; N], BackupError> {
        let bytes = self.value.as_str().and_then(unhex).and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| self.wrong(format!("{} hex digits", 2 * N)))
    }

    /// A long address.
    fn long(&self) -> Result<u64, BackupError> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// A short address; some write it without zeros before it.
    fn short(&self) -> Result<u16, BackupError> {
        let text = self.value.as_str().filter(|text| text.len() <= 4 && !text.starts_with('+'));
        let short = text.and_then(|text| u16::from_str_radix(text, 16).ok());
        short.ok_or_else(|| self.wrong("up to 4 hex digits"))
    }

    /// The rows of a list.
    fn rows(&self) -> Result<impl ExactSizeIterator<Item = Field<'a>>, BackupError> {
        let rows = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let at = self.at.clone();
        Ok(rows.iter().enumerate().map(move |(index, value)| Field { at: format!("{at}[{index}]"), value }))
    }
}

/// Reads a document.
pub(super) fn backup(document: &Value) -> Result<Backup, BackupError> {
    let top = Field { at: String::new(), value: document };
    let metadata = top.get("metadata");
    form(&metadata)?;
    let key = top.get("network_key");
    let seed = top.get("stack_specific").get("zstack").get("tclk_seed");
    Ok(Backup {
        made: made(&metadata.get("internal")),
        ieee: Ieee(top.get("coordinator_ieee").long()?),
        held: Held { network: network(&top)?, key: Key::new(key.get("key").bytes()?) },
        key_number: key.get("sequence_number").number(0, 255)?,
        frame_counter: key.get("frame_counter").number(0, u32::MAX.into())?,
        update_id: top.get("nwk_update_id").number(0, 255)?,
        security_level: top.get("security_level").number(0, 7)?,
        channels: channels(&top.get("channel_mask"))?,
        seed: seed.given().map(|seed| seed.bytes()).transpose()?.map(Key::new),
        members: members(&top.get("devices"))?,
    })
}

/// Refuses what is of another form or version.
fn form(metadata: &Field<'_>) -> Result<(), BackupError> {
    let (format, version) = (metadata.get("format"), metadata.get("version"));
    if format.value != FORMAT.0 {
        return Err(BackupError::Format { found: format.value.to_string() });
    }
    if version.value != FORMAT.1 {
        return Err(BackupError::Version { found: version.value.to_string() });
    }
    Ok(())
}

/// When it was made; programs put that where they like.
fn made(internal: &Field<'_>) -> Option<Timestamp> {
    let places = [internal.get("date"), internal.get("creation_time")];
    places.iter().find_map(|place| Timestamp::parse(place.value.as_str()?).ok())
}

/// Channel and names.
fn network(top: &Field<'_>) -> Result<Network, BackupError> {
    let (pan, extended_pan) = (top.get("pan_id"), top.get("extended_pan_id"));
    let network = Network {
        channel: top.get("channel").number(11, 26)?,
        pan: Pan(pan.short()?),
        extended_pan: ExtendedPan(extended_pan.long()?),
    };
    if network.pan.0 == 0xffff {
        return Err(pan.wrong("the name of a network"));
    }
    if matches!(network.extended_pan.0, 0 | u64::MAX) {
        return Err(extended_pan.wrong("the name of a network"));
    }
    Ok(network)
}

/// The channels it may be formed on.
fn channels(mask: &Field<'_>) -> Result<Channels, BackupError> {
    let mut channels = 0;
    for row in mask.rows()? {
        channels |= 1 << row.number::<u32>(11, 26)?;
    }
    if channels == 0 { Err(mask.wrong("a list of channels")) } else { Ok(Channels(channels)) }
}

/// The devices, none of them twice.
fn members(devices: &Field<'_>) -> Result<Vec<Member>, BackupError> {
    let rows = devices.rows()?;
    if rows.len() > MAX_DEVICES {
        return Err(BackupError::TooMany(rows.len()));
    }
    let mut members: Vec<Member> = Vec::with_capacity(rows.len());
    for row in rows {
        let member = member(&row)?;
        if members.iter().any(|before| before.ieee == member.ieee) {
            return Err(BackupError::Twice { at: row.at });
        }
        members.push(member);
    }
    Ok(members)
}

/// One device. What is not said of a parent, is that it is the coordinator: so the first gateways wrote it.
fn member(row: &Field<'_>) -> Result<Member, BackupError> {
    let (nwk, child, link) = (row.get("nwk_address"), row.get("is_child"), row.get("link_key"));
    let is_child = child.given().map(|child| child.value.as_bool().ok_or_else(|| child.wrong("true or false")));
    Ok(Member {
        ieee: Ieee(row.get("ieee_address").long()?),
        nwk: nwk.given().map(|nwk| nwk.short()).transpose()?.map(Nwk),
        is_child: is_child.transpose()?.unwrap_or(true),
        link: link.given().map(|link| link_key(&link)).transpose()?,
    })
}

/// The key of one device.
fn link_key(link: &Field<'_>) -> Result<LinkKey, BackupError> {
    Ok(LinkKey {
        key: Key::new(link.get("key").bytes()?),
        received: link.get("rx_counter").number(0, u32::MAX.into())?,
        sent: link.get("tx_counter").number(0, u32::MAX.into())?,
    })
}
