//! One lane per device: its commands go one after the other, in the order they came, while other devices' commands
//! pass.

use std::collections::{HashMap, VecDeque};

use crate::model::DeviceId;

/// Commands on their way, of all devices. When it is reached the inbox waits.
pub(super) const MAX_OPEN: usize = 256;
/// Commands that may wait for one device. More are refused, so that a mute device cannot fill all lanes.
pub(super) const MAX_WAITING: usize = 64;

/// What waits for its device. A device with a lane is busy; the lane holds what comes after.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    /// Busy devices.
    busy: HashMap<DeviceId, VecDeque<T>>,
    /// Commands under way and waiting.
    open: usize,
}

impl<T> Lanes<T> {
    /// Empty lanes.
    pub(super) fn new() -> Self {
        Self { busy: HashMap::new(), open: 0 }
    }

    /// How many more commands may be taken.
    pub(super) fn room(&self) -> usize {
        MAX_OPEN.saturating_sub(self.open)
    }

    /// Commands that would wait for a device once `ahead` more are entered. The first one to a free device starts at
    /// once.
    pub(super) fn waiting_behind(&self, device: &DeviceId, ahead: usize) -> usize {
        self.busy.get(device).map_or(ahead.saturating_sub(1), |lane| lane.len() + ahead)
    }

    /// Takes a command; gives it back when its device is free and it may start now.
    pub(super) fn enter(&mut self, device: DeviceId, command: T) -> Option<T> {
        self.open += 1;
        if let Some(lane) = self.busy.get_mut(&device) {
            lane.push_back(command);
            return None;
        }
        self.busy.insert(device, VecDeque::new());
        Some(command)
    }

    /// A device has finished one command; gives its next.
    pub(super) fn leave(&mut self, device: &DeviceId) -> Option<T> {
        self.open = self.open.saturating_sub(1);
        let next = self.busy.get_mut(device).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.busy.remove(device);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_gets_one_command_at_a_time_in_order() {
        let (pump, valve) = (DeviceId::new("pump").unwrap(), DeviceId::new("valve").unwrap());
        let mut lanes = Lanes::new();

        assert_eq!(lanes.enter(pump.clone(), 1), Some(1));
        assert_eq!(lanes.enter(pump.clone(), 2), None);
        assert_eq!(lanes.enter(pump.clone(), 3), None);
        assert_eq!(lanes.enter(valve, 4), Some(4));
        assert_eq!([lanes.waiting_behind(&pump, 0), lanes.waiting_behind(&pump, 2)], [2, 4]);

        assert_eq!([lanes.leave(&pump), lanes.leave(&pump), lanes.leave(&pump)], [Some(2), Some(3), None]);
        assert_eq!([0, 1, 2].map(|ahead| lanes.waiting_behind(&pump, ahead)), [0, 0, 1]);
        assert_eq!(lanes.enter(pump, 5), Some(5));
    }
}
