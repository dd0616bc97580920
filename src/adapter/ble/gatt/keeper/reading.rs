//! What is read of a device, by schedule or because somebody asks, and what it tells.

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, timeout},
};
use tracing::info;

use super::{
    Held, Keeper, ROOM, let_go,
    reports::{is_end, quality},
};
use crate::{
    adapter::{
        AdapterError,
        ble::{
            air::{Characteristic, Link, LinkError},
            gatt::layout::NoValue,
        },
    },
    model::{DeviceChange, Point, PointAddress, Reading, Value},
};

impl Keeper<'_> {
    /// Reads what is due, each characteristic once, and asks for what the device is to tell by itself.
    pub(super) async fn read_due(&mut self, held: &mut Option<Held<'_>>) -> Result<(), AdapterError> {
        let mut due = self.outlook.due(Instant::now());
        while let (Some(first), Some(connection)) = (due.first().copied(), held.as_mut()) {
            let at = self.device.behind[first].at;
            let (together, rest) = due.into_iter().partition(|point| self.device.behind[*point].at == at);
            due = rest;
            let (read, subscribed) = self.ask(&mut connection.link, at).await;
            connection.used = Instant::now();
            if let Some(end) =
                [read.as_ref().err(), subscribed.as_ref().err()].into_iter().flatten().find(|error| is_end(error))
            {
                let end = end.clone();
                let_go(held).await;
                return self.fail(&end).await;
            }
            self.take(&together, &read, subscribed.is_ok()).await?;
        }
        self.tell(DeviceChange::Online).await
    }

    /// Reads a characteristic, and subscribes to it if that is wanted.
    pub(super) async fn ask(
        &self,
        link: &mut Link,
        at: Characteristic,
    ) -> (Result<Vec<u8>, LinkError>, Result<(), LinkError>) {
        let read = self.counted(link.read(at).await);
        let notifies = self.device.behind.iter().any(|behind| behind.at == at && behind.notifies);
        let is_over = read.as_ref().is_err_and(is_end);
        let subscribed = if notifies && !is_over { self.counted(link.subscribe(at).await) } else { Ok(()) };
        (read, subscribed)
    }

    /// Takes what was read for some points. One that is told by the device need not be readable.
    pub(super) async fn take(
        &mut self,
        points: &[usize],
        read: &Result<Vec<u8>, LinkError>,
        is_subscribed: bool,
    ) -> Result<(), AdapterError> {
        for &point in points {
            let behind = &self.device.behind[point];
            let is_told = behind.notifies && is_subscribed;
            self.outlook.was_read(point, (!is_told).then_some(behind.poll), Instant::now());
            match read {
                Ok(bytes) => self.report(point, bytes).await?,
                Err(LinkError::Refused(_) | LinkError::NotAuthorized(_)) if is_told => {}
                Err(error) => self.report_bad(point, quality(error)).await?,
            }
        }
        Ok(())
    }

    /// Takes a notification.
    pub(super) async fn hear(
        &mut self,
        at: Characteristic,
        bytes: &[u8],
        held: &mut Option<Held<'_>>,
    ) -> Result<(), AdapterError> {
        let device = self.device;
        let report = async {
            for (point, _) in device.behind.iter().enumerate().filter(|(_, behind)| behind.at == at) {
                self.report(point, bytes).await?;
            }
            Ok(())
        };
        if let Ok(done) = timeout(ROOM, report).await {
            return done;
        }
        self.ways.metrics.shed.inc();
        info!(device = %device.id, "No room for what the device tells, letting go of it");
        let_go(held).await;
        self.outlook.failed(device, Instant::now());
        Ok(())
    }

    /// Answers who asks for a value now.
    pub(super) async fn answer<'s>(
        &mut self,
        point: Arc<Point>,
        reply: oneshot::Sender<Reading>,
        held: &mut Option<Held<'s>>,
        slots: &'s Semaphore,
    ) {
        if reply.is_closed() {
            return;
        }
        let read = self.fetch(&point.address, held, slots).await;
        let ts = self.ways.clock.now();
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(match read {
            Ok(value) => Reading::good(point, value, ts),
            Err(why) => Reading::bad(point, why, ts),
        });
    }

    /// Reads one point; a quality if that fails.
    pub(super) async fn fetch<'s>(
        &mut self,
        address: &PointAddress,
        held: &mut Option<Held<'s>>,
        slots: &'s Semaphore,
    ) -> Result<Value, &'static str> {
        let place = self.place(address).filter(|(_, behind)| behind.point.access.can_read());
        let (_, behind) = place.ok_or("not-readable")?;
        let connection = self.hold(held, slots).await.map_err(|error| quality(&error))?;
        let read = self.counted(connection.link.read(behind.at).await);
        let bytes = read.map_err(|error| quality(&error))?;
        behind.layout.decode(&bytes, &behind.point).map_err(NoValue::as_str)
    }
}
