//! Why a connection to a stick ended.

use crate::adapter::{
    AdapterError,
    zigbee::{link::LinkError, znp::coordinator::ZnpError},
};

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Stopping was asked for.
    Stopped,
    /// The readings' way out is gone.
    Closed(AdapterError),
    /// The stick was given another network, and has to be started.
    Anew,
    /// The stick or the way to it.
    Lost(LostError),
}

/// Why the stick is no longer there.
#[derive(Debug, thiserror::Error)]
pub(super) enum LostError {
    /// The way to it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The stick itself.
    #[error(transparent)]
    Stick(#[from] ZnpError),
    /// It lost everything it was told.
    #[error("the coordinator has restarted by itself")]
    Restarted,
}

impl<E: Into<LostError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Lost(error.into())
    }
}
