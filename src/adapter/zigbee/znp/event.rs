//! What a stick tells, in the words of every radio.

use super::{
    command::{
        Command,
        af::{Address, DataConfirm, IncomingMsg, IncomingMsgExt, LongData, ReflectError},
        status::Status,
        sys::ResetInd,
        zdo::{EndDeviceAnnceInd, LeaveInd, MsgCbIncoming, PermitJoinInd, SrcRtgInd, TcDeviceInd},
    },
    unpi::Frame,
};
use crate::adapter::zigbee::{
    address::{Endpoint, Group},
    radio::{Delivery, Event, Incoming},
    wire::WireError,
    zdo::{Request as _, request::DeviceAnnounce},
};

/// What a frame of the stick means.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Something happened.
    Event(Event),
    /// A message that has to be fetched first: its head, its name at the stick, its length.
    Long(Incoming, u32, u16),
    /// Nothing that anybody above needs.
    Nothing,
}

/// Reads a frame of the stick.
pub(super) fn news(frame: &Frame) -> Result<News, WireError> {
    let readers =
        [message, long_message, zdo_message, announced, confirm, reflect, joined, left, route, permitted, restarted];
    let news = readers.into_iter().find_map(|read| read(frame));
    news.unwrap_or(Ok(News::Nothing))
}

/// What a reader finds in its kind of frame; `None` for other kinds.
type Found = Option<Result<News, WireError>>;

/// Makes an event of a command, if the frame holds it.
fn event<C: Command>(frame: &Frame, make: impl FnOnce(C) -> Event) -> Found {
    Some(C::of(frame)?.map(|command| News::Event(make(command))))
}

/// A frame of a device.
fn message(frame: &Frame) -> Found {
    event(frame, |message: IncomingMsg| {
        Event::Message(Incoming {
            from: message.from,
            from_endpoint: message.from_endpoint,
            to_endpoint: message.to_endpoint,
            group: group(message.group),
            cluster: message.cluster,
            link_quality: Some(message.link_quality),
            frame: message.data.into_vec(),
        })
    })
}

/// A long frame of a device, or one from another network, which nobody here wants.
fn long_message(frame: &Frame) -> Found {
    Some(IncomingMsgExt::of(frame)?.map(|message| {
        let Address::Nwk(from) = message.from else { return News::Nothing };
        let head = |frame| Incoming {
            from,
            from_endpoint: message.from_endpoint,
            to_endpoint: message.to_endpoint,
            group: group(message.group),
            cluster: message.cluster,
            link_quality: Some(message.link_quality),
            frame,
        };
        match &message.data {
            LongData::Here(data) => News::Event(Event::Message(head(data.as_slice().to_vec()))),
            LongData::Apart(length) => News::Long(head(Vec::new()), message.timestamp, *length),
        }
    }))
}

/// A frame of a device's ZDO: the transaction goes before its fields again, as it was in the air.
fn zdo_message(frame: &Frame) -> Found {
    event(frame, |message: MsgCbIncoming| {
        Event::Message(Incoming {
            from: message.from,
            from_endpoint: ZDO,
            to_endpoint: ZDO,
            group: None,
            cluster: message.cluster,
            link_quality: None,
            frame: [&[message.sequence][..], &message.data.0].concat(),
        })
    })
}

/// A device says its addresses. Most firmware tells that as a frame of its ZDO as well; hearing it twice is once.
fn announced(frame: &Frame) -> Found {
    event(frame, |EndDeviceAnnceInd { from, nwk, ieee, capabilities }| {
        let announce = DeviceAnnounce { nwk, ieee, capabilities };
        Event::Message(Incoming {
            from,
            from_endpoint: ZDO,
            to_endpoint: ZDO,
            group: None,
            cluster: DeviceAnnounce::CLUSTER,
            link_quality: None,
            // Its transaction is not told, and nobody answers it.
            frame: announce.to_frame(0),
        })
    })
}

/// The endpoint of ZDO.
const ZDO: Endpoint = 0;

/// What became of a message.
fn confirm(frame: &Frame) -> Found {
    event(frame, |confirm: DataConfirm| Event::Confirmed {
        endpoint: confirm.endpoint,
        transaction: confirm.transaction,
        delivery: delivery(confirm.status),
    })
}

/// A message to many that came back.
fn reflect(frame: &Frame) -> Found {
    event(frame, |error: ReflectError| Event::Confirmed {
        endpoint: error.endpoint,
        transaction: error.transaction,
        delivery: delivery(error.status),
    })
}

/// A device was let in.
fn joined(frame: &Frame) -> Found {
    event(frame, |joined: TcDeviceInd| Event::Joined { nwk: joined.nwk, ieee: joined.ieee, parent: joined.parent })
}

/// A device has gone.
fn left(frame: &Frame) -> Found {
    event(frame, |left: LeaveInd| Event::Left { nwk: left.from, ieee: left.ieee, will_rejoin: left.will_rejoin })
}

/// A way.
fn route(frame: &Frame) -> Found {
    event(frame, |route: SrcRtgInd| Event::Route { nwk: route.to, relays: route.relays.into_vec() })
}

/// How long devices are let in.
fn permitted(frame: &Frame) -> Found {
    event(frame, |permitted: PermitJoinInd| Event::Permitted(permitted.seconds))
}

/// The stick has started.
fn restarted(frame: &Frame) -> Found {
    event(frame, |_: ResetInd| Event::Restarted)
}

/// A group; 0 is none.
fn group(group: Group) -> Option<Group> {
    (group != Group(0)).then_some(group)
}

/// A status in the words of every radio.
pub(super) fn delivery(status: Status) -> Delivery {
    match status {
        Status::SUCCESS => Delivery::Done,
        Status::NO_ROUTE => Delivery::NoRoute,
        Status::NO_APS_ACK | Status::NO_MAC_ACK => Delivery::NoAcknowledgement,
        Status::EXPIRED => Delivery::Expired,
        Status::BUFFER_FULL | Status::CHANNEL_BUSY | Status::OUT_OF_MEMORY | Status::OUT_OF_MAC_MEMORY => {
            Delivery::Busy
        }
        Status(number) => Delivery::Failed(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::zigbee::address::{Ieee, Nwk};

    #[test]
    fn an_announcement_is_the_frame_that_it_was_in_the_air() {
        let told = EndDeviceAnnceInd { from: Nwk(0x1a2b), nwk: Nwk(0x1a2b), ieee: Ieee(7), capabilities: 0x8e };
        let Ok(News::Event(Event::Message(incoming))) = news(&told.to_frame()) else { panic!("no message") };

        assert_eq!((incoming.from, incoming.cluster), (Nwk(0x1a2b), DeviceAnnounce::CLUSTER));
        assert_eq!(incoming.frame, [0, 0x2b, 0x1a, 7, 0, 0, 0, 0, 0, 0, 0, 0x8e]);
    }
}
