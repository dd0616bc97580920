//! Live values: one JSON object per line for as long as the client listens.
//!
//! The gateway never waits for a reader. One that falls behind loses the oldest batches and gets a line that says
//! how many.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{
    error::ApiError,
    handlers::{Select, selector},
    routes::Context,
    view::{Live, Missed},
};
use crate::{
    model::{Reading, Selector},
    shutdown::Stop,
};

/// Media type of JSON lines.
pub(super) const MEDIA: &str = "application/x-ndjson";

/// Streams readings until the client leaves or the gateway stops.
pub(super) async fn tail(State(context): State<Context>, query: Select) -> Result<Response, ApiError> {
    let listener = Listener { readings: context.gateway.watch(), select: selector(query)?, stop: context.stop };
    Ok(([(CONTENT_TYPE, MEDIA)], Body::from_stream(lines(listener))).into_response())
}

/// One client's place in the stream.
struct Listener {
    /// Readings as they come.
    readings: Receiver<Arc<[Reading]>>,
    /// What the client wants to see.
    select: Option<Selector>,
    /// Ends the stream.
    stop: Stop,
}

/// Chunks of whole lines.
fn lines(listener: Listener) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(listener, async |mut listener| {
        let chunk = listener.next().await?;
        Some((Ok(chunk), listener))
    })
}

impl Listener {
    /// The next chunk with something in it, `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let received = tokio::select! {
                biased;
                () = self.stop.requested() => return None,
                received = self.readings.recv() => received,
            };
            let chunk = match received {
                Ok(batch) => self.show(&batch),
                Err(RecvError::Lagged(missed_batches)) => line(&Missed { missed_batches }),
                Err(RecvError::Closed) => return None,
            };
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
        }
    }

    /// The wanted readings of a batch, a line each.
    fn show(&self, batch: &[Reading]) -> Vec<u8> {
        let is_wanted = |reading: &&Reading| self.select.as_ref().is_none_or(|s| s.matches(&reading.point.address));
        batch.iter().filter(is_wanted).flat_map(|reading| line(&Live::from(reading))).collect()
    }
}

/// One line of JSON.
fn line(content: &impl Serialize) -> Vec<u8> {
    // Writing plain data to memory does not fail.
    let mut line = serde_json::to_vec(content).unwrap_or_default();
    line.push(b'\n');
    line
}
