//! Devices whose profile says more of them than their clusters do: which profile, what its points say, and what devices
//! of Tuya ask.

use std::sync::Arc;

use jiff::{Timestamp as Moment, tz::TimeZone};

use super::{End, World, session::Session};
use crate::{
    adapter::zigbee::{
        address::{Endpoint, Ieee},
        interview::message,
        quirk::{Found, Quirk},
        radio::Incoming,
        tuya,
        zcl::{Direction, Frame, Scope},
    },
    model::{ClockQuality, Reading},
};

impl World<'_> {
    /// Gives every device that is known its profile.
    pub(super) async fn apply_quirks(&mut self) {
        let all: Vec<Ieee> = self.book.iter().map(|device| device.ieee).collect();
        for ieee in all {
            self.apply_quirk(ieee).await;
        }
    }

    /// Gives a device its profile, as far as it is known who made it.
    pub(super) async fn apply_quirk(&mut self, ieee: Ieee) {
        let quirk = self.quirk_of(ieee).await;
        let Some(device) = self.book.get_mut(ieee).filter(|device| device.quirk != quirk) else { return };
        if let Some(quirk) = &quirk {
            tracing::info!(adapter = self.config.name, device = %device.id, profile = quirk.name, "Device has a profile");
        }
        device.take_quirk(quirk);
    }

    /// The profile that a device names, else the one that fits it, with the device's own points.
    async fn quirk_of(&mut self, ieee: Ieee) -> Option<Arc<Quirk>> {
        let own = self.config.own.get(&ieee);
        if let Some(quirk) = own.and_then(|own| own.quirk.as_ref()) {
            return Some(Arc::new(quirk.clone()));
        }
        let device = self.book.get(ieee)?;
        let manufacturer = device.manufacturer.clone().unwrap_or_default();
        let model = device.model.clone().unwrap_or_default();
        let is_known = !(manufacturer.is_empty() && model.is_empty());
        let found = if is_known { self.shelf.find(&manufacturer, &model).await } else { None };
        match own {
            Some(own) => {
                let mut quirk = found.as_deref().cloned().unwrap_or_default().with(&own.points);
                quirk.bind.extend_from_slice(&own.bind);
                quirk.clock = own.clock.unwrap_or(quirk.clock);
                Some(Arc::new(quirk))
            }
            None => found,
        }
    }
}

impl Session<'_, '_> {
    /// What a device's profile makes of a frame, as readings; and whether it made anything of it.
    pub(super) fn own_readings(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
    ) -> (Vec<Reading>, bool) {
        let Some(quirk) = self.world.book.get(ieee).and_then(|device| device.quirk.clone()) else {
            return (Vec::new(), false);
        };
        let (endpoint, cluster) = (incoming.from_endpoint, incoming.cluster);
        let (found, failed) = self.world.scripts.read(&quirk, endpoint, cluster, frame);
        self.world.metrics.scripts.inc_by(u64::from(failed.is_some()));
        let is_told = !found.is_empty();
        let mut readings = Vec::new();
        for Found { point, value } in found {
            let name = point.name.to_string();
            let own = self.world.book.get(ieee).and_then(|device| device.own_point(&name)).map(Arc::clone);
            readings.extend(own.and_then(|own| self.reading(ieee, name, own, value)));
        }
        (readings, is_told)
    }

    /// Answers what a device of Tuya asks: what time it is, and whether the gateway is connected. Whether that was it.
    pub(super) async fn answer_tuya(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
    ) -> Result<bool, End> {
        let header = &frame.header;
        if (incoming.cluster, header.scope, header.direction) != (tuya::CLUSTER, Scope::Cluster, Direction::ToClient)
        {
            return Ok(false);
        }
        let number = self.calls.number();
        let bytes = match header.command {
            tuya::CONNECTION => Some(tuya::connection_answer(number)),
            // A clock that is known to be wrong tells nobody the time.
            tuya::TIME => {
                let clock = self.clock_of(ieee);
                let told = |(utc, local)| tuya::time_answer(number, clock.count(utc), clock.count(local));
                self.time_now().map(told)
            }
            _ => return Ok(false),
        };
        if let Some(bytes) = bytes {
            let answer = message(incoming.from, incoming.from_endpoint, tuya::CLUSTER, number, bytes);
            self.send_off(&answer).await?;
        }
        Ok(true)
    }

    /// From when a device of Tuya counts the seconds.
    fn clock_of(&self, ieee: Ieee) -> tuya::Clock {
        let quirk = self.world.book.get(ieee).and_then(|device| device.quirk.as_ref());
        quirk.map(|quirk| quirk.clock).unwrap_or_default()
    }

    /// Asks a device of Tuya that was greeted for everything, and the chip behind its radio for its version: some tell
    /// their data points only then. Neither has an answer of its own; what comes is a report like any other.
    pub(super) async fn query_tuya(&mut self, ieee: Ieee, endpoint: Endpoint) -> Result<(), End> {
        let Some(nwk) = self.world.book.get(ieee).and_then(|device| device.nwk) else { return Ok(()) };
        for frame in [tuya::version_query, tuya::query] {
            let number = self.calls.number();
            self.send_off(&message(nwk, endpoint, tuya::CLUSTER, number, frame(number))).await?;
        }
        Ok(())
    }

    /// Seconds since 1970, in UTC and as the clock on the wall shows them; `None` while nobody knows the time.
    pub(super) fn time_now(&self) -> Option<(u32, u32)> {
        let clock = &self.world.clock;
        if clock.quality() == ClockQuality::None {
            return None;
        }
        let now = Moment::from_millisecond(clock.now().as_millis()).ok()?;
        let offset = TimeZone::system().to_offset(now).seconds();
        let utc = now.as_second();
        Some((u32::try_from(utc).ok()?, u32::try_from(utc + i64::from(offset)).ok()?))
    }
}
