//! Devices that say nothing: those that listen are asked whether they are there, those that sleep are waited for.

use std::{sync::Arc, time::Duration};

use super::{End, session::Session};
use crate::{
    adapter::zigbee::{address::Ieee, device::Device},
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
            let limit = limit(device);
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
        device.faulty = device.all_points().map(|point| point.name().to_string()).collect();
        let bad = device.all_points().filter(|point| point.access.can_read());
        let bad = bad.map(|point| Reading::bad(Arc::clone(point), "device-offline", now)).collect();
        self.publish(bad).await?;
        self.tell_device(ieee, DeviceChange::Offline).await
    }
}

/// How long a device may be silent. A sleeper that says how often it wakes, or within which time it reports, may miss two
/// of three; of others nothing is known but that they say a word once a day.
fn limit(device: &Device) -> Duration {
    if !device.sleeps() {
        return AWAKE_SILENCE;
    }
    let check_in =
        device.check_in.filter(|quarters| *quarters > 0).map(|quarters| Duration::from_secs(1) / 4 * quarters);
    let report = device.reports_within_s.map(|seconds| Duration::from_secs(seconds.into()));
    let least = check_in.or(report).map_or(ASLEEP_SILENCE, |every| every.saturating_mul(3));
    least.clamp(AWAKE_SILENCE, ASLEEP_SILENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapter::zigbee::{
            wire::{Wire as _, unhex},
            zdo::descriptor::Node,
        },
        model::DeviceId,
    };

    /// A device that sleeps, or does not.
    fn device(node: &str) -> Device {
        let mut device = Device::new(Ieee(1), None, DeviceId::new("d-1").unwrap());
        device.node = Some(Node::from_bytes(&unhex(node).unwrap()).unwrap());
        device
    }

    #[test]
    fn a_sleeper_is_offline_after_it_missed_three_of_what_it_announced() {
        let mut sleeper = device("02 40 80 3412 52 5200 0000 5200 00");
        assert_eq!(limit(&sleeper), ASLEEP_SILENCE);

        sleeper.reports_within_s = Some(3600);
        assert_eq!(limit(&sleeper), Duration::from_secs(3 * 3600));
        // Every 10 minutes, in quarters of a second.
        sleeper.check_in = Some(2400);
        assert_eq!(limit(&sleeper), Duration::from_secs(30 * 60));
        sleeper.check_in = Some(4);
        assert_eq!(limit(&sleeper), AWAKE_SILENCE);
        sleeper.check_in = Some(u32::MAX);
        assert_eq!(limit(&sleeper), ASLEEP_SILENCE);
    }

    #[test]
    fn a_router_is_asked_after_a_quarter_of_an_hour() {
        let mut router = device("01 40 8e 3412 52 5200 0000 5200 00");
        router.reports_within_s = Some(60);

        assert_eq!(limit(&router), AWAKE_SILENCE);
    }
}
