//! Devices that say nothing: those that listen are asked whether they are there, those that sleep are waited for.

use std::{sync::Arc, time::Duration};

use super::{End, session::Session};
use crate::{
    adapter::zigbee::address::Ieee,
    model::{DeviceChange, Reading},
};

/// Silence of a device that listens all the time, after which it is asked if it is there.
const AWAKE_SILENCE: Duration = Duration::from_secs(15 * 60);
/// Silence of a device that sleeps, after which it is offline: those that report nothing say a word once a day.
const ASLEEP_SILENCE: Duration = Duration::from_secs(25 * 3600);

impl Session<'_, '_> {
    /// Asks those that listen and say nothing, and tells of sleepers that have not woken for long.
    pub(super) async fn look_for_silence(&mut self) -> Result<(), End> {
        let now = self.world.clock.now();
        let mut silent = Vec::new();
        for device in self.world.book.iter().filter(|device| device.is_interviewed) {
            let silence = device.last_seen.map_or(Duration::ZERO, |seen| now.since(seen));
            let limit = if device.sleeps() { ASLEEP_SILENCE } else { AWAKE_SILENCE };
            if silence > limit {
                silent.push((device.ieee, device.sleeps(), device.is_offline));
            }
        }
        for (ieee, sleeps, is_offline) in silent {
            if sleeps && !is_offline {
                self.offline(ieee).await?;
            } else if !sleeps {
                self.calls.line(ieee).is_doubted = true;
                self.calls.wake(ieee);
            }
        }
        Ok(())
    }

    /// Tells that a device is offline, once, and that nothing is known of its points.
    pub(super) async fn offline(&mut self, ieee: Ieee) -> Result<(), End> {
        let now = self.world.clock.now();
        let Some(device) = self.world.book.get_mut(ieee).filter(|device| !device.is_offline) else { return Ok(()) };
        device.is_offline = true;
        device.faulty = device.points.keys().cloned().collect();
        let points = device.points.values();
        let bad = points.map(|(_, point)| Reading::bad(Arc::clone(point), "device-offline", now)).collect();
        self.publish(bad).await?;
        self.tell_device(ieee, DeviceChange::Offline).await
    }
}
