//! How a connection is made: when one is free, more than once, and paired where that is wanted.

use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tracing::debug;

use super::{Held, Keeper};
use crate::adapter::{
    backoff::Backoff,
    ble::{
        air::{Link, LinkError, Pairing, Passkey},
        config::Bond,
    },
};

/// Attempts to connect beyond the first, when one is aborted, which radios do for no reason now and then
/// (`le-connection-abort-by-local`).
const RETRIES: u32 = 3;
impl Keeper<'_> {
    /// Makes a connection, when one of the adapter's is free.
    pub(super) async fn make<'s>(&mut self, slots: &'s Semaphore) -> Result<Held<'s>, LinkError> {
        let slot = if let Ok(slot) = slots.try_acquire() {
            slot
        } else {
            self.ways.metrics.waits.inc();
            slots.acquire().await.expect("the semaphore is never closed")
        };
        self.may_be_connected = true;
        let link = self.connect().await?;
        self.ways.metrics.links.inc();
        self.outlook.reached();
        debug!(device = %self.device.id, "Connected");
        Ok(Held { link, _slot: slot, used: Instant::now() })
    }

    /// Tries to connect, more than once when an attempt is aborted.
    async fn connect(&self) -> Result<Link, LinkError> {
        let (mut backoff, pairing) = (Backoff::new(), self.pairing()?);
        for _ in 0..RETRIES {
            match self.open(pairing).await {
                Err(LinkError::Aborted(why)) => debug!(device = %self.device.id, why, "Connecting again"),
                done => return done,
            }
            sleep(backoff.wait()).await;
        }
        self.open(pairing).await
    }

    /// One attempt.
    async fn open(&self, pairing: Option<Pairing>) -> Result<Link, LinkError> {
        let unread = self.ways.metrics.unread.clone();
        Link::open(self.device.address, self.radio, self.turn, pairing, unread).await
    }

    /// How the device is paired. The passkey is read each time, so that one that was corrected is used at once.
    fn pairing(&self) -> Result<Option<Pairing>, LinkError> {
        match &self.device.bond {
            None => Ok(None),
            Some(Bond::Open) => Ok(Some(Pairing::JustWorks)),
            Some(Bond::Passkey(secret)) => {
                let text = secret.read().map_err(|error| LinkError::NotPaired(error.to_string()))?;
                let passkey = Passkey::parse(text.expose());
                let wrong = || LinkError::NotPaired(format!("{secret:?} is no passkey of six digits"));
                passkey.map(Pairing::Passkey).map(Some).ok_or_else(wrong)
            }
        }
    }
}
