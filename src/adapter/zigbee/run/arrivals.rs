//! Who comes and goes: devices that join, come back under another address, are sent away, or leave.

use super::{End, session::Session};
use crate::{
    adapter::zigbee::{
        address::{Ieee, Nwk},
        interview::{self, Step},
        radio::Incoming,
        wire::Wire as _,
        zdo::{
            Answer, Request as _,
            request::{DeviceAnnounce, IeeeAddress, MgmtLeave, NwkAddress},
            response::Addresses,
        },
    },
    model::{DeviceChange, WriteError},
};

impl Session<'_, '_> {
    /// A device said which addresses it has: it came back, or was asked. Whether that was it.
    pub(super) async fn hear_address(&mut self, incoming: &Incoming) -> Result<bool, End> {
        let fields = incoming.frame.get(1..).unwrap_or_default();
        let (ieee, nwk) = if incoming.cluster == DeviceAnnounce::CLUSTER {
            let Ok(announce) = DeviceAnnounce::from_bytes(fields) else { return Ok(false) };
            if let Some(device) = self.world.book.get_mut(announce.ieee) {
                // It has started, and some of Tuya say nothing before they are greeted again.
                device.done.retain(|step| !matches!(step, Step::Greet(_)));
            }
            (announce.ieee, announce.nwk)
        } else if [IeeeAddress::ANSWER_CLUSTER, NwkAddress::ANSWER_CLUSTER].contains(&incoming.cluster) {
            let answer = Answer::<Addresses>::from_bytes(fields).ok().and_then(|answer| answer.fields);
            let Some(addresses) = answer else { return Ok(true) };
            (addresses.ieee, addresses.nwk)
        } else {
            return Ok(false);
        };
        self.arrive(ieee, nwk).await?;
        Ok(true)
    }

    /// A device was let in.
    pub(super) async fn joined(&mut self, nwk: Nwk, ieee: Ieee) -> Result<(), End> {
        if let Some(device) = self.world.book.get_mut(ieee) {
            // It may have been reset, and then nothing is left of what was set up.
            device.done.retain(|step| {
                !matches!(
                    step,
                    Step::Enroll(_)
                        | Step::Bind(..)
                        | Step::Report(..)
                        | Step::ReadBack(..)
                        | Step::Group(..)
                        | Step::Greet(_)
                        | Step::OwnReport(..)
                )
            });
        }
        self.arrive(ieee, nwk).await
    }

    /// A device is here under an address, for the first time or again.
    pub(super) async fn arrive(&mut self, ieee: Ieee, nwk: Nwk) -> Result<(), End> {
        if ieee == self.home {
            return Ok(());
        }
        if !self.world.book.accepts(ieee) {
            return self.send_away(ieee, nwk).await;
        }
        let before = self.world.book.get(ieee).and_then(|device| device.nwk);
        let Some((_, is_new)) = self.world.book.arrive(ieee, nwk) else { return Ok(()) };
        self.heard(ieee, None).await?;
        if is_new {
            self.tell_device(ieee, DeviceChange::Joined).await?;
        }
        if is_new || before != Some(nwk) {
            self.world.keeper.changed();
            self.world.keep();
        }
        Ok(())
    }

    /// Asks a device that may not be here to leave.
    pub(super) async fn send_away(&mut self, ieee: Ieee, nwk: Nwk) -> Result<(), End> {
        tracing::info!(adapter = self.world.config.name, %ieee, "A device that is not listed joined, and is sent away");
        let number = self.calls.number();
        self.send_off(&interview::zdo(nwk, number, &MgmtLeave { ieee, flags: 0 })).await
    }

    /// A device has gone.
    pub(super) async fn left(&mut self, ieee: Ieee, will_rejoin: bool) -> Result<(), End> {
        if will_rejoin || self.world.book.get(ieee).is_none() {
            return Ok(());
        }
        self.tell_device(ieee, DeviceChange::Left).await?;
        self.update_failed(ieee, "the device left the network").await?;
        for order in self.calls.forget(ieee) {
            order.give_up(WriteError::Refused("the device left the network".to_owned()), self.world.clock.now());
        }
        self.latest.retain(|(of, _), _| *of != ieee);
        self.world.book.remove(ieee);
        self.world.keeper.changed();
        self.world.keep();
        Ok(())
    }

    /// A device is there and awake.
    pub(super) async fn heard(&mut self, ieee: Ieee, link_quality: Option<u8>) -> Result<(), End> {
        let now = self.world.clock.now();
        self.calls.line(ieee).heard();
        self.calls.wake(ieee);
        let Some(device) = self.world.book.get_mut(ieee) else { return Ok(()) };
        device.last_seen = Some(now);
        device.link_quality = link_quality.or(device.link_quality);
        if std::mem::take(&mut device.is_offline) {
            self.tell_device(ieee, DeviceChange::Online).await?;
        }
        Ok(())
    }
}
