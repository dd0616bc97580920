//! Bluetooth LE: what sensors tell in their advertisements.
//!
//! So far this is the decoders alone, for `tidegate ble decode`; the adapter that scans is not in this version.

pub mod decode;
