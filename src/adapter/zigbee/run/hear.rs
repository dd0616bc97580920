//! What devices say: who they are, answers to questions, values, and alarms.

use std::sync::Arc;

use super::{
    End,
    calls::{Asked, What},
    session::Session,
};
use crate::{
    adapter::zigbee::{
        address::{Ieee, Nwk},
        interview::{self, Step, message},
        map::{self, Finding, Missing, zone},
        radio::Incoming,
        wire::{Wire as _, hex},
        zcl::{Direction, Frame, General, Header, Scope, Status, general::Outcome},
        zdo::{
            Answer, Request as _,
            request::{DeviceAnnounce, IeeeAddress, MgmtLeave, NwkAddress},
            response::Addresses,
        },
    },
    model::{DeviceChange, Event, EventKind, Point, Quantity, Reading, Value},
};

/// A zone asks to be enrolled (ZCL, 8.2.2.4.2), and the answer to that (8.2.2.3.1): success, zone 0.
const ENROLL: (u8, [u8; 2]) = (0x01, [0, 0]);

impl Session<'_, '_> {
    /// Takes a message.
    pub(super) async fn hear(&mut self, incoming: Incoming) -> Result<(), End> {
        if incoming.to_endpoint == 0 && self.hear_address(&incoming).await? {
            return Ok(());
        }
        if self.hear_survey(&incoming).await? {
            return Ok(());
        }
        let Some(ieee) = self.world.book.at(incoming.from) else { return self.who_is(incoming.from).await };
        self.heard(ieee, incoming.link_quality).await?;
        if incoming.to_endpoint == 0 {
            return self.hear_zdo(ieee, &incoming).await;
        }
        let frame = incoming.frame.clone();
        let Ok(frame) = Frame::decode(&frame) else {
            self.world.metrics.rejected.inc();
            return Ok(());
        };
        self.hear_frame(ieee, &incoming, &frame).await
    }

    /// A device said which addresses it has: it came back, or was asked. Whether that was it.
    async fn hear_address(&mut self, incoming: &Incoming) -> Result<bool, End> {
        let fields = incoming.frame.get(1..).unwrap_or_default();
        let (ieee, nwk) = if incoming.cluster == DeviceAnnounce::CLUSTER {
            let Ok(announce) = DeviceAnnounce::from_bytes(fields) else { return Ok(false) };
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
                        | Step::Group(..)
                        | Step::Greet(_)
                        | Step::OwnReport(..)
                )
            });
        }
        self.arrive(ieee, nwk).await
    }

    /// A device is here under an address, for the first time or again.
    async fn arrive(&mut self, ieee: Ieee, nwk: Nwk) -> Result<(), End> {
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
    async fn send_away(&mut self, ieee: Ieee, nwk: Nwk) -> Result<(), End> {
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
        self.calls.forget(ieee);
        self.latest.retain(|(of, _), _| *of != ieee);
        self.world.book.remove(ieee);
        self.world.keeper.changed();
        self.world.keep();
        Ok(())
    }

    /// A device is there and awake.
    async fn heard(&mut self, ieee: Ieee, link_quality: Option<u8>) -> Result<(), End> {
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

    /// The answer of a ZDO, or one that nobody waits for.
    async fn hear_zdo(&mut self, ieee: Ieee, incoming: &Incoming) -> Result<(), End> {
        let (Some(number), Some(fields)) = (incoming.frame.first(), incoming.frame.get(1..)) else { return Ok(()) };
        let Some(Asked { what: What::Step(step), number: asked, cluster, endpoint: 0, .. }) =
            self.calls.line(ieee).asked.as_ref()
        else {
            return Ok(());
        };
        if (*asked, cluster.0 | crate::adapter::zigbee::zdo::ANSWER) != (*number, incoming.cluster.0) {
            return Ok(());
        }
        let step = *step;
        let Some(device) = self.world.book.get_mut(ieee) else { return Ok(()) };
        if !interview::take_zdo(device, step, fields) {
            self.world.metrics.rejected.inc();
            self.calls.line(ieee).fail();
            return Ok(());
        }
        self.calls.line(ieee).asked = None;
        self.stepped(ieee, step).await
    }

    /// A step is over, well or not.
    async fn stepped(&mut self, ieee: Ieee, step: Step) -> Result<(), End> {
        let Some(device) = self.world.book.get_mut(ieee) else { return Ok(()) };
        match step {
            Step::Ungroup(endpoint, group) => {
                device.done.remove(&Step::Group(endpoint, group));
            }
            _ => {
                device.done.insert(step);
            }
        }
        if matches!(step, Step::Basic(_)) {
            self.world.apply_quirk(ieee).await;
        }
        let Some(device) = self.world.book.get_mut(ieee) else { return Ok(()) };
        let is_new = !device.is_interviewed && interview::is_described(device);
        if is_new {
            device.is_interviewed = true;
            self.tell_device(ieee, DeviceChange::Interviewed).await?;
        }
        let is_set_up = self.world.book.get(ieee).is_some_and(|device| interview::next(device).is_none());
        if is_new || is_set_up {
            self.world.keep();
        } else {
            self.keep_soon();
        }
        Ok(())
    }

    /// A frame of an application: values first, then what it answers.
    async fn hear_frame(&mut self, ieee: Ieee, incoming: &Incoming, frame: &Frame<'_>) -> Result<(), End> {
        let general = General::of(frame).transpose();
        let Ok(general) = general else {
            self.world.metrics.rejected.inc();
            return Ok(());
        };
        let answered = self.answered(ieee, incoming, frame, general.as_ref());
        if let (Some(What::Step(step)), Some(general), Some(device)) =
            (answered, &general, self.world.book.get_mut(ieee))
        {
            // Factors that the device does not have get their defaults before its values are read.
            interview::take_general(device, step, general);
        }
        let has_value = self.take_values(ieee, incoming, frame).await?;
        match (answered, &general) {
            (Some(What::Step(step)), _) => {
                self.calls.line(ieee).asked = None;
                if let Step::Enroll(endpoint) = step {
                    self.enroll(incoming.from, endpoint).await?;
                }
                self.stepped(ieee, step).await
            }
            (Some(What::Order), Some(general)) => {
                self.order_answered(ieee, general);
                Ok(())
            }
            (Some(_), _) => {
                self.calls.line(ieee).asked = None;
                Ok(())
            }
            (None, _) => self.take_unasked(ieee, incoming, frame, general.as_ref(), has_value).await,
        }
    }

    /// What a frame answers, if it answers the question under way.
    fn answered(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
        general: Option<&General>,
    ) -> Option<What> {
        let header = &frame.header;
        let is_answer = match general {
            // Of the commands of clusters only those about groups are answered by another.
            None => incoming.cluster == interview::GROUPS,
            Some(general) => matches!(
                general,
                General::ReadResponse(_)
                    | General::WriteResponse(_)
                    | General::ConfigureReportingResponse(_)
                    | General::DefaultResponse(_)
            ),
        };
        let asked = self.calls.line(ieee).asked.as_ref()?;
        let is_ours = (asked.number, asked.cluster, asked.endpoint)
            == (header.sequence, incoming.cluster, incoming.from_endpoint);
        (is_answer && is_ours && header.direction == Direction::ToClient).then_some(asked.what)
    }

    /// Makes readings of a frame; whether there were any. Before an endpoint is known, the names of its points are
    /// not, and what it says is left out.
    async fn take_values(&mut self, ieee: Ieee, incoming: &Incoming, frame: &Frame<'_>) -> Result<bool, End> {
        let Some(device) = self.world.book.get_mut(ieee) else { return Ok(false) };
        let endpoint = incoming.from_endpoint;
        if device.endpoint(endpoint).is_none() {
            return Ok(false);
        }
        let known = device.known.entry(endpoint).or_default();
        let mut findings = map::findings(incoming.cluster, frame, known);
        findings.retain(|finding| !device.overrides(endpoint, finding));
        let (mut readings, is_told) = self.own_readings(ieee, incoming, frame);
        let has_value = !findings.is_empty() || is_told;
        if self.world.config.has_signal && has_value {
            findings.extend(incoming.link_quality.map(signal));
        }
        readings.extend(self.readings(ieee, endpoint, findings));
        let told: Vec<_> = readings.iter().map(|reading| reading.point.name().clone()).collect();
        self.publish(readings).await?;
        self.order_reported(ieee, &told);
        Ok(has_value)
    }

    /// Findings as readings. A point that stays bad is told once.
    fn readings(&mut self, ieee: Ieee, endpoint: u8, findings: Vec<Finding>) -> Vec<Reading> {
        let (mut readings, mut has_new) = (Vec::new(), false);
        for finding in findings {
            let device = self.world.book.get_mut(ieee);
            let Some((name, point, is_new)) = device.and_then(|device| device.point_of(endpoint, &finding)) else {
                self.world.metrics.rejected.inc();
                continue;
            };
            has_new |= is_new;
            readings.extend(self.reading(ieee, name, point, finding.value));
        }
        if has_new {
            self.world.show();
        }
        readings
    }

    /// A value of a point as a reading. A point that stays bad is told once.
    pub(super) fn reading(
        &mut self,
        ieee: Ieee,
        name: String,
        point: Arc<Point>,
        value: Result<Value, Missing>,
    ) -> Option<Reading> {
        let ts = self.world.clock.now();
        let device = self.world.book.get_mut(ieee)?;
        match value {
            Ok(value) => {
                device.faulty.remove(&name);
                if point.access.can_write() {
                    self.latest.insert((ieee, name), value.clone());
                }
                Some(Reading::good(point, value, ts))
            }
            Err(missing) => {
                let is_new = device.faulty.insert(name);
                is_new.then(|| Reading::bad(point, missing.quality(), ts))
            }
        }
    }

    /// What a device says of its own accord, besides values.
    async fn take_unasked(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
        general: Option<&General>,
        has_value: bool,
    ) -> Result<(), End> {
        let header = frame.header;
        let wants_enrolment = (incoming.cluster, header.scope, header.direction, header.command)
            == (zone::CLUSTER, Scope::Cluster, Direction::ToClient, ENROLL.0);
        if wants_enrolment {
            return self.enroll(incoming.from, incoming.from_endpoint).await;
        }
        if self.answer_tuya(incoming, frame).await? {
            return Ok(());
        }
        if !has_value && self.world.config.is_raw {
            self.tell_raw(ieee, incoming, frame).await?;
        }
        let is_answer = matches!(general, Some(General::DefaultResponse(_)));
        if !header.disable_default_response && !is_answer && incoming.group.is_none() {
            let outcome = General::DefaultResponse(Outcome { command: header.command, status: Status::SUCCESS });
            let bytes = outcome.encode(header.answer(0));
            let answer = message(incoming.from, incoming.from_endpoint, incoming.cluster, header.sequence, bytes);
            self.send_off(&answer).await?;
        }
        Ok(())
    }

    /// Tells a zone that it is enrolled.
    async fn enroll(&mut self, nwk: Nwk, endpoint: u8) -> Result<(), End> {
        let number = self.calls.number();
        let header = Header { scope: Scope::Cluster, ..Header::request(number, 0) };
        let bytes = Frame { header, payload: &ENROLL.1 }.encode();
        self.send_off(&message(nwk, endpoint, zone::CLUSTER, number, bytes)).await
    }

    /// Tells a frame as it came.
    async fn tell_raw(&mut self, ieee: Ieee, incoming: &Incoming, frame: &Frame<'_>) -> Result<(), End> {
        let Some(device) = self.world.book.get(ieee) else { return Ok(()) };
        let kind = EventKind::Raw {
            device: device.id.clone(),
            endpoint: incoming.from_endpoint,
            cluster: incoming.cluster.to_string(),
            command: format!("{:#04x}", frame.header.command),
            bytes: hex(frame.payload),
        };
        let event = Event { ts: self.world.clock.now(), kind };
        self.world.send_event(event).await
    }
}

/// The quality of reception as a finding.
fn signal(link_quality: u8) -> Finding {
    Finding { quantity: Quantity::Lqi, nth: 1, value: Ok(Value::Int(link_quality.into())) }
}
