//! New firmware for devices, over the air (ZCL, 11): files, the frames that are spoken about them, and which file a
//! device may be given.
//!
//! A device asks; the gateway answers. It gives a device nothing unless somebody wants that device updated, and then only
//! an image of the device's own maker and type that is newer than what it has.

pub mod folder;
pub mod frames;
pub mod image;

use super::address::Cluster;

/// The cluster that firmware is asked for by.
pub const CLUSTER: Cluster = Cluster(0x0019);
