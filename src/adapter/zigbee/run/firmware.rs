//! Firmware on a running network: wishes of people, and what devices ask and are answered.

use serde_json::{Value as Json, json};
use tracing::info;

use super::{
    End, World,
    session::Session,
    updates::{Pending, Updates},
};
use crate::{
    adapter::zigbee::{
        address::{Endpoint, Ieee, Nwk},
        device::Device,
        interview::{Step, message},
        ota::{
            self,
            folder::{self, Wanted},
            frames::{self, ABORT, BlockRequest, NO_IMAGE, Query, Request, command},
        },
        radio::Incoming,
        zcl::{Direction, Frame, General, Header, Scope, Status, general::Outcome},
    },
    model::DeviceId,
};

/// Basic, which tells the version that a device runs.
const BASIC: u16 = 0x0000;

impl World<'_> {
    /// What is in the folder, and every update; without a folder there is nothing.
    pub(super) async fn firmware(&self) -> Result<Json, String> {
        let images = match &self.config.firmware {
            Some(folder) => folder::list(folder).await.map_err(|error| format!("{}: {error}", folder.display()))?,
            None => Vec::new(),
        };
        let name = |ieee| self.book.get(ieee).map(|device| device.id.to_string());
        Ok(json!({ "folder": self.config.firmware, "images": images, "updates": self.updates.views(name) }))
    }

    /// Shows how far a device is in the metrics; nothing once it loads no more.
    fn show_progress(&self, ieee: Ieee) {
        if let Some(device) = self.book.get(ieee) {
            self.metrics.updates.show(device.id.as_str(), self.updates.percent(ieee));
        }
    }
}

impl Session<'_, '_> {
    /// Begins an update of a device, which is told to ask.
    pub(super) async fn update(&mut self, device: &DeviceId, is_forced: bool) -> Result<Result<Json, String>, End> {
        let begun = match self.updatable(device) {
            Ok(ieee) => self.world.updates.begin(ieee, is_forced).map(|()| ieee),
            Err(why) => Err(why),
        };
        let ieee = match begun {
            Ok(ieee) => ieee,
            Err(why) => return Ok(Err(why)),
        };
        self.world.keep_now().await;
        self.notify(ieee).await?;
        Ok(self.world.firmware().await)
    }

    /// Ends an update that somebody does not want any more. A device that loads is told when it asks for the next part.
    pub(super) async fn cancel_update(&mut self, name: &DeviceId) -> Result<Result<Json, String>, End> {
        let ieee = self.world.book.named(name).map(|device| device.ieee);
        match ieee.filter(|ieee| self.world.updates.is_open(*ieee)) {
            Some(ieee) => {
                self.update_failed(ieee, "it was cancelled").await?;
                self.world.keep_now().await;
            }
            None => return Ok(Err(format!("no update of {name} is under way"))),
        }
        Ok(self.world.firmware().await)
    }

    /// The address of a device that can be updated.
    fn updatable(&self, name: &DeviceId) -> Result<Ieee, String> {
        if self.world.config.firmware.is_none() {
            let adapter = &self.world.config.name;
            return Err(format!("adapter {adapter} has no folder of images (help: firmware = \"PATH\")"));
        }
        let device = self.world.book.named(name).ok_or_else(|| format!("{name} is not in the network"))?;
        client(device).ok_or_else(|| format!("{name} does not say that it takes firmware"))?;
        Ok(device.ieee)
    }

    /// Tells a device that is to be updated that there is something, now and then; it is awake.
    pub(super) async fn notify(&mut self, ieee: Ieee) -> Result<(), End> {
        if !self.world.updates.shall_notify(ieee) {
            return Ok(());
        }
        let Some(device) = self.world.book.get(ieee) else { return Ok(()) };
        let (Some(nwk), Some(endpoint)) = (device.nwk, client(device)) else { return Ok(()) };
        let number = self.calls.number();
        let header = Header {
            scope: Scope::Cluster,
            direction: Direction::ToClient,
            ..Header::request(number, command::NOTIFY)
        };
        let bytes = Frame { header, payload: &frames::notify() }.encode();
        self.send_off(&message(nwk, endpoint, ota::CLUSTER, number, bytes)).await
    }

    /// Whether a frame asks for firmware; then it is answered.
    pub(super) async fn hear_firmware(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
    ) -> Result<bool, End> {
        let header = frame.header;
        let is_asking = (header.scope, header.direction) == (Scope::Cluster, Direction::ToServer);
        if incoming.cluster != ota::CLUSTER || !is_asking || incoming.group.is_some() {
            return Ok(false);
        }
        let to = (incoming.from, incoming.from_endpoint);
        match Request::decode(header.command, frame.payload) {
            Ok(Request::Query(query)) => {
                let answer = self.offer(ieee, query).await?;
                self.answer_firmware(to, header, command::QUERY_ANSWER, &answer).await?;
            }
            Ok(Request::Block(wanted)) => {
                self.go_on(ieee, &wanted).await;
                self.world.updates.ask(Pending { ieee, to, header, wanted });
                self.give_parts().await?;
            }
            Ok(Request::End(end)) => {
                self.update_ended(ieee, &end).await?;
                self.answer_firmware(to, header, command::END_ANSWER, &frames::use_now(&end)).await?;
            }
            Ok(Request::Other) => self.refuse_firmware(to, header, Status::UNSUPPORTED_COMMAND).await?,
            Err(_) => {
                self.world.metrics.rejected.inc();
                self.refuse_firmware(to, header, Status::MALFORMED).await?;
            }
        }
        Ok(true)
    }

    /// What a device that asks is given: nothing, unless somebody wants it updated.
    async fn offer(&mut self, ieee: Ieee, query: Query) -> Result<Vec<u8>, End> {
        let nothing = vec![NO_IMAGE.0];
        let (Some(is_forced), Some(folder)) = (self.world.updates.wanted(ieee), &self.world.config.firmware) else {
            return Ok(nothing);
        };
        match folder::choose(folder, Wanted { ieee, query, is_forced }).await {
            Ok((file, image)) => {
                let (from, to) = (query.version, image.header.version);
                let answer = frames::offer(&image.header);
                let text = format!("update from {from:#010x} to {to:#010x} begins, with {file}");
                self.world.updates.offered(ieee, &query, file, image);
                self.tell_update(ieee, &text).await?;
                Ok(answer)
            }
            Err(why) => {
                self.update_failed(ieee, &format!("there is no image for it: {why}")).await?;
                Ok(nothing)
            }
        }
    }

    /// Takes up the image of a device that began to load it before the gateway was started again.
    async fn go_on(&mut self, ieee: Ieee, wanted: &BlockRequest) {
        let Some(folder) = self.world.config.firmware.as_ref().filter(|_| self.world.updates.may_go_on(ieee)) else {
            return;
        };
        if let Some((file, image)) = folder::find(folder, ieee, wanted.model, wanted.version).await {
            self.world.updates.goes_on(ieee, wanted.offset, file, image);
        }
    }

    /// Gives out the parts whose turn it is.
    pub(super) async fn give_parts(&mut self) -> Result<(), End> {
        while let Some(Pending { ieee, to, header, wanted }) = self.world.updates.next_part() {
            let part = part(&self.world.updates, ieee, &wanted);
            match part {
                Ok(bytes) => {
                    let length = bytes.get(13).copied().unwrap_or(0);
                    self.world.updates.gave(ieee, wanted.offset.saturating_add(length.into()));
                    self.world.show_progress(ieee);
                    self.answer_firmware(to, header, command::BLOCK_ANSWER, &bytes).await?;
                }
                Err(Status::MALFORMED) => self.refuse_firmware(to, header, Status::MALFORMED).await?,
                Err(status) => self.answer_firmware(to, header, command::BLOCK_ANSWER, &[status.0]).await?,
            }
        }
        Ok(())
    }

    /// Gives up the updates of devices that say nothing.
    pub(super) async fn end_late_updates(&mut self) -> Result<(), End> {
        for ieee in self.world.updates.late() {
            self.update_failed(ieee, "the device has not asked for long").await?;
        }
        Ok(())
    }

    /// A device says how loading ended. One that has new firmware is asked again what it is.
    async fn update_ended(&mut self, ieee: Ieee, end: &frames::End) -> Result<(), End> {
        let ended = self.world.updates.ended(ieee, end);
        self.world.show_progress(ieee);
        match ended {
            None => Ok(()),
            Some(Err(why)) => self.tell_update(ieee, &format!("update failed: {why}")).await,
            Some(Ok(version)) => {
                if let Some(device) = self.world.book.get_mut(ieee) {
                    device.done.retain(|step| !matches!(step, Step::Basic(_) | Step::Read(_, BASIC, _)));
                }
                self.calls.wake(ieee);
                self.tell_update(ieee, &format!("update to {version:#010x} is done")).await
            }
        }
    }

    /// An update came to nothing.
    pub(super) async fn update_failed(&mut self, ieee: Ieee, why: &str) -> Result<(), End> {
        if self.world.updates.fail(ieee, why) {
            self.world.show_progress(ieee);
            self.tell_update(ieee, &format!("update failed: {why}")).await?;
        }
        Ok(())
    }

    /// Tells of an update.
    async fn tell_update(&mut self, ieee: Ieee, what: &str) -> Result<(), End> {
        let name = self.world.book.get(ieee).map_or_else(|| ieee.to_string(), |device| device.id.to_string());
        info!(adapter = self.world.config.name, device = name, "{what}");
        self.world.keep();
        self.world.tell("zigbee-update", format!("{name}: {what}")).await
    }

    /// Answers with a command of the cluster.
    async fn answer_firmware(
        &mut self,
        (nwk, endpoint): (Nwk, Endpoint),
        request: Header,
        number: u8,
        payload: &[u8],
    ) -> Result<(), End> {
        let bytes = Frame { header: request.answer(number), payload }.encode();
        self.send_off(&message(nwk, endpoint, ota::CLUSTER, request.sequence, bytes)).await
    }

    /// Says why a command is not done.
    async fn refuse_firmware(
        &mut self,
        (nwk, endpoint): (Nwk, Endpoint),
        request: Header,
        status: Status,
    ) -> Result<(), End> {
        let refusal = General::DefaultResponse(Outcome { command: request.command, status });
        let header = Header { scope: Scope::Global, ..request.answer(0) };
        let bytes = refusal.encode(header);
        self.send_off(&message(nwk, endpoint, ota::CLUSTER, request.sequence, bytes)).await
    }
}

/// The part that a device wants; whoever is given nothing is told to stop.
fn part(updates: &Updates, ieee: Ieee, wanted: &BlockRequest) -> Result<Vec<u8>, Status> {
    frames::block(updates.image(ieee).ok_or(ABORT)?, wanted)
}

/// The endpoint of a device that asks for firmware.
fn client(device: &Device) -> Option<Endpoint> {
    let asks = device.endpoints.iter().find(|simple| simple.outputs.as_slice().contains(&ota::CLUSTER));
    asks.map(|simple| simple.endpoint)
}
