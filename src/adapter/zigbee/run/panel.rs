//! Keypads of alarm systems ask the panel and show what it says; one that is not answered takes that for a fault (ZCL, 8.3).
//!
//! The gateway is no alarm system: what arming means is for rules, which hear each key as `button`. So a keypad is told that
//! the panel does what was asked last, on whichever keypad. Codes are not looked at, there are no zones, and after a start of
//! the gateway the panel is disarmed.

use super::{End, session::Session};
use crate::adapter::zigbee::{
    address::Cluster,
    interview::message,
    radio::Incoming,
    zcl::{Direction, Frame, Header, Scope},
};

/// Alarm panels, as keypads speak to them.
const CLUSTER: Cluster = Cluster(0x0501);

/// What the panel is as far as keypads know: an arm mode, whose numbers are those of the panel's status too (ZCL, tables 8-11
/// and 8-17).
#[derive(Debug, Default)]
pub(super) struct Panel(u8);

/// A zone cannot be bypassed, because there is no such zone (ZCL, 8.3.2.4.8).
const UNKNOWN_ZONE: u8 = 4;
/// Disarming has nothing to do (ZCL, 8.3.2.4.1).
const ALREADY_DISARMED: u8 = 6;

impl Panel {
    /// The answer to a command of a keypad: its number and fields; none for what only tells something.
    fn answer(&mut self, command: u8, fields: &[u8]) -> Option<(u8, Vec<u8>)> {
        match (command, fields) {
            // Arm, or disarm.
            (0x00, [mode @ 0..=3, ..]) => {
                let before = std::mem::replace(&mut self.0, *mode);
                let is_idle = (before, *mode) == (0, 0);
                Some((0x00, vec![if is_idle { ALREADY_DISARMED } else { *mode }]))
            }
            // Bypass zones, as many as are named.
            (0x01, [count, zones @ ..]) if usize::from(*count) <= zones.len() => {
                let results = std::iter::repeat_n(UNKNOWN_ZONE, (*count).into());
                Some((0x07, std::iter::once(*count).chain(results).collect()))
            }
            // Which zones are there: none, in 16 parts.
            (0x05, _) => Some((0x01, vec![0; 32])),
            // The state of the panel: no time runs, nothing sounds, no alarm.
            (0x07, _) => Some((0x05, vec![self.0, 0, 0, 0])),
            // Which zones are bypassed: none.
            (0x08, _) => Some((0x06, vec![0])),
            // The state of zones: that was all of none.
            (0x09, _) => Some((0x08, vec![1, 0])),
            _ => None,
        }
    }
}

impl Session<'_, '_> {
    /// Whether a keypad asks something that a panel answers; then it is answered.
    pub(super) async fn answer_keypad(&mut self, incoming: &Incoming, frame: &Frame<'_>) -> Result<bool, End> {
        let Header { scope, direction, command, sequence, .. } = frame.header;
        if (incoming.cluster, scope, direction) != (CLUSTER, Scope::Cluster, Direction::ToServer) {
            return Ok(false);
        }
        let Some((command, fields)) = self.world.panel.answer(command, frame.payload) else { return Ok(false) };
        let bytes = Frame { header: frame.header.answer(command), payload: &fields }.encode();
        self.send_off(&message(incoming.from, incoming.from_endpoint, CLUSTER, sequence, bytes)).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keypad_is_told_what_was_asked_last() {
        let mut panel = Panel::default();
        assert_eq!(panel.answer(0x07, &[]), Some((0x05, vec![0, 0, 0, 0])));
        assert_eq!(panel.answer(0x00, &[3, 4, b'1', b'2', b'3', b'4', 0]), Some((0x00, vec![3])));
        assert_eq!(panel.answer(0x07, &[]), Some((0x05, vec![3, 0, 0, 0])));
        assert_eq!(panel.answer(0x00, &[0, 0, 0]), Some((0x00, vec![0])));
        assert_eq!(panel.answer(0x00, &[0, 0, 0]), Some((0x00, vec![6])));
    }

    #[test]
    fn there_are_no_zones_and_what_is_no_question_is_not_answered() {
        let mut panel = Panel::default();
        assert_eq!(panel.answer(0x01, &[2, 7, 8, 0]), Some((0x07, vec![2, 4, 4])));
        assert_eq!(panel.answer(0x05, &[]).unwrap().1.len(), 32);
        for (command, fields) in [(0x00, &[4u8][..]), (0x00, &[]), (0x01, &[255, 1]), (0x02, &[]), (0x06, &[1])] {
            assert_eq!(panel.answer(command, fields), None, "{command} {fields:?}");
        }
        assert_eq!(panel.0, 0);
    }
}
