//! The state of the network layer, one item whose fields lie elsewhere on some chips.

use crate::adapter::zigbee::{
    address::{Channels, ExtendedPan, Pan},
    radio::Network,
    wire::Wire as _,
};

/// Where things are in the network layer's state.
#[derive(Debug)]
pub(in super::super) struct Layout {
    /// How long it is.
    length: usize,
    channel: usize,
    pan: usize,
    extended_pan: usize,
    /// The channels it may be formed on.
    pub(in super::super) channels: usize,
    /// How often it has moved.
    pub(in super::super) update_id: usize,
}

/// By its length: some chips align its fields (`nwkIB_t` of Z-Stack 3.0.2, `nwk.h`).
const LAYOUTS: [Layout; 2] = [
    Layout { length: 110, channel: 22, pan: 33, extended_pan: 53, channels: 36, update_id: 109 },
    Layout { length: 116, channel: 24, pan: 36, extended_pan: 57, channels: 40, update_id: 114 },
];

impl Layout {
    /// How frames are secured, in either.
    pub(in super::super) const SECURITY: usize = 12;

    /// The layout of a state, by its length.
    pub(in super::super) fn of(state: &[u8]) -> Option<&'static Self> {
        LAYOUTS.iter().find(|layout| layout.length == state.len())
    }

    /// The channels it may be formed on.
    pub(in super::super) fn channels(&self, state: &[u8]) -> Channels {
        let channels = Channels::from_bytes(&state[self.channels..]).expect("the layout has four bytes there");
        Channels(channels.0 & Channels::ALL.0)
    }

    /// Writes channel and names into a state.
    pub(in super::super) fn write(&self, state: &mut [u8], network: &Network) {
        state[self.channel] = network.channel;
        state[self.pan..self.pan + 2].copy_from_slice(&network.pan.to_bytes());
        state[self.extended_pan..self.extended_pan + 8].copy_from_slice(&network.extended_pan.to_bytes());
    }
}

/// The network that a state tells of: outer `None` for what cannot be read, inner for a stick that has none.
pub fn network(state: &[u8]) -> Option<Option<Network>> {
    let layout = Layout::of(state)?;
    let channel = state[layout.channel];
    let pan = Pan::from_bytes(&state[layout.pan..]).ok()?;
    let extended_pan = ExtendedPan::from_bytes(&state[layout.extended_pan..]).ok()?;
    if channel == 0 || pan == Pan(0xffff) {
        return Some(None);
    }
    Channels::only(channel).map(|_| Some(Network { channel, pan, extended_pan }))
}

/// The state of a network, as a chip that aligns fields keeps it; all else in it is zero. For simulators.
pub fn state_of(network: &Network) -> Vec<u8> {
    /// Encrypted, with four bytes of check sum (Zigbee R21, 4.5.1.1).
    const SECURE: u8 = 5;
    let [_, layout] = LAYOUTS;
    let mut state = vec![0; layout.length];
    layout.write(&mut state, network);
    state[Layout::SECURITY] = SECURE;
    if let Some(channels) = network.channels() {
        state[layout.channels..layout.channels + 4].copy_from_slice(&channels.to_bytes());
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_from_both_layouts() {
        let held = Network { channel: 15, pan: Pan(0x1a62), extended_pan: ExtendedPan(0x0102_0304_0506_0708) };
        assert_eq!(network(&state_of(&held)), Some(Some(held.clone())));

        let mut packed = vec![0; 110];
        packed[22] = 15;
        packed[33..35].copy_from_slice(&[0x62, 0x1a]);
        packed[53..61].copy_from_slice(&[8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(network(&packed), Some(Some(held)));
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_empty() {
        assert_eq!(network(&[0; 116]), Some(None));
        assert_eq!(network(&[0; 100]), None);
        let mut odd = vec![0; 116];
        odd[24] = 99;
        assert_eq!(network(&odd), None);
    }
}
