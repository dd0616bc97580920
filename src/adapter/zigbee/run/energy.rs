//! Measuring how busy channels are: the coordinator is asked for one channel after the other, with time in between in which
//! it listens to its own.
//!
//! Its answer does not repeat a number of ours: the coordinator numbers what it asks itself. What an answer belongs to is told
//! by the channel in it. A coordinator that cannot measure just now says nothing at all.

mod scan;

use serde_json::Value as Json;
use tokio::time::Instant;

pub(super) use self::scan::Scan;
use self::scan::{ANSWER_LIMIT, Heard, Reply, judge};
use super::{End, LostError, session::Session};
use crate::{
    adapter::zigbee::{
        address::{Channels, Nwk},
        energy::Plan,
        interview,
        radio::{Incoming, Radio as _},
        zdo::{
            Request as _,
            request::{MgmtNwkUpdate, UpdateWish},
        },
        znp::{coordinator::ZnpError, host::HostError},
    },
    model::EnergyScan,
};

impl Session<'_, '_> {
    /// Begins to measure, unless that is under way for somebody else.
    pub(super) async fn scan(&mut self, wish: &EnergyScan, reply: Reply) -> Result<(), End> {
        let refused = match Plan::of(wish) {
            _ if self.scan.is_some() => "channels are being measured already; ask again when that is over".to_owned(),
            Err(error) => error.to_string(),
            Ok(plan) => {
                self.scan = Some(Scan::new(plan, reply));
                return self.scan_on().await;
            }
        };
        // An asker that stopped waiting does not need to know.
        let _ = reply.send(Err(refused));
        Ok(())
    }

    /// Does what is due: gives up what was not answered, asks for the next channel, or ends.
    pub(super) async fn scan_on(&mut self) -> Result<(), End> {
        let Some(scan) = &mut self.scan else { return Ok(()) };
        if let Some((channel, _)) = scan.asked.filter(|(_, deadline)| *deadline <= Instant::now()) {
            let limit = scan.plan.each() + ANSWER_LIMIT;
            self.world.metrics.timeouts.inc();
            self.scan_misses(channel, &format!("no answer within {} ms", limit.as_millis()));
        }
        let Some(scan) = &mut self.scan else { return Ok(()) };
        if scan.is_over() {
            self.scan_ends();
            return Ok(());
        }
        let (begun, duration) = (scan.begin_next(), scan.plan.duration());
        match begun {
            Some(channel) => self.scan_channel(channel, duration).await,
            None => Ok(()),
        }
    }

    /// Asks for one channel.
    async fn scan_channel(&mut self, channel: u8, duration: u8) -> Result<(), End> {
        let Some(channels) = Channels::only(channel) else { return Ok(()) };
        let request = MgmtNwkUpdate { channels, wish: UpdateWish::Scan { duration, count: 1 } };
        let message = interview::zdo(Nwk::COORDINATOR, self.calls.number(), &request);
        self.world.metrics.requests.inc();
        match self.radio.send(&message).await {
            Ok(()) => {}
            Err(ZnpError::Status { status, .. }) => self.scan_misses(channel, &status.to_string()),
            // Firmware that was built without it.
            Err(ZnpError::Host(error @ HostError::Refused { .. })) => self.scan_misses(channel, &error.to_string()),
            Err(error) => return Err(LostError::from(error).into()),
        }
        Ok(())
    }

    /// Takes a message if it is the coordinator's about channels; whether it was.
    pub(super) async fn hear_scan(&mut self, incoming: &Incoming) -> Result<bool, End> {
        let key = (incoming.from, incoming.to_endpoint, incoming.cluster);
        if key != (Nwk::COORDINATOR, 0, MgmtNwkUpdate::ANSWER_CLUSTER) {
            return Ok(false);
        }
        let fields = incoming.frame.get(1..).unwrap_or_default();
        let asked = self.scan.as_ref().and_then(|scan| scan.asked);
        match asked.map(|(channel, _)| (channel, judge(channel, fields))) {
            Some((channel, Heard::Energy(energy))) => {
                if let Some(scan) = &mut self.scan {
                    scan.take(channel, energy);
                }
            }
            Some((channel, Heard::Missed(why))) => self.scan_misses(channel, &why),
            // It comes too late, or because the coordinator looked by itself.
            Some((_, Heard::Stray)) | None => {
                self.world.metrics.rejected.inc();
            }
        }
        self.scan_on().await?;
        Ok(true)
    }

    /// A channel was not measured; too often in a row, and it is given up.
    fn scan_misses(&mut self, channel: u8, why: &str) {
        let Some(scan) = &mut self.scan else { return };
        if let Err(why) = scan.miss(channel, why) {
            self.end_scan(Err(why));
        }
    }

    /// Gives out what was measured.
    fn scan_ends(&mut self) {
        let Some(scan) = &self.scan else { return };
        let told = if scan.energies.is_empty() {
            Err("the coordinator measured nothing in time".to_owned())
        } else {
            let mut told = scan.energies.told(self.network.channel, |energy| self.radio.strength(energy));
            told["rounds"] = scan.plan.rounds().into();
            told["duration"] = scan.plan.duration().into();
            Ok(told)
        };
        self.end_scan(told);
    }

    /// Ends it with what is to be told.
    pub(super) fn end_scan(&mut self, told: Result<Json, String>) {
        if let Some(scan) = self.scan.take() {
            // An asker that stopped waiting does not need to know.
            let _ = scan.reply.send(told);
        }
    }
}
