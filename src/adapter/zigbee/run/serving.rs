//! What devices read of the gateway itself: the time (ZCL, 3.12). Nothing else is there to be read, which is answered too: some
//! devices ask over and over until they are.

use super::{End, session::Session};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster},
    interview::message,
    radio::Incoming,
    tuya::Clock,
    zcl::{
        Direction, General, Header, Kind, Status, Value,
        general::{ReadOutcome, ReadRecord},
    },
};

/// The time of the network.
const TIME: Cluster = Cluster(0x000a);
/// The gateway is the master of time, and its zone is set (ZCL, 3.12.2.2.2).
const MASTER_WITH_ZONE: u64 = 0b0101;

impl Session<'_, '_> {
    /// Whether a device reads attributes of ours; then it is answered.
    pub(super) async fn serve(
        &mut self,
        incoming: &Incoming,
        header: Header,
        general: Option<&General>,
    ) -> Result<bool, End> {
        let (Some(General::Read(wanted)), Direction::ToServer) = (general, header.direction) else {
            return Ok(false);
        };
        let now = self.time_now().filter(|_| incoming.cluster == TIME && header.manufacturer.is_none());
        let record = |attribute: &Attribute| {
            let value = now.and_then(|now| time(*attribute, now));
            let found = value.map_or(ReadOutcome::Status(Status::UNSUPPORTED_ATTRIBUTE), ReadOutcome::Value);
            ReadRecord { attribute: *attribute, found }
        };
        let bytes = General::ReadResponse(wanted.iter().map(record).collect()).encode(header.answer(0));
        let answer = message(incoming.from, incoming.from_endpoint, incoming.cluster, header.sequence, bytes);
        self.send_off(&answer).await?;
        Ok(true)
    }
}

/// An attribute of the time cluster, by the time in seconds since 1970, and that of the place. Daylight saving is part of the
/// zone, so that standard time is that of the place.
fn time(attribute: Attribute, (utc, local): (u32, u32)) -> Option<Value> {
    let count = |seconds| u64::from(Clock::Zigbee.count(seconds));
    match attribute.0 {
        0x0000 => Value::bits(Kind::Utc, count(utc)),
        0x0001 => Value::bits(Kind::Bitmap8, MASTER_WITH_ZONE),
        0x0002 => Value::signed(Kind::Int32, i64::from(local) - i64::from(utc)),
        0x0006 | 0x0007 => Value::bits(Kind::Uint32, count(local)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_counted_from_2000_with_the_zone_beside_it() {
        let now = (946_684_800 + 100, 946_684_800 + 3700);
        let number = |attribute| time(Attribute(attribute), now).and_then(|value| value.as_integer());
        assert_eq!([0, 2, 6, 7].map(number), [Some(100), Some(3600), Some(3700), Some(3700)]);
        assert_eq!(number(3), None);
    }
}
