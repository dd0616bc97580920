//! Zigbee, from the bytes of a coordinator's serial line to points with names and units, and back.
//!
//! ```text
//! znp::unpi -> znp::command -> zdo              who is there, what it offers, who is bound to whom
//!                           -> zcl -> map       what it measures and what was done to it, as points
//! ```
//!
//! Everything here is pure: bytes in; a value, "need more", or an error out. Nothing waits and nothing is kept between
//! calls but the bytes of a frame that has not ended yet, so that each part is tested alone, and so that another kind
//! of coordinator replaces `znp` only. Both directions of every frame are here, because a simulator speaks the other.

pub mod address;
pub mod record;
pub mod wire;
pub mod znp;
