//! Frames that are too long for one command: handed to the stick, and fetched from it, part by part.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    command::af::{DataRetrieve, DataStore},
    coordinator::{Coordinator, ZnpError},
    error::done,
};
use crate::adapter::zigbee::{
    radio::{Event, Incoming},
    wire::Bytes8,
};

/// One part of a long frame.
const PART: usize = 240;

/// A long message that is being fetched. Fetching goes on where it was when it is cancelled.
#[derive(Debug)]
pub(super) struct Fetch {
    /// The message, with what is here already.
    pub(super) message: Incoming,
    /// Its name at the stick.
    pub(super) timestamp: u32,
    /// Its length.
    pub(super) length: u16,
}

impl<L: AsyncRead + AsyncWrite + Unpin + Send> Coordinator<L> {
    /// Hands the parts of a long frame to the stick; one without bytes ends them.
    pub(super) async fn store(&mut self, frame: &[u8]) -> Result<(), ZnpError> {
        let mut index = 0u16;
        for part in frame.chunks(PART).chain([&[][..]]) {
            let store = DataStore { index, data: Bytes8::try_from(part.to_vec())? };
            done::<DataStore>(self.host.request(&store).await?.status)?;
            index = index.saturating_add(u16::try_from(part.len()).unwrap_or(u16::MAX));
        }
        Ok(())
    }

    /// Fetches the parts of a long message that are not here yet, then frees it at the stick.
    pub(super) async fn fetch(&mut self) -> Result<Option<Event>, ZnpError> {
        while let Some(fetch) = &mut self.fetch {
            let index = u16::try_from(fetch.message.frame.len()).unwrap_or(u16::MAX);
            let left = usize::from(fetch.length.saturating_sub(index));
            let length = u8::try_from(left.min(PART)).expect("a part fits into a byte");
            let retrieve = DataRetrieve { timestamp: fetch.timestamp, index, length };
            let part = self.host.request(&retrieve).await?;
            if length == 0 {
                return Ok(self.fetch.take().map(|fetch| Event::Message(fetch.message)));
            }
            if !part.status.is_success() || part.data.as_slice().is_empty() {
                // The stick has dropped it; so do we.
                self.fetch = None;
                return done::<DataRetrieve>(part.status).map(|()| None);
            }
            fetch.message.frame.extend_from_slice(part.data.as_slice());
        }
        Ok(None)
    }
}
