//! AF: messages to and from endpoints (Z-Stack Monitor and Test API 1.14, 3.2).

use super::{commands, record, status::Status, sys::Done};
use crate::adapter::zigbee::{
    address::{Cluster, DeviceKind, Endpoint, Group, Ieee, Nwk, Pan, Profile},
    wire::{Bytes8, Bytes16, List, Reader, Wire, WireError},
};

/// Ask the receiver to acknowledge; an option of requests.
pub const APS_ACK: u8 = 0x10;
/// Look for a route first; an option of requests.
pub const DISCOVER_ROUTE: u8 = 0x20;

commands! {
    AF, "AF";
    /// Makes an endpoint of the coordinator known.
    sreq Register = 0x00 {
        /// Which.
        endpoint: Endpoint,
        /// The profile it speaks.
        profile: Profile,
        /// What kind of device it is.
        device: DeviceKind,
        /// Version of that kind.
        version: u8,
        /// 0 no latency.
        latency: u8,
        /// Clusters it serves.
        inputs: List<Cluster>,
        /// Clusters it uses.
        outputs: List<Cluster>,
    } -> Done;
    /// Sends to one device by its short address.
    sreq DataRequest = 0x01 {
        /// To whom.
        to: Nwk,
        /// To which endpoint.
        to_endpoint: Endpoint,
        /// From which endpoint.
        from_endpoint: Endpoint,
        /// Which cluster.
        cluster: Cluster,
        /// Comes back in [`DataConfirm`].
        transaction: u8,
        /// [`APS_ACK`], [`DISCOVER_ROUTE`].
        options: u8,
        /// How many hops.
        radius: u8,
        /// The frame.
        data: Bytes8,
    } -> Done;
    /// Sends to a device, a group or all.
    sreq DataRequestExt = 0x02 {
        /// To whom.
        to: Address,
        /// To which endpoint.
        to_endpoint: Endpoint,
        /// In which network; 0 is the own one.
        pan: Pan,
        /// From which endpoint.
        from_endpoint: Endpoint,
        /// Which cluster.
        cluster: Cluster,
        /// Comes back in [`DataConfirm`].
        transaction: u8,
        /// [`APS_ACK`], [`DISCOVER_ROUTE`].
        options: u8,
        /// How many hops.
        radius: u8,
        /// The frame; empty with a length when it follows by [`DataStore`].
        data: LongData,
    } -> Done;
    /// Sends along a route of the sender's choice.
    sreq DataRequestSrcRtg = 0x03 {
        /// To whom.
        to: Nwk,
        /// To which endpoint.
        to_endpoint: Endpoint,
        /// From which endpoint.
        from_endpoint: Endpoint,
        /// Which cluster.
        cluster: Cluster,
        /// Comes back in [`DataConfirm`].
        transaction: u8,
        /// [`APS_ACK`].
        options: u8,
        /// How many hops.
        radius: u8,
        /// The way, from the one nearest to the receiver.
        relays: List<Nwk>,
        /// The frame.
        data: Bytes8,
    } -> Done;
    /// Forgets an endpoint of the coordinator.
    sreq Delete = 0x04 {
        /// Which.
        endpoint: Endpoint,
    } -> Done;
    /// Part of a frame that is too long for [`DataRequestExt`]; the last part has no bytes.
    sreq DataStore = 0x11 {
        /// From where.
        index: u16,
        /// What.
        data: Bytes8,
    } -> Done;
    /// Asks for part of a frame that was too long for [`IncomingMsgExt`]; a length of 0 frees it.
    sreq DataRetrieve = 0x12 {
        /// Which frame, as it was announced.
        timestamp: u32,
        /// From where.
        index: u16,
        /// How many bytes.
        length: u8,
    } -> Retrieved;
    ---
    /// What became of a request.
    areq DataConfirm = 0x80 {
        /// How it went.
        status: Status,
        /// From which endpoint it was sent.
        endpoint: Endpoint,
        /// Which request.
        transaction: u8,
    };
    /// A frame of a device.
    areq IncomingMsg = 0x81 {
        /// To which group, 0 for none.
        group: Group,
        /// Which cluster.
        cluster: Cluster,
        /// From whom.
        from: Nwk,
        /// From which endpoint.
        from_endpoint: Endpoint,
        /// To which endpoint.
        to_endpoint: Endpoint,
        /// Whether it went to many.
        was_broadcast: bool,
        /// How well it was received, 0 to 255.
        link_quality: u8,
        /// Whether it was secured.
        is_secure: bool,
        /// The chip's clock.
        timestamp: u32,
        /// The APS counter of the sender.
        sequence: u8,
        /// The frame.
        data: Bytes8,
    };
    /// A frame from another network or with a 64-bit address, or a long one.
    areq IncomingMsgExt = 0x82 {
        /// To which group, 0 for none.
        group: Group,
        /// Which cluster.
        cluster: Cluster,
        /// From whom.
        from: Address,
        /// From which endpoint.
        from_endpoint: Endpoint,
        /// From which network.
        from_pan: Pan,
        /// To which endpoint.
        to_endpoint: Endpoint,
        /// Whether it went to many.
        was_broadcast: bool,
        /// How well it was received, 0 to 255.
        link_quality: u8,
        /// Whether it was secured.
        is_secure: bool,
        /// The chip's clock; names the frame in [`DataRetrieve`].
        timestamp: u32,
        /// The APS counter of the sender.
        sequence: u8,
        /// The frame; no bytes but a length when it has to be fetched by [`DataRetrieve`].
        data: LongData,
    };
    /// A broadcast or group message came back with an error.
    areq ReflectError = 0x83 {
        /// What was wrong.
        status: Status,
        /// From which endpoint it was sent.
        endpoint: Endpoint,
        /// Which request.
        transaction: u8,
        /// How the address is meant.
        mode: u8,
        /// To whom it was sent.
        to: Nwk,
    };
}

record! {
    /// Part of a long frame.
    Retrieved {
        /// How it went.
        status: Status,
        /// The bytes asked for.
        data: Bytes8,
    }
}

/// An address with its mode, always nine bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Those the sender is bound to.
    Bound,
    /// The members of a group.
    Group(Group),
    /// One device by its short address.
    Nwk(Nwk),
    /// One device by its own address.
    Ieee(Ieee),
    /// All of a kind.
    Broadcast(Nwk),
}

impl Wire for Address {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mode: u8 = reader.read()?;
        let bytes: [u8; 8] = reader.array()?;
        let short = u16::from_le_bytes([bytes[0], bytes[1]]);
        Ok(match mode {
            0x00 => Self::Bound,
            0x01 => Self::Group(Group(short)),
            0x02 => Self::Nwk(Nwk(short)),
            0x03 => Self::Ieee(Ieee(u64::from_le_bytes(bytes))),
            0x0f => Self::Broadcast(Nwk(short)),
            found => return Err(WireError::Unknown { what: "address mode", found: found.into() }),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (mode, address) = match *self {
            Self::Bound => (0x00, 0),
            Self::Group(group) => (0x01, group.0.into()),
            Self::Nwk(nwk) => (0x02, nwk.0.into()),
            Self::Ieee(ieee) => (0x03, ieee.0),
            Self::Broadcast(nwk) => (0x0f, nwk.0.into()),
        };
        out.push(mode);
        u64::write(&address, out);
    }
}

/// A frame that is here, or one that is too long and comes in parts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LongData {
    /// All of it.
    Here(Bytes16),
    /// How long it is; the bytes travel by [`DataStore`] or [`DataRetrieve`].
    Apart(u16),
}

impl Wire for LongData {
    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut ahead = reader.clone();
        let length: u16 = ahead.read()?;
        if length > 0 && ahead.is_at_end() {
            reader.read::<u16>()?;
            return Ok(Self::Apart(length));
        }
        reader.read().map(Self::Here)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Here(data) => data.write(out),
            Self::Apart(length) => length.write(out),
        }
    }
}
