//! What devices say: each message is given to whom it concerns, and answers to the step they end.

use tracing::{info, warn};

use super::{
    End,
    calls::{Asked, What},
    session::Session,
};
use crate::{
    adapter::zigbee::{
        address::{Cluster, Endpoint, Ieee},
        device::Device,
        interview::{self, Step},
        radio::Incoming,
        reporting,
        zcl::{Direction, Frame, General},
        zdo,
    },
    model::DeviceChange,
};

impl Session<'_, '_> {
    /// Takes a message.
    pub(super) async fn hear(&mut self, incoming: Incoming) -> Result<(), End> {
        if incoming.to_endpoint == 0 && self.hear_address(&incoming).await? {
            return Ok(());
        }
        if self.hear_survey(&incoming).await? || self.hear_scan(&incoming).await? {
            return Ok(());
        }
        let Some(ieee) = self.world.book.at(incoming.from) else { return self.who_is(incoming.from).await };
        self.heard(ieee, incoming.link_quality).await?;
        self.notify(ieee).await?;
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

    /// The answer of a ZDO, or one that nobody waits for.
    async fn hear_zdo(&mut self, ieee: Ieee, incoming: &Incoming) -> Result<(), End> {
        let (Some(number), Some(fields)) = (incoming.frame.first(), incoming.frame.get(1..)) else { return Ok(()) };
        let Some(Asked { what: What::Step(step), number: asked, cluster, endpoint: 0, .. }) =
            self.calls.line(ieee).asked.as_ref()
        else {
            return Ok(());
        };
        if (*asked, cluster.0 | zdo::ANSWER) != (*number, incoming.cluster.0) {
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
        if let Step::ReadBack(endpoint, cluster) = step {
            tell_others(device, endpoint, Cluster(cluster));
        }
        if matches!(step, Step::Basic(_)) {
            self.world.apply_quirk(ieee).await;
        }
        if let Step::Greet(endpoint) = step {
            self.query_tuya(ieee, endpoint).await?;
        }
        let Some(device) = self.world.book.get_mut(ieee) else { return Ok(()) };
        let is_new = !device.is_interviewed && interview::is_described(device);
        if is_new {
            device.is_interviewed = true;
            self.tell_device(ieee, DeviceChange::Interviewed).await?;
        }
        let set_up = self.world.book.get(ieee).filter(|device| interview::next(device).is_none());
        if let Some(device) = set_up {
            tell_in_vain(device);
        }
        if is_new || set_up.is_some() {
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
                    | General::ReadReportingResponse(_)
                    | General::DefaultResponse(_)
            ),
        };
        let asked = self.calls.line(ieee).asked.as_ref()?;
        let is_ours = (asked.number, asked.cluster, asked.endpoint)
            == (header.sequence, incoming.cluster, incoming.from_endpoint);
        (is_answer && is_ours && header.direction == Direction::ToClient).then_some(asked.what)
    }
}

/// Says in the log what a device reports otherwise than it was asked to.
fn tell_others(device: &Device, endpoint: Endpoint, cluster: Cluster) {
    for ((of, in_cluster, attribute), other) in &device.others {
        if (*of, *in_cluster) == (endpoint, cluster) {
            let asked = reporting::intervals(device, &device.asked_reporting, endpoint, cluster, *attribute);
            let why = reporting::in_words(*other, asked);
            info!(device = %device.id, %cluster, %attribute, why, "Device reports otherwise than it was asked to");
        }
    }
}

/// Says in the log which points were named for times of their own in vain.
fn tell_in_vain(device: &Device) {
    for (point, why) in reporting::in_vain(device) {
        warn!(device = %device.id, point, why, "[[device.reports]] names a point in vain");
    }
}
