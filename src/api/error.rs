//! Errors of a request, as JSON with the right status code.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::model::PointAddress;

/// What there is to know of everything that was refused.
const UNCHANGED: &str = "nothing was changed";

/// Why a request was not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The request cannot be understood.
    #[error("{0}")]
    Invalid(String),
    /// There is no such route.
    #[error("no such route")]
    NoRoute,
    /// There is no such point.
    #[error("no point {0}")]
    NoPoint(PointAddress),
    /// There is no such adapter.
    #[error("no adapter {0:?}")]
    NoAdapter(String),
    /// There is no such point, or none of which something was stored.
    #[error("no history of {point}")]
    NoHistory {
        /// What was asked for.
        point: PointAddress,
        /// A point that is spelt most like it.
        near: Option<String>,
    },
    /// The route knows other methods.
    #[error("this method is not allowed here")]
    Method,
    /// The body is larger than it may be.
    #[error("body is larger than {0} bytes")]
    TooLarge(usize),
    /// The request is clear and cannot be carried out, for example a configuration with errors.
    #[error("{0}")]
    Refused(String),
    /// The part of the gateway that has to answer does not run at the moment.
    #[error("{0}")]
    Unavailable(String),
    /// As many live streams as there is room for.
    #[error("{0} live streams run already")]
    Crowded(usize),
    /// The device did not answer in time.
    #[error("{0}")]
    Timeout(String),
}

impl ApiError {
    /// The status code of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NoRoute | Self::NoPoint(_) | Self::NoAdapter(_) | Self::NoHistory { .. } => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable(_) | Self::Crowded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What the sender can do about it.
    fn help(&self) -> Option<String> {
        let help = match self {
            Self::NoRoute | Self::Method => "GET /api/v1/openapi.json lists every route",
            Self::NoAdapter(_) => "`tidegate status` and GET /api/v1/status list every adapter",
            Self::NoHistory { near: Some(near), .. } => return Some(format!("did you mean {near}?")),
            Self::NoPoint(_) | Self::NoHistory { near: None, .. } => {
                "`tidegate points` and GET /api/v1/points list every point"
            }
            // Who refused it may have said so, with a help of its own.
            Self::Refused(why) if [UNCHANGED, "(help: "].iter().any(|own| why.contains(own)) => return None,
            Self::Refused(_) => UNCHANGED,
            Self::Unavailable(_) => "GET /health says which part is missing",
            Self::Crowded(_) => "end one of them",
            Self::Invalid(_) | Self::TooLarge(_) | Self::Timeout(_) => return None,
        };
        Some(help.to_owned())
    }
}

/// The body of every answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ErrorBody {
    /// What happened.
    pub(super) error: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.to_string(), help: self.help() };
        (self.status(), Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_itself_what_helps_is_not_told_more() {
        let help = |why: &str| ApiError::Refused(why.to_owned()).help();

        assert_eq!(help("line 3: no such key").as_deref(), Some("nothing was changed"));
        assert_eq!(help("another network; nothing was changed (help: --overwrite 00)"), None);
        assert_eq!(help("it holds no network (help: tidegate zigbee form --yes makes one)"), None);
    }
}
