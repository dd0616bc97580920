//! What devices say of their own accord: values become readings, alarms are enrolled, the rest is told as it came.

use std::sync::Arc;

use super::{End, session::Session};
use crate::{
    adapter::zigbee::{
        address::{Ieee, Nwk},
        interview::message,
        map::{self, Finding, Missing, zone},
        radio::Incoming,
        wire::hex,
        zcl::{Direction, Frame, General, Header, Scope, Status, general::Outcome},
    },
    model::{Event, EventKind, Point, Quantity, Reading, Value},
};

/// A zone asks to be enrolled (ZCL, 8.2.2.4.2), and the answer to that (8.2.2.3.1): success, zone 0.
const ENROLL: (u8, [u8; 2]) = (0x01, [0, 0]);

impl Session<'_, '_> {
    /// Makes readings of a frame; whether there were any. Before an endpoint is known, the names of its points are
    /// not, and what it says is left out.
    pub(super) async fn take_values(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
    ) -> Result<bool, End> {
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
    pub(super) async fn take_unasked(
        &mut self,
        ieee: Ieee,
        incoming: &Incoming,
        frame: &Frame<'_>,
        general: Option<&General>,
        has_value: bool,
    ) -> Result<(), End> {
        if self.hear_firmware(ieee, incoming, frame).await? {
            return Ok(());
        }
        if self.hear_check_in(ieee, incoming, frame).await? {
            return Ok(());
        }
        let header = frame.header;
        if self.serve(incoming, header, general).await? {
            return Ok(());
        }
        let wants_enrolment = (incoming.cluster, header.scope, header.direction, header.command)
            == (zone::CLUSTER, Scope::Cluster, Direction::ToClient, ENROLL.0);
        if wants_enrolment {
            return self.enroll(incoming.from, incoming.from_endpoint).await;
        }
        if self.answer_tuya(ieee, incoming, frame).await? || self.answer_keypad(incoming, frame).await? {
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
    pub(super) async fn enroll(&mut self, nwk: Nwk, endpoint: u8) -> Result<(), End> {
        let number = self.calls.number();
        let header = Header { scope: Scope::Cluster, ..Header::request(number, 0) };
        let bytes = Frame { header, payload: &ENROLL.1 }.encode();
        self.send_off(&message(nwk, endpoint, zone::CLUSTER, number, bytes)).await
    }

    /// Tells a frame as it came.
    pub(super) async fn tell_raw(&mut self, ieee: Ieee, incoming: &Incoming, frame: &Frame<'_>) -> Result<(), End> {
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
