//! A request's body: bounded in size and time, JSON of a known shape.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{error::ApiError, routes::MAX_BODY};

/// How long a body may take to arrive; a client that stalls would hold a connection's place for ever.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// A body that was read and understood. Its content type does not matter: a unix socket has no browser behind it.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let late = || ApiError::Invalid(format!("body did not arrive within {} s", ARRIVAL_LIMIT.as_secs()));
        let arrived = timeout(ARRIVAL_LIMIT, Bytes::from_request(request, state)).await.map_err(|_| late())?;
        let bytes = arrived.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(MAX_BODY),
            _ => ApiError::Invalid(error.body_text()),
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| ApiError::Invalid(format!("body: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use serde_json::Value;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_arrives_is_given_up() {
        let never = axum::body::Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());

        let error = Body::<Value>::from_request(Request::new(never), &()).await.err().unwrap();

        assert_eq!(error.to_string(), "body did not arrive within 10 s");
    }
}
