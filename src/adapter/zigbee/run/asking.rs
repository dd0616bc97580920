//! Asking devices: what is next for each, handed to the stick, and what happens when no answer comes.

use tokio::time::Instant;
use tracing::debug;

use super::{
    End, LostError,
    calls::What,
    session::{CHECK, Session},
};
use crate::adapter::zigbee::{
    address::{Attribute, Cluster, Ieee, Nwk},
    device::Device,
    interview::{self, general},
    radio::{Delivery, Destination, Outgoing, Radio as _},
    zcl::General,
    zdo::{
        Request as _,
        request::{IeeeAddress, NwkAddress},
    },
    znp::{command::status::Status, coordinator::ZnpError},
};

/// Questions without an answer after which a device that listens all the time is offline.
const OFFLINE_AFTER: u32 = 3;

/// Strangers that are asked who they are, at once. What more of them say is passed over and counted as rejected.
const MAX_STRANGERS: usize = 32;

impl Session<'_, '_> {
    /// Asks what is next of every device that has something to ask.
    pub(super) async fn pump(&mut self) -> Result<(), End> {
        let now = Instant::now();
        for ieee in self.calls.busy.clone() {
            if !self.calls.has_room(false) {
                return Ok(());
            }
            let is_guess = self.is_guess(ieee);
            let line = self.calls.line(ieee);
            if line.asked.is_none() && line.rests_until <= now && self.calls.has_room(is_guess) {
                self.ask(ieee).await?;
            }
        }
        Ok(())
    }

    /// Whether a device may be asleep now.
    fn is_guess(&mut self, ieee: Ieee) -> bool {
        self.world.book.get(ieee).is_some_and(Device::sleeps) && !self.calls.line(ieee).is_awake()
    }

    /// Asks a device what is next; there may be nothing.
    pub(super) async fn ask(&mut self, ieee: Ieee) -> Result<(), End> {
        let number = self.calls.number();
        let Some(nwk) = self.world.book.get(ieee).and_then(|device| device.nwk) else {
            self.calls.busy.remove(&ieee);
            return self.find(ieee).await;
        };
        if let Some((message, endpoint)) = self.next_order(ieee, nwk, number) {
            return self.put(ieee, What::Order, endpoint, message).await;
        }
        let Some(device) = self.world.book.get(ieee) else { return Ok(()) };
        if let Some(step) = interview::next(device) {
            let message = interview::question(device, nwk, step, number, self.home);
            let endpoint = endpoint_of(&message);
            return self.put(ieee, What::Step(step), endpoint, message).await;
        }
        if self.calls.line(ieee).is_doubted {
            let endpoint = device.listed.first().copied().unwrap_or(1);
            // The version of the library, which every device has (ZCL, 3.2.2.2.1).
            let version = General::Read(vec![Attribute(0)]);
            let message = general(nwk, endpoint, Cluster(0), number, &version);
            return self.put(ieee, What::Check, endpoint, message).await;
        }
        self.calls.busy.remove(&ieee);
        Ok(())
    }

    /// Hands a question to the stick. One that is busy is asked again later.
    pub(super) async fn put(&mut self, ieee: Ieee, what: What, endpoint: u8, message: Outgoing) -> Result<(), End> {
        self.world.metrics.requests.inc();
        let is_guess = self.is_guess(ieee);
        self.calls.line(ieee).ask(what, message.transaction, endpoint, message.cluster, is_guess);
        match self.radio.send(&message).await {
            Ok(()) => Ok(()),
            Err(ZnpError::Status { status, .. }) => {
                debug!(adapter = self.world.config.name, %ieee, %status, "Coordinator does not take a message now");
                let delivery = if status == Status::NO_ROUTE { Delivery::NoRoute } else { Delivery::Busy };
                self.failed(ieee, Some(delivery)).await
            }
            Err(error) => Err(LostError::from(error).into()),
        }
    }

    /// Sends what needs no answer; a stick that is busy loses it, and whoever waits for it asks again.
    pub(super) async fn send_off(&mut self, message: &Outgoing) -> Result<(), End> {
        match self.radio.send(message).await {
            Ok(()) => Ok(()),
            Err(ZnpError::Status { status, .. }) => {
                debug!(adapter = self.world.config.name, %status, "Coordinator does not take an answer now");
                Ok(())
            }
            Err(error) => Err(LostError::from(error).into()),
        }
    }

    /// A question came to nothing.
    pub(super) async fn failed(&mut self, ieee: Ieee, delivery: Option<Delivery>) -> Result<(), End> {
        let line = self.calls.line(ieee);
        match line.asked.as_ref().map(|asked| asked.what) {
            Some(What::Order) => self.order_failed(ieee, delivery),
            Some(What::Step(_) | What::Check) => line.fail(),
            None => return Ok(()),
        }
        let failures = self.calls.line(ieee).failures;
        if failures == OFFLINE_AFTER {
            self.find(ieee).await?;
            let is_awake = self.world.book.get(ieee).is_some_and(|device| !device.sleeps());
            if is_awake && self.calls.line(ieee).is_doubted {
                self.offline(ieee).await?;
            }
        }
        Ok(())
    }

    /// Asks everybody for the short address of a device.
    pub(super) async fn find(&mut self, ieee: Ieee) -> Result<(), End> {
        let number = self.calls.number();
        let request = NwkAddress { ieee, kind: 0, start: 0 };
        let to = Destination::Broadcast(Nwk::AWAKE, 0);
        let frame = request.to_frame(number);
        let message = Outgoing { to, from: 0, cluster: NwkAddress::CLUSTER, transaction: number, frame };
        self.send_off(&message).await
    }

    /// Asks a stranger who it is.
    pub(super) async fn who_is(&mut self, nwk: Nwk) -> Result<(), End> {
        let now = Instant::now();
        self.strangers.retain(|_, until| *until > now);
        if self.strangers.contains_key(&nwk) || self.strangers.len() >= MAX_STRANGERS {
            self.world.metrics.rejected.inc();
            return Ok(());
        }
        self.strangers.insert(nwk, now + CHECK.0);
        let number = self.calls.number();
        let message = interview::zdo(nwk, number, &IeeeAddress { nwk, kind: 0, start: 0 });
        self.send_off(&message).await
    }
}

/// The endpoint a message goes to.
fn endpoint_of(message: &Outgoing) -> u8 {
    match message.to {
        Destination::Device(_, endpoint) | Destination::Broadcast(_, endpoint) => endpoint,
        Destination::Group(_) => 0,
    }
}
