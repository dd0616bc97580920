//! What the loop does when something it waited for has happened.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::debug;

use super::{Happening, Pump};
use crate::{
    model::{Block, BlockId},
    uplink::{
        Outbox,
        link::{LinkError, Uplink, Verdict},
        session::Ended,
        status::LaneName,
    },
};

impl<U: Uplink, O: Outbox> Pump<'_, U, O> {
    /// Acts on what the loop waited for.
    pub(super) fn happened(&mut self, happening: Happening) -> Result<(), Ended> {
        match happening {
            Happening::Fetched { lane, blocks } => self.source.fetched(lane, blocks)?,
            // It stays in flight, so that it can be suspected; the next connection fetches it again.
            Happening::Answered { verdict: Verdict::Lost, .. } => {
                return Err(LinkError::Lost("a message was dropped on the way".to_owned()).into());
            }
            Happening::Answered { ticket, lane, block, verdict } => {
                let sent = self.flight.landed(ticket);
                self.answered((lane, sent), block, verdict);
            }
            Happening::Announced { ticket, verdict, closes } => {
                self.flight.landed(ticket);
                self.announced(&verdict, closes);
            }
            Happening::Reported(report) => {
                self.reports -= 1;
                report?;
            }
        }
        Ok(())
    }

    /// Acts on the broker's answer to a block that went in a lane at a moment.
    fn answered(&mut self, (lane, sent): (LaneName, Instant), block: Arc<Block>, verdict: Verdict) {
        self.shared.suspects.cleared((block.id, block.stream.has_readings()));
        match verdict {
            Verdict::Taken => {
                self.source.taken(lane, block.id, sent);
                self.done(lane, block.id);
                self.meter.stir();
                self.shared.reporter.acked(lane, self.flight.len(), sent.elapsed());
            }
            Verdict::Later => {
                self.meter.stir();
                if self.source.give_back(lane, block, sent) {
                    self.shared.reporter.pauses(lane);
                }
            }
            Verdict::Refused(why) => {
                self.source.refused(lane, block.id, sent);
                self.set_aside(lane, &block, why);
            }
            // Ends the connection before it comes here.
            Verdict::Lost => {}
        }
    }

    fn announced(&mut self, verdict: &Verdict, closes: Option<u64>) {
        match (verdict, closes) {
            (Verdict::Taken, Some(epoch)) => {
                let outbox = Arc::clone(&self.shared.outbox);
                self.tell(async move { outbox.close_epochs(epoch).await });
            }
            (Verdict::Taken, None) => {}
            (verdict, _) => debug!(uplink = %self.shared.config.name, ?verdict, "Broker did not take a side message"),
        }
    }

    /// The broker has a block.
    fn done(&mut self, lane: LaneName, block: BlockId) {
        match lane {
            LaneName::Replay => self.shared.replays.taken(block),
            LaneName::Strict | LaneName::Messages | LaneName::Live | LaneName::Backlog => self.receipts.add(block),
        }
    }

    /// Sets a block aside for good. One that is only sent again has been delivered, or was set aside then.
    pub(super) fn set_aside(&mut self, lane: LaneName, block: &Block, why: String) {
        if lane == LaneName::Replay {
            self.shared.replays.refused(block.id, why);
            return;
        }
        self.shared.reporter.refused(block.id, &why);
        let (outbox, id) = (Arc::clone(&self.shared.outbox), block.id);
        self.tell(async move { outbox.refused(id, why).await });
    }
}
