//! One lane per device: its commands go one after the other, in the order they came, while other devices' commands
//! pass.

use std::collections::{HashMap, VecDeque};

use crate::model::DeviceId;

/// Commands on their way, of all devices. When it is reached the inbox waits.
pub(super) const MAX_OPEN: usize = 64;
/// Commands that may wait for one device. More are refused, so that a mute device cannot fill all lanes.
pub(super) const MAX_WAITING: usize = 16;

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

    /// Whether another command may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.open < MAX_OPEN
    }

    /// Commands that wait for a device.
    pub(super) fn waiting(&self, device: &DeviceId) -> usize {
        self.busy.get(device).map_or(0, VecDeque::len)
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
        assert_eq!(lanes.waiting(&pump), 2);

        assert_eq!([lanes.leave(&pump), lanes.leave(&pump), lanes.leave(&pump)], [Some(2), Some(3), None]);
        assert_eq!(lanes.enter(pump, 5), Some(5));
    }
}
