//! ZDO: the network (Z-Stack Monitor and Test API 1.14, 3.12).
//!
//! Requests to the ZDO of a device are not here: they travel as messages to its endpoint 0 by
//! [`DataRequestExt`](super::af::DataRequestExt), and their answers as [`MsgCbIncoming`], for every kind alike.

use super::{commands, record, status::Status, sys::Done};
use crate::adapter::zigbee::{
    address::{Channels, Cluster, Endpoint, ExtendedPan, Group, Ieee, Nwk, Pan},
    wire::{Bytes8, List, Rest},
};

commands! {
    ZDO, "ZDO";
    /// Lets answers of this cluster through; 0xffff is all.
    sreq MsgCbRegister = 0x3e {
        /// Which answers.
        cluster: Cluster,
    } -> Done;
    /// Ends what [`MsgCbRegister`] began.
    sreq MsgCbRemove = 0x3f {
        /// Which answers.
        cluster: Cluster,
    } -> Done;
    /// Starts the network that is in the memory.
    sreq StartupFromApp = 0x40 {
        /// In how many milliseconds.
        delay_ms: u16,
    } -> Started;
    /// Looks for a route to a device.
    sreq ExtRouteDisc = 0x45 {
        /// To whom.
        to: Nwk,
        /// 0 for one device.
        options: u8,
        /// How many hops.
        radius: u8,
    } -> Done;
    /// Takes an endpoint out of a group.
    sreq ExtRemoveGroup = 0x47 {
        /// Which endpoint of the coordinator.
        endpoint: Endpoint,
        /// Which group.
        group: Group,
    } -> Done;
    /// Whether an endpoint is in a group.
    sreq ExtFindGroup = 0x4a {
        /// Which endpoint of the coordinator.
        endpoint: Endpoint,
        /// Which group.
        group: Group,
    } -> FoundGroup;
    /// Puts an endpoint of the coordinator into a group.
    sreq ExtAddGroup = 0x4b {
        /// Which endpoint of the coordinator.
        endpoint: Endpoint,
        /// Which group.
        group: Group,
        /// Its name, for nobody.
        name: Bytes8,
    } -> Done;
    /// Whom a device hears. For the coordinator itself, to which no message can be sent.
    sreq MgmtLqiReq = 0x31 {
        /// Whom to ask.
        to: Nwk,
        /// The first to be listed.
        start: u8,
    } -> Done;
    /// Shall measure channels. For the coordinator itself, to which no message can be sent.
    sreq MgmtNwkUpdateReq = 0x37 {
        /// Whom to ask.
        to: Nwk,
        /// 2 for one device.
        mode: u8,
        /// The channels meant.
        channels: Channels,
        /// How long: 0 to 5, each twice as long.
        duration: u8,
        /// How often.
        count: u8,
        /// Who manages the network, where that is to change.
        manager: Nwk,
    } -> Done;
    /// What the network is.
    sreq ExtNwkInfo = 0x50 {} -> NetworkInfo;
    /// How long joining is permitted by the coordinator alone.
    sreq MgmtPermitJoin = 0x36 {
        /// 2 for one device, 0x0f for all.
        mode: u8,
        /// Who shall permit it.
        to: Nwk,
        /// 0 ends it, 255 never ends.
        seconds: u8,
        /// Whether the trust centre is meant as well.
        trust_center: u8,
    } -> Done;
    ---
    /// The state of the coordinator changed.
    areq StateChangeInd = 0xc0 {
        /// 9 is a coordinator at work.
        state: u8,
    };
    /// A device has joined or come back and says its addresses.
    areq EndDeviceAnnceInd = 0xc1 {
        /// Who said it.
        from: Nwk,
        /// Its short address.
        nwk: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// What it is capable of.
        capabilities: u8,
    };
    /// The way that a device's messages take.
    areq SrcRtgInd = 0xc4 {
        /// To whom it leads.
        to: Nwk,
        /// The way, from the one nearest to the device.
        relays: List<Nwk>,
    };
    /// A device found that we collect messages from many.
    areq ConcentratorInd = 0xc8 {
        /// Who.
        from: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// Cost of the way.
        cost: u8,
    };
    /// A device has left.
    areq LeaveInd = 0xc9 {
        /// Its short address.
        from: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// Whether it was asked to.
        was_asked: bool,
        /// Whether its children left too.
        with_children: bool,
        /// Whether it will come back.
        will_rejoin: bool,
    };
    /// A device was let in.
    areq TcDeviceInd = 0xca {
        /// Its short address.
        nwk: Nwk,
        /// Its own address.
        ieee: Ieee,
        /// Through whom it came.
        parent: Nwk,
    };
    /// How long joining is permitted from now on.
    areq PermitJoinInd = 0xcb {
        /// 0 it has ended.
        seconds: u8,
    };
    /// An answer or a request of a device's ZDO.
    areq MsgCbIncoming = 0xff {
        /// From whom.
        from: Nwk,
        /// Whether it went to many.
        was_broadcast: bool,
        /// Which.
        cluster: Cluster,
        /// Whether it was secured.
        is_secure: bool,
        /// The transaction it answers.
        sequence: u8,
        /// To whom the frame went on the last hop.
        to: Nwk,
        /// Its fields, without the transaction.
        data: Rest,
    };
}

record! {
    /// How a network started.
    Started {
        /// 0 the old network, 1 a new one, 2 it did not start.
        outcome: u8,
    }
    /// A group, if the endpoint is in it.
    FoundGroup {
        /// Whether it is.
        status: Status,
        /// Which group.
        group: Option<Group>,
        /// Its name.
        name: Option<Bytes8>,
    }
    /// The network as the coordinator knows it.
    NetworkInfo {
        /// The coordinator's short address.
        nwk: Nwk,
        /// 9 is a coordinator at work.
        state: u8,
        /// Short name of the network.
        pan: Pan,
        /// Of whom it is a child; nobody's.
        parent: Nwk,
        /// Long name of the network.
        extended_pan: ExtendedPan,
        /// Of whom it is a child.
        parent_ieee: Ieee,
        /// 11 to 26.
        channel: u8,
    }
}
