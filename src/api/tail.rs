//! Live values: one JSON object per line for as long as the client listens, or one server-sent event for each where
//! the client accepts those.
//!
//! The gateway never waits for a reader. One that falls behind loses the oldest batches and gets a line that says
//! how many.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{
        HeaderMap,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::{
    OwnedSemaphorePermit,
    broadcast::{Receiver, error::RecvError},
};

use super::{
    error::ApiError,
    handlers::{Select, selector},
    routes::Context,
    server::MAX_LISTENERS,
    view::{Live, Missed},
};
use crate::{
    model::{Reading, Selector},
    shutdown::Stop,
};

/// Media type of JSON lines.
pub(super) const MEDIA: &str = "application/x-ndjson";
/// Media type of server-sent events (HTML Living Standard, 9.2).
pub(super) const EVENTS: &str = "text/event-stream";

/// Streams readings until the client leaves or the gateway stops.
pub(super) async fn tail(
    State(context): State<Context>,
    headers: HeaderMap,
    query: Select,
) -> Result<Response, ApiError> {
    let framing = Framing::wanted(&headers);
    let place = context.listeners.try_acquire_owned().map_err(|_| ApiError::Crowded(MAX_LISTENERS))?;
    let (readings, select) = (context.gateway.watch(), selector(query)?);
    let listener = Listener { readings, select, framing, stop: context.stop, _place: place };
    // Live values are never worth keeping on the way.
    let headers = [(CONTENT_TYPE, framing.media()), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(chunks(listener))).into_response())
}

/// How objects are told apart in the stream.
#[derive(Debug, Clone, Copy)]
enum Framing {
    /// Each is a line.
    Lines,
    /// Each is the data of an event, as `EventSource` of browsers reads it.
    Events,
}

impl Framing {
    /// Events for who names them, lines for everybody else.
    fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut media = accepted.flat_map(|value| value.split([',', ';']));
        if media.any(|name| name.trim().eq_ignore_ascii_case(EVENTS)) { Self::Events } else { Self::Lines }
    }

    /// What the answer is called.
    fn media(self) -> &'static str {
        match self {
            Self::Lines => MEDIA,
            Self::Events => EVENTS,
        }
    }

    /// One object as it is sent. Its JSON has no line break, so that an event has one `data` field.
    fn frame(self, content: &impl Serialize) -> Vec<u8> {
        // Writing plain data to memory does not fail.
        let json = serde_json::to_vec(content).unwrap_or_default();
        match self {
            Self::Lines => [&json[..], b"\n"].concat(),
            Self::Events => [b"data: ", &json[..], b"\n\n"].concat(),
        }
    }
}

/// One client's place in the stream.
struct Listener {
    /// Readings as they come.
    readings: Receiver<Arc<[Reading]>>,
    /// What the client wants to see.
    select: Option<Selector>,
    /// How it wants to see it.
    framing: Framing,
    /// Ends the stream.
    stop: Stop,
    /// Given back when the client leaves.
    _place: OwnedSemaphorePermit,
}

/// Chunks of whole objects.
fn chunks(listener: Listener) -> impl Stream<Item = Result<Bytes, Infallible>> {
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
                Err(RecvError::Lagged(missed_batches)) => self.framing.frame(&Missed { missed_batches }),
                Err(RecvError::Closed) => return None,
            };
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
        }
    }

    /// The wanted readings of a batch.
    fn show(&self, batch: &[Reading]) -> Vec<u8> {
        let is_wanted = |reading: &&Reading| self.select.as_ref().is_none_or(|s| s.matches(&reading.point.address));
        batch.iter().filter(is_wanted).flat_map(|reading| self.framing.frame(&Live::from(reading))).collect()
    }
}
