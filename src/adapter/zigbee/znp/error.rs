//! Why a ZNP coordinator does not do what was asked.

use std::time::Duration;

use super::{
    command::{Command, status::Status},
    host::HostError,
    rows::NoRoom,
};
use crate::adapter::zigbee::wire::WireError;

/// Why the coordinator does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ZnpError {
    /// The request came to nothing.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The stick does not want to.
    #[error("{command}: {status}")]
    Status {
        /// What was asked.
        command: &'static str,
        /// What it said.
        status: Status,
    },
    /// It does not come to where it should in time.
    #[error("{what} takes longer than {} s", limit.as_secs())]
    Slow {
        /// What it should do.
        what: &'static str,
        /// How long it was waited.
        limit: Duration,
    },
    /// A stick that we do not know how to speak to.
    #[error("product {0} of the firmware is unknown (help: Z-Stack 1.2, 3.0 and 3.x are known)")]
    Product(u8),
    /// Something in its memory is not as we know it; nothing is written then.
    #[error("{0} in the coordinator's memory cannot be read")]
    Memory(&'static str),
    /// A network is there already.
    #[error("the coordinator holds a network; it is not overwritten")]
    Occupied,
    /// There is no network to be copied.
    #[error("the coordinator holds no network")]
    Empty,
    /// Power or link failed while a backup was restored.
    #[error("a backup was not restored to its end (help: tidegate zigbee restore FILE --yes again)")]
    Unfinished,
    /// Firmware whose tables are elsewhere.
    #[error("backup and restore need Z-Stack 3.x (help: update the firmware of the stick)")]
    Tables,
    /// A smaller chip.
    #[error(transparent)]
    Room(NoRoom),
    /// The kernel gives no random bytes.
    #[error("no chance for a new network")]
    Chance,
    /// Old firmware.
    #[error("forming a network needs Z-Stack 3 (help: update the firmware of the stick)")]
    Forming,
    /// No channel of the band.
    #[error("channel {0} is outside 11 to 26")]
    Channel(u8),
    /// The frame is longer than any message can be.
    #[error(transparent)]
    Frame(#[from] WireError),
}

/// The status of a request as a result.
pub(super) fn done<C: Command>(status: Status) -> Result<(), ZnpError> {
    if status.is_success() { Ok(()) } else { Err(ZnpError::Status { command: C::NAME, status }) }
}
