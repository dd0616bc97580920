//! How strongly the stick sends, and what its measurements of others come to.
//!
//! What it says of a new power depends on its generation. Z-Stack 1.2 and 3.0 take the nearest that the chip has and tell
//! which; Z-Stack 3.x does the same and tells only that it did, or that it cannot (`MT_SysSetTxPower` of each).

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    command::{
        status::Status,
        sys::{SetTxPower, TxPower},
    },
    coordinator::{Coordinator, ZnpError},
    host::HostError,
};
use crate::adapter::zigbee::radio::Power;

/// The product of Z-Stack 3.x.
const STACK_3X: u8 = 1;

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// Sets the power.
    pub(super) async fn set_power(&mut self, dbm: i8) -> Result<Power, ZnpError> {
        match self.host().request(&SetTxPower { power_dbm: dbm }).await {
            Ok(answer) => Ok(power(self.product(), dbm, answer)),
            // Firmware that was built without it. A stick that is gone says nothing to what it is asked next either.
            Err(error @ (HostError::Refused { .. } | HostError::Mute { .. })) => {
                Ok(Power::Refused(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What an answer says. Z-Stack 3.x refuses with 0xe8, which would be -24 dBm, less than can be asked for.
fn power(product: Option<u8>, wanted: i8, TxPower { power_dbm: answer }: TxPower) -> Power {
    match answer {
        answer if product != Some(STACK_3X) => Power::Sends(answer),
        0 => Power::Taken,
        answer if answer == wanted => Power::Sends(answer),
        answer => Power::Refused(Status(answer.cast_unsigned()).to_string()),
    }
}

/// About how strong an energy is, where the scale of the firmware is known: for Z-Stack 3.x from -87 dBm, 10 dB above what
/// it can receive, to -10 dBm, and even in between (IEEE 802.15.4-2006, 6.9.7; `ED_RF_POWER_MIN_DBM` and `_MAX_DBM` there).
pub(super) fn strength(product: Option<u8>, energy: u8) -> Option<i16> {
    (product == Some(STACK_3X)).then(|| -87 + i16::from(energy) * 77 / 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::zigbee::znp::{
        command::{
            Command as _,
            sys::{Capabilities, Ping},
        },
        fake::stick,
        unpi::{Frame, Kind, Subsystem},
    };

    /// What an answer of a product says to a wish of 19 dBm.
    fn said(product: u8, answer: i8) -> Power {
        power(Some(product), 19, TxPower { power_dbm: answer })
    }

    #[test]
    fn older_firmware_tells_what_it_took() {
        for product in [0, 2] {
            assert_eq!(said(product, 19), Power::Sends(19));
            assert_eq!(said(product, 5), Power::Sends(5));
            assert_eq!(said(product, -3), Power::Sends(-3));
            assert_eq!(said(product, 0), Power::Sends(0));
        }
    }

    #[test]
    fn newer_firmware_tells_whether_it_took_it() {
        assert_eq!(said(1, 0), Power::Taken);
        assert_eq!(said(1, 19), Power::Sends(19));
        // MAC_INVALID_PARAMETER.
        assert_eq!(said(1, 0xe8_u8.cast_signed()), Power::Refused("mac invalid parameter (0xe8)".to_owned()));
        assert_eq!(power(Some(1), 0, TxPower { power_dbm: 0 }), Power::Taken);
    }

    #[test]
    fn an_energy_is_a_strength_where_the_scale_is_known() {
        assert_eq!([0, 128, 255].map(|energy| strength(Some(1), energy)), [Some(-87), Some(-49), Some(-10)]);
        assert_eq!((strength(Some(2), 128), strength(None, 0)), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn firmware_that_does_not_know_the_command_or_says_nothing_goes_on_without_it() {
        let (link, mut fake) = stick();
        let mut coordinator = Coordinator::new(link);
        let served = async {
            fake.expect::<SetTxPower>().await;
            let data = vec![2, 0x20 | Subsystem::SYS.number(), SetTxPower::ID];
            fake.send(&Frame { kind: Kind::Srsp, subsystem: Subsystem::ERROR, id: 0, data }).await;
            fake.expect::<SetTxPower>().await;
            // What is owed is cleared up before the next question.
            fake.serve::<Ping>(&Capabilities { mask: 0x0659 }).await;
            let answer = TxPower { power_dbm: 7 };
            assert_eq!(fake.serve::<SetTxPower>(&answer).await, SetTxPower { power_dbm: -9 });
        };
        let asked = async {
            let unknown = coordinator.set_power(9).await.unwrap();
            assert_eq!(unknown, Power::Refused("SYS.SetTxPower: refused with code 2".to_owned()));
            let mute = coordinator.set_power(9).await.unwrap();
            assert_eq!(mute, Power::Refused("SYS.SetTxPower: no answer within 6 s".to_owned()));
            assert_eq!(coordinator.set_power(-9).await.unwrap(), Power::Sends(7));
        };
        tokio::join!(served, asked);
    }
}
