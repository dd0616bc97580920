//! Sleepers that say now and then that they are awake, and stay so for a while when something waits for them (ZCL, 3.16).

use super::{End, session::Session};
use crate::adapter::zigbee::{
    address::Ieee,
    interview::{self, POLL_CONTROL, message},
    radio::Incoming,
    zcl::{Direction, Frame, Scope},
};

/// The device says that it is awake, and the answer to that; both have this number (ZCL, 3.16.5.3 and 3.16.5.4).
const CHECK_IN: u8 = 0x00;

/// How long a device for which something waits shall ask for it often, in quarters of a second.
const STAY_AWAKE: u16 = 4 * 10;

impl Session<'_, '_> {
    /// Whether a device says that it is awake; then it is told whether to stay so.
    pub(super) async fn hear_check_in(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
    ) -> Result<bool, End> {
        let header = frame.header;
        let is_check_in = (incoming.cluster, header.scope, header.direction, header.command)
            == (POLL_CONTROL, Scope::Cluster, Direction::ToClient, CHECK_IN);
        if !is_check_in {
            return Ok(false);
        }
        let shall_stay = self.has_something_for(ieee);
        let time = if shall_stay { STAY_AWAKE } else { 0 };
        let payload = [&[u8::from(shall_stay)][..], &time.to_le_bytes()].concat();
        let bytes = Frame { header: header.answer(CHECK_IN), payload: &payload }.encode();
        let answer = message(incoming.from, incoming.from_endpoint, POLL_CONTROL, header.sequence, bytes);
        self.send_off(&answer).await?;
        Ok(true)
    }

    /// Whether commands or steps of the interview wait for a device.
    fn has_something_for(&mut self, ieee: Ieee) -> bool {
        let is_asked = self.world.book.get(ieee).is_some_and(|device| interview::next(device).is_some());
        is_asked || !self.calls.line(ieee).orders.is_empty() || self.world.updates.wanted(ieee).is_some()
    }
}
