//! How a connection ends: planned with a goodbye, or lost with what can still be told.

use std::time::Duration;

use super::Pump;
use crate::uplink::{
    Outbox, OutboxClosed,
    link::{LinkError, Message, Uplink},
    session::Ended,
    state,
    suspects::Suspects,
};

/// What the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

impl<U: Uplink, O: Outbox> Pump<'_, U, O> {
    /// The last report, `offline`, and the goodbye.
    pub(super) async fn leave(mut self) -> Result<(), Ended> {
        if let Some(done) = self.receipts.take() {
            self.shared.outbox.delivered(done).await?;
        }
        let (store, epoch) = self.shared.outbox.identity();
        let payload = state::offline(&self.shared.gateway, (&store, epoch)).into();
        let topic = self.shared.topics.state.clone();
        let mut acking = self.link.publish(Message { topic, payload, retain: true, ..Message::default() })?;
        let link = &mut self.link;
        let said = async {
            loop {
                tokio::select! {
                    _ = &mut acking => return,
                    polled = link.poll() => if polled.is_err() { return },
                }
            }
        };
        // A broker that does not answer now sends the last will instead.
        if tokio::time::timeout(GOODBYE, said).await.is_ok() {
            let _ = tokio::time::timeout(GOODBYE, self.link.disconnect()).await;
        }
        Ok(())
    }

    /// Tells the outbox what can be told after the end of the connection.
    pub(super) async fn settle(&mut self, error: &LinkError) -> Result<(), OutboxClosed> {
        if let Some(done) = self.receipts.take() {
            self.shared.outbox.delivered(done).await?;
        }
        if let Some(outcome) = self.shared.replays.lost() {
            self.shared.announce(outcome);
        }
        if let LinkError::Lost(error) = error {
            self.suspect(error).await?;
        }
        Ok(())
    }

    /// Gives up the block over which the broker closes, once it is found.
    async fn suspect(&mut self, error: &str) -> Result<(), OutboxClosed> {
        if let Some(block) = self.shared.suspects.lost(&self.flight.blocks()) {
            let why = Suspects::reason(error);
            self.shared.reporter.refused(block, &why);
            self.shared.outbox.refused(block, why).await?;
        }
        Ok(())
    }
}
