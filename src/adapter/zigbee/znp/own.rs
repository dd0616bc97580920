//! Questions to the stick's own ZDO. No message can be sent to it: each kind has a command of its own, whose answer comes as
//! that of any ZDO, under a transaction that the stick chooses.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    command::zdo::{MgmtLqiReq, MgmtNwkUpdateReq},
    coordinator::{Coordinator, ZnpError},
    error::done,
};
use crate::adapter::zigbee::{
    address::Nwk,
    radio::{Destination, Outgoing},
    wire::Wire as _,
    zdo::{
        Request as _,
        request::{MgmtLqi, MgmtNwkUpdate, UpdateWish},
    },
};

/// The address is a short one (Z-Stack, `Addr16Bit`).
const SHORT: u8 = 2;

/// A question to the stick itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// Whom it hears.
    Neighbors(MgmtLqiReq),
    /// How busy channels are.
    Energy(MgmtNwkUpdateReq),
}

impl Own {
    /// What a message asks the stick itself, if it does.
    pub(super) fn of(message: &Outgoing) -> Option<Self> {
        let Destination::Device(to @ Nwk::COORDINATOR, 0) = message.to else { return None };
        let fields = message.frame.get(1..)?;
        match message.cluster {
            MgmtLqi::CLUSTER => {
                let MgmtLqi { start } = MgmtLqi::from_bytes(fields).ok()?;
                Some(Self::Neighbors(MgmtLqiReq { to, start }))
            }
            MgmtNwkUpdate::CLUSTER => {
                let MgmtNwkUpdate { channels, wish: UpdateWish::Scan { duration, count } } =
                    MgmtNwkUpdate::from_bytes(fields).ok()?
                else {
                    return None;
                };
                Some(Self::Energy(MgmtNwkUpdateReq { to, mode: SHORT, channels, duration, count, manager: Nwk(0) }))
            }
            _ => None,
        }
    }
}

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// Asks the stick itself.
    pub(super) async fn ask_own(&mut self, own: &Own) -> Result<(), ZnpError> {
        match own {
            Own::Neighbors(ask) => done::<MgmtLqiReq>(self.host().request(ask).await?.status),
            Own::Energy(ask) => done::<MgmtNwkUpdateReq>(self.host().request(ask).await?.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::zigbee::{
        address::Channels,
        interview,
        wire::hex,
        znp::command::{Command as _, zdo::MgmtNwkUpdateReq},
    };

    #[test]
    fn a_scan_of_the_stick_has_the_bytes_of_the_command() {
        let scan = UpdateWish::Scan { duration: 2, count: 1 };
        let wish = MgmtNwkUpdate { channels: Channels::only(15).unwrap(), wish: scan };
        let Some(Own::Energy(ask)) = Own::of(&interview::zdo(Nwk::COORDINATOR, 7, &wish)) else { panic!("a scan") };
        assert_eq!((hex(&ask.to_bytes()), MgmtNwkUpdateReq::ID), ("0000020080000002010000".to_owned(), 0x37));
        assert_eq!(Own::of(&interview::zdo(Nwk(0x1a2b), 7, &wish)), None);
    }

    #[test]
    fn a_change_of_the_channel_is_no_question() {
        let change = UpdateWish::Change { update_id: 3 };
        let wish = MgmtNwkUpdate { channels: Channels::only(15).unwrap(), wish: change };
        assert_eq!(Own::of(&interview::zdo(Nwk::COORDINATOR, 7, &wish)), None);
    }
}
