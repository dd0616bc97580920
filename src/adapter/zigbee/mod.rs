//! Zigbee, from the bytes of a coordinator's serial line to points with names and units, and back.
//!
//! ```text
//! znp::unpi -> znp::command -> zdo              who is there, what it offers, who is bound to whom
//!                           -> zcl -> map       what it measures and what was done to it, as points
//! ```
//!
//! All codecs are pure: bytes in; a value, "need more", or an error out. Both directions of every frame are here,
//! because a simulator speaks the other. Only [`znp::coordinator`] and what is below it wait; it is a [`radio::Radio`],
//! so that another kind of coordinator replaces `znp` only.

pub mod address;
pub mod backup;
pub mod config;
pub mod describe;
mod device;
pub mod energy;
pub mod install_code;
mod interview;
mod kept;
pub mod link;
pub mod map;
pub mod network;
pub mod ota;
pub mod quirk;
pub mod radio;
pub mod record;
pub mod reporting;
mod run;
pub mod section;
mod status;
pub mod tuya;
pub mod wire;
pub mod zcl;
pub mod zdo;
pub mod znp;

pub use self::run::Zigbee;
